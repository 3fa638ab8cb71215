"""The sample that fixes are tried on: mended in memory by the very steps that mend a table, real rows lent included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling.scan import ScanPlan, finish, scan_batches
from synthos.recommendation.mending import Feed, Mended, hash_rows, mend, surplus
from synthos.recommendation.steps import Mask, Steps
from synthos.sampling import assemble
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import generator
from synthos.tables.codec import Codec
from synthos.tables.schema import Schema

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trial:
    """Synthetic rows ``frame`` at the places ``rows`` of their table, and reference rows that may be mixed in.

    ``lenders`` have the columns and types of ``frame``; None where none may be lent.
    """

    frame: pl.DataFrame
    rows: Rows
    lenders: pl.DataFrame | None
    seed: int

    def mended(self, steps: Steps) -> Mended:
        """The rows after all steps but reordering. The fewer rows can be lent, the fewer synthetic ones take part."""
        trial = self._affordable(steps)
        feeds: list[Feed] = []
        if self.lenders is not None:
            feeds = [Feed(item, iter([self.lenders]), 1.0, self.seed) for item in steps.additions]
        return mend(steps, trial.frame, trial.rows, trial._repeats(steps), feeds, self.seed)

    def ordered(self, steps: Steps, frame: pl.DataFrame) -> pl.DataFrame:
        """The mended rows in the order that the steps ask for."""
        if steps.order is None:
            return frame
        if steps.order[1] is None:
            return frame[generator(self.seed, "shuffle").permutation(frame.height)]
        return frame.sort(steps.order[1], nulls_last=True, maintain_order=True)

    def _repeats(self, steps: Steps) -> Mask | None:
        """As in a repair: rows that repeat others among those that are not removed anyway."""
        if steps.copies is None:
            return None
        stays = np.ones(len(self.rows), bool)
        for _, start, stop in steps.removals:
            stays &= (self.rows < start) | (self.rows >= stop)
        repeats = np.zeros(len(stays), bool)
        repeats[stays] = surplus(hash_rows(self.frame.filter(pl.Series(stays)), steps.copies[1]), steps.copies[2])
        return repeats

    def _affordable(self, steps: Steps) -> Trial:
        """As many rows, evenly over the table, as there are lenders for: so the share of real rows is what it says."""
        whole = sum(item.per_row for item in steps.additions if item.column is None)
        if self.lenders is None or whole * len(self.rows) <= self.lenders.height:
            return self
        kept = np.linspace(0, len(self.rows) - 1, max(1, int(self.lenders.height / whole))).astype(np.int64)
        return replace(self, frame=self.frame[kept], rows=self.rows[kept])


def thin(rows: int, most: int, rng: np.random.Generator) -> Rows:
    """At most ``most`` row numbers below ``rows``, ascending, so that the order of the table stays."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(rng.choice(rows, most, replace=False))


def as_arm(frame: pl.DataFrame, schema: Schema, codec: Codec, name: str) -> ArmData:
    """A sample as a table of its own."""
    plan = ScanPlan(schema, codec)
    return assemble.arm(finish(scan_batches(0, [frame], plan), name, plan), codec)


def with_table(base: Evidence, frame: pl.DataFrame) -> Evidence:
    """The evidence with ``frame`` for a synthetic table; columns that it lacks go from all arms."""
    schema, codec = base.schema, base.codec
    reference, holdout = base.reference, base.holdout
    if frame.columns != list(schema.names):
        schema = Schema(tuple(column for column in schema.columns if column.name in frame.columns))
        bins = dict(zip(base.columns, codec.bins, strict=True))
        codec = Codec(schema, tuple(bins[column.name] for column in schema.modelled))
        reference, holdout = (_narrowed(item, schema, codec) for item in (reference, holdout))
    synthetic = as_arm(frame.select(schema.names), schema, codec, base.synthetic.profile.name)
    return replace(base, schema=schema, codec=codec, synthetic=synthetic, reference=reference, holdout=holdout)


def _narrowed(item: ArmData | None, schema: Schema, codec: Codec) -> ArmData | None:
    return None if item is None else as_arm(item.frame.select(schema.names), schema, codec, item.profile.name)


def block(others: Rows, size: int, rng: np.random.Generator) -> Rows:
    """``size`` neighbours among ``others``, from a random one on and around the end."""
    start = int(rng.integers(len(others)))
    return others[(start + np.arange(size)) % len(others)]


def innocent(rows: Rows, suspects: Sequence[tuple[int, int]]) -> Mask:
    """Which rows lie in none of the ranges that something speaks against."""
    found = np.ones(len(rows), bool)
    for start, stop in suspects:
        found &= (rows < start) | (rows >= stop)
    return found
