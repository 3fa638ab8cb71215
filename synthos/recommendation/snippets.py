"""Python that carries out a recommendation by hand: with polars where a line or two will do, else with ``synthos``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synthos.advice import Recommendation
from synthos.recommendation.steps import compile_steps
from synthos.tables.memory import MemoryReader
from synthos.tables.sources import Source

#: File that the snippets write, and the one that ``validate --json`` wrote.
FIXED, RESULT = "fixed.parquet", "result.json"
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a snippet finds a table.

    Attributes
    ----------
    expression : Python for it: a quoted path or address, or the name of a variable.
    in_memory : it is a variable, because the table was handed over as an object and no file holds it.
    parquet_file : it is one local Parquet file, which polars reads row for row and type for type as Synthos does. Text
        is different: blank lines, types and missing values are a matter of the reader.
    """

    expression: str
    in_memory: bool = False
    parquet_file: bool = False


def file_place(path: str) -> Place:
    """The place of a table in a file, folder, glob or at an address."""
    return Place(repr(path))


def place_of(source: Source, role: str) -> Place:
    """The place of an opened table; one in memory is called by its role, as in ``synthos.validate``."""
    paths = {shard.path for shard in source.shards()}
    # A plan of polars is read from a temporary file, which does not bear the name of the source.
    if isinstance(source.reader, MemoryReader) or (source.name == "LazyFrame" and not _within(paths, source.name)):
        return Place(role, in_memory=True)
    single = {Path(path) for path in paths} == {Path(source.name)}
    return Place(repr(source.name), parquet_file=single and source.name.lower().endswith(_PARQUET))


def _within(paths: set[str], folder: str) -> bool:
    return all(Path(folder) in Path(path).parents for path in paths)


def snippet(item: Recommendation, synthetic: Place, reference: Place | None) -> str:
    """Lines to run as they stand: they read the table where ``synthetic`` says, and write ``FIXED``.

    What they take for given is named in a comment: ``RESULT``, the saved result, or variables where the tables were
    handed over in memory.
    """
    steps = compile_steps([item]) if item.kind != "refit_dependence" else None
    if steps is None:
        # Quoted, because a name may hold a line break and the rest of it would be run.
        columns = ", ".join(map(repr, item.columns)) or "all columns"
        given = [place for place in (synthetic, reference) if place is not None]
        real = f", reference={reference.expression}" if reference is not None else ""
        return (
            f"# In the generator: model {columns} jointly, generate the table anew, then\n{_variables(given)}"
            f"import synthos\n\nsynthos.validate({synthetic.expression}{real}).report('report.html')"
        )
    read = _reader(synthetic)
    write = f".write_parquet({FIXED!r})"
    if steps.removals:
        _, start, stop = steps.removals[0]
        return f"{read}pl.concat([table[:{start}], table[{stop}:]]){write}"
    if steps.copies is not None and steps.copies[2] == 1:
        return f'{read}table.unique({list(steps.copies[1])!r}, keep="first", maintain_order=True){write}'
    if steps.dropped:
        return f"{read}table.drop({', '.join(map(repr, steps.dropped_columns))}){write}"
    if steps.order is not None:
        by = steps.order[1]
        order = "sample(fraction=1.0, shuffle=True, seed=0)" if by is None else f"sort({by!r}, nulls_last=True)"
        return f"{read}table.{order}{write}"
    return _repairing(item.id, synthetic, reference if steps.additions else None)


def _repairing(id_: str, synthetic: Place, reference: Place | None) -> str:
    given = [place for place in (synthetic, reference) if place is not None]
    lender = f", reference={reference.expression}" if reference is not None else ""
    result = "validation" if synthetic.in_memory else repr(RESULT)
    source = (
        "# `validation`: what synthos.validate returned\n"
        if synthetic.in_memory
        else f"# {RESULT}: what `synthos validate --json {RESULT}` or `validation.to_json({RESULT!r})` wrote\n"
    )
    return (
        f"{_variables(given)}{source}import synthos\n\n"
        f"synthos.repair({synthetic.expression}, {result}, {FIXED!r}{lender}, only=[{id_!r}])"
    )


def _variables(places: list[Place]) -> str:
    """A comment that names the tables in memory; empty where all are in files."""
    return "".join(
        f"# `{place.expression}`: the table that was given to synthos.validate\n" for place in places if place.in_memory
    )


def _reader(place: Place) -> str:
    """Lines that leave the whole table in ``table``, the rows in the order in which they were judged."""
    if place.parquet_file:
        return f"import polars as pl\n\ntable = pl.read_parquet({place.expression})\n"
    return (
        f"{_variables([place])}import polars as pl\nfrom synthos.tables.sources import open_table\n\n"
        f"source = open_table({place.expression})  # rows and types as they were judged\n"
        "table = pl.concat(batch for shard in source.shards() for batch in source.read(shard))\n"
    )
