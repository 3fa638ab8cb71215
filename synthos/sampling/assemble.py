"""From finished scans to the evidence that everything after them judges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import reduce

import polars as pl

from synthos.profiling.profile import without_values
from synthos.profiling.scan import SAMPLE_ROWS, Scanned, ScanPlan, finish, merge, scan_unit
from synthos.results import Kind
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive
from synthos.tables.codec import Codec
from synthos.tables.kinds import infer_kinds
from synthos.tables.schema import Column, Schema
from synthos.tables.sources import open_table


def arm(scanned: Scanned, codec: Codec) -> ArmData:
    """One table as the statistics see it: its sample, coded, beside its scan and profile."""
    return ArmData(scanned.frame, codec.encode(scanned.frame), scanned.rows, scanned.scan, scanned.profile)


def evidence(
    schema: Schema, codec: Codec, synthetic: ArmData, reference: ArmData | None, holdout: ArmData | None
) -> Evidence:
    """All arms together, with a seed that comes from what they hold.

    A column that looks personal in one table shows its values in none: the same people may stand in all of them.
    """
    arms = (synthetic, reference, holdout)
    seed = derive("evidence", *("none" if item is None else item.profile.fingerprint for item in arms))
    personal = {column.name for item in arms if item is not None for column in item.profile.columns if column.pii}
    real, fresh = (item if item is None else _discreet(item, personal) for item in (reference, holdout))
    return Evidence(schema, codec, _discreet(synthetic, personal), real, fresh, seed)


def _discreet(item: ArmData, personal: Collection[str]) -> ArmData:
    columns = tuple(without_values(c) if c.name in personal else c for c in item.profile.columns)
    return replace(item, profile=replace(item.profile, columns=columns))


def evidence_from_frames(
    synthetic: pl.DataFrame,
    reference: pl.DataFrame | None = None,
    holdout: pl.DataFrame | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
) -> Evidence:
    """Evidence from tables in memory, of any number of rows, without the checks that ``align`` makes of files.

    Columns are those of the reference (of the synthetic table where there is none). ``kinds`` overrides what is
    inferred, by column name.

    Raises
    ------
    SchemaError : a column of the reference that another table lacks, nested types, infinities.
    TooFewRowsError : a table without rows.
    """
    frames = {"synthetic": synthetic, "reference": reference, "holdout": holdout}
    sources = {role: open_table(frame) for role, frame in frames.items() if frame is not None}
    leading = sources.get("reference", sources["synthetic"])
    peek = leading.peek(SAMPLE_ROWS, 0)
    known = {**infer_kinds(peek, leading.rows), **(kinds or {})}
    schema = Schema(tuple(Column(name, known[name], str(dtype)) for name, dtype in leading.dtypes.items()))
    codec = Codec.fit(peek, schema)
    arms = {}
    for role, source in sources.items():
        plan = ScanPlan(schema, codec, total_rows=source.rows)
        states = (scan_unit(source, unit, plan) for unit in source.units())
        arms[role] = arm(finish(reduce(merge, states), role, plan, size=source.bytes), codec)
    return evidence(schema, codec, arms["synthetic"], arms.get("reference"), arms.get("holdout"))
