"""What chosen recommendations come to, read from their parameters and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.advice import Recommendation, RecommendationKind
from synthos.errors import ConfigError
from synthos.recommendation.reweighting import Weights, weights_from_json

Mask = npt.NDArray[np.bool_]

#: What can be done to a table alone or with its reference. Refitting dependence needs the generator.
APPLICABLE: frozenset[RecommendationKind] = frozenset(
    {"remove_rows", "deduplicate", "reweight", "mix_real", "regenerate_rare", "resort", "drop_column"}
)
NEEDS_REFERENCE: frozenset[RecommendationKind] = frozenset({"mix_real", "regenerate_rare"})


@dataclass(frozen=True, slots=True)
class Addition:
    """Real rows to mix in: ``per_row`` of them for every synthetic row that stays.

    With a ``column`` only its rows with one of ``labels``, or beyond ``below`` / ``above``.
    """

    id: str
    per_row: float
    column: str | None = None
    labels: tuple[str, ...] = ()
    below: float | None = None
    above: float | None = None

    def wanted(self, frame: pl.DataFrame) -> Mask:
        """Which reference rows may be added, shape (n,)."""
        if self.column is None:
            return np.ones(frame.height, bool)
        series = frame[self.column]
        if self.labels:
            return series.cast(pl.String).is_in(list(self.labels)).fill_null(False).to_numpy()
        numbers = _as_numbers(series)
        low = numbers < (-np.inf if self.below is None else self.below)
        return np.asarray(low | (numbers > (np.inf if self.above is None else self.above)))


def _as_numbers(series: pl.Series) -> npt.NDArray[np.float64]:
    if series.dtype.is_temporal():
        return series.cast(pl.Datetime("us")).to_physical().cast(pl.Float64).to_numpy() / 1e6
    return series.cast(pl.Float64).to_numpy()


@dataclass(frozen=True, slots=True)
class Steps:
    """What the chosen recommendations come to."""

    removals: tuple[tuple[str, int, int], ...] = ()
    copies: tuple[str, tuple[str, ...], int] | None = None
    thinning: tuple[tuple[str, Weights], ...] = ()
    additions: tuple[Addition, ...] = ()
    dropped: tuple[tuple[str, tuple[str, ...]], ...] = ()
    order: tuple[str, str | None] | None = None

    @property
    def dropped_columns(self) -> tuple[str, ...]:
        return tuple(name for _, names in self.dropped for name in names)

    def columns(self) -> tuple[str, ...]:
        """Columns that the steps read."""
        found: list[str] = list(self.copies[1]) if self.copies else []
        found += [factor.column for _, weights in self.thinning for factor in weights.factors]
        found += [addition.column for addition in self.additions if addition.column is not None]
        found += self.dropped_columns
        if self.order and self.order[1]:
            found.append(self.order[1])
        return tuple(dict.fromkeys(found))


def compile_steps(recommendations: Sequence[Recommendation]) -> Steps:
    """Read the parameters of the chosen recommendations.

    Raises
    ------
    ConfigError : one that only the generator can carry out, two that exclude each other, or parameters that are not
        those of its kind.
    """
    removals: list[tuple[str, int, int]] = []
    thinning: list[tuple[str, Weights]] = []
    additions: list[Addition] = []
    dropped: list[tuple[str, tuple[str, ...]]] = []
    copies: tuple[str, tuple[str, ...], int] | None = None
    order: tuple[str, str | None] | None = None
    for item in recommendations:
        read = _Parameters(item)
        if item.kind not in APPLICABLE:
            raise ConfigError(
                "this cannot be done to a finished table, only where it is generated",
                where=f"recommendation {item.id} ({item.kind})",
                fix="leave it out and change the generator",
            )
        if item.kind == "remove_rows":
            removals.append((item.id, *read.range("row_range")))
        elif item.kind == "deduplicate":
            if copies is not None:
                raise ConfigError("repeats can be dropped once only", where=f"recommendation {item.id}")
            copies = (item.id, read.names("columns"), max(1, int(read.number("most_copies"))))
        elif item.kind == "reweight":
            thinning.append((item.id, weights_from_json(read.text("weights"), f"recommendation {item.id}")))
        elif item.kind == "mix_real":
            share = read.number("share")
            if not 0.0 < share < 1.0:
                raise ConfigError(f"share is {share:g}", where=f"recommendation {item.id}", fix="give 0 < share < 1")
            additions.append(Addition(item.id, share / (1.0 - share)))
        elif item.kind == "regenerate_rare":
            additions.append(read.addition())
        elif item.kind == "drop_column":
            dropped.append((item.id, read.names("columns")))
        else:
            if order is not None:
                raise ConfigError("the rows can be put into one order only", where=f"recommendation {item.id}")
            order = (item.id, read.optional_text("by"))
    return Steps(tuple(removals), copies, tuple(thinning), tuple(additions), tuple(dropped), order)


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Typed access to the parameters of one recommendation."""

    item: Recommendation

    def _bad(self, name: str, wanted: str) -> ConfigError:
        return ConfigError(
            f"parameter {name} is {self.item.parameters.get(name)!r}, not {wanted}",
            where=f"recommendation {self.item.id} ({self.item.kind})",
            fix="pass the result file as `validate` wrote it",
        )

    def range(self, name: str) -> tuple[int, int]:
        value = self.item.parameters.get(name)
        if isinstance(value, tuple) and len(value) == 2:
            start, stop = value
            if isinstance(start, int) and isinstance(stop, int) and 0 <= start < stop:
                return start, stop
        raise self._bad(name, "a row range [start, stop) with 0 <= start < stop")

    def names(self, name: str) -> tuple[str, ...]:
        value = self.item.parameters.get(name)
        if isinstance(value, tuple) and value and all(isinstance(part, str) for part in value):
            return tuple(str(part) for part in value)
        raise self._bad(name, "a list of column names or labels")

    def number(self, name: str) -> float:
        value = self.item.parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value):
            return float(value)
        raise self._bad(name, "a number")

    def optional_number(self, name: str) -> float | None:
        return None if self.item.parameters.get(name) is None else self.number(name)

    def text(self, name: str) -> str:
        value = self.item.parameters.get(name)
        if isinstance(value, str):
            return value
        raise self._bad(name, "a text")

    def optional_text(self, name: str) -> str | None:
        return None if self.item.parameters.get(name) is None else self.text(name)

    def addition(self) -> Addition:
        labels = self.names("labels") if self.item.parameters.get("labels") else ()
        below, above = self.optional_number("below"), self.optional_number("above")
        if not labels and below is None and above is None:
            raise self._bad("labels", "a list of labels (or `below` or `above` a number)")
        per_row = self.number("per_row")
        if per_row <= 0.0:
            raise self._bad("per_row", "a number above 0")
        return Addition(self.item.id, per_row, self.text("column"), labels, below, above)
