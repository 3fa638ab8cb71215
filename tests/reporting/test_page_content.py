"""What the page says is what the data says, the unpleasant parts too."""

from __future__ import annotations

from dataclasses import replace

import pytest
import report_factory
import report_parts
from page_reader import PageReader, svg_trees

from synthos.reporting import phrases, words
from synthos.reporting.context import ReportData
from synthos.reporting.html import render
from synthos.reporting.material import Material
from synthos.reporting.tables import strata
from synthos.results import DiversityMeasure, Failed, Interval, NotApplicable, Scored, Utility


def text_of(data: ReportData, section: str) -> str:
    return PageReader(render(data)).text(section)


def test_the_verdict_is_read_at_one_glance(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("verdict")
    for part in (
        "Fix first",
        "46 of 100, between 40 and 53",
        "medium risk",
        "Rare pattern",
        "Probability: 71 % (48 % to 87 %); not yet calibrated",
        "ρ 0.18 0.15 to 0.22",
        "37.2 % 29.8 % to 44.1 %",
        "0.118 bits more 0.071 to 0.166 lost per row and generation, against real rows",
        "Rare-pattern handling scores 28.7",
    ):
        assert part in text


@pytest.mark.parametrize("decision", list(words.DECISIONS))
def test_every_decision_has_its_words_and_its_own_mark(decision: str) -> None:
    data = report_factory.full()
    page = render(replace(data, verdict=replace(data.verdict, decision=decision)))
    title, advice = words.DECISIONS[decision]
    advice = words.APPROVED_ALTHOUGH if decision == "approved" else advice
    text = PageReader(page).text("verdict")
    assert title in text and advice in text
    assert page.count(f"<title>{title}: ") == 1


def test_an_inconclusive_verdict_does_not_sound_like_an_answer(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["reference_free"].text("verdict")
    assert "as far as it could be judged" in text
    assert "not determined" in text and "none found" not in text
    assert text.count("left open") == 3


def test_scores_stand_where_they_belong(samples: dict[str, ReportData], pages: dict[str, str]) -> None:
    tracks = {
        tree.attrib["aria-label"].split(":")[0]: tree
        for tree in svg_trees(pages["full"])
        if "of 100, interval" in tree.attrib.get("aria-label", "")
    }
    for name, result in samples["full"].dimensions.items():
        if not isinstance(result, Scored):
            continue
        dot = tracks[words.dimension(name)].find("circle")
        assert dot is not None
        assert float(dot.attrib["cx"].removesuffix("%")) == pytest.approx(2 + 0.96 * result.score, abs=0.01)
        bar = [line for line in tracks[words.dimension(name)].findall("line") if "stroke-linecap" in line.attrib]
        ends = [float(bar[0].attrib[end].removesuffix("%")) for end in ("x1", "x2")]
        assert ends == pytest.approx([2 + 0.96 * result.interval.low, 2 + 0.96 * result.interval.high], abs=0.01)


def test_an_unresolved_score_is_hollow_and_said_to_be_so(
    pages: dict[str, str], read_pages: dict[str, PageReader]
) -> None:
    text = read_pages["full"].text("dimensions")
    assert "unresolved" in text and "The interval spans 29 points" in text
    hollow = [t for t in svg_trees(pages["full"]) if t.attrib.get("aria-label", "").endswith("unresolved")]
    assert len(hollow) == 1
    circle = hollow[0].find("circle")
    assert circle is not None and "f-card" in circle.attrib["class"]


def test_blamed_columns_stand_beside_their_dimension(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("dimensions")
    first, second = text.index("Correlation preservation"), text.index("Diversity retention")
    assert "education 50 % of the loss" in text[first:second]
    assert "marital 6.3 %" in text[second:] or "marital 6.2 %" in text[second:]  # the fourth, in the details


@pytest.mark.parametrize("section", ["dimensions", "curves", "verdict", "diversity"])
def test_failures_are_shown_with_their_error(read_pages: dict[str, PageReader], section: str) -> None:
    text = read_pages["failed"].text(section)
    assert "failed" in text
    assert "out of memory" in text or "No space left on device" in text or "no space left on device" in text


def test_what_does_not_apply_gives_its_reason_and_no_number(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("dimensions")
    at = text.index("Temporal stability")
    assert "– not applicable" in text[at : at + 80]
    assert "The rows of the reference are exchangeable" in text[at : at + 260]


def test_quick_runs_show_no_curves(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["quick"].text("curves")
    assert "not applicable" in text and "The quick mode trains no density models" in text
    assert "What more rows would give" not in text


def test_curves_tell_the_figures_of_the_cascade(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("curves")
    for part in (
        "18 small models",
        "1,430",
        "1,090 to 1,880",
        "between two trained sizes",
        "1.1 %",
        "20.90 → 21.12 → 21.35",
    ):
        assert part in text
    assert text.count("floor only") == 3 + 3 * 2  # the table, and the titles of both drawings
    assert "All 36 models" in text


def test_a_refused_law_is_stated_and_not_drawn(pages: dict[str, str], read_pages: dict[str, PageReader]) -> None:
    text = read_pages["refused"].text("curves")
    assert "The loss of the synthetic arm rises with more rows in 4 of 6 sizes" in text
    assert "refused" in text and "fitted law" not in text
    drawings = [t for t in svg_trees(pages["refused"]) if "chart" in t.attrib.get("class", "")][:2]
    for drawing in drawings:
        assert [p for p in drawing.findall("path") if p.attrib.get("stroke-width") == "2.2"] == []


def test_worst_columns_without_a_reference_are_not_guessed(read_pages: dict[str, PageReader]) -> None:
    page = read_pages["reference_free"]
    for section in ("columns", "pairs"):
        assert "not applicable There is no reference table to compare with." in page.text(section)


def test_regions_are_marked_and_listed(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("rows")
    for part in (
        "8,000 to 10,999",
        "3,000 rows, ends ± 80",
        "tails cut off",
        "62 %",
        "labels flipped",
        "16,100 to 16,199",
    ):
        assert part in text
    assert "No region was found" in read_pages["approved"].text("rows")


def test_an_approved_table_is_called_faultless_only_where_nothing_objects() -> None:
    data = report_factory.full()
    verdict = replace(data.verdict, decision="approved")
    quick = NotApplicable(reason="quick")
    like, behind = report_parts.utility(loss=0.004), report_parts.utility()
    item = next(result for result in data.dimensions.values() if isinstance(result, Scored))
    for score, cascade, forests, faultless in (
        (99.0, quick, like, True),
        (78.4, quick, like, False),
        (99.0, data.cascade, like, False),
        (99.0, quick, behind, False),
    ):
        dimensions = {"correlation_preservation": replace(item, score=score)}
        told = phrases.advice(verdict, dimensions, cascade, forests)
        assert told == (words.DECISIONS["approved"][1] if faultless else words.APPROVED_ALTHOUGH)


def test_what_was_not_measured_is_not_stated(read_pages: dict[str, PageReader]) -> None:
    approved = read_pages["approved"]
    for section in ("rows", "pairs"):
        assert "by more than chance" in approved.text(section)
    data = report_factory.full()
    unstated = PageReader(render(replace(data, verdict=replace(data.verdict, outcomes={})))).text("verdict")
    assert "Does it teach less than real rows?" in unstated


def test_recommendations_carry_gain_and_snippet(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("recommendations")
    assert "+14.2 points" in text and "not measured" in text
    assert text.index("Remove rows 8,000") < text.index("Mix in 10 %")
    assert "nothing was found that needs mending" in read_pages["approved"].text("recommendations")


def test_no_fix_is_not_sold_as_no_need() -> None:
    data = replace(report_factory.full(), recommendations=(), tried=())
    assert "no fix in the catalogue fits" in text_of(data, "recommendations")


def test_what_was_tried_in_vain_stands_under_what_is_recommended() -> None:
    data = report_factory.full()
    text = text_of(data, "recommendations")
    assert text.index("Mix in 10 %") < text.index("Tried, and not recommended") < text.index("proportions of city")
    assert "models would not clearly lose less" in text and "Forests lose 0.236 before" in text
    alone = text_of(replace(data, recommendations=()), "recommendations")
    assert "Nothing is recommended; what was tried does not help." in alone and "0.236 before" in alone
    assert "Tried" not in text_of(replace(data, tried=()), "recommendations")


def test_diversity_shows_ratios_and_clusters(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("diversity")
    assert "0.92 0.90 to 0.94" in text and "cluster 2 0.71 0.71 0.71" in text
    assert "Gradient not applicable No models were trained on the reference." in text


def test_personal_data_is_flagged_and_never_quoted() -> None:
    data = report_factory.full()
    columns = tuple(
        replace(column, top=(("anna@example.org", 5),), minimum="aaron@example.org", maximum="zoe@example.org")
        if column.pii
        else column
        for column in data.profiles["synthetic"].columns
    )
    profiles = {name: replace(profile, columns=columns) for name, profile in data.profiles.items()}
    page = render(replace(data, profiles=profiles))
    text = PageReader(page).text("profile")
    assert "personal email (99.7 %)" in text and "hidden" in text
    assert "example.org" not in page


def test_the_profile_sets_both_tables_side_by_side() -> None:
    data = report_factory.full()
    text = text_of(data, "profile")
    for part in (
        "20,000",
        "20,190",
        "1.84 MB",
        "1.2 % ± 0.16 %",
        "38.6 ± 13.7",
        "2020-09-13",
        "≈ 19.1k",
        "Private 50 %",
    ):
        assert part in text


def test_columns_of_one_table_only_are_listed_too() -> None:
    data = report_factory.full()
    ours = replace(data.profiles["synthetic"], columns=data.profiles["synthetic"].columns[1:])
    text = text_of(replace(data, profiles={**data.profiles, "synthetic": ours}), "profile")
    assert " age integer" in text


def test_everything_open_is_listed_worst_first(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["failed"].text("open")
    order = [text.index(status) for status in ("failed", "open question", "unresolved", "not applicable", "note")]
    assert order == sorted(order)
    for part in ("Learning curves", "Outcome: Floor", "Diversity: spread", "Column “city” is stored as text"):
        assert part in text


def test_nothing_open_is_said_too() -> None:
    data = report_factory.approved()
    diversity = {name: measure for name, measure in data.diversity.items() if not isinstance(measure, NotApplicable)}
    assert isinstance(data.utility, Utility)
    utility = replace(data.utility, notes=())
    assert "nothing is open" in text_of(replace(data, diversity=diversity, utility=utility), "open")


def test_provenance_names_all_that_the_verdict_depends_on(read_pages: dict[str, PageReader]) -> None:
    text = read_pages["full"].text("provenance")
    for part in (
        "c0ffee17d9b04c2a8d11",
        "7411095287771923",
        "b2:9f3c51d07ae84b6f",
        "polars 2.1.0",
        "71.9 s",
        "Quick no",
    ):
        assert part in text


def test_a_dimension_of_another_name_is_shown_last() -> None:
    data = report_factory.full()
    extra = Scored(score=77.0, interval=Interval(low=70.0, high=84.0), resolved=True, components=())
    text = text_of(replace(data, dimensions={"house_rules": extra, **data.dimensions}), "dimensions")
    assert text.index("House rules") > text.index("Statistical integrity")


def test_a_dimension_that_is_missing_is_reported_as_failed() -> None:
    data = report_factory.full()
    dimensions = {name: result for name, result in data.dimensions.items() if name != "rare_pattern_handling"}
    assert "Rare-pattern handling failed No result was handed in." in text_of(
        replace(data, dimensions=dimensions), "open"
    )


def test_tables_without_common_values_do_not_break_the_page() -> None:
    data = report_factory.full()
    empty = Material(overlays=(), pairs=data.material.pairs, row_map=replace(data.material.row_map, rows=0, bins=()))
    text = text_of(replace(data, material=empty, regions=(), diversity={"spread": Failed(error="broken")}), "columns")
    assert "No column holds values in both tables." in text


def test_clusters_are_lined_up_by_name_over_all_measures() -> None:
    measure = report_factory.full().diversity["entropy"]
    assert isinstance(measure, DiversityMeasure)
    other = replace(measure, strata=(("cluster 3", 0.5), ("cluster 1", 0.4)))
    table = strata({"entropy": measure, "spread": other, "gradient": NotApplicable(reason="")})
    assert table.measures == ("entropy", "spread")
    assert table.rows == (("cluster 1", (0.97, 0.4)), ("cluster 2", (0.71, None)), ("cluster 3", (1.02, 0.5)))
    assert strata({}).rows == ()
