"""From finished scans to the evidence that everything after them judges."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import polars as pl

from synthos.profiling.scan import Scanned, ScanPlan, finish, merge, scan_batches
from synthos.results import Kind
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive
from synthos.tables.codec import Codec
from synthos.tables.memory import MemoryReader
from synthos.tables.schema import Column, Schema
from synthos.tables.types import canonical_dtypes, check_batch, conform


def arm(scanned: Scanned, codec: Codec) -> ArmData:
    """One table as the statistics see it: its sample, coded, beside its scan and profile."""
    return ArmData(scanned.frame, codec.encode(scanned.frame), scanned.rows, scanned.scan, scanned.profile)


def evidence(
    schema: Schema, codec: Codec, synthetic: ArmData, reference: ArmData | None, holdout: ArmData | None
) -> Evidence:
    """All arms together, with a seed that comes from what they hold."""
    arms = (synthetic, reference, holdout)
    seed = derive("evidence", *("none" if item is None else item.profile.fingerprint for item in arms))
    return Evidence(schema, codec, synthetic, reference, holdout, seed)


def evidence_from_frames(
    synthetic: pl.DataFrame,
    reference: pl.DataFrame | None = None,
    holdout: pl.DataFrame | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
) -> Evidence:
    """Evidence from tables in memory. ``kinds`` overrides what is inferred, by column name."""
    leading = synthetic if reference is None else reference
    known: dict[str, Kind] = dict(kinds or {})
    if leading.columns != list(known):
        from synthos.tables.kinds import infer_kinds

        known = {**infer_kinds(leading), **known}
    schema = Schema(tuple(Column(name, known[name], str(leading.schema[name])) for name in leading.columns))
    codec = Codec.fit(leading, schema)
    plan = ScanPlan(schema, codec)

    def judged(frame: pl.DataFrame, name: str) -> ArmData:
        reader = MemoryReader(frame, name)
        dtypes = canonical_dtypes(reader.dtypes, name)
        wanted = {column: dtypes[column] for column in schema.names}
        states = [
            scan_batches(
                shard.index,
                (
                    check_batch(conform(b, wanted, name, shard.offset), name, shard.offset)
                    for b in reader.read(shard, schema.names)
                ),
                plan,
            )
            for shard in reader.shards
        ]
        return arm(finish(reduce(merge, states), name, plan), codec)

    return evidence(
        schema,
        codec,
        judged(synthetic, "synthetic"),
        None if reference is None else judged(reference, "reference"),
        None if holdout is None else judged(holdout, "holdout"),
    )
