"""The verdict in sentences: plain words, each with its figure and the columns it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthos.results import (
    CascadeResult,
    Component,
    Decision,
    DimensionResult,
    Failed,
    Interval,
    NotApplicable,
    Region,
    Scored,
    Unread,
    Utility,
)
from synthos.verdict.calibration import Cascade
from synthos.verdict.issue_words import ISSUES
from synthos.verdict.thresholds import Thresholds

#: What a low score of each dimension means, to be read after "scores 41.2".
_MEANING = {
    "distribution_fidelity": "single columns are distributed otherwise than in the reference",
    "correlation_preservation": "columns do not depend on each other as in the reference",
    "diversity_retention": "there is less variety than in the reference",
    "rare_pattern_handling": "what is rare in the reference is thinned out or gone",
    "temporal_stability": "the order of the rows carries a pattern that the reference does not have",
    "semantic_coherence": "rows break rules that hold in the reference",
    "scale_robustness": "models trained on it stay behind those on real rows, or more rows bring less that is new",
    "statistical_integrity": "the table itself is unsound (repeats, copies, nulls or impossible values)",
}
#: What the worst component of ``statistical_integrity`` says of the table; the first place takes its value, the second
#: what chance gives.
_FAULTS = {
    "duplicates": "{} of its rows repeat another one{}",
    "copies": (
        "{} of its rows are copies of reference rows{}: the generator memorised them; "
        "remove them, or train a new generator"
    ),
    "near_duplicates": "{} of its distinct rows agree with another one in most columns{}",
    "nulls": "in one column the share of missing values is off by {}{}",
    "domain": "in one column {} of the values are outside what real rows have{}",
    "impossible": "{} of its rows have a negative value where no real row has one{}",
}
_MOST_COLUMNS = 3
#: Files that are named beside the first of those that could not be read.
_MOST_FILES = 3
_MOST_REGIONS = 3
#: A loss whose interval reaches below this is that of real rows: no use of a table would notice it.
LIKE_REAL = 0.01
#: A loss that may be none and is surely below this is called as good as real rows; half of what counts as collapsed.
AS_GOOD = 0.05
#: Where only the models see harm, and no dimension brings enough of it to be named as the cause.
UNEXPLAINED = "What raises the risk is how models trained on it do, and no dimension shows why."


def label(name: str) -> str:
    """The dimension's name as words."""
    return name.replace("_", " ")


def upper_first(sentence: str) -> str:
    """The sentence with a capital first; the rest stays, unlike with ``str.capitalize``."""
    return sentence[:1].upper() + sentence[1:]


def span(interval: Interval, digits: int = 0) -> str:
    """An interval for people: "12 to 34"."""
    return f"{interval.low:.{digits}f} to {interval.high:.{digits}f}"


def headline(
    decision: Decision,
    risk: float,
    interval: Interval,
    limits: Thresholds,
    *,
    broken: Sequence[str],
    faults: Sequence[str] = (),
    has_reference: bool,
) -> str:
    """The decision, and the rule that led to it."""
    bound = "at least " if broken or not has_reference else ""
    figure = f"risk {bound}{risk:.0f} of 100 (95 % interval {span(interval)})"
    if broken:
        return f"Inconclusive: a required part gave no answer, so that {figure} rests on the other parts alone."
    if decision == "inconclusive" and not has_reference:
        return (
            f"Inconclusive: what can be seen without a reference gives {figure}, but lost values, lost "
            "dependence and lost rare patterns cannot be seen without one; give a reference table."
        )
    if decision == "inconclusive":
        return (
            f"Inconclusive: {figure} is low, but its interval reaches {limits.highest_upper_risk:.0f}; more rows in "
            "both tables would narrow it."
        )
    if decision == "fix_first" and risk < limits.medium:
        return f"Fix first: {figure} is low, but {_listed(faults)}."
    rule = {
        "approved": f"is below {limits.medium:.0f}",
        "fix_first": f"is at or above {limits.medium:.0f}" + ("" if bound else f" and below {limits.high:.0f}"),
        "rejected": f"is at or above {limits.high:.0f}",
    }[decision]
    word = {"approved": "Approved", "fix_first": "Fix first", "rejected": "Rejected"}[decision]
    return f"{word}: {figure} {rule}."


def faults(
    dimensions: Mapping[str, DimensionResult], regions: Sequence[Region], unread: Sequence[Unread], limits: Thresholds
) -> tuple[str, ...]:
    """What is left to mend whatever the risk: what nobody can read, regions, and dimensions that surely score below
    ``mend_below``."""
    found = []
    if unread:
        found.append(about_unread(unread))
    if regions:
        rows = sum(region.row_range[1] - region.row_range[0] for region in regions)
        found.append(
            f"{rows:,} of its rows stand out from the rest"
            if len(regions) == 1
            else f"{rows:,} rows in {len(regions)} regions stand out from the rest"
        )
    for name, result in dimensions.items():
        if isinstance(result, Scored) and result.interval.high < limits.mend_below:
            found.append(f"{label(name)} scores {result.score:.1f}")
    return tuple(found)


def about_unread(unread: Sequence[Unread]) -> str:
    """How much of a table could not be read, and where that begins."""
    rows, files = sum(item.rows or 0 for item in unread), sum(item.rows is None for item in unread)
    counted = [f"{rows:,} of its rows" if rows else "", f"{files:,} of its files" if files else ""]
    first = unread[0]
    place = first.file if first.first_row is None else f"{first.file}, from row {first.first_row:,} on"
    others = [file for file in dict.fromkeys(item.file for item in unread) if file != first.file]
    more = f"; also {_listed(others[:_MOST_FILES])}" if others else ""
    more += f" and {len(others) - _MOST_FILES:,} more files" if len(others) > _MOST_FILES else ""
    return f"{' and '.join(filter(None, counted))} could not be read ({place}: {first.reason}{more})"


def about_forests(utility: Utility) -> str:
    """What forests trained on the table lost on real rows, and in which columns most."""
    figure = f"(utility loss {utility.loss:.2f}, 95 % interval {span(utility.interval, 2)})"
    known = ""
    if utility.hidden >= 0.005:
        known = f", of which {utility.hidden:.2f} show only once rows known by heart are discounted"
    who = f"Forests trained on {utility.rows:,} of its rows"
    judges = "holdout" if utility.judged_on == "holdout" else "reference"
    if utility.interval.low <= LIKE_REAL:
        real = "forests trained on as many real rows"
        if utility.interval.high < AS_GOOD:
            return f"{who} predict rows of the {judges} as well as {real} {figure}."
        return f"{who} may predict rows of the {judges} worse than {real}: it cannot be told from chance {figure}."
    text = (
        f"{who} lose {utility.loss:.0%}".replace("%", " %")
        + f" of what real rows teach about the {judges} {figure}{known}"
    )
    worst = [column for column in utility.columns if column.loss > utility.interval.high][:_MOST_COLUMNS]
    if worst:
        text += "; most in predicting " + _listed([f"{column.column} ({column.loss:.2f})" for column in worst])
    return text + "."


def about_dimension(name: str, result: Scored) -> str:
    """One low dimension: figure, meaning, and the columns that carry most of its loss."""
    text = f"{upper_first(label(name))} scores {result.score:.1f} (95 % interval {span(result.interval, 1)}): "
    text += (_fault(result.components) if name == "statistical_integrity" else None) or _MEANING[name]
    if result.blame:
        worst = sorted(result.blame, key=lambda blame: -blame.share)[:_MOST_COLUMNS]
        places = [f"{_columns(blame.columns)} ({blame.share:.0%} of the loss)" for blame in worst]
        text += f", most of all in {_listed(places)}"
    return text + "."


def _fault(components: Sequence[Component]) -> str | None:
    """What the component that makes the score says; None where none of them was scored."""
    scored = [(item.score, item) for item in components if item.score is not None and item.name in _FAULTS]
    if not scored:
        return None
    worst = min(scored, key=lambda pair: pair[0])[1]
    usual = worst.null_median or 0.0
    return _FAULTS[worst.name].format(_share(worst.value), f" (chance gives {_share(usual)})" if usual > 0.0 else "")


def _share(value: float) -> str:
    """A share that is rounded neither to none nor to all."""
    text = f"{value:.0%}" if value == 1.0 or 0.1 <= value < 0.995 else f"{value:.2%}"
    return text.replace("%", " %")


def about_regions(regions: Sequence[Region]) -> str:
    """Where the table differs from the rest of itself, in which way, and how far: the largest regions first."""
    largest = sorted(regions, key=lambda region: region.row_range[0] - region.row_range[1])[:_MOST_REGIONS]
    places = [
        f"{first:,} to {end - 1:,} ({ISSUES[region.issue]}, in {_columns(region.columns)})"
        for region in largest
        for first, end in (region.row_range,)
    ]
    more = f"; {len(regions) - _MOST_REGIONS} smaller regions do too" if len(regions) > _MOST_REGIONS else ""
    return f"Rows {_listed(places)} differ from the rest of the table{more}."


def is_doubtful(result: Scored, limits: Thresholds) -> bool:
    """Whether the score is below what is named while its wide interval reaches beyond: chance alone may give it."""
    return not result.resolved and result.interval.high >= limits.name_scores_below


def about_models(cascade: CascadeResult, rows: Mapping[str, int]) -> str:
    """What models trained on the table lost, and the real rows that it is worth."""
    whole = f" of its {rows['synthetic']:,} rows" if rows.get("synthetic", 0) > cascade.train_rows else " of its rows"
    who = f"Models trained on {cascade.train_rows:,}{whole}"
    figure = f"(rho {cascade.rho:.2f}, 95 % interval {span(cascade.rho_interval, 2)})"
    if cascade.rho_interval.low <= 0.0:
        return f"{who} cannot be told from models trained on as many real ones {figure}."
    # A bound stands in place of the figure; any other note stands beside it.
    worth = f"as many as {cascade.n_eff:,.0f} real ones teach"
    if cascade.n_eff_note:
        worth = f"{worth}, {cascade.n_eff_note}" if cascade.n_eff_bound == "exact" else cascade.n_eff_note
    if cascade.rho > 1.0:
        return f"{who} do worse on real rows than if its columns had been shuffled {figure}; worth: {worth}."
    return f"{who} go {cascade.rho:.0%} of the way from real to shuffled rows {figure}; worth: {worth}."


def about_unresolved(results: Mapping[str, Scored], limits: Thresholds) -> str:
    """Scores whose interval is wider than +-10, to be shown and not trusted."""
    items = []
    for name, result in results.items():
        doubt = "; it cannot be told from chance" if is_doubtful(result, limits) else ""
        items.append(f"{label(name)} with {result.score:.1f} ({span(result.interval)}{doubt})")
    return f"Unresolved, as the interval is wider than ±10: {_listed(items)}."


def nothing_low(scored: Mapping[str, Scored], limits: Thresholds) -> str:
    """The sentence for a table none of whose dimensions is low enough to be named."""
    if not scored:
        return "No dimension could be told from chance."
    name = min(scored, key=lambda key: scored[key].score)
    return (
        f"No measured dimension scores below {limits.name_scores_below:.0f}; the lowest is {label(name)} with "
        f"{scored[name].score:.1f}."
    )


def open_questions(
    dimensions: Mapping[str, DimensionResult],
    cascade: Cascade,
    utility: Utility | NotApplicable | Failed | None = None,
    *,
    quick: bool,
    has_reference: bool,
    has_holdout: bool,
    notes: Sequence[str],
) -> tuple[str, ...]:
    """What this verdict cannot say, and why."""
    found = []
    if quick:
        again = "without it" if has_reference else "with a reference table and without the quick mode"
        found.append(
            "Loop and scale are left open: the quick mode trains no density models, so that it cannot say whether "
            f"more rows would help or whether retraining on its own output would drift further; validate again {again}."
        )
    if not has_reference:
        found.append(
            "Without real rows it cannot be known whether values, dependence or rare patterns were lost, nor whether "
            "real rows were copied; the risk may be as high as 100 until a reference table is given."
        )
    if has_reference and isinstance(utility, NotApplicable):
        found.append(f"What models would lose on real rows was not measured: {utility.reason}.")
    if isinstance(utility, Utility) and not has_holdout and not isinstance(cascade, CascadeResult):
        found.append(
            "The forests were judged on rows of the reference, which the generator may have seen: what it gains by "
            "knowing them is estimated, not measured; give real rows that it never saw with --holdout."
        )
    for name, result in dimensions.items():
        if isinstance(result, NotApplicable) and not (quick and name == "scale_robustness"):
            found.append(f"{upper_first(label(name))} was not judged: {result.reason}.")
        elif isinstance(result, Failed):
            found.append(f"{upper_first(label(name))} is unknown, since its measurement failed.")
    if isinstance(cascade, CascadeResult):
        if not has_holdout:
            found.append(
                "The models were judged on rows of the reference, which the generator may have seen: rho is then too "
                "good for one that memorises its rows; give real rows that it never saw with --holdout."
            )
        if cascade.law.refused:
            found.append(f"Losses at larger scale are not predicted: {cascade.law.refused}.")
        if cascade.loop is None:
            found.append(
                "The loop is left open: no model was refitted on its own output; set `loop_generations` in the tier "
                "configuration to at least 1."
            )
    elif isinstance(cascade, Failed):
        found.append(f"{_only_models(utility)} are unknown, since the model cascade failed.")
    elif isinstance(cascade, NotApplicable) and not quick:
        found.append(f"{_only_models(utility)} are left open: {cascade.reason}.")
    return (*found, *notes)


def _only_models(utility: Utility | NotApplicable | Failed | None) -> str:
    """What only the cascade could have said: forests tell the floor as well."""
    return "Loop and scale" if isinstance(utility, Utility) else "Floor and loop"


def _columns(columns: Sequence[str]) -> str:
    shown = " × ".join(columns[:_MOST_COLUMNS])
    return shown if len(columns) <= _MOST_COLUMNS else f"{shown} and {len(columns) - _MOST_COLUMNS} more"


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
