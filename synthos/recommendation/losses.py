"""What a fix is worth to models: forests trained on a mended sample, against forests trained on the sample as it is.

The reference's side is learned once. A mended sample teaches as many rows as both tables have, or all that it has where
they are fewer: who takes rows away pays for having fewer. Reference rows that a fix may borrow are one half of the
sample; of a fix that mixes some in, the loss before and after is that of the other half alone.

Where more columns can be learned than are asked, those asked are spread over the losses that the verdict found, and
what is foretold is scaled from their loss to that of all columns, which the verdict knows.

Both losses are given by the same judges, so that their difference is known better than either. A fix helps where the
interval of the drop lies above 0 and the drop is more than training anew on the same rows moves the loss. A fix that
helps is looked at by the dimensions too, and is none where it makes one of them much worse. What forests do not see, as
the order of rows, or are indifferent to, only the dimension can speak for that the fix is meant to mend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.advice import Prediction, Recommendation, RecommendationKind
from synthos.dimensions.registry import DIMENSIONS
from synthos.errors import ConfigError
from synthos.recommendation.gains import Gain, unmeasured
from synthos.recommendation.mending import mixed_types
from synthos.recommendation.steps import Steps, compile_steps
from synthos.recommendation.trial import Trial, as_arm, thin, with_table
from synthos.results import DimensionResult, Interval, NotApplicable, Scored, Utility
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import derive, generator
from synthos.stats.calibration import FEW_ROWS
from synthos.tables.alignment import MINIMUM_ROWS
from synthos.utility.design import row_keys
from synthos.utility.forests import TREES
from synthos.utility.measure import LEVEL, Sides, difference_error, join, weigh_all
from synthos.utility.reference import RealSide
from synthos.utility.transfer import Judged, Taught
from synthos.verdict.harm import risk_of
from synthos.verdict.reasons import label
from synthos.verdict.thresholds import Thresholds

Keys = npt.NDArray[np.uint64]

#: Times that forests learn from the sample as it is: the mean is what fixes are compared with, and how far the times
#: differ is chance. What is lost without some rows at random is more than that: fewer rows teach less.
TRAINED = 3
#: Columns that are learned anew for every fix at most: a table of usual width takes some ten seconds. Fewer trees would
#: not be faster: those of the verdict have learned the reference.
MOST_ASKED = 6
#: The most by which a drop of the columns asked is scaled up or down to that of all.
MOST_SCALED = 2.0
#: Rows of each table on which the dimensions look at a fix that helps. With fewer than twice ``FEW_ROWS`` they would
#: draw twice as many halves, which takes longer.
LOOKED_AT = 2 * FEW_ROWS
#: Points of a dimension's score: so many less is much worse, so many more is mended.
MUCH_WORSE, MUCH_BETTER = 20.0, 10.0
#: What a fix is meant to mend where forests do not see it.
UNSEEN: dict[RecommendationKind, str] = {
    "resort": "temporal_stability",
    "regenerate_rare": "rare_pattern_handling",
    "deduplicate": "statistical_integrity",
}


@dataclass(frozen=True, slots=True)
class Measures:
    """How samples are measured: one thing after the other, or side by side.

    ``dimensions`` evaluates the dimensions so named of an evidence; ``learn`` gives what its reference settles about
    columns, by forests of so many trees; ``teach`` what forests on its synthetic rows say of the judges.
    """

    dimensions: Callable[[Sequence[str], Evidence], dict[str, DimensionResult]]
    learn: Callable[[Sequence[str], int, Evidence], dict[str, RealSide | NotApplicable]]
    teach: Callable[[Sides, Evidence], dict[str, Taught]]


@dataclass(frozen=True, slots=True)
class State:
    """A sample with what its forests say of the judges, each time that they learned."""

    frame: pl.DataFrame
    taught: tuple[Mapping[str, Taught], ...]


class ForestBench:
    """Measures fixes on one evidence, which must have a reference; each costs one forest a column.

    Parameters
    ----------
    utility : what forests lost on the whole sample; it names the columns that real rows teach.
    measures : how mended samples are measured; the dimensions speak of the fixes that help.
    """

    def __init__(
        self,
        evidence: Evidence,
        utility: Utility,
        measures: Measures,
        thresholds: Thresholds,
    ) -> None:
        if evidence.reference is None:
            raise ConfigError("forests need real rows to be judged on", fix="give a reference table")
        self._base, self._measures, self._thresholds = replace(evidence, cascade=None), measures, thresholds
        self._seed = derive(evidence.seed, "gains")
        self._trial, self._spared, self._lent = self._prepared(evidence, evidence.reference)
        self._utility = utility
        self._sides = measures.learn(asked_columns(utility), TREES, self._base)
        self._states: dict[tuple[str, ...], State] = {}
        self._looks: list[tuple[pl.DataFrame, dict[str, DimensionResult]]] = []

    def _prepared(self, evidence: Evidence, reference: ArmData) -> tuple[Trial, pl.DataFrame, Keys]:
        """The sample to mend, the half of the reference that judges whom the other half mends, and that one's keys."""
        order = generator(evidence.seed, "gains", "lenders").permutation(len(reference.rows))
        half = len(order) // 2
        lenders, spared = (reference.frame[np.sort(part)] for part in (order[half:], order[:half]))
        frame = evidence.synthetic.frame
        names = (evidence.synthetic.profile.name, reference.profile.name)
        common = pl.Schema(mixed_types(frame.schema, reference.frame.select(frame.columns).schema, *names))
        enough = len(reference.rows) >= 2 * MINIMUM_ROWS
        lent = lenders.select(frame.columns).cast(common) if enough else None
        trial = Trial(frame.cast(common), evidence.synthetic.rows, lent, self._seed)
        return trial, spared, row_keys(lenders, evidence)

    @property
    def can_lend(self) -> bool:
        """Whether there are enough reference rows to lend some and judge by others."""
        return self._trial.lenders is not None

    def measure(self, item: Recommendation, kept: Sequence[Recommendation] = ()) -> Gain:
        """The gain of one recommendation on top of those ``kept``, in risk points, with its prediction."""
        steps = compile_steps([*kept, item])
        if steps.additions and not self.can_lend:
            return unmeasured(f"that takes {2 * MINIMUM_ROWS:,} reference rows, half to lend and half to judge by")
        beside = tuple(other.id for other in kept)
        before = self._state(beside, compile_steps(kept))
        mended = self._trial.ordered(steps, self._trial.mended(steps).frame)
        if mended.height < MINIMUM_ROWS:
            return unmeasured(f"only {mended.height:,} sampled rows would be left")
        if mended.equals(before.frame):
            done = f"{', '.join(beside)} did it already" if beside else "there is nothing that it would change"
            return Gain(0.0, "the sample stays as it is", False, why=done)
        if item.kind == "resort":
            return self._unseen(item, before.frame, mended, "forests do not see the order of rows")
        after = self._taught(mended, (*beside, item.id))
        self._states[*beside, item.id] = after
        return self._judged(item, steps, before, after, beside)

    def makes_low(self, gain: Gain) -> bool:
        """Whether the risk, at least medium before, is low once this is gained."""
        if gain.prediction is None:
            return False
        levels = [self._thresholds.level(risk_of(loss)) for loss in (gain.prediction.before, gain.prediction.after)]
        return levels[0] != "low" and levels[1] == "low"

    def _judged(self, item: Recommendation, steps: Steps, before: State, after: State, beside: tuple[str, ...]) -> Gain:
        lent = self._lent if steps.additions else None
        # A column that is dropped can neither be learned nor stand in for anything: the others are compared.
        sides = {name: side for name, side in self._sides.items() if name not in steps.dropped_columns}
        first, second = (_answers(sides, state, lent) for state in (before, after))
        both = [name for name in sides if isinstance(first[name], Judged) and isinstance(second[name], Judged)]
        first, second = ({name: columns[name] for name in both} for columns in (first, second))
        losses = [join(columns, self._base) for columns in (first, second)]
        if not isinstance(losses[0], Utility) or not isinstance(losses[1], Utility):
            return unmeasured("no column that real rows teach can be judged before and after")
        drop = losses[0].loss - losses[1].loss
        margin, move = LEVEL * difference_error(first, second), self._chance
        note = self._told((losses[0], losses[1]), margin, beside)
        foretold = Prediction(
            before=self._scale * losses[0].loss,
            after=self._scale * losses[1].loss,
            drop=Interval(low=self._scale * (drop - margin), high=self._scale * (drop + margin)),
            beside=beside,
        )
        if drop <= max(margin, move) or _points(foretold) <= 0.0:
            if item.kind in UNSEEN and drop > -margin:
                return self._unseen(item, before.frame, after.frame, note)
            return Gain(0.0, note, False, why=_why(drop, margin, move), drop=foretold.drop)
        return self._weighed(before.frame, after.frame, foretold, note)

    def _told(self, losses: tuple[Utility, Utility], margin: float, beside: tuple[str, ...]) -> str:
        """What was measured, in words."""
        first, second = (found.loss for found in losses)
        drop = first - second
        note = (
            f"forests on {losses[1].rows:,} rows, asked about {losses[1].judges:,} real ones, lose {first:.3f} before "
            f"and {second:.3f} after ({drop - margin:+.3f} to {drop + margin:+.3f} less)"
        )
        if beside:
            note += f", beside {', '.join(beside)}"
        if self._scale != 1.0:
            scaled = f"{self._scale * first:.3f} before and {self._scale * second:.3f} after"
            note += f"; that is of {len(self._sides)} columns, and of all {len(self._utility.columns)} {scaled}"
        if self._scale in (MOST_SCALED, 1.0 / MOST_SCALED):
            note += f", or beyond: what they lose differs {MOST_SCALED:.0f} times or more from what all columns lose"
        return f"{note}; learning {TRAINED} times from the table as it is moves it by up to {self._chance:.3f}"

    def _weighed(self, before: pl.DataFrame, after: pl.DataFrame, foretold: Prediction, note: str) -> Gain:
        """What a fix that helps the forests comes to once the dimensions have spoken."""
        worse = self._fallen(before, after)
        if worse:
            return Gain(0.0, note, False, why=worse, drop=foretold.drop)
        return Gain(_points(foretold), note, True, foretold, drop=foretold.drop)

    def _unseen(self, item: Recommendation, before: pl.DataFrame, after: pl.DataFrame, note: str) -> Gain:
        """A fix that forests are indifferent to, judged by the dimension that it is for."""
        name = UNSEEN[item.kind]
        old, new = (self._look(frame, [name])[name] for frame in (before, after))
        if not isinstance(old, Scored):
            return Gain(0.0, note, False, why=f"{label(name)} says nothing against the table")
        says = f"{new.score:.0f}" if isinstance(new, Scored) else "nothing left to judge"
        told = f"{note}; no clear gain for models, but for {label(name)}: {old.score:.0f} before, {says} after"
        if isinstance(new, Scored) and new.score < old.score + MUCH_BETTER:
            return Gain(None, told, False, why=f"{label(name)} does not rise by {MUCH_BETTER:.0f}")
        worse = self._fallen(before, after)
        return Gain(None, told, not worse, why=worse)

    def _state(self, ids: tuple[str, ...], steps: Steps) -> State:
        if ids not in self._states:
            times = TRAINED if not ids else 1
            self._states[ids] = self._taught(self._trial.mended(steps).frame, ids, times)
        return self._states[ids]

    def _taught(self, frame: pl.DataFrame, ids: tuple[str, ...], times: int = 1) -> State:
        base = self._base
        whole = frame.with_columns(
            pl.lit(None, dtype).alias(name)
            for name, dtype in self._trial.frame.schema.items()
            if name not in frame.columns
        ).select(self._trial.frame.columns)
        changed = replace(base.synthetic, frame=whole, codes=base.codec.encode(whole), rows=np.arange(whole.height))
        found = []
        for time in range(times):
            # Forests take their seed from the fingerprint.
            name = " ".join([changed.profile.fingerprint, *ids, *([str(time)] if time else [])])
            arm = replace(changed, profile=replace(changed.profile, fingerprint=name))
            found.append(self._measures.teach(self._sides, replace(base, synthetic=arm)))
        return State(frame, tuple(found))

    @cached_property
    def _scale(self) -> float:
        """The loss of all columns in that of those asked, of the sample as it is; 1 where that has no meaning."""
        asked = join(_answers(self._sides, self._state((), Steps()), None), self._base)
        if len(self._sides) == len(self._utility.columns) or not isinstance(asked, Utility):
            return 1.0
        if min(asked.loss, self._utility.loss) <= 0.0:
            return 1.0
        return float(np.clip(self._utility.loss / asked.loss, 1.0 / MOST_SCALED, MOST_SCALED))

    @cached_property
    def _chance(self) -> float:
        """How far the loss of the sample as it is differs from one training to another."""
        losses = []
        for taught in self._state((), Steps()).taught:
            found = join(weigh_all(self._sides, taught), self._base)
            losses += [found.loss] if isinstance(found, Utility) else []
        return max(losses) - min(losses) if losses else 0.0

    def _fallen(self, before: pl.DataFrame, after: pl.DataFrame) -> str:
        """The dimensions that a fix makes much worse, in words; none where it makes none so."""
        first, second = (self._look(frame, tuple(DIMENSIONS)) for frame in (before, after))
        return ", ".join(
            f"{label(name)} falls from {old.score:.0f} to {new.score:.0f}"
            for name, old in first.items()
            if isinstance(old, Scored)
            and isinstance(new := second[name], Scored)
            and new.score < old.score - MUCH_WORSE
        )

    def _look(self, frame: pl.DataFrame, names: Sequence[str]) -> dict[str, DimensionResult]:
        """The dimensions so named of a mended sample against the reference rows that are never lent; asked once."""
        found = next((found for known, found in self._looks if known is frame), None)
        if found is None:
            found = {}
            self._looks.append((frame, found))
        missing = [name for name in names if name not in found]
        if missing:
            rows = thin(frame.height, LOOKED_AT, generator(self._seed, "look", frame.height))
            found |= self._measures.dimensions(missing, with_table(self._half, frame[rows]))
        return {name: found[name] for name in names}

    @cached_property
    def _half(self) -> Evidence:
        base, trial = self._base, self._trial
        rows = thin(self._spared.height, LOOKED_AT, generator(self._seed, "look"))
        assert base.reference is not None
        judges = as_arm(self._spared[rows], base.schema, base.codec, base.reference.profile.name)
        return replace(base, synthetic=replace(base.synthetic, frame=trial.frame), reference=judges)


def asked_columns(utility: Utility) -> tuple[str, ...]:
    """The columns that real rows teach; of many some, from the one that loses least to the one that loses most."""
    names = [item.column for item in sorted(utility.columns, key=lambda item: (item.loss, item.column))]
    places = np.linspace(0, len(names) - 1, min(len(names), MOST_ASKED)).round().astype(int)
    return tuple(sorted(names[place] for place in places))


def _points(foretold: Prediction) -> float:
    """What a prediction takes off the verdict's risk, in points."""
    return risk_of(foretold.before) - risk_of(foretold.after)


def _why(drop: float, margin: float, move: float) -> str:
    """Why a drop of the loss is no gain."""
    if drop <= -margin:
        return "models would lose more"
    if drop <= margin:
        return "models would not clearly lose less"
    return "training anew moves the loss as much" if drop <= move else "the table teaches as well as real rows already"


def _answers(sides: Sides, state: State, lent: Keys | None) -> dict[str, Judged | NotApplicable]:
    """The answers of all columns, each the mean over the times that its forest learned."""
    times = [weigh_all(sides, taught, lent) for taught in state.taught]
    return {name: _mean([found[name] for found in times]) for name in sides}


def _mean(answers: Sequence[Judged | NotApplicable]) -> Judged | NotApplicable:
    """One answer of several, of the judges that all of them asked; the first that does not apply where one does not."""
    judged = [answer for answer in answers if isinstance(answer, Judged)]
    if len(judged) < len(answers):
        return next(answer for answer in answers if not isinstance(answer, Judged))
    first = judged[0]
    if len(judged) == 1:
        return first
    asked = reduce(np.intersect1d, [answer.places for answer in judged])
    shares = np.mean([answer.shares[np.isin(answer.places, asked)] for answer in judged], axis=0)
    seen, leak, error = np.mean([(answer.answer.apparent, answer.leak, answer.leak_error) for answer in judged], axis=0)
    return replace(
        first,
        answer=replace(first.answer, apparent=float(seen)),
        leak=float(leak),
        leak_error=float(error),
        shares=shares - shares.mean() + seen,
        places=first.places[np.isin(first.places, asked)],
    )
