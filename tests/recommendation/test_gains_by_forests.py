"""A fix is worth what forests lose less by it, on real rows that it was not mended with, beyond what chance gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl
import pytest
from tall_people import advice, evidence, judge_all, learn_all, table

from synthos.errors import ConfigError
from synthos.recommendation.gains import Gain
from synthos.recommendation.losses import MOST_SCALED, MUCH_BETTER, MUCH_WORSE, TRAINED, ForestBench, asked_columns
from synthos.results import ColumnUtility, DimensionResult, Interval, NotApplicable, Scored, Utility
from synthos.sampling.evidence import Evidence
from synthos.stages import cache_folder, measured_here
from synthos.utility.forests import TREES
from synthos.verdict.harm import risk_of
from synthos.verdict.thresholds import default_thresholds

Measure = Callable[[Evidence], dict[str, DimensionResult]]

TORN = (600, 1_800)


def torn(seed: int = 0) -> pl.DataFrame:
    """Weights of rows 600 to 1799 belong to other people."""
    frame = table(seed=seed)
    start, stop = TORN
    other = pl.concat([frame["weight"][:start], table(seed=9)["weight"][start:stop], frame["weight"][stop:]])
    return frame.with_columns(weight=other)


def scored(value: float) -> DimensionResult:
    return Scored(score=value, interval=Interval(low=value, high=value), resolved=True, components=())


def sound(item: Evidence) -> dict[str, DimensionResult]:
    return {"distribution_fidelity": scored(99.0)}


def by_name(measure: Measure) -> Callable[[Sequence[str], Evidence], dict[str, DimensionResult]]:
    """What ``measure`` knows of the dimensions asked for; of the others nothing can be said."""

    def dimensions(names: Sequence[str], item: Evidence) -> dict[str, DimensionResult]:
        found = measure(item)
        return {name: found.get(name, NotApplicable(reason="-")) for name in names}

    return dimensions


def bench(frame: pl.DataFrame, measure: Measure = sound, real: pl.DataFrame | None = None) -> ForestBench:
    item = evidence(frame, table(seed=1) if real is None else real)
    found = judge_all(learn_all(item, TREES), item)
    assert isinstance(found, Utility)
    measures = replace(measured_here(cache_folder(None)), dimensions=by_name(measure))
    return ForestBench(item, found, measures, default_thresholds())


@pytest.fixture(scope="module")
def mending() -> ForestBench:
    return bench(torn())


REMOVAL = advice("remove_rows", row_range=TORN)


@pytest.mark.slow
def test_taking_the_torn_rows_away_helps_and_the_loss_is_foretold(mending: ForestBench) -> None:
    gain = mending.measure(REMOVAL)
    assert gain.helps and gain.prediction is not None and gain.points is not None
    foretold = gain.prediction
    assert foretold.before > foretold.after + 0.05
    assert 0.0 < foretold.drop.low < foretold.before - foretold.after < foretold.drop.high
    assert gain.points == pytest.approx(risk_of(foretold.before) - risk_of(foretold.after))
    assert f"learning {TRAINED} times from the table as it is moves it by up to 0.0" in gain.note


@pytest.mark.slow
def test_taking_sound_rows_away_is_no_gain(mending: ForestBench) -> None:
    for start, stop in ((1_800, 3_000), (0, 100)):
        gain = mending.measure(advice("remove_rows", row_range=(start, stop)))
        assert not gain.helps and gain.prediction is None
        assert gain.why.startswith(("models would", "training anew"))
        assert gain.drop is not None and gain.drop.low < 0.01


@pytest.mark.slow
def test_a_fix_on_top_of_another_is_foretold_from_there(mending: ForestBench) -> None:
    halves = [advice("remove_rows", 1, row_range=(600, 1_200)), advice("remove_rows", 2, row_range=(1_200, 1_800))]
    first, both = mending.measure(halves[0]), mending.measure(halves[1], halves[:1])
    assert first.prediction is not None and both.prediction is not None
    assert first.prediction.beside == () and both.prediction.beside == (halves[0].id,)
    assert both.prediction.before == pytest.approx(first.prediction.after)
    whole = mending.measure(REMOVAL).prediction
    assert whole is not None and both.prediction.after == pytest.approx(whole.after, abs=0.03)


@pytest.mark.slow
def test_a_fix_that_finds_its_work_done_is_none(mending: ForestBench) -> None:
    again = mending.measure(advice("remove_rows", 2, row_range=TORN), [REMOVAL])
    assert not again.helps and again.why == "remove_rows-1 did it already"
    alone = mending.measure(advice("deduplicate", columns=("town", "height", "weight"), most_copies=1))
    assert not alone.helps and alone.why == "there is nothing that it would change"


@pytest.mark.slow
def test_where_few_rows_are_good_taking_the_others_away_still_helps() -> None:
    """Good rows are dearly missed there: that is no chance, and does not count against the fix."""
    frame = table()
    bad = pl.concat([frame["weight"][:900], table(seed=9)["weight"][900:]])
    assert bench(frame.with_columns(weight=bad)).measure(advice("remove_rows", row_range=(900, 3_000))).helps


@pytest.mark.slow
def test_real_rows_help_and_are_judged_by_the_half_that_lends_none(mending: ForestBench) -> None:
    gain = mending.measure(advice("mix_real", share=0.5))
    assert gain.helps and gain.prediction is not None
    assert gain.prediction.before > gain.prediction.after
    assert "asked about 1,500 real ones" in gain.note
    assert "asked about 3,000 real ones" in mending.measure(REMOVAL).note


@pytest.mark.slow
def test_the_more_real_rows_the_less_is_lost(mending: ForestBench) -> None:
    gains = [mending.measure(advice("mix_real", number, share=s)) for number, s in enumerate((0.1, 0.5))]
    after = [gain.prediction.after for gain in gains if gain.prediction is not None]
    assert after == sorted(after, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize(("fall", "helps"), [(MUCH_WORSE - 1.0, True), (MUCH_WORSE + 1.0, False)])
def test_a_fix_that_ruins_a_dimension_is_none(fall: float, helps: bool) -> None:
    def measure(item: Evidence) -> dict[str, DimensionResult]:
        # Of the mended sample fewer rows are looked at: 1,800 of them.
        return {"temporal_stability": scored(90.0 - (fall if item.synthetic.frame.height == 1_800 else 0.0))}

    gain = bench(torn(), measure).measure(REMOVAL)
    assert gain.helps == helps
    assert ("temporal stability falls from 90 to" in gain.why) != helps


@pytest.mark.slow
@pytest.mark.parametrize(("rise", "helps"), [(MUCH_BETTER + 1.0, True), (MUCH_BETTER - 1.0, False), (None, True)])
def test_what_forests_cannot_see_its_dimension_speaks_for(rise: float | None, helps: bool) -> None:
    def measure(item: Evidence) -> dict[str, DimensionResult]:
        ordered = item.synthetic.frame["height"].is_sorted()
        mended = NotApplicable(reason="-") if rise is None else scored(40.0 + rise)
        return {"temporal_stability": mended if ordered else scored(40.0)}

    gain = bench(table(), measure).measure(advice("resort", by="height"))
    assert gain.helps == helps and gain.points is None and gain.prediction is None
    assert "forests do not see the order" in gain.note and "for temporal stability: 40 before" in gain.note


@pytest.mark.slow
@pytest.mark.parametrize(("rise", "helps"), [(MUCH_BETTER + 1.0, True), (MUCH_BETTER - 1.0, False)])
def test_repeats_that_teach_no_less_are_dropped_for_the_soundness_of_the_table(rise: float, helps: bool) -> None:
    def measure(item: Evidence) -> dict[str, DimensionResult]:
        sound = item.synthetic.frame.is_duplicated().sum() < 20
        return {"statistical_integrity": scored(40.0 + rise if sound else 40.0)}

    frame = table()
    repeating = pl.concat([frame, frame.sample(300, seed=1)])
    gain = bench(repeating, measure).measure(advice("deduplicate", columns=("town", "height", "weight"), most_copies=1))
    assert gain.helps == helps and gain.points is None and gain.prediction is None
    assert "no clear gain for models, but for statistical integrity: 40 before" in gain.note
    assert ("statistical integrity does not rise" in gain.why) != helps


@pytest.mark.slow
def test_a_dropped_column_is_judged_by_the_others() -> None:
    rubbish = table().with_columns(height=pl.col("height").reverse())
    with_town = rubbish.with_columns(town=pl.when(pl.col("weight") > 70).then(pl.lit("Aa")).otherwise(pl.lit("Bo")))
    real = table(seed=1).with_columns(town=pl.when(pl.col("weight") > 70).then(pl.lit("Aa")).otherwise(pl.lit("Bo")))
    gain = bench(with_town, real=real).measure(advice("drop_column", columns=("height",)))
    assert gain.prediction is not None and gain.helps
    assert gain.prediction.after < gain.prediction.before


@pytest.mark.slow
def test_what_leaves_too_few_rows_or_too_few_to_lend_is_not_measured() -> None:
    work = bench(table(1_000), real=table(900, seed=1))
    assert not work.can_lend
    assert "1,000 reference rows" in work.measure(advice("mix_real", share=0.1)).note
    gain = work.measure(advice("remove_rows", row_range=(0, 600)))
    assert gain.points is None and "only 400 sampled rows" in gain.note


@pytest.mark.slow
def test_low_is_made_only_of_what_was_not_low(mending: ForestBench) -> None:
    gain = mending.measure(REMOVAL)
    assert mending.makes_low(gain)
    assert not mending.makes_low(mending.measure(advice("remove_rows", row_range=(0, 100))))


def beside_one_that_loses(times: float) -> tuple[Gain, Gain]:
    """A removal judged as it is, and where a column more, which is not asked, makes the loss ``times`` as much."""
    item = evidence(torn(), table(seed=1))
    found = judge_all(learn_all(item, TREES), item)
    assert isinstance(found, Utility)
    more = replace(found, loss=times * found.loss, columns=(*found.columns, found.columns[0]))
    measures = replace(measured_here(None), dimensions=by_name(sound))
    plain, scaled = (
        ForestBench(item, utility, measures, default_thresholds()).measure(REMOVAL) for utility in (found, more)
    )
    return plain, scaled


@pytest.mark.slow
def test_what_is_foretold_of_some_columns_is_scaled_to_the_loss_of_all() -> None:
    plain, scaled = beside_one_that_loses(1.5)
    assert plain.prediction is not None and scaled.prediction is not None
    ratio = scaled.prediction.before / plain.prediction.before
    assert ratio == pytest.approx(1.5, rel=0.1)
    assert scaled.prediction.after == pytest.approx(ratio * plain.prediction.after)
    assert scaled.prediction.drop.low == pytest.approx(ratio * plain.prediction.drop.low)
    assert "of all" in scaled.note and "of all" not in plain.note
    assert "or beyond" not in scaled.note


@pytest.mark.slow
def test_a_loss_too_far_from_that_of_the_columns_asked_is_told_as_a_bound() -> None:
    plain, bound = beside_one_that_loses(5.0)
    assert plain.prediction is not None and bound.prediction is not None
    assert bound.prediction.before == pytest.approx(MOST_SCALED * plain.prediction.before)
    assert "or beyond: what they lose differs 2 times or more" in bound.note


@pytest.mark.parametrize(("columns", "asked"), [(1, 1), (6, 6), (7, 6), (14, 6)])
def test_the_columns_asked_range_from_the_least_to_the_greatest_loss(columns: int, asked: int) -> None:
    one = ColumnUtility(
        column="",
        metric="brier",
        constant_loss=1.0,
        real_loss=0.5,
        synthetic_loss=0.6,
        learnable=0.5,
        apparent=0.2,
        hidden=0.0,
        loss=0.2,
    )
    all_columns = tuple(replace(one, column=f"c{at:02d}", loss=at / 100.0) for at in reversed(range(columns)))
    interval = Interval(low=0.0, high=1.0)
    found = asked_columns(
        Utility(
            loss=0.2,
            interval=interval,
            hidden=0.0,
            columns=all_columns,
            judged_on="reference",
            rows=9,
            judges=9,
            copied=0.0,
        )
    )
    assert len(set(found)) == asked and {"c00", f"c{columns - 1:02d}"} <= set(found)


@pytest.mark.slow
def test_without_real_rows_there_is_no_bench() -> None:
    item = evidence(table(600), table(600, seed=1))
    found = judge_all(learn_all(item, TREES), item)
    assert isinstance(found, Utility)
    measures = replace(measured_here(None), dimensions=by_name(sound))
    with pytest.raises(ConfigError, match="real rows"):
        ForestBench(evidence(table(600)), found, measures, default_thresholds())
