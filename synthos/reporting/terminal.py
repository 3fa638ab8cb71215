"""The verdict in a terminal: one screen, no colour that carries meaning alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from synthos.reporting import numbers, phrases, words
from synthos.reporting.charts import bars
from synthos.reporting.context import ReportInput
from synthos.results import CascadeResult, DimensionResult, Failed, NotApplicable, Outcome, Utility
from synthos.verdict.reasons import about_unread

STYLES = {"good": "green", "middling": "yellow", "bad": "red", "unknown": "bright_black"}
DECISIONS = {
    "approved": ("✔", "green"),
    "fix_first": ("▲", "yellow"),
    "rejected": ("✖", "red"),
    "inconclusive": ("?", "cyan"),
}
MAX_REGIONS, MAX_RECOMMENDATIONS, MAX_REASONS, MAX_TRIED = 5, 3, 5, 6


def summary(data: ReportInput, width: int, written: Sequence[Path] = ()) -> RenderableType:
    """A rich renderable of at most ``width`` columns; ``written`` are the files to name at the end."""
    parts: list[RenderableType] = [_headline(data)]
    parts += [_indented(phrases.sentence(reason)) for reason in data.verdict.reasons[:MAX_REASONS]]
    parts += [Text(), _outcomes(data), Text(), _dimensions(data, width)]
    parts += _regions(data)
    parts += _recommendations(data)
    if data.verdict.open_questions:
        parts += [Text(), Text("Left open", style="bold")]
        parts += [_indented(phrases.sentence(question)) for question in data.verdict.open_questions[:MAX_REASONS]]
        left = len(data.verdict.open_questions) - MAX_REASONS
        parts += [_indented(f"and {left} more in the JSON")] if left > 0 else []
    # Whatever else is left out here, what was not read is said.
    unread = {role: profile.unread for role, profile in data.profiles.items() if profile.unread}
    said = [f"Of the {role} table {about_unread(items)}." for role, items in unread.items()]
    shown = data.verdict.open_questions[:MAX_REASONS]
    parts += [_indented(sentence) for sentence in said if sentence not in shown]
    for path in written:
        parts.append(Text(f"written: {path}", no_wrap=True, overflow="ignore"))
    return Group(*parts)


def _indented(text: str) -> Padding:
    return Padding(Text(text), (0, 0, 0, 2))


def _headline(data: ReportInput) -> Text:
    verdict = data.verdict
    sign, style = DECISIONS[verdict.decision]
    line = Text(f"{sign} {words.DECISIONS[verdict.decision][0]}", style=f"bold {style}")
    line.append(f"  risk {phrases.risk(verdict)} of 100", style="bold not dim default")
    line.append(f" ({numbers.score_range(verdict.risk_interval)}), {words.level(verdict.risk_level)}", style="default")
    if verdict.collapse_type:
        line.append(f", {words.COLLAPSE_TYPES[verdict.collapse_type]}", style="default")
    return line


def _outcomes(data: ReportInput) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(Text("Forests", style="bold"), _forests(data))
    copies = data.memorisation
    told = _absent(copies) if isinstance(copies, NotApplicable) else Text(phrases.copies(copies))
    table.add_row(Text("Copies", style="bold"), told)
    for name, outcome in data.verdict.outcomes.items():
        title = words.OUTCOMES[name][0] if name in words.OUTCOMES else words.humane(name)
        if isinstance(outcome, Outcome):
            figure = f"{phrases.outcome_value(outcome)} ({phrases.outcome_range(outcome)})"
            # The chance of the floor is the collapse probability, which has a line of its own below.
            below = outcome.probability_of == data.verdict.probability_note
            text = Text(figure if below else f"{figure}; {phrases.outcome_chance(outcome)}")
        else:
            text = _absent(outcome)
        table.add_row(Text(title, style="bold"), text)
    verdict = data.verdict
    table.add_row(Text("Collapse probability", style="bold"), Text(phrases.collapse_chance(verdict)))
    if isinstance(data.cascade, CascadeResult):
        worth = f"{phrases.worth(data.cascade)} real rows ({phrases.worth_range(data.cascade)})"
        table.add_row(Text("Worth", style="bold"), Text(worth))
    return table


def _forests(data: ReportInput) -> Text:
    """What forests lost, and what is expected on rows that nobody was shown."""
    if not isinstance(data.utility, Utility):
        return _absent(data.utility)
    text = f"{phrases.forests_short(data.utility)}; {phrases.expected(data.verdict)}"
    return Text(text)


def _absent(result: NotApplicable | Failed) -> Text:
    if isinstance(result, Failed):
        return Text(f"failed: {result.error}", style="red")
    return Text(f"left open: {result.reason}", style="bright_black")


def _dimensions(data: ReportInput, width: int) -> Table:
    cells = max(10, min(40, width - 58))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    for name, result in data.dimensions.items():
        table.add_row(Text(words.dimension(name)), _measured(result, cells))
    return table


def _measured(result: DimensionResult, cells: int) -> Text:
    """Bar, score and interval, or the reason why there are none."""
    if isinstance(result, NotApplicable):
        return Text(f"not applicable: {result.reason}", style="bright_black")
    if isinstance(result, Failed):
        return Text(f"✖ failed: {result.error}", style="red")
    full = round(bars.clip(result.score) / 100 * cells)
    text = Text("━" * full, style=STYLES[bars.tone(result.score)] if result.resolved else STYLES["unknown"])
    text.append("─" * (cells - full), style="bright_black")
    text.append(f"  {numbers.score(result.score):>4}", style="bold not dim default")
    text.append(f"  ({numbers.score_range(result.interval)})", style="default")
    return text if result.resolved else text.append(" unresolved", style="default")


def _regions(data: ReportInput) -> list[RenderableType]:
    if not data.regions:
        return []
    parts: list[RenderableType] = [Text(), Text("Regions", style="bold")]
    for region in data.regions[:MAX_REGIONS]:
        start, stop = region.row_range
        columns = ", ".join(numbers.short(name, 20) for name in region.columns[:4])
        columns += f" and {len(region.columns) - 4} more" if len(region.columns) > 4 else ""
        where = (
            f"rows {numbers.count(start)} to {numbers.count(stop - 1)} (ends ± {numbers.count(region.boundary_error)})"
        )
        parts.append(_indented(f"{where}: {words.ISSUES[region.issue]}, {numbers.percent(region.impact)}, {columns}"))
    left = len(data.regions) - MAX_REGIONS
    return [*parts, _indented(f"and {left} more")] if left > 0 else parts


def _recommendations(data: ReportInput) -> list[RenderableType]:
    if not data.recommendations:
        return _tried(data)
    title = Text("What to do", style="bold")
    if any(item.expected_gain is not None for item in data.recommendations):
        title.append(f" ({words.GAINS})", "not bold")
    parts: list[RenderableType] = [Text(), title]
    for index, item in enumerate(data.recommendations[:MAX_RECOMMENDATIONS], start=1):
        gain = "gain unknown" if item.expected_gain is None else f"gain {phrases.signed(item.expected_gain, 1)}"
        parts.append(_indented(f"{index}. {phrases.clip_text(item.title)} ({gain})"))
        if item.expected_gain is None and item.gain_note:
            parts.append(_indented(f"   {phrases.clip_text(item.gain_note)}"))
    left = data.recommendations[MAX_RECOMMENDATIONS:]
    if left:
        parts.append(_indented(f"and {len(left)} more: {', '.join(numbers.short(item.id) for item in left)}"))
    return parts + _tried(data)


def _tried(data: ReportInput) -> list[RenderableType]:
    """What was tried in vain, a line each."""
    if not data.tried:
        return []
    parts: list[RenderableType] = [Text(), Text("Tried, and not recommended", style="bold")]
    parts += [_indented(f"{phrases.clip_text(i.title)}: {phrases.clip_text(i.why)}") for i in data.tried[:MAX_TRIED]]
    left = len(data.tried) - MAX_TRIED
    return [*parts, _indented(f"and {left} more in the JSON")] if left > 0 else parts
