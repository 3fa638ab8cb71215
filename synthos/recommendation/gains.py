"""What a fix is worth: the risk of a mended sample, measured against the risk of the sample as it is.

All measurements share one thinned sample and one half of the reference; the other half lends the rows that some fixes
mix in, so that nothing is judged by the rows that mended it. Taking away random blocks shows how far the risk moves by
chance: a fix has to do better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling.scan import ScanPlan, finish, scan_batches
from synthos.recommendation.mending import Feed, hash_rows, mend, surplus
from synthos.recommendation.steps import Steps, compile_steps
from synthos.results import Recommendation
from synthos.sampling import assemble
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive, generator
from synthos.tables.alignment import MINIMUM_ROWS
from synthos.tables.codec import Codec
from synthos.tables.folder import widened
from synthos.tables.schema import Schema
from synthos.verdict.thresholds import default_thresholds

Rescore = Callable[[Evidence], float]
Rows = npt.NDArray[np.int64]

#: Rows of each table on which gains are measured; more would say the same, later.
ROWS = 4_000
#: Random blocks whose removal shows what chance does to the risk.
CONTROLS = 2


@dataclass(frozen=True, slots=True)
class Gain:
    """Risk points won (higher is better), or None with the reason in ``note``; ``helps`` where it beats chance."""

    points: float | None
    note: str
    helps: bool


class Workbench:
    """Measures fixes on one evidence; every call of ``rescore`` evaluates all dimensions once."""

    def __init__(self, evidence: Evidence, rescore: Rescore) -> None:
        self._rescore, self._seed = rescore, derive(evidence.seed, "gains")
        rng = generator(evidence.seed, "gains", "rows")
        synthetic, reference = evidence.synthetic, evidence.reference
        chosen = _thin(len(synthetic.rows), ROWS, rng)
        self._frame, self._rows = synthetic.frame[chosen], synthetic.rows[chosen]
        self._lenders: pl.DataFrame | None = None
        judges: ArmData | None = reference
        if reference is not None:
            some = _thin(len(reference.rows), 2 * ROWS, rng)
            if len(some) >= 2 * MINIMUM_ROWS:
                order = rng.permutation(some)
                half = len(order) // 2
                self._lenders = reference.frame[np.sort(order[half:])]
                self._frame, self._lenders = _in_one_type(self._frame, self._lenders)
                some = np.sort(order[:half])
            judges = _arm(reference.frame[some], evidence.schema, evidence.codec, reference.profile.name)
        self._evidence = replace(
            evidence,
            synthetic=_arm(self._frame, evidence.schema, evidence.codec, synthetic.profile.name),
            reference=judges,
            cascade=None,
        )
        self.risk = rescore(self._evidence)
        self._known: tuple[int, float] | None = None

    @property
    def can_lend(self) -> bool:
        """Whether there are enough reference rows to lend some and judge by others."""
        return self._lenders is not None

    def measure(self, item: Recommendation) -> Gain:
        """The gain of one recommendation over the sample as it is, in risk points."""
        steps = compile_steps([item])
        if steps.additions and not self.can_lend:
            note = f"not measured: that takes {2 * MINIMUM_ROWS:,} reference rows, half to lend and half to judge by"
            return Gain(None, note, True)
        frame = self._mended(steps)
        if frame.height < MINIMUM_ROWS:
            return Gain(None, f"not measured: only {frame.height:,} sampled rows would be left", True)
        points = self.risk - self._rescore(self._with(frame))
        gone = np.flatnonzero(~np.isin(self._rows, self._staying(steps)))
        size, chance = self._chance(gone)
        note = (
            f"measured on {len(self._rows):,} rows without the cascade: risk {self.risk:.1f} before, "
            f"{self.risk - points:.1f} after; removing random blocks of {size:,} others moves it by up to {chance:.1f}"
        )
        return Gain(points, note, points > chance)

    def makes_low(self, gain: Gain) -> bool:
        """Whether the risk is low once this is gained."""
        return gain.points is not None and default_thresholds().level(self.risk - gain.points) == "low"

    def _mended(self, steps: Steps) -> pl.DataFrame:
        repeats = None
        if steps.copies is not None:
            repeats = surplus(hash_rows(self._frame, steps.copies[1]), steps.copies[2])
        feeds = []
        if self._lenders is not None:
            feeds = [Feed(item, iter([self._lenders]), 1.0, self._seed) for item in steps.additions]
        frame = mend(steps, self._frame, self._rows, repeats, feeds, self._seed).frame
        if steps.order is None:
            return frame
        if steps.order[1] is None:
            return frame[generator(self._seed, "shuffle").permutation(frame.height)]
        return frame.sort(steps.order[1], nulls_last=True, maintain_order=True)

    def _staying(self, steps: Steps) -> Rows:
        """Sampled rows (by place in the table) that no removal takes away."""
        stays = np.ones(len(self._rows), bool)
        for _, start, stop in steps.removals:
            stays &= (self._rows < start) | (self._rows >= stop)
        return self._rows[stays]

    def _chance(self, gone: Rows) -> tuple[int, float]:
        """Rows in a random block, and the most by which the removal of such a block moves the risk.

        Blocks come from the rows that the fix leaves alone, and are as long as what it removes where so many are left
        (a tenth of the table where it removes no run of rows).
        """
        others = np.setdiff1d(np.arange(len(self._rows)), gone)
        wanted = len(gone) if len(gone) else len(self._rows) // 10
        size = min(wanted, len(others) // 2, len(self._rows) - MINIMUM_ROWS)
        if not len(gone) and self._known is not None:
            return self._known
        rng = generator(self._seed, "controls", size, len(gone))
        moves = []
        for _ in range(CONTROLS):
            start = int(rng.integers(len(others)))
            block = others[(start + np.arange(size)) % len(others)]
            frame = self._frame[np.setdiff1d(np.arange(len(self._rows)), block)]
            moves.append(abs(self.risk - self._rescore(self._with(frame))))
        self._known = (size, max(moves))
        return self._known

    def _with(self, frame: pl.DataFrame) -> Evidence:
        """The evidence with ``frame`` for a synthetic table; columns that it lacks go from all arms."""
        base = self._evidence
        schema, codec = base.schema, base.codec
        reference = base.reference
        if frame.columns != list(schema.names):
            schema = Schema(tuple(column for column in schema.columns if column.name in frame.columns))
            bins = dict(zip(base.columns, codec.bins, strict=True))
            codec = Codec(schema, tuple(bins[column.name] for column in schema.modelled))
            if reference is not None:
                reference = _arm(reference.frame.select(schema.names), schema, codec, reference.profile.name)
        synthetic = _arm(frame.select(schema.names), schema, codec, base.synthetic.profile.name)
        return replace(base, schema=schema, codec=codec, synthetic=synthetic, reference=reference, holdout=None)


def _thin(rows: int, most: int, rng: np.random.Generator) -> Rows:
    """At most ``most`` row numbers below ``rows``, ascending, so that the order of the table stays."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(rng.choice(rows, most, replace=False))


def _in_one_type(one: pl.DataFrame, other: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both samples with columns of the same types, as a mixture has them; aligned tables differ by numbers only."""
    common = pl.Schema({name: widened(dtype, other.schema[name]) or dtype for name, dtype in one.schema.items()})
    return one.cast(common), other.select(one.columns).cast(common)


def _arm(frame: pl.DataFrame, schema: Schema, codec: Codec, name: str) -> ArmData:
    """A sample as a table of its own."""
    plan = ScanPlan(schema, codec)
    return assemble.arm(finish(scan_batches(0, [frame], plan), name, plan), codec)
