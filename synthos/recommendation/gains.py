"""What a fix is worth: the risk of a mended sample, measured against the risk of the sample as it is.

All measurements share one thinned sample and one half of the reference; the other half lends the rows that some fixes
mix in, so that nothing is judged by the rows that mended it. Taking away random blocks of rows that nothing speaks
against shows how far the risk moves by chance: a fix has to do better.

Models are dear to retrain, so that the risk in here is that of the dimensions alone, without the cascade. Two risks are
compared only where the second is read from every part that the first was read from: a fix after which a bad dimension
can say nothing has not mended it. A part is not missed where it asks nothing any more because, of the same columns,
nothing of its kind is left that could be wrong.
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
from synthos.results import NotApplicable, Recommendation
from synthos.sampling import assemble
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive, generator
from synthos.tables.alignment import MINIMUM_ROWS
from synthos.tables.codec import Codec
from synthos.tables.schema import Schema
from synthos.verdict.reasons import label
from synthos.verdict.thresholds import Thresholds

Rows = npt.NDArray[np.int64]

#: Rows of each table on which gains are measured; more would say the same, later.
ROWS = 4_000
#: Random blocks whose removal shows what chance does to the risk: few, since each costs seconds on a wide table.
CONTROLS = 2
#: Share of the sample that such a block holds where the fix takes no rows away.
CONTROL_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Score:
    """The risk of some evidence without the cascade (0-100, higher is worse).

    ``parts`` are those that it was read from, ``settled`` those that ask nothing because nothing of their kind is there
    to be wrong.
    """

    risk: float
    parts: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()


Rescore = Callable[[Evidence], Score | NotApplicable]


@dataclass(frozen=True, slots=True)
class Gain:
    """Risk points won without the cascade (higher is better), or None with the reason in ``note``.

    ``helps`` where it beats chance, or where that could not be tried.
    """

    points: float | None
    note: str
    helps: bool


@dataclass(frozen=True, slots=True)
class Chance:
    """Random blocks, rows in each, and the most by which the removal of one moved the risk, in points."""

    blocks: int
    block_rows: int
    move: float


class Workbench:
    """Measures fixes on one evidence; every call of ``rescore`` evaluates all dimensions once.

    Parameters
    ----------
    rescore : the risk of changed evidence, or why it has none.
    thresholds : where the risk is low.
    suspects : row ranges of the table that the evidence speaks against; no random block is taken from them.
    seen : False where something that is not measured here, as the models, keeps the table's risk from being low.
    """

    def __init__(
        self,
        evidence: Evidence,
        rescore: Rescore,
        thresholds: Thresholds,
        suspects: Sequence[tuple[int, int]] = (),
        *,
        seen: bool = True,
    ) -> None:
        self._rescore, self._seed, self._thresholds = rescore, derive(evidence.seed, "gains"), thresholds
        self._seen = seen
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
        holdout = evidence.holdout
        if holdout is not None:
            spared = _thin(len(holdout.rows), ROWS, rng)
            holdout = _arm(holdout.frame[spared], evidence.schema, evidence.codec, holdout.profile.name)
        self._evidence = replace(
            evidence,
            synthetic=_arm(self._frame, evidence.schema, evidence.codec, synthetic.profile.name),
            reference=judges,
            holdout=holdout,
            cascade=None,
        )
        self._before = rescore(self._evidence)
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
        if isinstance(self._before, NotApplicable):
            return _unmeasured(self._before.reason)
        steps = compile_steps([item])
        if steps.additions and not self.can_lend:
            return _unmeasured(f"that takes {2 * MINIMUM_ROWS:,} reference rows, half to lend and half to judge by")
        mended = self._mended(steps)
        frame = self._ordered(steps, mended.frame)
        if frame.height < MINIMUM_ROWS:
            return _unmeasured(f"only {frame.height:,} sampled rows would be left")
        after = self._compared(frame, self._before)
        if isinstance(after, NotApplicable):
            return _unmeasured(f"in the mended sample {after.reason}")
        points = self._before.risk - after.risk
        note = (
            f"measured on {len(self._rows):,} rows: risk without the cascade {self._before.risk:.1f} before, "
            f"{after.risk:.1f} after"
        )
        settled = _labels(self._before.parts & after.settled)
        if settled:
            note += f", where nothing is left for {settled} to judge"
        chance = self._chance(mended.changes.filter(pl.col("action") == "removed")["row"].to_numpy(), self._before)
        if isinstance(chance, NotApplicable):
            return Gain(points, f"{note}; {chance.reason}", points > 0.0)
        blocks = f"any of {chance.blocks} random blocks" if chance.blocks > 1 else "one random block"
        note += f"; removing {blocks} of {chance.block_rows:,} others moves it by up to {chance.move:.1f}"
        return Gain(points, note, points > chance.move)

    def makes_low(self, gain: Gain) -> bool:
        """Whether the risk, at least medium before, is low once this is gained, and nothing else keeps it up.

        Where the risk without the cascade was low from the start, what is wrong with the table is not seen here.
        """
        if gain.points is None or isinstance(self._before, NotApplicable) or not self._seen:
            return False
        levels = [self._thresholds.level(risk) for risk in (self._before.risk, self._before.risk - gain.points)]
        return levels[0] != "low" and levels[1] == "low"

    def _compared(self, frame: pl.DataFrame, before: Score) -> Score | NotApplicable:
        """The score with ``frame`` for a synthetic table; why there is none that ``before`` can be compared with."""
        after = self._rescore(self._with(frame))
        if isinstance(after, NotApplicable):
            return after
        # Without its column, a dimension asks nothing either: that says nothing about the column.
        settled = after.settled if frame.columns == self._frame.columns else frozenset[str]()
        silent = _labels(before.parts - after.parts - settled)
        return NotApplicable(reason=f"nothing can be said any more of {silent}") if silent else after

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

    def _chance(self, gone: Rows, before: Score) -> Chance | NotApplicable:
        """How far the risk moves, up or down, where rows go that nothing speaks against: the noise of a gain.

        ``CONTROLS`` blocks of neighbouring rows are taken away in turn, each from the whole sample. They come from
        the rows that neither this fix (``gone``, places in the table) nor any other suspects, and are as long as
        ``gone``, or ``CONTROL_SHARE`` of the sample where the fix takes no rows away. Shorter, so that as many such
        rows stay as go, where the fix takes more than that: the note of the gain states the length. Not applicable
        where there is no row to spare: the sample must keep ``MINIMUM_ROWS``. A block without which the risk cannot
        be compared is not counted.
        """
        if not len(gone) and self._usual is not None:
            return self._usual
        rows = len(self._rows)
        others = np.flatnonzero(self._innocent & ~np.isin(self._rows, gone))
        wanted = len(gone) or round(CONTROL_SHARE * rows)
        size = min(wanted, len(others) // 2, rows - MINIMUM_ROWS)
        if size < 1 or (not len(gone) and size < wanted):
            return NotApplicable(reason="too few rows to show what chance does to it")
        rng = generator(self._seed, "controls", size, len(gone))
        scores = []
        for _ in range(CONTROLS):
            start = int(rng.integers(len(others)))
            block = others[(start + np.arange(size)) % len(others)]
            scores.append(self._compared(self._frame[np.setdiff1d(np.arange(rows), block)], before))
        moves = [abs(before.risk - score.risk) for score in scores if isinstance(score, Score)]
        if not moves:
            return NotApplicable(reason="what chance does to it cannot be shown: without random blocks it has no value")
        chance = Chance(len(moves), size, max(moves))
        if not len(gone):
            self._usual = chance
        return chance

    def _with(self, frame: pl.DataFrame) -> Evidence:
        """The evidence with ``frame`` for a synthetic table; columns that it lacks go from all arms."""
        base = self._evidence
        schema, codec = base.schema, base.codec
        reference, holdout = base.reference, base.holdout
        if frame.columns != list(schema.names):
            schema = Schema(tuple(column for column in schema.columns if column.name in frame.columns))
            bins = dict(zip(base.columns, codec.bins, strict=True))
            codec = Codec(schema, tuple(bins[column.name] for column in schema.modelled))
            if reference is not None:
                reference = _arm(reference.frame.select(schema.names), schema, codec, reference.profile.name)
            if holdout is not None:
                holdout = _arm(holdout.frame.select(schema.names), schema, codec, holdout.profile.name)
        synthetic = _arm(frame.select(schema.names), schema, codec, base.synthetic.profile.name)
        return replace(base, schema=schema, codec=codec, synthetic=synthetic, reference=reference, holdout=holdout)


def _labels(names: frozenset[str]) -> str:
    return ", ".join(sorted(label(name) for name in names))


def _unmeasured(reason: str) -> Gain:
    return Gain(None, f"not measured: {reason}", True)


def _thin(rows: int, most: int, rng: np.random.Generator) -> Rows:
    """At most ``most`` row numbers below ``rows``, ascending, so that the order of the table stays."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(rng.choice(rows, most, replace=False))


def _arm(frame: pl.DataFrame, schema: Schema, codec: Codec, name: str) -> ArmData:
    """A sample as a table of its own."""
    plan = ScanPlan(schema, codec)
    return assemble.arm(finish(scan_batches(0, [frame], plan), name, plan), codec)
