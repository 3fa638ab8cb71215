"""Figures and reasons as phrases, shared by the page, the notebook card and the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from synthos.dimensions.memorisation import Memorisation
from synthos.reporting import numbers
from synthos.reporting.words import APPROVED_ALTHOUGH, DECISIONS
from synthos.results import (
    Bound,
    CascadeResult,
    DimensionResult,
    Failed,
    NotApplicable,
    Outcome,
    Scored,
    Utility,
    Verdict,
)
from synthos.verdict.copied import most
from synthos.verdict.reasons import AS_GOOD, LIKE_REAL
from synthos.verdict.thresholds import default_thresholds

UTILITY_LOSS = "utility loss"
#: Units that are shares: how they begin.
SHARES = ("share", UTILITY_LOSS)
#: What stands before a figure that is only a bound.
BOUNDS: dict[Bound, str] = {"exact": "", "at_least": "at least ", "fewer_than": "fewer than "}


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop, on one line.

    >>> sentence("no reference was given")
    'No reference was given.'
    """
    line = " ".join(text.split())
    if not line:
        return ""
    # Names that begin with a small letter and a sign ("n_eff", "q99") stay as they are written.
    first = line.split(" ", 1)[0]
    if first.isalpha() and first.islower():
        line = line[0].upper() + line[1:]
    return line if line[-1] in ".!?:…" else f"{line}."


def clip_text(text: str, limit: int = 300) -> str:
    """``text`` cut at ``limit`` characters, so that one hostile value cannot swell the page."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def signed(value: float | None, places: int | None = None) -> str:
    """A change, with its sign even where it is positive."""
    text = numbers.number(value) if places is None else numbers.fixed(value, places)
    return f"+{text}" if value is not None and value > 0 and text != numbers.ABSENT else text


def outcome_value(outcome: Outcome) -> str:
    """The figure of an outcome in its unit: shares as per cent, ``rho`` as ρ, bits as lost beyond real rows."""
    if outcome.unit.startswith(SHARES):
        return numbers.percent(outcome.value)
    if outcome.unit == "rho":
        return f"ρ {numbers.fixed(outcome.value)}"
    if outcome.unit.startswith("bits"):
        word = "less" if outcome.value < 0.0 else "more"
        return f"{numbers.number(abs(outcome.value))} bits {word}"
    return numbers.number(outcome.value)


def outcome_range(outcome: Outcome) -> str:
    """Its interval, with what is left of the unit."""
    if outcome.unit == UTILITY_LOSS:
        return f"{numbers.percent_range(outcome.interval)} of what real rows teach"
    if outcome.unit.startswith(SHARES):
        return numbers.percent_range(outcome.interval)
    if outcome.unit == "rho":
        return f"{numbers.fixed(outcome.interval.low)} to {numbers.fixed(outcome.interval.high)}"
    if outcome.unit.startswith("bits"):
        return f"{numbers.span(outcome.interval)} lost {outcome.unit.removeprefix('bits ')}, against real rows"
    return f"{numbers.span(outcome.interval)} {outcome.unit}"


def outcome_chance(outcome: Outcome) -> str:
    """How probable it is and what that is the chance of, or why there is none; without its full stop."""
    if outcome.probability is None:
        return outcome.probability_of
    text = f"{numbers.percent(outcome.probability)} "
    if outcome.probability_interval is not None:
        text += f"({numbers.percent_range(outcome.probability_interval)}) "
    return text + outcome.probability_of


def collapse_chance(verdict: Verdict) -> str:
    """The chance of a collapse with what it is the chance of, or why none is stated; without its full stop."""
    if verdict.collapse_probability is None or verdict.probability_interval is None:
        return f"not stated; {verdict.probability_note}"
    figure = f"{numbers.percent(verdict.collapse_probability)} ({numbers.percent_range(verdict.probability_interval)})"
    return f"{figure}; {verdict.probability_note}"


def forests(utility: Utility) -> str:
    """What forests lost, in one plain sentence without its full stop."""
    figure = f"{numbers.percent(utility.loss)} ({numbers.percent_range(utility.interval)})"
    text = f"forests trained on {numbers.count(utility.rows)} of its rows "
    if utility.interval.low <= LIKE_REAL and utility.interval.high < AS_GOOD:
        text += f"predict real rows as well as forests trained on as many real ones do: they lose {figure}"
    elif utility.interval.low <= LIKE_REAL:
        text += f"seem to lose {figure} of what as many real rows teach, which cannot be told from chance"
    elif utility.loss >= 1.0:
        text += f"predict real rows no better than a constant guess: they lose {figure} of what real rows teach"
    else:
        text += f"lose {figure} of what as many real rows teach"
    return text if utility.judged_on == "reference" else f"{text}, on real rows that the generator never saw"


def forests_short(utility: Utility) -> str:
    """The same where there is room for one line."""
    figure = f"{numbers.percent(utility.loss)} ({numbers.percent_range(utility.interval)})"
    return f"lose {figure} of what real rows teach"


def copies(found: Memorisation) -> str:
    """Rows copied from the reference beyond chance, where there is room for one line."""
    whose = "rows of the holdout" if found.against == "holdout" else "reference rows among themselves"
    if found.flagged or found.interval.low > 0.0:
        judged = "memorised" if found.flagged else "not surely enough to call them memorised"
        return (
            f"{numbers.percent(found.share)} ({numbers.percent_range(found.interval)}) of its rows copy reference rows "
            f"beyond what {whose} show: {judged}"
        )
    return f"none found: at most {numbers.percent(most(found))} of its rows, beyond what {whose} show"


def expected(verdict: Verdict) -> str:
    """The loss to expect on rows that nobody was shown."""
    if verdict.expected_loss is None:
        return "what they would lose on rows nobody was shown is left open"
    text = f"{numbers.percent(verdict.expected_loss)} expected on rows nobody was shown"
    interval = verdict.expected_loss_interval
    return text if interval is None else f"{text} ({numbers.percent_range(interval)})"


def advice(
    verdict: Verdict,
    dimensions: Mapping[str, DimensionResult],
    cascade: CascadeResult | NotApplicable | Failed,
    utility: Utility | NotApplicable | Failed,
) -> str:
    """What the decision asks for. An approved table is not called faultless where a dimension or the models object."""
    limit = default_thresholds().name_scores_below
    low = any(isinstance(result, Scored) and result.score < limit for result in dimensions.values())
    behind = isinstance(cascade, CascadeResult) and cascade.rho_interval.low > 0.0
    behind = behind or (isinstance(utility, Utility) and utility.interval.low > LIKE_REAL)
    if verdict.decision == "approved" and (low or behind):
        return APPROVED_ALTHOUGH
    return DECISIONS[verdict.decision][1]


def risk(verdict: Verdict) -> str:
    """The risk score, with "at least" where it is a lower bound."""
    return BOUNDS[verdict.risk_bound] + numbers.score(verdict.risk_score)


def worth(cascade: CascadeResult) -> str:
    """``n_eff`` as a number of rows, with "at least" or "fewer than" where it is a bound."""
    return BOUNDS[cascade.n_eff_bound] + numbers.count(cascade.n_eff)


def worth_range(cascade: CascadeResult) -> str:
    """The interval of ``n_eff``; of a bound, only the end that it does not state itself."""
    low, high = numbers.count(cascade.n_eff_interval.low), numbers.count(cascade.n_eff_interval.high)
    if cascade.n_eff_bound == "exact":
        return f"{low} to {high}"
    if cascade.n_eff_bound == "at_least":
        return f"{low} or more"
    # A bound that is its interval's own end has no range to state.
    same = high == numbers.count(cascade.n_eff)
    return "the fewest that a model was given" if same else f"interval up to {high}"


def curves_in_words(cascade: CascadeResult | NotApplicable | Failed) -> str:
    """What the learning curves show, for those who cannot see them."""
    if not isinstance(cascade, CascadeResult):
        return cascade.reason if isinstance(cascade, NotApplicable) else cascade.error
    text = (
        f"{len(cascade.models)} models trained on synthetic and {len(cascade.reference_models)} on real rows. At the "
        f"largest size rho is {numbers.fixed(cascade.rho)} ({numbers.span(cascade.rho_interval)}). Shuffled columns "
        f"would give {numbers.fixed(cascade.independent_bits)} bits per row."
    )
    for item in cascade.predictions:
        if item.loss_bits is not None:
            text += f" Predicted at {numbers.compact(item.rows)} rows: {numbers.fixed(item.loss_bits)} bits per row."
    return text
