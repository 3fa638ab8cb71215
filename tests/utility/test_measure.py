"""What forests lose: nothing on fresh real rows, all on torn ones, and what is known by heart does not count."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from utility_tables import judge_all, learn_all, real_rows, shuffled

from synthos.errors import ConfigError
from synthos.results import NotApplicable, Utility
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.stages import cache_folder
from synthos.utility.design import MOST_TARGETS, common_rows, make_design, rows_of, targets
from synthos.utility.forests import FEW_TREES
from synthos.utility.measure import join, learn_column, measure_column
from synthos.utility.reference import RealSide

ROWS = 1_500


def evidence(synthetic: pl.DataFrame, holdout: pl.DataFrame | None = None) -> Evidence:
    return evidence_from_frames(synthetic, real_rows(ROWS, 1), holdout)


def utility(of: Evidence) -> Utility:
    """What is lost; nearly all tables here have the same reference, which is learned once a run."""
    found = join({name: measure_column(name, FEW_TREES, cache_folder(None), of) for name in targets(of)}, of)
    assert isinstance(found, Utility)
    return found


@pytest.fixture(scope="module")
def fresh() -> Utility:
    return utility(evidence(real_rows(ROWS, 2)))


@pytest.mark.slow
def test_fresh_real_rows_lose_nothing(fresh: Utility) -> None:
    assert abs(fresh.loss) < 0.05
    assert fresh.interval.low < 0.02
    assert fresh.judged_on == "reference"
    assert fresh.rows == ROWS


@pytest.mark.slow
def test_a_column_that_nothing_teaches_is_left_out_and_said_to_be(fresh: Utility) -> None:
    assert "lot" not in {column.column for column in fresh.columns}
    assert any("1 of 5 columns cannot be predicted" in note for note in fresh.notes)


@pytest.mark.slow
def test_the_more_rows_are_torn_the_more_is_lost() -> None:
    real = real_rows(ROWS, 2)
    losses = [utility(evidence(shuffled(real, share, 3))).loss for share in (0.0, 0.3, 0.6, 1.0)]
    assert losses == sorted(losses)
    assert losses[-1] > 0.9


@pytest.mark.slow
def test_copies_of_the_judges_are_not_asked() -> None:
    # A bootstrap of the reference: two thirds of the judges stand in it, and seem to be predicted perfectly.
    again = real_rows(ROWS, 1).sample(ROWS, with_replacement=True, seed=4)
    found = utility(evidence(again))
    assert found.copied == pytest.approx(1 - np.exp(-1), abs=0.03)
    assert 0.0 < found.loss < 0.3


@pytest.mark.slow
def test_rows_known_by_heart_but_for_a_little_noise_are_seen_through() -> None:
    real = real_rows(ROWS, 1)
    near = real.with_columns(size=pl.col("size") + 1e-6, weight=pl.col("weight") + 1e-6)
    found = utility(evidence(near.sample(ROWS, with_replacement=True, seed=5)))
    assert found.copied == 0.0
    assert found.hidden > 0.1
    assert found.loss - found.hidden < -0.1


@pytest.mark.slow
def test_a_holdout_judges_in_place_of_the_reference() -> None:
    again = real_rows(ROWS, 1).sample(ROWS, with_replacement=True, seed=4)
    found = utility(evidence(again, holdout=real_rows(800, 6)))
    assert found.judged_on == "holdout"
    assert found.judges == 800
    assert found.hidden == 0.0 and found.copied == 0.0
    assert 0.0 < found.loss < 0.3


@pytest.mark.slow
def test_what_the_reference_settles_judges_several_tables_alike() -> None:
    one, other = evidence(real_rows(ROWS, 2)), evidence(shuffled(real_rows(ROWS, 2), 0.5, 3))
    sides = learn_all(one, FEW_TREES)
    assert judge_all(sides, one) == utility(one)
    assert judge_all(sides, other) == utility(other)


@pytest.mark.slow
def test_nulls_and_datetimes_are_features_and_targets() -> None:
    def dated(frame: pl.DataFrame) -> pl.DataFrame:
        start = pl.datetime(2024, 1, 1)
        return frame.with_columns(
            day=start + pl.duration(minutes=(pl.col("size") * 600).cast(pl.Int64)),
            weight=pl.when(pl.col("lot") > 1.0).then(None).otherwise("weight"),
        )

    found = utility(evidence_from_frames(dated(real_rows(ROWS, 2)), dated(real_rows(ROWS, 1))))
    assert {"day", "weight"} <= {column.column for column in found.columns}
    assert abs(found.loss) < 0.05


def test_columns_that_teach_nothing_cannot_be_judged() -> None:
    def noise(seed: int) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        return pl.DataFrame({name: rng.normal(size=600) for name in "abc"})

    of = evidence_from_frames(noise(1), noise(2))
    found = judge_all(learn_all(of, FEW_TREES), of)
    assert isinstance(found, NotApplicable)
    assert "nothing that a model could learn" in found.reason


def test_a_single_column_has_nothing_to_be_predicted_from() -> None:
    of = evidence_from_frames(real_rows(600, 1).select("size"), real_rows(600, 2).select("size"))
    found = judge_all(learn_all(of, FEW_TREES), of)
    assert isinstance(found, NotApplicable)


def test_real_rows_are_needed() -> None:
    with pytest.raises(ConfigError, match="real rows"):
        common_rows(evidence_from_frames(real_rows(600, 1)))


def test_wide_tables_are_judged_on_some_columns() -> None:
    wide = pl.DataFrame({f"c{at}": np.arange(600.0) for at in range(40)})
    chosen = targets(evidence_from_frames(wide, wide))
    assert len(chosen) == MOST_TARGETS == len(set(chosen))
    assert list(chosen) == sorted(chosen, key=wide.columns.index)


def test_tables_of_one_reference_are_asked_about_the_same_columns() -> None:
    wide = pl.DataFrame({f"c{at}": np.arange(600.0) for at in range(40)})
    other = wide.select((pl.all() * -1.5).reverse())
    assert targets(evidence_from_frames(other, wide)) == targets(evidence_from_frames(wide, wide))


@pytest.mark.slow
def test_losses_are_those_of_its_forests() -> None:
    side = learn_column("weight", FEW_TREES, cache_folder(None), evidence(real_rows(ROWS, 2)))
    assert isinstance(side, RealSide)
    # Ranks are spread evenly, so that the constant's loss is the variance of the unit interval.
    assert side.constant.mean() == pytest.approx(1 / 12, rel=0.01)
    assert 0.0 < side.lost.mean() < side.constant.mean()


def test_a_number_is_ranked_among_the_values_of_the_reference() -> None:
    of = evidence(real_rows(ROWS, 2))
    real, other = (real_rows(ROWS, seed)["weight"].to_numpy() for seed in (1, 2))
    design = make_design("weight", of, ROWS)
    assert sorted(design.reference.y) == pytest.approx((np.arange(ROWS) + 0.5) / ROWS)
    ranked = rows_of(of.synthetic, of, design, ROWS).y
    assert ranked == pytest.approx([(real < value).mean() for value in other])
