"""Python that carries out a recommendation by hand: with polars where a line or two will do, else with ``synthos``."""

from __future__ import annotations

from synthos.recommendation.steps import compile_steps
from synthos.results import Recommendation

#: File that the snippets write, and the one that ``validate --json`` wrote.
FIXED, RESULT = "fixed.parquet", "result.json"


def snippet(item: Recommendation, synthetic: str, reference: str | None) -> str:
    """Lines to run as they stand where ``synthetic`` is the table's file and ``RESULT`` the saved result."""
    if item.kind == "refit_dependence":
        # Quoted, because a name may hold a line break and the rest of it would be run.
        columns = ", ".join(map(repr, item.columns)) or "all columns"
        return f"# In the generator: model {columns} jointly, then\nimport synthos\n\nsynthos.validate({synthetic!r})"
    steps = compile_steps([item])
    read = f"import polars as pl\n\ntable = {_reader(synthetic)}\n"
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
    lender = f", reference={reference!r}" if reference and steps.additions else ""
    return f"import synthos\n\nsynthos.repair({synthetic!r}, {RESULT!r}, {FIXED!r}{lender}, only=[{item.id!r}])"


def _reader(name: str) -> str:
    for endings, function in (
        ((".csv", ".csv.gz", ".csv.zst"), "read_csv"),
        ((".jsonl", ".ndjson"), "read_ndjson"),
        ((".arrow", ".feather", ".ipc"), "read_ipc"),
    ):
        if name.endswith(endings):
            return f"pl.{function}({name!r})"
    return f"pl.read_parquet({name!r})"
