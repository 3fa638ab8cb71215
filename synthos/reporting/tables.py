"""The profile of the data and its clusters as rows of tables; values that look personal are not quoted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synthos.reporting import numbers
from synthos.results import ColumnProfile, DiversityMeasure, DiversityReport, TableProfile

MAX_COLUMNS = 250
TOP = 3
MAX_CLUSTERS = 12


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column of the tables, as text. ``reference`` figures are None where there is no reference."""

    name: str
    kind: str
    dtype: str
    nulls: tuple[str, str | None]
    distinct: tuple[str, str | None]
    middle: tuple[str, str | None]
    extent: tuple[str, str | None]
    personal: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnRows:
    """The first ``MAX_COLUMNS`` columns, those with findings first in line; the rest only counted."""

    rows: tuple[ColumnRow, ...]
    left_out: int


def column_rows(profiles: Mapping[str, TableProfile]) -> ColumnRows:
    """Columns of the synthetic table in its order, then those that only the reference has."""
    ours = {column.name: column for column in profiles["synthetic"].columns}
    real = {column.name: column for column in profiles["reference"].columns} if "reference" in profiles else {}
    names = [*ours, *(name for name in real if name not in ours)]
    if len(names) > MAX_COLUMNS:
        flagged = [n for n in names if any(c.pii or c.notes for c in (ours.get(n), real.get(n)) if c is not None)]
        chosen = set([*flagged, *(n for n in names if n not in set(flagged))][:MAX_COLUMNS])
        names = [name for name in names if name in chosen]
    total = len(set(ours) | set(real))
    return ColumnRows(tuple(_row(ours.get(n), real.get(n)) for n in names), total - len(names))


def _row(ours: ColumnProfile | None, real: ColumnProfile | None) -> ColumnRow:
    first = ours or real
    assert first is not None
    flags = [flag for column in (ours, real) if column is not None for flag in column.pii]
    personal = tuple(dict.fromkeys(f"{flag.type} ({numbers.percent(flag.share)}): {flag.evidence}" for flag in flags))
    notes = tuple(dict.fromkeys(note for column in (ours, real) if column is not None for note in column.notes))
    hidden = bool(flags)

    def pair(read: object) -> tuple[str, str | None]:
        assert callable(read)
        return ("–" if ours is None else str(read(ours)), None if real is None else str(read(real)))

    return ColumnRow(
        name=first.name,
        kind=first.kind,
        dtype=first.dtype,
        nulls=pair(lambda c: numbers.percent(c.nulls / c.rows if c.rows else None)),
        distinct=pair(_distinct),
        middle=pair(lambda c: _middle(c, hidden)),
        extent=pair(lambda c: _extent(c, hidden)),
        personal=personal,
        notes=notes,
    )


def _distinct(column: ColumnProfile) -> str:
    return numbers.count(column.distinct) if column.distinct_error == 0 else f"≈ {numbers.compact(column.distinct)}"


def _middle(column: ColumnProfile, hidden: bool) -> str:
    """Mean and standard deviation of numbers, the most frequent values of everything else."""
    if column.kind in ("integer", "number") and column.mean is not None:
        return f"{numbers.number(column.mean, 4)} ± {numbers.number(column.std)}"
    if column.kind == "datetime" and column.mean is not None:
        return numbers.cell(round(column.mean), "datetime")
    if hidden:
        return "hidden"
    parts = [
        f"{numbers.short(numbers.cell(value, column.kind), 18)} {numbers.percent(rows / column.rows)}"
        for value, rows in column.top[:TOP]
        if column.rows
    ]
    return ", ".join(parts) or "–"


def _extent(column: ColumnProfile, hidden: bool) -> str:
    if column.minimum is None or column.maximum is None:
        return "–"
    if hidden:
        return "hidden"
    low, high = (numbers.short(numbers.cell(v, column.kind), 22) for v in (column.minimum, column.maximum))
    return f"{low} to {high}"


@dataclass(frozen=True, slots=True)
class Strata:
    """Diversity ratios within clusters: one row a cluster, one cell a measure that was stratified."""

    measures: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


def strata(diversity: DiversityReport) -> Strata:
    """The ratios of all measures side by side, for the first ``MAX_CLUSTERS`` clusters in the order of their names."""
    parts = {
        name: dict(measure.strata)
        for name, measure in diversity.items()
        if isinstance(measure, DiversityMeasure) and measure.strata
    }
    labels = sorted({label for ratios in parts.values() for label in ratios})[:MAX_CLUSTERS]
    return Strata(tuple(parts), tuple((label, tuple(p.get(label) for p in parts.values())) for label in labels))


def metric_rows(profiles: Mapping[str, TableProfile]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Facts of each table, one row a fact, one cell a table in the order of ``profiles``."""
    tables = list(profiles.values())

    def line(label: str, values: list[str]) -> tuple[str, tuple[str, ...]]:
        return label, tuple(values)

    parts = dict.fromkeys(name for table in tables for name in table.quality_parts)
    return (
        line("Name", [numbers.short(table.name, 60) for table in tables]),
        line("Rows", [numbers.count(table.rows) for table in tables]),
        line("Columns", [numbers.count(len(table.columns)) for table in tables]),
        line("Size", [numbers.size(table.bytes) for table in tables]),
        line("Duplicate rows", [_duplicates(table) for table in tables]),
        line("Data quality (0–100)", [numbers.score(table.quality_score) for table in tables]),
        *(
            line(f"  {name.replace('_', ' ')}", [numbers.number(table.quality_parts.get(name)) for table in tables])
            for name in parts
        ),
        line("Fingerprint", [numbers.short(table.fingerprint, 22) for table in tables]),
    )


def _duplicates(table: TableProfile) -> str:
    error = f" ± {numbers.percent(1.96 * table.duplicate_error)}" if table.duplicate_error > 0 else ""
    return numbers.percent(table.duplicate_share) + error
