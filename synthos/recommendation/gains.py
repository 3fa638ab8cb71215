"""What a fix is worth where no forest can say: the risk by likeness of a mended sample, against the sample as it is.

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
import polars as pl

from synthos.advice import Prediction, Recommendation
from synthos.recommendation.mending import mixed_types
from synthos.recommendation.steps import compile_steps
from synthos.recommendation.trial import Rows, Trial, as_arm, block, innocent, thin, with_table
from synthos.results import Interval, NotApplicable
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive, generator
from synthos.tables.alignment import MINIMUM_ROWS
from synthos.verdict.reasons import label
from synthos.verdict.thresholds import Thresholds

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
    """Risk points won (higher is better), or None with the reason in ``note``.

    ``helps`` where it beats chance, or where that could not be tried; ``why`` says why it does not. ``prediction``
    where forests foretold it; ``drop`` is the interval of the loss that they lose less, also where that is no help.
    """

    points: float | None
    note: str
    helps: bool
    prediction: Prediction | None = None
    why: str = ""
    drop: Interval | None = None


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
        chosen = thin(len(synthetic.rows), ROWS, rng)
        frame, lenders = synthetic.frame[chosen], None
        judges: ArmData | None = reference
        if reference is not None:
            some = thin(len(reference.rows), 2 * ROWS, rng)
            if len(some) >= 2 * MINIMUM_ROWS:
                order = rng.permutation(some)
                half = len(order) // 2
                lenders = reference.frame[np.sort(order[half:])].select(frame.columns)
                names = (synthetic.profile.name, reference.profile.name)
                common = pl.Schema(mixed_types(frame.schema, lenders.schema, *names))
                frame, lenders = frame.cast(common), lenders.cast(common)
                some = np.sort(order[:half])
            judges = as_arm(reference.frame[some], evidence.schema, evidence.codec, reference.profile.name)
        holdout = evidence.holdout
        if holdout is not None:
            spared = thin(len(holdout.rows), ROWS, rng)
            holdout = as_arm(holdout.frame[spared], evidence.schema, evidence.codec, holdout.profile.name)
        self._trial = Trial(frame, synthetic.rows[chosen], lenders, self._seed)
        self._evidence = replace(
            evidence,
            synthetic=as_arm(frame, evidence.schema, evidence.codec, synthetic.profile.name),
            reference=judges,
            holdout=holdout,
            cascade=None,
        )
        self._before = rescore(self._evidence)
        self._innocent = innocent(self._trial.rows, suspects)
        self._usual: Chance | None = None

    @property
    def can_lend(self) -> bool:
        """Whether there are enough reference rows to lend some and judge by others."""
        return self._trial.lenders is not None

    def measure(self, item: Recommendation, kept: Sequence[Recommendation] = ()) -> Gain:
        """The gain of one recommendation over the sample as it is, in risk points, whatever else is ``kept``."""
        if isinstance(self._before, NotApplicable):
            return unmeasured(self._before.reason)
        steps = compile_steps([item])
        if steps.additions and not self.can_lend:
            return unmeasured(f"that takes {2 * MINIMUM_ROWS:,} reference rows, half to lend and half to judge by")
        mended = self._trial.mended(steps)
        frame = self._trial.ordered(steps, mended.frame)
        if frame.height < MINIMUM_ROWS:
            return unmeasured(f"only {frame.height:,} sampled rows would be left")
        after = self._compared(frame, self._before)
        if isinstance(after, NotApplicable):
            return unmeasured(f"in the mended sample {after.reason}")
        points = self._before.risk - after.risk
        note = (
            f"measured on {len(self._trial.rows):,} rows: risk without the cascade {self._before.risk:.1f} before, "
            f"{after.risk:.1f} after"
        )
        settled = _labels(self._before.parts & after.settled)
        if settled:
            note += f", where nothing is left for {settled} to judge"
        chance = self._chance(mended.changes.filter(pl.col("action") == "removed")["row"].to_numpy(), self._before)
        if isinstance(chance, NotApplicable):
            why = "" if points > 0.0 else "the risk does not fall"
            return Gain(points, f"{note}; {chance.reason}", points > 0.0, why=why)
        blocks = f"any of {chance.blocks} random blocks" if chance.blocks > 1 else "one random block"
        note += f"; removing {blocks} of {chance.block_rows:,} others moves it by up to {chance.move:.1f}"
        helps = points > chance.move
        return Gain(points, note, helps, why="" if helps else "the risk falls by no more than chance moves it")

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
        after = self._rescore(with_table(self._evidence, frame))
        if isinstance(after, NotApplicable):
            return after
        # Without its column, a dimension asks nothing either: that says nothing about the column.
        settled = after.settled if frame.columns == self._trial.frame.columns else frozenset[str]()
        silent = _labels(before.parts - after.parts - settled)
        return NotApplicable(reason=f"nothing can be said any more of {silent}") if silent else after

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
        rows = len(self._trial.rows)
        others = np.flatnonzero(self._innocent & ~np.isin(self._trial.rows, gone))
        wanted = len(gone) or round(CONTROL_SHARE * rows)
        size = min(wanted, len(others) // 2, rows - MINIMUM_ROWS)
        if size < 1 or (not len(gone) and size < wanted):
            return NotApplicable(reason="too few rows to show what chance does to it")
        rng = generator(self._seed, "controls", size, len(gone))
        scores = []
        for _ in range(CONTROLS):
            stay = np.setdiff1d(np.arange(rows), block(others, size, rng))
            scores.append(self._compared(self._trial.frame[stay], before))
        moves = [abs(before.risk - score.risk) for score in scores if isinstance(score, Score)]
        if not moves:
            return NotApplicable(reason="what chance does to it cannot be shown: without random blocks it has no value")
        chance = Chance(len(moves), size, max(moves))
        if not len(gone):
            self._usual = chance
        return chance


def _labels(names: frozenset[str]) -> str:
    return ", ".join(sorted(label(name) for name in names))


def unmeasured(reason: str) -> Gain:
    return Gain(None, f"not measured: {reason}", True)
