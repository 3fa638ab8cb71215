"""What a table's columns are: names, kinds, and which of them the models see."""

from __future__ import annotations

from dataclasses import dataclass

from synthos.results import Kind

#: Kinds whose values are coded into bins and seen by the dimensions and the cascade. Keys carry no distribution.
MODELLED_KINDS: frozenset[Kind] = frozenset({"integer", "number", "category", "boolean", "datetime", "text"})
#: Kinds that have an order and a distance. Text is coded by its length in characters.
NUMERIC_KINDS: frozenset[Kind] = frozenset({"integer", "number", "datetime", "text"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its kind, and the type its source stores it in (for people)."""

    name: str
    kind: Kind
    dtype: str


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns in the order of the reference (of the synthetic table where there is no reference)."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def modelled(self) -> tuple[Column, ...]:
        """The columns that dimensions and models see, in order; column j of every code matrix is ``modelled[j]``."""
        return tuple(column for column in self.columns if column.kind in MODELLED_KINDS)

    def kind(self, name: str) -> Kind:
        for column in self.columns:
            if column.name == name:
                return column.kind
        raise KeyError(name)
