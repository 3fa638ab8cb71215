"""What to do about a table, best first: each fix is tried on a sample, and those that do not help are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from synthos.advice import Advice, Recommendation, RecommendationKind, Tried
from synthos.progress import Event, Listener, silent
from synthos.recommendation.attempts import Attempt, CarefulBench, plainly
from synthos.recommendation.candidates import Candidate, suggest
from synthos.recommendation.gains import Gain, Rescore, Workbench
from synthos.recommendation.losses import ForestBench, Measures
from synthos.recommendation.snippets import Place, file_place, snippet
from synthos.results import DimensionResult, Failed, NotApplicable, Outcome, Region, Utility, Verdict
from synthos.sampling.evidence import Evidence
from synthos.verdict.calibration import RHO, default_risk_model
from synthos.verdict.harm import risk_of
from synthos.verdict.thresholds import Thresholds, default_thresholds

#: Fixes that are tried, mixtures apart; each costs a forest a column, or one evaluation of all dimensions.
MOST_MEASURED = 4
#: Fixes that are measured one on top of the other, in the order in which they are suggested: all are applied together.
STACKED: frozenset[RecommendationKind] = frozenset({"remove_rows", "deduplicate"})
#: The mixture that is advised where none can be tried.
_USUAL_SHARE = 0.25
_NOT_ASKED = Gain(None, "not measured in the quick mode; validate again without it", True)
_TOO_MANY = Gain(None, f"not measured: only the first {MOST_MEASURED} fixes are tried", True)
_GENERATOR = Gain(None, "cannot be measured on a finished table: it takes the generator", True)


def recommend(
    evidence: Evidence,
    dimensions: Mapping[str, DimensionResult],
    regions: tuple[Region, ...],
    verdict: Verdict,
    *,
    rescore: Rescore | None = None,
    utility: Utility | NotApplicable | Failed | None = None,
    measures: Measures | None = None,
    thresholds: Thresholds | None = None,
    listener: Listener = silent,
    synthetic: Place | None = None,
    reference: Place | None = None,
    attempt: Attempt = plainly,
) -> Advice:
    """Fixes ranked by measured gain, then those whose gain could not be measured, and those that were tried in vain.

    Parameters
    ----------
    rescore : the risk of changed evidence by likeness, all dimensions evaluated anew; asked where forests cannot judge.
    utility : what forests lost on the sample as it is.
    measures : how mended samples are measured. None for both ways, as in the quick mode, to measure nothing.
    thresholds : where the risk is low enough that nothing else is asked for; the packaged ones by default.
    synthetic, reference : where the snippets find the tables; by default files of the tables' names.
    attempt : measures a fix, and answers ``Failed`` where that broke and is to cost its gain alone.

    Returns
    -------
    advice : of its recommendations ``expected_gain`` is in points of the verdict's risk, by the loss that forests
        foretell (``losses``); in points of the risk by likeness where forests cannot judge (``gains``). A fix is kept
        only where it clearly lowers the loss, or the risk by more than the removal of random blocks moves it, or where
        that could not be tried; what was tried and dropped is told beside it. Empty where nothing speaks for a fix. Ids
        are ``KIND-NUMBER`` and stay the same for the same evidence.
    """
    candidates = suggest(evidence, dimensions, regions, verdict.risk_level)
    synthetic = synthetic or file_place(evidence.synthetic.profile.name)
    if evidence.reference is not None:
        reference = reference or file_place(evidence.reference.profile.name)
    made = _numbered(candidates, synthetic, reference)
    if not made:
        return Advice()
    start: Callable[[], Workbench | ForestBench] | None = None
    suspects = [region.row_range for region in regions]
    limits = thresholds or default_thresholds()
    if isinstance(utility, Utility) and measures is not None:
        start = partial(ForestBench, evidence, utility, measures, limits)
    elif rescore is not None:
        start = partial(Workbench, evidence, rescore, limits, suspects, seen=not _models_object(verdict, limits))
    careful = partial(CarefulBench, start, attempt) if start is not None else None
    kept, dropped = _measured(candidates, made, careful, listener)
    ranked = sorted(
        in_points_of(verdict, kept), key=lambda item: (item.expected_gain is None, -(item.expected_gain or 0.0))
    )
    return Advice(tuple(ranked), tuple(dropped))


def in_points_of(verdict: Verdict, kept: Sequence[Recommendation]) -> list[Recommendation]:
    """The gains that forests foretold, as the same shares of the verdict's own risk.

    Forests foretell the loss as measured. The verdict's risk is that of the loss drawn towards 0 by its error, and so
    lower where the error is large: taken off it as they are, gains would exceed it.
    """
    as_it_is = max((risk_of(item.prediction.before) for item in kept if item.prediction), default=0.0)
    return [
        replace(item, expected_gain=item.expected_gain * verdict.risk_score / as_it_is)
        if item.prediction and item.expected_gain and as_it_is > 0.0
        else item
        for item in kept
    ]


def _models_object(verdict: Verdict, limits: Thresholds) -> bool:
    """Whether the models alone keep the risk from being low, or may do so because they broke."""
    floor = verdict.outcomes.get("floor")
    if not isinstance(floor, Outcome):
        return isinstance(floor, Failed)
    harm = default_risk_model().harms({RHO: min(max(floor.value, 0.0), 1.0)})[RHO]
    return limits.level(harm) != "low"


def _numbered(candidates: Sequence[Candidate], synthetic: Place, reference: Place | None) -> list[Recommendation]:
    counts: dict[str, int] = {}
    made = []
    for candidate in candidates:
        counts[candidate.kind] = counts.get(candidate.kind, 0) + 1
        id_ = f"{candidate.kind}-{counts[candidate.kind]}"
        item = Recommendation(
            id=id_,
            kind=candidate.kind,
            title=candidate.title,
            reason=candidate.reason,
            columns=candidate.columns,
            affected_rows=candidate.affected_rows,
            expected_gain=None,
            gain_note="",
            parameters=candidate.parameters,
            snippet="",
        )
        made.append(replace(item, snippet=snippet(item, synthetic, reference)))
    return made


def _measured(
    candidates: Sequence[Candidate],
    made: Sequence[Recommendation],
    start: Callable[[], CarefulBench] | None,
    listener: Listener,
) -> tuple[list[Recommendation], list[Tried]]:
    """The fixes that help, or that could not be tried, with their gains, and those that were tried in vain.

    Where taking rows away makes the risk low by itself, nothing else is asked for: weights would then be those of a
    table that is no more, and real rows or a new generator are dear.
    """
    kept: list[Recommendation] = []
    dropped: list[Tried] = []
    bench: CarefulBench | None = None
    mended = False
    tried = 0
    for done, (candidate, item) in enumerate(zip(candidates, made, strict=True)):
        listener(Event(stage="recommendations", done=done, total=len(made), message=item.title))
        if candidate.kind == "mix_real" or (mended and candidate.kind not in ("remove_rows", "deduplicate")):
            continue
        if not candidate.measurable:
            gain = _GENERATOR
        elif start is None:
            gain = _NOT_ASKED
        elif tried >= MOST_MEASURED:
            gain = _TOO_MANY
        else:
            bench = bench or start()
            stacked = [other for other in kept if other.kind in STACKED and other.expected_gain is not None]
            gain = bench.measure(item, stacked if item.kind in STACKED else ())
            tried += 1
        if gain.helps:
            kept.append(_with(item, gain))
            mended = mended or (bench is not None and bench.makes_low(gain))
        else:
            dropped.append(_in_vain(item, gain))
    mixtures = [item for item in made if item.kind == "mix_real"]
    if mixtures and not mended:
        if start is not None:
            bench = bench or start()
        mixture, in_vain = _mixture(bench, mixtures)
        kept, dropped = kept + mixture, dropped + in_vain
    listener(Event(stage="recommendations", done=len(made), total=len(made)))
    return kept, dropped


def _mixture(
    bench: CarefulBench | None, mixtures: Sequence[Recommendation]
) -> tuple[list[Recommendation], list[Tried]]:
    """The smallest mixture that makes the risk low; the largest where none does; none where even that does not help.

    Beside it the mixtures that were tried and do not help at all, where none does.
    """
    usual = next(item for item in mixtures if item.parameters["share"] == _USUAL_SHARE)
    if bench is None or not bench.can_lend:
        return [_with(usual, _NOT_ASKED if bench is None else bench.measure(usual))], []
    first = bench.measure(usual)
    if first.points is None:
        return [_with(usual, first)], []
    enough = first.helps and bench.makes_low(first)
    others = [item for item in mixtures if (item.affected_rows < usual.affected_rows) == enough and item is not usual]
    in_vain = [] if first.helps else [_in_vain(usual, first)]
    for item in others:
        gain = bench.measure(item)
        if gain.helps and (not enough or bench.makes_low(gain)):
            return [_with(item, gain)], []
        in_vain += [] if gain.helps else [_in_vain(item, gain)]
    return ([_with(usual, first)], []) if first.helps else ([], in_vain)


def _with(item: Recommendation, gain: Gain) -> Recommendation:
    return replace(item, expected_gain=gain.points, gain_note=gain.note, prediction=gain.prediction)


def _in_vain(item: Recommendation, gain: Gain) -> Tried:
    return Tried(
        id=item.id,
        kind=item.kind,
        title=item.title,
        reason=item.reason,
        columns=item.columns,
        affected_rows=item.affected_rows,
        measured=gain.note,
        why=gain.why,
        drop=gain.drop,
    )
