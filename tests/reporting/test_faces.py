"""The terminal summary, the notebook card, the palette and the phrases."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import report_factory
import report_models
from page_reader import PageReader
from rich.console import Console

from synthos import advice, results
from synthos.reporting import palette, phrases, words
from synthos.reporting.context import ReportData
from synthos.reporting.html import render
from synthos.reporting.notebook import summary_html
from synthos.reporting.open_points import ORDER, open_points
from synthos.reporting.terminal import summary
from synthos.results import DIMENSIONS, Interval, Outcome, Region

NAMES = list(report_factory.SAMPLES)


def shown(data: ReportData, width: int = 100) -> str:
    console = Console(width=width, highlight=False, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(summary(data, width))
    return capture.get()


# --- terminal ---


@pytest.mark.parametrize("width", [50, 80, 160])
@pytest.mark.parametrize("name", NAMES)
def test_the_summary_keeps_to_its_width(samples: dict[str, ReportData], name: str, width: int) -> None:
    text = shown(samples[name], width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert text.splitlines()[0].startswith(("✔", "▲", "✖", "?"))


def test_the_summary_tells_the_verdict(samples: dict[str, ReportData]) -> None:
    text = shown(samples["full"])
    for part in (
        "Fix first  risk 46 of 100 (40 to 53), medium risk",
        "ρ 0.18 (0.15 to 0.22)",
        "71 % (48 % to 87 %); not yet calibrated",
        "1,430 real rows (1,090 to 1,880)",
        "64  (50 to 78) unresolved",
        "not applicable: the rows of the reference are exchangeable",
        "rows 8,000 to 10,999",
        "What to do (gains in points of the risk, 0 to 100)",
        "1. Remove rows 8,000 to 10,999 (gain +14.2)",
        "lose 21 % (18 % to 24 %) of what real rows teach; 23.6 % expected",
        "0.118 bits more (0.071 to 0.166 lost per row and generation",
        "(gain unknown)",
        "     not measured: no fresh real rows were given",
        "Left open",
    ):
        assert part in text


def test_what_could_not_be_read_is_told_of_every_table_however_much_is_left_open() -> None:
    data = report_factory.full()
    gone = results.Unread(file="part-3.parquet", first_row=None, rows=None, reason="cut short")
    profiles = {**data.profiles, "reference": replace(data.profiles["reference"], unread=(gone,))}
    questions = tuple(f"Question {number} is open." for number in range(9))
    told = replace(data, profiles=profiles, verdict=replace(data.verdict, open_questions=questions))
    text = " ".join(shown(told).split())
    assert "and 4 more in the JSON" in text
    assert "Of the reference table 1 of its files could not be read (part-3.parquet: cut short)." in text


def test_a_region_is_told_whole_on_a_narrow_terminal() -> None:
    data = report_factory.full()
    far = replace(data.regions[0], row_range=(1_200_000_000, 1_350_000_000), boundary_error=7)
    text = " ".join(shown(replace(data, regions=(far,)), 50).split())
    assert "rows 1,200,000,000 to 1,349,999,999 (ends ± 7)" in text


def test_a_bound_is_not_shown_as_the_figure() -> None:
    data = report_factory.full()
    models = report_models.cascade()
    least = replace(data, cascade=replace(models, n_eff_bound="at_least"))
    most = replace(data, cascade=replace(models, n_eff_bound="fewer_than"))
    assert "at least 1,430 real rows (1,090 or more)" in shown(least)
    assert "fewer than 1,430 real rows (interval up to 1,880)" in shown(most)
    end = replace(models.n_eff_interval, high=models.n_eff)
    alone = replace(most, cascade=replace(models, n_eff_bound="fewer_than", n_eff_interval=end))
    assert "fewer than 1,430 real rows (the fewest that a model was given)" in shown(alone)
    assert "at least 1,430" in PageReader(render(least)).text("curves")
    assert "fewer than 1,430" in PageReader(render(most)).text("curves")


def test_a_level_that_is_not_known_is_not_called_low() -> None:
    data = report_factory.full()
    verdict = replace(
        data.verdict,
        decision="inconclusive",
        risk_score=0.0,
        risk_interval=Interval(low=0.0, high=100.0),
        risk_level=None,
        risk_bound="at_least",
        collapse_type=None,
    )
    open_ = replace(data, verdict=verdict)
    page, card, line = PageReader(render(open_)).text("verdict"), summary_html(open_), shown(open_).splitlines()[0]
    assert "? Inconclusive  risk at least 0 of 100 (0 to 100), level of risk not known" in line
    assert "Level of risk not known" in card and "risk at least 0 of 100" in card
    assert "level of risk not known" in page and "at least 0" in page
    for text in (page, card, line):
        assert "low risk" not in text.lower()


def test_a_risk_without_a_kind_is_not_called_none_found() -> None:
    data = report_factory.full()
    text = PageReader(render(replace(data, verdict=replace(data.verdict, collapse_type=None)))).text("verdict")
    assert "not determined" in text and "none found" not in text


def test_predictions_are_called_so(samples: dict[str, ReportData]) -> None:
    assert "Predicted at 1M rows" in phrases.curves_in_words(samples["full"].cascade)


def test_failures_reach_the_terminal(samples: dict[str, ReportData]) -> None:
    text = shown(samples["failed"], 160)
    assert "✖ failed: the worker that measured it died three times" in text
    assert "? Inconclusive" in text


def test_bars_grow_with_the_score(samples: dict[str, ReportData]) -> None:
    lengths = {line.split("  ")[0]: line.count("━") for line in shown(samples["full"]).splitlines() if "━" in line}
    assert lengths["Rare-pattern handling"] < lengths["Correlation preservation"] < lengths["Statistical integrity"]


def test_long_lists_are_cut_and_say_so(samples: dict[str, ReportData]) -> None:
    data = samples["wide"]
    many = replace(data, recommendations=data.recommendations * 4)
    text = shown(many)
    assert "and 145 more" in text and "and 5 more: " in text
    assert text.count(many.recommendations[1].id) == 3, "what is left out is named by its id"


def test_the_scale_of_gains_is_told_only_where_one_was_measured() -> None:
    data = report_factory.full()
    unmeasured = replace(data, recommendations=tuple(replace(r, expected_gain=None) for r in data.recommendations))
    assert words.GAINS in shown(data) and words.GAINS in render(data)
    assert words.GAINS not in shown(unmeasured) and words.GAINS not in render(unmeasured)


def test_what_was_tried_in_vain_has_a_line_each_up_to_six() -> None:
    data = report_factory.full()
    text = shown(data, 160)
    assert "Tried, and not recommended" in text
    assert "proportions of city: models would not clearly lose less" in text
    assert "and 2 more in the JSON" in shown(replace(data, tried=data.tried * 8), 160)
    alone = shown(replace(data, recommendations=()), 160)
    assert "proportions of city" in alone and "What to do" not in alone
    assert "Tried, and not" not in shown(replace(data, tried=()), 160)


def test_markup_in_names_is_not_obeyed() -> None:
    data = report_factory.full()
    region = replace(data.regions[0], columns=("[red]bold[/red]",), detail="")
    assert "[red]bold[/red]" in shown(replace(data, regions=(region,)))


def test_written_files_are_named_in_full(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 40) / "report.html"
    console = Console(width=60, highlight=False)
    with console.capture() as capture:
        console.print(summary(report_factory.full(), 60, [path]), soft_wrap=True)
    assert f"written: {path}" in capture.get()


# --- notebook ---


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_a_balanced_fragment_without_loads(samples: dict[str, ReportData], name: str) -> None:
    card = summary_html(samples[name])
    page = PageReader(card)
    assert (page.problems, page.loads, page.handlers) == ([], [], [])
    assert "script" not in page.tags and "<html" not in card
    assert len(card) < 12_000


def test_the_card_styles_only_itself(samples: dict[str, ReportData]) -> None:
    style = re.search(r"<style>(.*?)</style>", summary_html(samples["full"]), re.DOTALL)
    assert style is not None
    rules = re.findall(r"^([^{\n]+)\{", style[1], re.MULTILINE)
    assert rules and all(rule.startswith(".synthos-card") for rule in rules)


def test_the_card_tells_the_verdict(samples: dict[str, ReportData]) -> None:
    card = summary_html(samples["failed"])
    for part in (
        "Inconclusive: risk 46 of 100 (40 to 53)",
        "Floor: failed",
        "out of memory",
        "3 regions, 2 recommendations, 1 more fix tried in vain",
    ):
        assert part in card
    assert "1 region," in summary_html(replace(samples["full"], regions=samples["full"].regions[:1]))


# --- open points ---


def test_open_points_come_once_and_worst_first(samples: dict[str, ReportData]) -> None:
    for data in samples.values():
        points = open_points(replace(data, notes=data.notes * 2))
        assert len(points) == len(set(points))
        order = [ORDER.index(point.status) for point in points]
        assert order == sorted(order)


def test_each_refused_prediction_is_an_open_point(samples: dict[str, ReportData]) -> None:
    points = [point for point in open_points(samples["refused"]) if point.status == "refused"]
    assert [point.where for point in points][:2] == ["Scaling law", "Prediction at 1,000,000 rows"]
    assert len(points) == 5


# --- words, phrases, colours ---


def test_every_name_of_the_results_has_words() -> None:
    assert tuple(words.DIMENSIONS) == DIMENSIONS
    for known, names in (
        (words.DECISIONS, results.Decision),
        (words.LEVELS, results.RiskLevel),
        (words.COLLAPSE_TYPES, results.CollapseType),
        (words.ISSUES, results.Issue),
        (words.KINDS, advice.RecommendationKind),
    ):
        assert set(known) == set(get_args(names))
    assert words.dimension("house_rules") == "House rules"


def test_every_issue_can_be_drawn() -> None:
    data = report_factory.full()
    for issue in get_args(results.Issue):
        region = Region(row_range=(0, 9), columns=("a",), issue=issue, impact=0.5, detail="", boundary_error=1)
        assert words.ISSUES[issue] in shown(replace(data, regions=(region,)))


def test_sentences() -> None:
    assert phrases.sentence("no reference\n was given") == "No reference was given."
    assert phrases.sentence("n_eff is a bound.") == "n_eff is a bound."
    assert phrases.sentence("Why?") == "Why?"
    assert phrases.sentence("") == ""
    assert phrases.clip_text("x" * 400) == "x" * 299 + "…"


def test_signed_changes() -> None:
    assert [phrases.signed(v) for v in (0.5, -0.5, 0.0, None)] == ["+0.5", "−0.5", "0", "n/a"]
    assert phrases.signed(14.24, 1) == "+14.2"


def test_outcomes_in_their_units() -> None:
    share = Outcome(value=0.25, interval=Interval(low=0.2, high=0.3), unit="share of rare mass", meaning="")
    assert (phrases.outcome_value(share), phrases.outcome_range(share)) == ("25 %", "20 % to 30 %")
    lost = replace(share, unit="utility loss")
    assert (phrases.outcome_value(lost), phrases.outcome_range(lost)) == (
        "25 %",
        "20 % to 30 % of what real rows teach",
    )
    loop = replace(share, value=-0.09, interval=Interval(low=-0.12, high=-0.06), unit="bits per row and generation")
    assert phrases.outcome_value(loop) == "0.09 bits less"
    assert phrases.outcome_range(loop) == "−0.12 to −0.06 lost per row and generation, against real rows"
    assert phrases.outcome_value(replace(loop, value=0.09)) == "0.09 bits more"
    other = replace(share, unit="rows")
    assert (phrases.outcome_value(other), phrases.outcome_range(other)) == ("0.25", "0.2 to 0.3 rows")


def test_the_chance_of_an_outcome_says_what_it_is_of_or_why_there_is_none() -> None:
    bare = Outcome(value=0.25, interval=Interval(low=0.2, high=0.3), unit="share of rare mass", meaning="")
    assert phrases.outcome_chance(bare) == "no chance is stated"
    plain = replace(bare, probability=0.96, probability_of="chance that it drifts; not calibrated")
    assert phrases.outcome_chance(plain) == "96 % chance that it drifts; not calibrated"
    known = replace(plain, probability_interval=Interval(low=0.9, high=0.99), probability_of="chance that it is gone")
    assert phrases.outcome_chance(known) == "96 % (90 % to 99 %) chance that it is gone"


def test_every_face_shows_the_chance_of_each_outcome(samples: dict[str, ReportData]) -> None:
    full = samples["full"]
    outcomes = [outcome for outcome in full.verdict.outcomes.values() if isinstance(outcome, Outcome)]
    assert len(outcomes) == 3
    for face in (shown(full, 400), summary_html(full), PageReader(render(full)).text("verdict")):
        told = " ".join(face.split())
        for outcome in outcomes:
            assert phrases.outcome_chance(outcome) in told


def test_the_terminal_tells_the_collapse_probability_once(samples: dict[str, ReportData]) -> None:
    full = samples["full"]
    floor = full.verdict.outcomes["floor"]
    assert isinstance(floor, Outcome)
    verdict = replace(full.verdict, probability_note=floor.probability_of)
    assert shown(replace(full, verdict=verdict), 400).count(floor.probability_of) == 1


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["card", "page", "sunk"])
@pytest.mark.parametrize("ink", ["ink", "muted", "accent", "good", "middling", "bad", "unknown"])
def test_text_reaches_contrast_aa(ink: str, ground: str, scheme: int) -> None:
    """WCAG 2.1, 1.4.3: at least 4.5 to 1 for text."""
    assert contrast(palette.COLOURS[ink][scheme], palette.COLOURS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ink", ["real", "synthetic", "rule"])
def test_graphics_reach_contrast_aa(ink: str, scheme: int) -> None:
    """WCAG 2.1, 1.4.11: at least 3 to 1 for what a picture is read from."""
    assert contrast(palette.COLOURS[ink][scheme], palette.COLOURS["card"][scheme]) >= 3


def test_painted_elements_work_without_a_style_sheet() -> None:
    painted = palette.paint(fill="real", stroke="card")
    assert painted == 'class="f-real s-card" fill="#0072b2" stroke="#ffffff"'
    assert palette.paint(stroke="ink").startswith('class="s-ink" fill="none"')
    assert palette.variables(0) != palette.variables(1)
    assert ".f-real{fill:var(--real)}" in palette.classes()


def test_without_a_chance_both_faces_say_why() -> None:
    data = report_factory.full()
    note = "chance of a collapse: not known without real rows"
    unknown = replace(data.verdict, collapse_probability=None, probability_interval=None, probability_note=note)
    told = replace(data, verdict=unknown)
    for text in (shown(told, 160), PageReader(render(told)).text("verdict")):
        assert f"not stated; {note}" in text.lower()
