"""What to do about a table, best first: each fix is tried on a sample, and those that do not help are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from synthos.progress import Event, Listener, silent
from synthos.recommendation.candidates import Candidate, suggest
from synthos.recommendation.gains import Gain, Workbench
from synthos.recommendation.snippets import snippet
from synthos.results import DimensionResult, Recommendation, Region, Verdict
from synthos.sampling.evidence import Evidence
from synthos.verdict.thresholds import default_thresholds

#: Fixes that are tried; each costs one evaluation of all dimensions, and two more for its random blocks.
MOST_MEASURED = 6
_NOT_ASKED = Gain(None, "not measured: nothing was given to measure with", True)
_TOO_MANY = Gain(None, f"not measured: only the first {MOST_MEASURED} fixes are tried", True)
_GENERATOR = Gain(None, "cannot be measured on a finished table: it takes the generator", True)


def recommend(
    evidence: Evidence,
    dimensions: Mapping[str, DimensionResult],
    regions: tuple[Region, ...],
    verdict: Verdict,
    *,
    rescore: Callable[[Evidence], float] | None = None,
    listener: Listener = silent,
    synthetic_name: str | None = None,
    reference_name: str | None = None,
) -> tuple[Recommendation, ...]:
    """Fixes ranked by measured gain, then those whose gain could not be measured.

    Parameters
    ----------
    rescore : the risk (0-100) of changed evidence, all dimensions evaluated anew; None to measure nothing.
    synthetic_name, reference_name : files for the snippets; by default the names of the tables.

    Returns
    -------
    recommendations : ``expected_gain`` in risk points. A fix is kept only where it lowers the risk by more than the
        removal of random blocks of the same size moves it, or where that could not be tried. Empty where nothing
        speaks for a fix. Ids are ``KIND-NUMBER`` and stay the same for the same evidence.
    """
    candidates = suggest(evidence, dimensions, regions, verdict.risk_level)
    synthetic = synthetic_name or evidence.synthetic.profile.name
    reference = reference_name or (evidence.reference.profile.name if evidence.reference else None)
    made = _numbered(candidates, synthetic, reference)
    if not made:
        return ()
    kept = _measured(evidence, candidates, made, rescore, listener)
    return tuple(sorted(kept, key=lambda item: (item.expected_gain is None, -(item.expected_gain or 0.0))))


def _numbered(candidates: Sequence[Candidate], synthetic: str, reference: str | None) -> list[Recommendation]:
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
    evidence: Evidence,
    candidates: Sequence[Candidate],
    made: Sequence[Recommendation],
    rescore: Callable[[Evidence], float] | None,
    listener: Listener,
) -> list[Recommendation]:
    """The fixes that help, or that could not be tried, with their gains; of all mixtures the smallest that will do."""
    bench: Workbench | None = None
    tried = 0
    kept: list[Recommendation] = []
    mixture: Recommendation | None = None
    enough = False
    for done, (candidate, item) in enumerate(zip(candidates, made, strict=True)):
        listener(Event(stage="recommendations", done=done, total=len(made), message=item.title))
        is_mixture = candidate.kind == "mix_real"
        if is_mixture and enough:
            continue
        if not candidate.measurable:
            gain = _GENERATOR
        elif rescore is None:
            gain = _NOT_ASKED
        elif tried >= MOST_MEASURED:
            gain = _TOO_MANY
        else:
            bench = bench or Workbench(evidence, rescore)
            gain = bench.measure(item)
            tried += 1
        if not gain.helps:
            continue
        item = replace(item, expected_gain=gain.points, gain_note=gain.note)
        if is_mixture:
            mixture = item
            left = None if bench is None or gain.points is None else bench.risk - gain.points
            enough = left is None or default_thresholds().level(left) == "low"
        else:
            kept.append(item)
    listener(Event(stage="recommendations", done=len(made), total=len(made)))
    return [*kept, mixture] if mixture is not None else kept
