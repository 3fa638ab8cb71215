"""What a fix is worth: the risk of a mended sample, measured against the risk of the sample as it is.

All measurements share one thinned sample and one half of the reference; the other half lends the rows that some fixes
mix in, so that nothing is judged by the rows that mended it. Taking away random blocks of rows that nothing speaks
against shows how far the risk moves by chance: a fix has to do better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling.scan import ScanPlan, finish, scan_batches
from synthos.recommendation.mending import Feed, Mended, hash_rows, mend, mixed_types, surplus
from synthos.recommendation.steps import Steps, compile_steps
from synthos.results import Recommendation
from synthos.sampling import assemble
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive, generator
from synthos.tables.alignment import MINIMUM_ROWS
from synthos.tables.codec import Codec
from synthos.tables.schema import Schema
from synthos.verdict.thresholds import Thresholds

Rescore = Callable[[Evidence], float]
Rows = npt.NDArray[np.int64]

#: Rows of each table on which gains are measured; more would say the same, later.
ROWS = 4_000
#: Random blocks whose removal shows what chance does to the risk.
CONTROLS = 2
#: Share of the sample that such a block holds where the fix takes no rows away.
CONTROL_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Gain:
    """Risk points won (higher is better), or None with the reason in ``note``; ``helps`` where it beats chance."""

    points: float | None
    note: str
    helps: bool


@dataclass(frozen=True, slots=True)
class Chance:
    """Rows in each random block, and the most by which the removal of one moved the risk, in points."""

    block_rows: int
    move: float


class Workbench:
    """Measures fixes on one evidence; every call of ``rescore`` evaluates all dimensions once.

    ``suspects`` are row ranges of the table that the evidence speaks against: no random block is taken from them.
    """

    def __init__(
        self,
        evidence: Evidence,
        rescore: Rescore,
        thresholds: Thresholds,
        suspects: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._rescore, self._seed, self._thresholds = rescore, derive(evidence.seed, "gains"), thresholds
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
                lenders = reference.frame[np.sort(order[half:])].select(self._frame.columns)
                names = (synthetic.profile.name, reference.profile.name)
                common = pl.Schema(mixed_types(self._frame.schema, lenders.schema, *names))
                self._frame, self._lenders = self._frame.cast(common), lenders.cast(common)
                some = np.sort(order[:half])
            judges = _arm(reference.frame[some], evidence.schema, evidence.codec, reference.profile.name)
        self._evidence = replace(
            evidence,
            synthetic=_arm(self._frame, evidence.schema, evidence.codec, synthetic.profile.name),
            reference=judges,
            cascade=None,
        )
        self.risk = rescore(self._evidence)
        self._innocent = np.ones(len(self._rows), bool)
        for start, stop in suspects:
            self._innocent &= (self._rows < start) | (self._rows >= stop)
        self._usual: Chance | None = None

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
        mended = self._mended(steps)
        frame = self._ordered(steps, mended.frame)
        if frame.height < MINIMUM_ROWS:
            return Gain(None, f"not measured: only {frame.height:,} sampled rows would be left", True)
        points = self.risk - self._rescore(self._with(frame))
        note = (
            f"measured on {len(self._rows):,} rows without the cascade: risk {self.risk:.1f} before, "
            f"{self.risk - points:.1f} after"
        )
        chance = self._chance(mended.changes.filter(pl.col("action") == "removed")["row"].to_numpy())
        if chance is None:
            return Gain(points, f"{note}; too few rows to show what chance does to it", points > 0.0)
        note += f"; removing random blocks of {chance.block_rows:,} others moves it by up to {chance.move:.1f}"
        return Gain(points, note, points > chance.move)

    def makes_low(self, gain: Gain) -> bool:
        """Whether the risk is low once this is gained."""
        return gain.points is not None and self._thresholds.level(self.risk - gain.points) == "low"

    def _mended(self, steps: Steps) -> Mended:
        repeats = None
        if steps.copies is not None:
            repeats = surplus(hash_rows(self._frame, steps.copies[1]), steps.copies[2])
        feeds = []
        if self._lenders is not None:
            feeds = [Feed(item, iter([self._lenders]), 1.0, self._seed) for item in steps.additions]
        return mend(steps, self._frame, self._rows, repeats, feeds, self._seed)

    def _ordered(self, steps: Steps, frame: pl.DataFrame) -> pl.DataFrame:
        if steps.order is None:
            return frame
        if steps.order[1] is None:
            return frame[generator(self._seed, "shuffle").permutation(frame.height)]
        return frame.sort(steps.order[1], nulls_last=True, maintain_order=True)

    def _chance(self, gone: Rows) -> Chance | None:
        """How far the risk moves, up or down, where rows go that nothing speaks against: the noise of a gain.

        ``CONTROLS`` blocks of neighbouring rows are taken away in turn, each from the whole sample. They come from
        the rows that neither this fix (``gone``, places in the table) nor any other suspects, and are as long as
        ``gone``, or ``CONTROL_SHARE`` of the sample where the fix takes no rows away. Shorter, so that as many such
        rows stay as go, where the fix takes more than that: the note of the gain states the length. None where there
        is no row to spare: the sample must keep ``MINIMUM_ROWS``.
        """
        if not len(gone) and self._usual is not None:
            return self._usual
        rows = len(self._rows)
        others = np.flatnonzero(self._innocent & ~np.isin(self._rows, gone))
        wanted = len(gone) or round(CONTROL_SHARE * rows)
        size = min(wanted, len(others) // 2, rows - MINIMUM_ROWS)
        if size < 1 or (not len(gone) and size < wanted):
            return None
        rng = generator(self._seed, "controls", size, len(gone))
        moves = []
        for _ in range(CONTROLS):
            start = int(rng.integers(len(others)))
            block = others[(start + np.arange(size)) % len(others)]
            frame = self._frame[np.setdiff1d(np.arange(rows), block)]
            moves.append(abs(self.risk - self._rescore(self._with(frame))))
        chance = Chance(size, max(moves))
        if not len(gone):
            self._usual = chance
        return chance

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


def _arm(frame: pl.DataFrame, schema: Schema, codec: Codec, name: str) -> ArmData:
    """A sample as a table of its own."""
    plan = ScanPlan(schema, codec)
    return assemble.arm(finish(scan_batches(0, [frame], plan), name, plan), codec)
