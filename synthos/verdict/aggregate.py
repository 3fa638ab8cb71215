"""The verdict: risk, level, decision with its reasons, probability, the three outcomes, and what stays open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthos.dimensions.memorisation import Memorisation
from synthos.errors import ConfigError, InternalError
from synthos.results import (
    DIMENSIONS,
    CascadeResult,
    CollapseType,
    Decision,
    DimensionResult,
    Failed,
    Interval,
    NotApplicable,
    Region,
    RiskLevel,
    Scored,
    Unread,
    Utility,
    Verdict,
)
from synthos.verdict import reasons as say
from synthos.verdict.calibration import Cascade, Loss, RiskModel, default_risk_model, gather, logistic
from synthos.verdict.chances import Chance
from synthos.verdict.copied import about_copies, copies_left_open, fault_of_copies
from synthos.verdict.harm import COLLAPSED, Expected, HarmModel, default_harm_model, risk_of
from synthos.verdict.outcomes import outcomes
from synthos.verdict.thresholds import Thresholds, default_thresholds

#: What collapses where a part is the worst. Variety is lost from its rare end first, so that diversity speaks of rare
#: patterns. ``scale_robustness`` and ``rho`` see an effect, not a kind: they take that of another part that is bad too.
COLLAPSE_TYPES: dict[str, CollapseType] = {
    "distribution_fidelity": "distribution",
    "correlation_preservation": "correlation",
    "diversity_retention": "rare_pattern",
    "rare_pattern_handling": "rare_pattern",
    "temporal_stability": "temporal",
    "semantic_coherence": "semantic",
    "statistical_integrity": "integrity",
}
#: A part names the kind only if it brings at least this share of the largest harm. Harms are joined by a p-norm of
#: order 4, to which a quarter of the largest adds a thousandth of the risk: whatever is less explains none of it.
LEAST_SHARE = 0.25
#: What the probability is of, and where it comes from when no model could be tried on real rows.
CHANCE = f"chance that a model trained on this table loses more than {COLLAPSED:.0%} of what real rows teach".replace(
    "%", " %"
)
NOT_CALIBRATED = (
    f"{CHANCE}; no forest could be judged on real rows, so that it rests on likeness alone and is not calibrated: read "
    "the interval and not the figure"
)
NO_CHANCE = f"{CHANCE}: not known without real rows, since what was lost leaves no trace in the table itself"
#: Added where the risk is a lower bound.
MAY_BE_HIGHER = "; not everything could be judged, so that it may be higher"


def decide(
    dimensions: Mapping[str, DimensionResult],
    cascade: Cascade,
    utility: Utility | NotApplicable | Failed | None = None,
    *,
    quick: bool,
    has_reference: bool,
    rows: Mapping[str, int],
    regions: Sequence[Region] = (),
    notes: Sequence[str] = (),
    thresholds: Thresholds | None = None,
    model: RiskModel | None = None,
    harm_model: HarmModel | None = None,
    memorised: Memorisation | NotApplicable | None = None,
    unread: Sequence[Unread] = (),
) -> Verdict:
    """Weigh everything that was measured.

    Parameters
    ----------
    dimensions : the answers of the eight dimensions, by name; one that is missing counts as failed.
    cascade : what the models said; None or ``NotApplicable`` where they were not trained.
    utility : what forests lost; None or ``NotApplicable`` where there was nothing to judge them on, so that the risk
        rests on likeness alone.
    quick : the cascade was left out on purpose, so that its absence is an open question and not a failure.
    has_reference : real rows were given. Without them nothing is ever approved, and the risk's upper end is open.
    rows : rows by table ("synthetic", "reference", "holdout"); a table that is not named was not given.
    regions : row ranges that differ from the rest of the table; one of them is enough not to approve.
    notes : what alignment, sampling and scan had to say; passed on among the open questions.
    thresholds, model, harm_model : the packaged ones by default.
    unread : what of the synthetic table could not be read; any of it is enough not to approve.
    memorised : copies of reference rows; surely many of them are a fault. They do not change the risk.

    Returns
    -------
    Verdict : risk in [0, 100], higher is worse. ``approved`` below the medium level with the whole interval below
        ``highest_upper_risk`` where nothing is left to mend; ``fix_first`` at medium, or at low risk where a region
        or a dimension below ``mend_below`` is left to mend; ``rejected`` at high risk; ``inconclusive`` where a
        required part failed, where the interval is too wide to approve, or where no reference was given and nothing
        that can be seen without one is bad. Where a part failed or no reference was given, the score is a lower bound.

    Raises
    ------
    ConfigError : no part at all applies to these tables, so that there is no risk to state.
    InternalError : every part that applies broke.
    """
    limits, model = thresholds or default_thresholds(), model or default_risk_model()
    found = _weigh(
        dimensions,
        cascade,
        utility,
        quick=quick,
        has_reference=has_reference,
        rows=rows,
        regions=regions,
        limits=limits,
        model=model,
        harm_model=harm_model or default_harm_model(),
        memorised=memorised,
        unread=unread,
    )
    expected, level = found.expected, found.level
    chance, chance_interval, note = _probability(
        expected, found.risk, found.interval, model, limits, has_reference=has_reference
    )
    seen = {"has_reference": has_reference, "has_holdout": "holdout" in rows}
    open_questions = say.open_questions(dimensions, cascade, utility, quick=quick, notes=notes, **seen)
    open_questions = (*copies_left_open(memorised), *open_questions)
    return Verdict(
        risk_score=found.risk,
        risk_bound="at_least" if found.bounded else "exact",
        risk_interval=found.interval,
        risk_level=None if found.bounded and level == "low" else level,
        decision=found.decision,
        reasons=_reasons(found),
        collapse_type=None if level == "low" else collapse_type(found.harms),
        collapse_probability=chance,
        probability_interval=chance_interval,
        probability_note=note + (MAY_BE_HIGHER if found.bounded and has_reference else ""),
        expected_loss=None if expected is None else expected.harm,
        expected_loss_interval=None if expected is None else expected.interval,
        outcomes=outcomes(
            dimensions,
            cascade,
            utility,
            quick=quick,
            # Without forests the chance is a guess from likeness, which is no chance of the floor.
            floor_chance=None if expected is None else Chance(chance, chance_interval, note),
            rows=min((rows[name] for name in ("synthetic", "reference") if name in rows), default=None),
        ),
        open_questions=open_questions,
    )


def _weigh(
    dimensions: Mapping[str, DimensionResult],
    cascade: Cascade,
    utility: Utility | NotApplicable | Failed | None,
    *,
    quick: bool,
    has_reference: bool,
    rows: Mapping[str, int],
    regions: Sequence[Region],
    limits: Thresholds,
    model: RiskModel,
    harm_model: HarmModel,
    memorised: Memorisation | NotApplicable | None,
    unread: Sequence[Unread],
) -> _Weighed:
    """Risk, level and decision with what they rest on; arguments and errors as in ``decide``."""
    losses = gather(dimensions, cascade)
    broken = _broken(dimensions, cascade, utility, quick=quick, has_reference=has_reference)
    if not losses and not isinstance(utility, Utility):
        failed = any(isinstance(answer, Failed) for answer in (*dimensions.values(), cascade, utility))
        raise _nothing(broken, failed=failed, has_reference=has_reference)
    expected = harm_model.expect(utility) if isinstance(utility, Utility) else None
    risk, interval = _risk(expected, losses, model)
    bounded = not has_reference or bool(broken)
    if bounded:
        # What was not seen may be as bad as can be.
        interval = Interval(low=interval.low, high=100.0)
    level = limits.level(risk)
    faults = say.faults(dimensions, regions, unread, limits) if has_reference else ()
    faults += fault_of_copies(memorised, limits)
    decision = _decision(level, interval, limits, broken=bool(broken), has_reference=has_reference, faulty=bool(faults))
    harms = model.harms({name: loss.value for name, loss in losses.items()})
    return _Weighed(
        decision=decision,
        risk=risk,
        interval=interval,
        level=level,
        broken=broken,
        faults=faults,
        regions=regions,
        dimensions=dimensions,
        cascade=cascade,
        utility=utility,
        copied=about_copies(memorised),
        unread=unread,
        harms=harms,
        rows=rows,
        limits=limits,
        has_reference=has_reference,
        expected=expected,
        bounded=bounded,
    )


def _nothing(broken: Sequence[str], *, failed: bool, has_reference: bool) -> ConfigError | InternalError:
    """Why there is no risk to state: every part that applies broke, or none applies."""
    if failed:
        return InternalError("nothing could be measured: " + "; ".join(broken))
    fix = "give more rows or more columns" if has_reference else "give a reference table of real rows"
    return ConfigError("nothing about the table can be told from chance", fix=fix)


def _risk(expected: Expected | None, losses: Mapping[str, Loss], model: RiskModel) -> tuple[float, Interval]:
    """The risk of the harm to expect; where no forest could be judged, that of likeness."""
    if expected is None:
        return model.risk({name: loss.value for name, loss in losses.items()}), model.risk_interval(losses)
    ends = Interval(low=risk_of(expected.interval.low), high=risk_of(expected.interval.high))
    return risk_of(expected.harm), ends


def collapse_type(harms: Mapping[str, float]) -> CollapseType | None:
    """The kind of the part that brings most risk; None where no part that has a kind brings ``LEAST_SHARE`` of it."""
    least = LEAST_SHARE * max(harms.values(), default=0.0)
    named = {name: harm for name, harm in harms.items() if name in COLLAPSE_TYPES and harm > 0.0 and harm >= least}
    return COLLAPSE_TYPES[max(named, key=lambda name: named[name])] if named else None


def _broken(
    dimensions: Mapping[str, DimensionResult],
    cascade: Cascade,
    utility: Utility | NotApplicable | Failed | None,
    *,
    quick: bool,
    has_reference: bool,
) -> list[str]:
    """A sentence for each required part that gave no answer."""
    found = []
    for name in DIMENSIONS:
        result = dimensions.get(name)
        if isinstance(result, Failed):
            found.append(f"{say.label(name)} failed ({result.error})")
        elif result is None and not (quick and name == "scale_robustness"):
            found.append(f"{say.label(name)} was not measured")
    if isinstance(utility, Failed):
        found.append(f"the forests failed ({utility.error})")
    if isinstance(cascade, Failed):
        found.append(f"the model cascade failed ({cascade.error})")
    elif not isinstance(cascade, CascadeResult) and has_reference and not quick:
        why = f" ({cascade.reason})" if isinstance(cascade, NotApplicable) else ""
        found.append(f"the model cascade was not run{why}")
    if has_reference and isinstance(dimensions.get("distribution_fidelity"), NotApplicable):
        found.append("no column could be compared with the reference")
    return found


def _decision(
    level: RiskLevel, interval: Interval, limits: Thresholds, *, broken: bool, has_reference: bool, faulty: bool
) -> Decision:
    if broken:
        return "inconclusive"
    if level == "high":
        return "rejected"
    if level == "medium" or faulty:
        return "fix_first"
    return "approved" if has_reference and interval.high < limits.highest_upper_risk else "inconclusive"


def _probability(
    expected: Expected | None,
    risk: float,
    interval: Interval,
    model: RiskModel,
    limits: Thresholds,
    *,
    has_reference: bool,
) -> tuple[float | None, Interval | None, str]:
    """The chance, its interval and what it rests on: the calibrated one, or else a wide guess from likeness."""
    if not has_reference:
        return None, None, NO_CHANCE
    if expected is not None:
        note = CHANCE
        if expected.unlike:
            note += "; unlike what it was calibrated on, so that its interval was widened: " + "; ".join(
                expected.unlike
            )
        return expected.chance, expected.chance_interval, note
    margin = limits.logit_margin
    chance = logistic(model.logit(risk))
    low = logistic(model.logit(interval.low) - margin)
    high = logistic(model.logit(interval.high) + margin)
    return chance, Interval(low=low, high=high), NOT_CALIBRATED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """A verdict and what it rests on, for its reasons; ``harms`` are those of the parts, by name.

    ``expected`` is None where no forest was judged; ``bounded`` says that the risk is a lower bound.
    """

    decision: Decision
    risk: float
    interval: Interval
    level: RiskLevel
    broken: Sequence[str]
    faults: Sequence[str]
    regions: Sequence[Region]
    dimensions: Mapping[str, DimensionResult]
    cascade: Cascade
    utility: Utility | NotApplicable | Failed | None
    copied: Sequence[str]
    unread: Sequence[Unread]
    harms: Mapping[str, float]
    rows: Mapping[str, int]
    limits: Thresholds
    has_reference: bool
    expected: Expected | None
    bounded: bool


def _reasons(given: _Weighed) -> tuple[str, ...]:
    """The decision first, then what it rests on, worst first."""
    limits, harms = given.limits, given.harms
    found = [
        say.headline(
            given.decision,
            given.risk,
            given.interval,
            limits,
            broken=given.broken,
            faults=given.faults,
            has_reference=given.has_reference,
        )
    ]
    found += [f"{say.upper_first(sentence)}." for sentence in given.broken]
    scored = {name: result for name, result in given.dimensions.items() if isinstance(result, Scored)}
    worst = sorted(scored, key=lambda name: (-harms[name], scored[name].score))
    sure = {name: result for name, result in scored.items() if not say.is_doubtful(result, limits)}
    low = [name for name in worst if name in sure and sure[name].score < limits.name_scores_below]
    named = low[: limits.most_named]
    if isinstance(given.utility, Utility):
        found.append(say.about_forests(given.utility))
    found += given.copied
    if given.unread:
        found.append(f"{say.upper_first(say.about_unread(given.unread))}, and are not judged.")
    if isinstance(given.cascade, CascadeResult):
        found.append(say.about_models(given.cascade, given.rows))
    if given.level != "low" and any(harms.values()) and collapse_type(harms) is None:
        found.append(say.UNEXPLAINED)
    found += [say.about_dimension(name, scored[name]) for name in named]
    if not named:
        found.append(say.nothing_low(sure, limits))
    if given.regions:
        found.append(say.about_regions(given.regions))
    unresolved = [name for name, result in scored.items() if not result.resolved]
    if unresolved:
        found.append(say.about_unresolved({name: scored[name] for name in unresolved}, limits))
    return tuple(found)
