"""What forests lost: the section of the page, its strips, and the lines on the terminal and the card."""

from __future__ import annotations

from dataclasses import replace

import pytest
import report_factory
import report_parts
from page_reader import PageReader, svg_trees
from rich.console import Console

from synthos.reporting import phrases
from synthos.reporting.charts.learned import CONSTANT, MOST_STRIPS, REAL, learned, position
from synthos.reporting.context import ReportData
from synthos.reporting.html import SECTIONS, render
from synthos.reporting.notebook import summary_html
from synthos.reporting.open_points import open_points
from synthos.reporting.terminal import summary
from synthos.results import Failed, Interval, NotApplicable, Outcome, Utility


def text_of(data: ReportData) -> str:
    return PageReader(render(data)).text("losses")


def on_terminal(data: ReportData) -> str:
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        console.print(summary(data, 200))
    return capture.get()


def with_first(data: ReportData, **changes: float) -> ReportData:
    """``data`` with the worst column of its forests changed."""
    assert isinstance(data.utility, Utility)
    first, *rest = data.utility.columns
    return replace(data, utility=replace(data.utility, columns=(replace(first, **changes), *rest)))


def test_the_section_stands_before_the_dimensions_and_tells_the_figures(read_pages: dict[str, PageReader]) -> None:
    names = [name for name, _ in SECTIONS]
    assert names.index("losses") + 1 == names.index("dimensions")
    text = read_pages["full"].text("losses")
    for part in (
        "Forests trained on 8,000 of its rows lose 21 % (18 % to 24 %) of what as many real rows teach.",
        "Expected on rows nobody was shown 23.6 % 14.8 % to 36.2 %",
        "Judged on 8,000 rows of the reference, which the generator has seen",
        "age real rows take 60 % off the error 43.8 % 6 % hidden",
        "2 of 12 columns cannot be predicted from the others and were left out",
        "age squared error of ranks 1 0.4 0.627 60 % 37.8 % 6 % 43.8 %",
        "workclass Brier score",
    ):
        assert part in text


def test_columns_stand_worst_first_and_only_so_many() -> None:
    found = report_parts.utility([f"c{k}" for k in range(MOST_STRIPS + 6)])
    strips = learned(tuple(reversed(found.columns)))
    assert [strip.column.column for strip in strips] == [f"c{k}" for k in range(MOST_STRIPS)]
    assert "6 more columns, which lose less" in text_of(replace(report_factory.full(), utility=found))


def test_strips_stand_where_the_loss_says() -> None:
    data = with_first(report_factory.full(), loss=0.25, hidden=0.1, apparent=0.15)
    trees = {tree.attrib.get("aria-label", ""): tree for tree in svg_trees(render(data))}
    label = next(name for name in trees if name.startswith("age: "))
    assert label == "age: 25 % of what real rows teach is lost; 10 % of it hidden by rows known by heart"
    real, synthetic = trees[label].findall("circle")
    assert float(real.attrib["cx"].removesuffix("%")) == REAL
    assert float(synthetic.attrib["cx"].removesuffix("%")) == CONSTANT + 0.75 * (REAL - CONSTANT)
    hidden = [line for line in trees[label].findall("line") if "stroke-dasharray" in line.attrib]
    ends = [float(hidden[0].attrib[end].removesuffix("%")) for end in ("x1", "x2")]
    assert ends == pytest.approx([position(0.75), position(0.85)])


@pytest.mark.parametrize(
    ("loss", "beyond", "word"), [(1.5, "low", "worse than a constant guess"), (-0.2, "high", "nothing is lost")]
)
def test_what_lies_beyond_the_scale_is_drawn_at_its_end(loss: float, beyond: str, word: str) -> None:
    column = replace(report_parts.utility().columns[0], loss=loss, hidden=0.0)
    (strip,) = learned((column,))
    assert strip.beyond == beyond and word in strip.words
    assert 0.0 < strip.at < 100.0 and (strip.at < CONSTANT if beyond == "low" else strip.at > REAL)


def test_only_memory_that_shows_is_drawn() -> None:
    clean = report_parts.utility(["a", "b"])
    tiny = replace(clean.columns[1], hidden=0.001)
    assert learned((tiny,))[0].seeming is None
    legend = "seems learned, but the rows were known by heart"
    assert legend in text_of(report_factory.full())
    assert legend not in text_of(replace(report_factory.full(), utility=replace(clean, columns=(tiny,))))


def test_losses_like_those_of_real_rows_are_not_called_losses(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["approved"].text("losses")
    assert "predict real rows as well as forests trained on as many real ones do: they lose 0.4 %" in text


def test_a_holdout_is_named_and_nothing_is_said_of_memory() -> None:
    found = replace(report_parts.utility(), judged_on="holdout", copied=0.031)
    text = text_of(replace(report_factory.full(), utility=found))
    assert "on real rows that the generator never saw" in text and "knows them by heart" not in text
    assert "Beside them, 3.1 % of the rows that could judge stand in the synthetic table word for word" in text


def test_a_loss_that_chance_may_have_made_is_not_called_none() -> None:
    unresolved = replace(report_parts.utility(loss=0.3), interval=Interval(low=0.0, high=0.6))
    text = phrases.forests(unresolved)
    assert "seem to lose 30 % (0 % to 60 %)" in text and "cannot be told from chance" in text
    assert "as well as" not in text


def test_no_better_than_a_constant_is_said_so() -> None:
    worthless = replace(report_parts.utility(loss=1.1), interval=Interval(low=1.0, high=1.2))
    assert "no better than a constant guess: they lose 110 %" in phrases.forests(worthless)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (NotApplicable(reason="models are judged on real rows"), "not applicable Models are judged on real rows."),
        (Failed(error="MemoryError: no room"), "✕ failed MemoryError: no room."),
    ],
)
def test_where_nothing_was_measured_there_is_a_reason_and_no_figure(answer: NotApplicable | Failed, shown: str) -> None:
    data = replace(report_factory.full(), utility=answer)
    text = text_of(data)
    assert shown in text and "%" not in text
    why = answer.reason if isinstance(answer, NotApplicable) else answer.error
    assert ("left open: " if isinstance(answer, NotApplicable) else "failed: ") + why in on_terminal(data)
    assert why in summary_html(data) or why.capitalize() in summary_html(data)
    assert any(point.where == "What models would lose" and point.reason == why for point in open_points(data))


def test_terminal_and_card_tell_both_losses_and_what_is_open() -> None:
    data = report_factory.full()
    line = (
        "lose 21 % (18 % to 24 %) of what real rows teach; 23.6 % expected on rows nobody was shown (14.8 % to 36.2 %)"
    )
    assert line in on_terminal(data) and f"Forests {line}." in summary_html(data)
    unknown = replace(data.verdict, expected_loss=None, expected_loss_interval=None)
    assert "is left open" in phrases.expected(unknown)
    assert "left open" in text_of(replace(data, verdict=unknown))


def test_the_floor_of_the_quick_mode_is_a_share() -> None:
    data = report_factory.quick()
    floor = Outcome(value=0.21, interval=Interval(low=0.18, high=0.24), unit="utility loss", meaning="how much worse")
    verdict = replace(data.verdict, outcomes={**data.verdict.outcomes, "floor": floor})
    text = PageReader(render(replace(data, verdict=verdict))).text("verdict")
    assert "Floor 21 % 18 % to 24 % of what real rows teach" in text


def test_notes_of_the_forests_are_open_points() -> None:
    points = open_points(report_factory.full())
    assert any(point.where == "What models would lose" and "left out" in point.reason for point in points)
