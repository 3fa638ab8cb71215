"""What is advised follows from the evidence, is tried before it is advised, and the advice can be carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tall_people import KINDS, evidence, height_risk, table

from synthos.advice import Prediction, Recommendation
from synthos.progress import Event
from synthos.recommendation.catalogue import in_points_of, recommend
from synthos.recommendation.gains import Score
from synthos.recommendation.repair import repair_table
from synthos.recommendation.reweighting import fit_weights, weights_from_json
from synthos.recommendation.snippets import file_place
from synthos.recommendation.steps import APPLICABLE, NEEDS_REFERENCE, compile_steps
from synthos.results import (
    Blame,
    Component,
    DimensionResult,
    Failed,
    Interval,
    Kind,
    Outcome,
    Region,
    RiskLevel,
    Scored,
    Verdict,
)
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.tables.sources import open_table
from synthos.verdict.harm import risk_of
from synthos.verdict.thresholds import Thresholds, default_thresholds, parse_thresholds


def verdict(level: RiskLevel = "high") -> Verdict:
    interval = Interval(low=0.0, high=100.0)
    return Verdict(
        risk_score=60.0,
        risk_interval=interval,
        risk_level=level,
        decision="rejected",
        reasons=(),
        collapse_type=None,
        collapse_probability=0.5,
        probability_interval=interval,
        probability_note="",
        outcomes={},
        open_questions=(),
    )


def scored(value: float, *blame: Blame) -> DimensionResult:
    return Scored(score=value, interval=Interval(low=value, high=value), resolved=True, components=(), blame=blame)


def region(start: int, stop: int) -> Region:
    return Region(
        row_range=(start, stop), columns=("height",), issue="shift", impact=0.9, detail="far off", boundary_error=1
    )


def advise(
    item: Evidence,
    *,
    regions: tuple[Region, ...] = (),
    dimensions: dict[str, DimensionResult] | None = None,
    rescore: Callable[[Evidence], float] | None = None,
    level: RiskLevel = "high",
    thresholds: Thresholds | None = None,
    floor: Outcome | Failed | None = None,
) -> tuple[Recommendation, ...]:
    given = None if rescore is None else lambda changed: Score(rescore(changed))
    said = replace(verdict(level), outcomes={} if floor is None else {"floor": floor})
    return recommend(item, dimensions or {}, regions, said, rescore=given, thresholds=thresholds).recommendations


def of_kind(found: tuple[Recommendation, ...], kind: str) -> Recommendation:
    (item,) = [item for item in found if item.kind == kind]
    return item


@pytest.fixture(scope="module")
def shifted() -> pl.DataFrame:
    """Rows 600 to 1200 stand on chairs."""
    frame = table()
    return pl.concat([frame[:600], frame[600:1_200].with_columns(pl.col("height") + 30.0), frame[1_200:]])


def test_removing_the_guilty_rows_is_advised_with_its_measured_gain(shifted: pl.DataFrame) -> None:
    item = evidence(shifted, table(seed=1))
    advice = of_kind(advise(item, regions=(region(600, 1_200),), rescore=height_risk), "remove_rows")
    assert advice.expected_gain == pytest.approx(height_risk(item), abs=5.0)
    assert advice.affected_rows == 600
    assert advice.parameters == {"row_range": (600, 1_200)}
    assert "random blocks" in advice.gain_note


def test_removing_innocent_rows_is_not_advised_and_told_beside_it(shifted: pl.DataFrame) -> None:
    item, blamed = evidence(shifted, table(seed=1)), (region(2_000, 2_600),)
    found = recommend(item, {}, blamed, verdict(), rescore=lambda changed: Score(height_risk(changed)))
    assert "remove_rows" not in {item.kind for item in found.recommendations}
    (vain,) = [item for item in found.tried if item.kind == "remove_rows"]
    assert "2,000 to 2,599" in vain.title and vain.affected_rows == 600
    assert "before" in vain.measured and "by no more than chance" in vain.why
    assert not {item.id for item in found.tried} & {item.id for item in found.recommendations}


def test_the_best_measured_fix_comes_first_and_the_unmeasured_last(shifted: pl.DataFrame) -> None:
    low = {"correlation_preservation": scored(30.0, Blame(columns=("height", "weight"), share=0.9, detail="0.2 bits"))}
    item, blamed = evidence(shifted, table(seed=1)), (region(600, 1_200),)
    found = advise(item, regions=blamed, dimensions=low, rescore=lambda e: 25.0 + height_risk(e) / 2)
    gains = [item.expected_gain for item in found]
    measured = [gain for gain in gains if gain is not None]
    assert measured == sorted(measured, reverse=True)
    assert gains[-1] is None
    assert found[-1].kind == "refit_dependence"
    assert "height and weight" in found[-1].reason
    assert len({item.id for item in found}) == len(found)


def test_nothing_is_advised_for_a_sound_table() -> None:
    sound = {"distribution_fidelity": scored(99.0)}
    assert advise(evidence(table(), table(seed=1)), dimensions=sound, rescore=height_risk, level="low") == ()


def test_without_a_measure_the_gain_is_left_open(shifted: pl.DataFrame) -> None:
    found = advise(evidence(shifted, table(seed=1)), regions=(region(600, 1_200),))
    assert {item.expected_gain for item in found} == {None}
    assert all(item.gain_note.startswith("not measured") for item in found)


def test_where_one_fix_is_enough_nothing_else_is_asked_for(shifted: pl.DataFrame) -> None:
    low = {"correlation_preservation": scored(30.0)}
    item = evidence(shifted, table(seed=1))
    found = advise(item, regions=(region(600, 1_200),), dimensions=low, rescore=height_risk)
    assert [advice.kind for advice in found] == ["remove_rows"]
    unmeasured = {advice.kind for advice in advise(item, regions=(region(600, 1_200),), dimensions=low)}
    assert {"remove_rows", "reweight", "mix_real", "refit_dependence"} <= unmeasured


def test_what_is_enough_follows_the_thresholds_of_the_job(shifted: pl.DataFrame) -> None:
    """The fix leaves a risk of 35: medium by the packaged limits, low where low ends at 50."""
    lenient = {"levels": {"medium": 50, "high": 90}}
    limits = parse_thresholds(lenient, where="here", base=default_thresholds())
    kinds = [
        {
            advice.kind
            for advice in advise(
                evidence(shifted, table(seed=1)),
                regions=(region(600, 1_200),),
                dimensions={"correlation_preservation": scored(30.0)},
                rescore=lambda item: 35.0 + height_risk(item) / 2,
                thresholds=chosen,
            )
        }
        for chosen in (None, limits)
    ]
    assert "refit_dependence" in kinds[0]
    assert kinds[1] == {"remove_rows"}


def rho(value: float) -> Outcome:
    return Outcome(value=value, interval=Interval(low=value, high=value), unit="rho", meaning="")


@pytest.mark.parametrize(
    ("floor", "enough"), [(rho(0.0), True), (rho(-0.1), True), (rho(0.9), False), (Failed(error="broke"), False)]
)
def test_one_fix_is_never_enough_where_the_models_object(
    floor: Outcome | Failed, enough: bool, shifted: pl.DataFrame
) -> None:
    low = {"distribution_fidelity": scored(30.0)}
    item = evidence(shifted, table(seed=1))
    found = advise(item, regions=(region(600, 1_200),), dimensions=low, rescore=height_risk, floor=floor)
    assert ({advice.kind for advice in found} == {"remove_rows"}) == enough


def test_a_fix_of_a_risk_that_was_low_anyway_does_not_keep_other_advice_away(shifted: pl.DataFrame) -> None:
    """The dimensions see next to nothing of what the table is rejected for."""
    item = evidence(shifted, table(seed=1))
    low = {"correlation_preservation": scored(30.0)}
    found = advise(item, regions=(region(600, 1_200),), dimensions=low, rescore=lambda e: height_risk(e) / 10)
    assert {"remove_rows", "refit_dependence"} <= {advice.kind for advice in found}


def unlike() -> pl.DataFrame:
    """Sound columns that do not belong together."""
    return table().with_columns(weight=table(seed=8)["weight"])


def loose_risk(item: Evidence, scale: float = 35.0) -> float:
    """``scale`` where height and weight are independent, 0 where they belong together as in the population."""
    frame = item.synthetic.frame
    return scale * (1.0 - float(np.corrcoef(frame["height"], frame["weight"])[0, 1]) / 0.78)


@pytest.mark.parametrize(("scale", "share"), [(35.0, 0.5), (24.0, 0.25), (21.5, 0.1), (80.0, 0.5)])
def test_the_smallest_mixture_that_will_do_is_chosen(scale: float, share: float) -> None:
    """A share s of real rows leaves (1 - s) of this risk; low is below 20. Where no mixture will do, the largest."""
    low = {"distribution_fidelity": scored(40.0)}
    item = evidence(unlike(), table(6_000, seed=1))
    advice = of_kind(advise(item, dimensions=low, rescore=lambda e: loose_risk(e, scale)), "mix_real")
    assert advice.parameters == {"share": share}
    assert advice.expected_gain == pytest.approx(scale * share, abs=0.12 * scale)
    assert advice.affected_rows == round(3_000 * share / (1 - share))


def test_gains_are_measured_where_the_tables_store_numbers_differently() -> None:
    low = {"distribution_fidelity": scored(40.0)}
    item = evidence(unlike().with_columns(pl.col("height").round().cast(pl.Int64)), table(6_000, seed=1))
    assert of_kind(advise(item, dimensions=low, rescore=loose_risk), "mix_real").expected_gain is not None


def test_what_is_not_measured_was_not_tried(shifted: pl.DataFrame) -> None:
    assert recommend(evidence(shifted), {}, (region(600, 1_200),), verdict()).tried == ()


def test_a_mixture_that_does_not_help_is_not_advised() -> None:
    low = {"distribution_fidelity": scored(40.0)}
    found = advise(evidence(unlike(), table(6_000, seed=1)), dimensions=low, rescore=lambda item: 50.0)
    assert found == ()


def test_real_rows_are_not_judged_by_themselves() -> None:
    """The half of the reference that lends rows is not the half that judges."""
    judges: list[pl.DataFrame] = []
    tables: list[pl.DataFrame] = []

    def watching(item: Evidence) -> float:
        assert item.reference is not None
        judges.append(item.reference.frame)
        tables.append(item.synthetic.frame)
        return loose_risk(item)

    synthetic = unlike()
    advise(evidence(synthetic, table(6_000, seed=1)), dimensions={"x": scored(0.0)}, rescore=watching)
    assert any(frame.height > synthetic.height for frame in tables)
    for frame in tables:
        assert frame.join(judges[0], on="height", how="semi").height == 0


def test_too_few_real_rows_leave_a_mixture_unmeasured() -> None:
    low = {"distribution_fidelity": scored(40.0)}
    advice = of_kind(advise(evidence(unlike(), table(700, seed=1)), dimensions=low, rescore=loose_risk), "mix_real")
    assert advice.expected_gain is None
    assert "1,000 reference rows" in advice.gain_note


def test_repeats_beyond_what_real_rows_show_are_dropped() -> None:
    frame = pl.concat([table(2_000), table(2_000)[:1_000]])
    advice = of_kind(advise(evidence(frame, table(seed=1))), "deduplicate")
    assert advice.affected_rows == 1_000
    assert advice.parameters["most_copies"] == 1
    assert "deduplicate" not in {item.kind for item in advise(evidence(table(), table(seed=1)))}


def with_component(name: str, score: float) -> Scored:
    part = Component(name=name, value=0.4, unit="share of rows", meaning=name, score=score)
    return replace(scored(score), components=(part,))


def test_repeats_that_are_those_of_real_rows_are_kept() -> None:
    frame = pl.concat([table(2_000), table(2_000)[:1_000]])
    item = evidence(frame, table(seed=1))
    for score, advised in ((99.0, False), (40.0, True)):
        found = advise(item, dimensions={"statistical_integrity": with_component("duplicates", score)})
        assert ("deduplicate" in {advice.kind for advice in found}) == advised


def test_a_cap_on_copies_is_called_one() -> None:
    real = pl.concat([table(2_000, seed=1), table(2_000, seed=1)[:20]])
    frame = pl.concat([table(1_000)] * 3)
    advice = of_kind(advise(evidence(frame, real)), "deduplicate")
    assert advice.title == "Keep at most 2 copies of a row"
    assert of_kind(advise(evidence(frame, table(seed=1))), "deduplicate").title == "Drop repeated rows"


def test_a_memorised_table_is_not_only_told_to_mix_in_real_rows() -> None:
    item = evidence(table(), table(seed=1))
    for name, told in (("copies", True), ("nulls", False)):
        found = advise(item, dimensions={"statistical_integrity": with_component(name, 0.0)})
        assert ("copies of reference rows" in of_kind(found, "mix_real").reason) == told


def test_titles_have_no_jargon() -> None:
    cut = replace(region(0, 500), issue="tailcut")
    advice = of_kind(advise(evidence(table(), table(seed=1)), regions=(cut,)), "remove_rows")
    assert advice.title == "Remove rows 0 to 499 (tails cut off)"


def test_a_table_of_few_distinct_rows_is_not_told_to_drop_them() -> None:
    few = {"town": KINDS["town"]}
    item = evidence_from_frames(table().select("town"), table(seed=1).select("town"), kinds=few)
    assert advise(item, level="low") == ()


def test_a_margin_that_is_off_is_raked() -> None:
    rng = np.random.default_rng(0)
    frame = table(6_000)
    frame = frame.filter(pl.Series(rng.random(6_000) < np.where(frame["town"] == "Aa", 0.4, 1.0)))
    advice = of_kind(advise(evidence(frame, table(seed=1))), "reweight")
    assert advice.columns == ("town",)
    weights = weights_from_json(str(advice.parameters["weights"]), "here")
    chances = weights.chances(frame)
    share = {t: chances[(frame["town"] == t).to_numpy()].sum() / chances.sum() for t in ("Aa", "Bo", "Ce", "Du")}
    assert share == pytest.approx({"Aa": 0.5, "Bo": 0.3, "Ce": 0.17, "Du": 0.03}, abs=0.025)
    assert advice.affected_rows == pytest.approx(frame.height - chances.sum(), abs=1)


def test_raking_mends_two_margins_at_once_and_keeps_half_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    frame = table(8_000)
    tall = (frame["height"] > 172).to_numpy()
    away = (frame["town"] == "Bo").to_numpy()
    frame = frame.filter(pl.Series(rng.random(8_000) < np.where(tall, 0.5, 1.0) * np.where(away, 0.4, 1.0)))
    weights = fit_weights(evidence(frame, table(8_000, seed=1)), ("town", "height"))
    chances = weights.chances(frame)
    assert chances.mean() >= 0.499
    before, after = (np.average(frame["height"], weights=w) for w in (np.ones(frame.height), chances))
    assert abs(after - 170.0) < 0.4 * abs(before - 170.0)


def test_lost_labels_and_tails_are_brought_back_from_real_rows() -> None:
    frame = table(6_000).filter((pl.col("town") != "Du") & pl.col("weight").is_between(48, 92))
    found = [item for item in advise(evidence(frame, table(6_000, seed=1))) if item.kind == "regenerate_rare"]
    by_column = {item.columns[0]: item.parameters for item in found}
    assert by_column["town"]["labels"] == ("Du",)
    assert {"below", "above"} <= by_column["weight"].keys()
    assert by_column["town"]["per_row"] == pytest.approx(0.03, abs=0.01)


def test_a_hopeless_column_is_dropped_and_the_gain_measured_without_it() -> None:
    frame = table().with_columns(weight=pl.lit(70.0))

    def risk(item: Evidence) -> float:
        return 50.0 if "weight" in item.columns else 10.0

    advice = of_kind(advise(evidence(frame, table(seed=1)), rescore=risk), "drop_column")
    assert advice.columns == ("weight",)
    assert advice.expected_gain == pytest.approx(40.0)


def foretold(id_: str, before: float, after: float) -> Recommendation:
    return Recommendation(
        id=id_,
        kind="remove_rows",
        title="",
        reason="",
        columns=(),
        affected_rows=1,
        expected_gain=risk_of(before) - risk_of(after),
        gain_note="",
        parameters={},
        snippet="",
        prediction=Prediction(before=before, after=after, drop=Interval(low=0.0, high=before - after)),
    )


def test_gains_that_forests_foretell_are_shares_of_the_verdicts_risk() -> None:
    """The second fix comes beside the first: together they are what they take off the loss as it is."""
    first, second = foretold("remove_rows-1", 0.3, 0.1), foretold("remove_rows-2", 0.1, 0.0)
    by_likeness = replace(first, id="resort-1", prediction=None)
    low = replace(verdict(), risk_score=10.0)
    one, other, alone = in_points_of(low, [first, second, by_likeness])
    assert one.expected_gain == pytest.approx(10.0 * (1.0 - risk_of(0.1) / risk_of(0.3)))
    assert one.expected_gain + other.expected_gain == pytest.approx(10.0)
    assert alone.expected_gain == by_likeness.expected_gain


def test_rows_that_are_sorted_unlike_real_ones_are_shuffled() -> None:
    advice = of_kind(advise(evidence(table().sort("height"), table(seed=1))), "resort")
    assert advice.parameters == {"by": None}
    assert "height" in advice.reason


def test_rows_out_of_their_time_are_sorted() -> None:
    when = pl.datetime_range(
        pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 1) + pl.duration(hours=2_999), "1h", eager=True
    )
    real = table(seed=1).with_columns(when=when)
    kinds: dict[str, Kind] = {**KINDS, "when": "datetime"}
    mixed = evidence_from_frames(real.sample(fraction=1.0, shuffle=True, seed=0), real, kinds=kinds)
    assert of_kind(recommend(mixed, {}, (), verdict()).recommendations, "resort").parameters == {"by": "when"}


def test_without_a_reference_only_the_table_itself_speaks() -> None:
    frame = pl.concat([table(2_000), table(2_000)[:1_000]])
    assert {item.kind for item in advise(evidence(frame), regions=(region(0, 500),))} == {"remove_rows", "deduplicate"}


def test_progress_is_told(shifted: pl.DataFrame) -> None:
    heard: list[Event] = []
    recommend(evidence(shifted), {}, (region(600, 1_200),), verdict(), listener=heard.append)
    assert {event.stage for event in heard} == {"recommendations"}
    assert heard[-1].done == heard[-1].total > 0


def test_the_advice_for_a_larger_table_is_measured_on_a_thinned_one() -> None:
    seen: list[int] = []

    def watching(item: Evidence) -> float:
        seen.append(item.synthetic.total_rows)
        return height_risk(item)

    large = table(20_000).with_columns(
        pl.when(pl.int_range(20_000).is_between(5_000, 8_999))
        .then(pl.col("height") + 30)
        .otherwise(pl.col("height"))
        .alias("height")
    )
    item = evidence(large, table(20_000, seed=1))
    advice = of_kind(advise(item, regions=(region(5_000, 9_000),), rescore=watching), "remove_rows")
    assert max(seen) <= 5_000
    assert advice.expected_gain == pytest.approx(60.0, abs=6.0)


@pytest.fixture(scope="module")
def everything() -> tuple[pl.DataFrame, pl.DataFrame, tuple[Recommendation, ...]]:
    """A table with something wrong of every kind."""
    rng = np.random.default_rng(3)
    frame = table(4_000)
    frame = frame.filter(
        (pl.col("town") != "Du") & pl.Series(rng.random(4_000) < np.where(frame["town"] == "Aa", 0.5, 1.0))
    )
    frame = pl.concat([frame, frame[:500]]).with_columns(weight=pl.lit(70.0)).sort("height")
    low = {"correlation_preservation": scored(30.0)}
    item = evidence(frame, table(6_000, seed=1))
    item = replace(item, synthetic=replace(item.synthetic, profile=replace(item.synthetic.profile, name="s.parquet")))
    found = recommend(item, low, (region(0, 300),), verdict(), reference=file_place("r.parquet"))
    return frame, table(6_000, seed=1), found.recommendations


def test_every_kind_is_advised_where_everything_is_wrong(
    everything: tuple[pl.DataFrame, pl.DataFrame, tuple[Recommendation, ...]],
) -> None:
    assert {item.kind for item in everything[2]} == {*APPLICABLE, "refit_dependence"}
    for item in everything[2]:
        compile(item.snippet, item.id, "exec")
        assert "'s.parquet'" in item.snippet
        assert ("'r.parquet'" in item.snippet) == (item.kind in {*NEEDS_REFERENCE, "refit_dependence"})


def test_all_that_is_advised_can_be_carried_out(
    everything: tuple[pl.DataFrame, pl.DataFrame, tuple[Recommendation, ...]], tmp_path: Path
) -> None:
    frame, real, found = everything
    frame.write_parquet(tmp_path / "s.parquet")
    real.write_parquet(tmp_path / "r.parquet")
    for item in found:
        if item.kind in APPLICABLE:
            assert compile_steps([item]) is not None
            out = tmp_path / f"{item.id}.parquet"
            source, lender = open_table(tmp_path / "s.parquet"), open_table(tmp_path / "r.parquet")
            report = repair_table(source, [item], out, reference=lender)
            changed = abs(report.rows_after - report.rows_before)
            if item.kind in ("remove_rows", "deduplicate", "reweight", "mix_real", "regenerate_rare"):
                assert changed == pytest.approx(item.affected_rows, rel=0.1, abs=5), item.id


def test_a_table_of_keys_alone_gets_no_advice() -> None:
    keys = pl.DataFrame({"id": [str(number) for number in range(600)]})
    assert advise(evidence_from_frames(keys, keys, kinds={"id": "key"})) == ()
