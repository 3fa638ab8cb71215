"""What to do about a table, best first: each fix is tried on a sample, and those that do not help are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from synthos.progress import Event, Listener, silent
from synthos.recommendation.candidates import Candidate, suggest
from synthos.recommendation.gains import Gain, Rescore, Workbench
from synthos.recommendation.snippets import Place, file_place, snippet
from synthos.results import DimensionResult, Failed, Outcome, Recommendation, Region, Verdict
from synthos.sampling.evidence import Evidence
from synthos.verdict.calibration import RHO, default_risk_model
from synthos.verdict.thresholds import Thresholds, default_thresholds

#: Fixes that are tried, mixtures apart; each costs one evaluation of all dimensions, and each of its random blocks one
#: more (``gains.CONTROLS``).
MOST_MEASURED = 4
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
    thresholds: Thresholds | None = None,
    listener: Listener = silent,
    synthetic: Place | None = None,
    reference: Place | None = None,
) -> tuple[Recommendation, ...]:
    """Fixes ranked by measured gain, then those whose gain could not be measured.

    Parameters
    ----------
    rescore : the risk of changed evidence without the cascade, all dimensions evaluated anew; None, as in the quick
        mode, to measure nothing.
    thresholds : where the risk is low enough that nothing else is asked for; the packaged ones by default.
    synthetic, reference : where the snippets find the tables; by default files of the tables' names.

    Returns
    -------
    recommendations : ``expected_gain`` in points of the risk without the cascade, which is not the verdict's own where
        models were trained. A fix is kept only where it lowers the risk by more than the
        removal of random blocks of the same size moves it, or where that could not be tried. Empty where nothing
        speaks for a fix. Ids are ``KIND-NUMBER`` and stay the same for the same evidence.
    """
    candidates = suggest(evidence, dimensions, regions, verdict.risk_level)
    synthetic = synthetic or file_place(evidence.synthetic.profile.name)
    if evidence.reference is not None:
        reference = reference or file_place(evidence.reference.profile.name)
    made = _numbered(candidates, synthetic, reference)
    if not made:
        return ()
    start = None
    if rescore is not None:
        suspects = [region.row_range for region in regions]
        limits = thresholds or default_thresholds()
        start = partial(Workbench, evidence, rescore, limits, suspects, seen=not _models_object(verdict, limits))
    kept = _measured(candidates, made, start, listener)
    return tuple(sorted(kept, key=lambda item: (item.expected_gain is None, -(item.expected_gain or 0.0))))


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
    start: Callable[[], Workbench] | None,
    listener: Listener,
) -> list[Recommendation]:
    """The fixes that help, or that could not be tried, with their gains.

    Where taking rows away makes the risk low by itself, nothing else is asked for: weights would then be those of a
    table that is no more, and real rows or a new generator are dear.
    """
    kept: list[Recommendation] = []
    bench: Workbench | None = None
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
            gain = bench.measure(item)
            tried += 1
        if gain.helps:
            kept.append(_with(item, gain))
            mended = mended or (bench is not None and bench.makes_low(gain))
    mixtures = [item for item in made if item.kind == "mix_real"]
    if mixtures and not mended:
        if start is not None:
            bench = bench or start()
        kept += _mixture(bench, mixtures)
    listener(Event(stage="recommendations", done=len(made), total=len(made)))
    return kept


def _mixture(bench: Workbench | None, mixtures: Sequence[Recommendation]) -> list[Recommendation]:
    """The smallest mixture that makes the risk low; the largest where none does; none where even that does not help."""
    if bench is None or not bench.can_lend:
        usual = next(item for item in mixtures if item.parameters["share"] == _USUAL_SHARE)
        return [_with(usual, _NOT_ASKED if bench is None else bench.measure(usual))]
    chosen: list[Recommendation] = []
    for item in sorted(mixtures, key=lambda mixture: -mixture.affected_rows):
        gain = bench.measure(item)
        if not gain.helps or (chosen and not bench.makes_low(gain)):
            break
        chosen = [_with(item, gain)]
        if not bench.makes_low(gain):
            break
    return chosen


def _with(item: Recommendation, gain: Gain) -> Recommendation:
    return replace(item, expected_gain=gain.points, gain_note=gain.note)
