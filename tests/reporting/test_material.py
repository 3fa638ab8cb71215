"""Chart material from evidence on small tables."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from synthos.reporting.material import MAX_BARS, MAX_PAIR_COLUMNS, MAX_ROW_BINS, Material, gather
from synthos.results import Blame, Interval, Kind, NotApplicable, PiiFlag, Scored
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator

ROWS = 3_000
KINDS: dict[str, Kind] = {"x": "number", "y": "number", "city": "category", "day": "datetime"}


def frame(seed: int, rows: int = ROWS, *, dependent: bool = True) -> pl.DataFrame:
    rng = generator("report material", seed)
    x = rng.normal(size=rows)
    y = x + 0.5 * rng.normal(size=rows) if dependent else rng.normal(size=rows)
    city = np.array([f"town {k:02d}" for k in range(30)])[np.minimum(rng.geometric(0.15, rows), 30) - 1]
    day = np.datetime64("2021-01-01T00:00:00", "us") + rng.integers(0, 700, rows).astype("timedelta64[D]")
    return pl.DataFrame({"x": x, "y": y, "city": city, "day": day})


def evidence(synthetic: pl.DataFrame, reference: pl.DataFrame | None) -> Evidence:
    return evidence_from_frames(synthetic, reference, kinds=KINDS)


@pytest.fixture(scope="module")
def healthy() -> Material:
    return gather(evidence(frame(1), frame(2)), {})


def blamed(*columns: str, score: float) -> Scored:
    blame = tuple(Blame(columns=(name,), share=0.9, detail="") for name in columns)
    interval = Interval(low=score, high=score)
    return Scored(score=score, interval=interval, resolved=True, components=(), blame=blame)


def test_shares_add_up_to_one_and_labels_match(healthy: Material) -> None:
    assert not isinstance(healthy.overlays, NotApplicable)
    assert {item.name for item in healthy.overlays} == set(KINDS)
    for item in healthy.overlays:
        assert len(item.labels) == len(item.reference) == len(item.synthetic)
        assert sum(item.reference) == pytest.approx(1) and sum(item.synthetic) == pytest.approx(1)


def test_shares_are_those_of_the_full_tables() -> None:
    synthetic, reference = frame(1), frame(2)
    material = gather(evidence(synthetic, reference), {})
    assert not isinstance(material.overlays, NotApplicable)
    city = next(item for item in material.overlays if item.name == "city")
    top = city.labels.index("town 00")
    assert city.reference[top] == pytest.approx((reference["city"] == "town 00").mean())
    assert city.synthetic[top] == pytest.approx((synthetic["city"] == "town 00").mean())


def test_categories_beyond_the_limit_are_pooled_not_dropped(healthy: Material) -> None:
    assert not isinstance(healthy.overlays, NotApplicable)
    city = next(item for item in healthy.overlays if item.name == "city")
    assert len(city.labels) <= MAX_BARS
    assert city.labels[-1].endswith("others")
    assert city.reference[-1] > 0


def test_dates_are_labelled_as_dates(healthy: Material) -> None:
    assert not isinstance(healthy.overlays, NotApplicable)
    day = next(item for item in healthy.overlays if item.name == "day")
    assert day.labels[0].startswith("≤ 2021-") and day.labels[-1].startswith("> 2022-")


def test_a_fresh_real_sample_stays_within_chance(healthy: Material) -> None:
    assert not isinstance(healthy.overlays, NotApplicable) and not isinstance(healthy.pairs, NotApplicable)
    assert all(item.distance < 1.5 * item.noise for item in healthy.overlays)
    change, noise = np.array(healthy.pairs.change), np.array(healthy.pairs.noise)
    assert (np.abs(change) <= noise).all()
    assert sum(item.excess > 0 for item in healthy.row_map.bins) == 0


@pytest.mark.slow
@pytest.mark.parametrize("rows", [500, 2_000])
def test_chance_bounds_hold_over_many_fresh_samples(rows: int) -> None:
    alarms = 0
    for seed in range(20):
        pairs = gather(evidence(frame(100 + seed, rows), frame(200 + seed, rows)), {}).pairs
        assert not isinstance(pairs, NotApplicable)
        alarms += bool((np.abs(np.array(pairs.change)) > np.array(pairs.noise)).any())
    assert alarms <= 3


def test_lost_dependence_is_negative_and_beyond_chance() -> None:
    pairs = gather(evidence(frame(1, dependent=False), frame(2)), {}).pairs
    assert not isinstance(pairs, NotApplicable)
    x, y = pairs.columns.index("x"), pairs.columns.index("y")
    assert pairs.change[x][y] == pairs.change[y][x] < -0.5
    assert pairs.change[x][x] == 0
    assert abs(pairs.change[x][y]) > 5 * pairs.noise[x][y]


def test_invented_dependence_is_positive() -> None:
    pairs = gather(evidence(frame(1), frame(2, dependent=False)), {}).pairs
    assert not isinstance(pairs, NotApplicable)
    assert pairs.change[pairs.columns.index("x")][pairs.columns.index("y")] > 0.5


def test_the_most_different_column_comes_first() -> None:
    shifted = frame(1).with_columns(pl.col("y") + 1.0)
    material = gather(evidence(shifted, frame(2)), {})
    assert not isinstance(material.overlays, NotApplicable)
    assert material.overlays[0].name == "y"
    assert material.overlays[0].distance > 10 * material.overlays[0].noise


def test_blamed_columns_come_before_calm_ones_but_praised_dimensions_do_not_count() -> None:
    both = evidence(frame(1), frame(2))
    low = gather(both, {"rare_pattern_handling": blamed("day", score=20.0)})
    assert not isinstance(low.overlays, NotApplicable)
    assert low.overlays[0].name == "day"
    high = gather(both, {"rare_pattern_handling": blamed("day", score=99.0)})
    assert high == gather(both, {})


def test_without_reference_nothing_is_compared_but_rows_are_mapped() -> None:
    material = gather(evidence(frame(1), None), {})
    assert isinstance(material.overlays, NotApplicable) and isinstance(material.pairs, NotApplicable)
    assert material.row_map.rows == ROWS


def test_the_row_map_covers_every_row_and_rises_where_rows_differ() -> None:
    rows = 12_000
    table = frame(1, rows)
    index = pl.int_range(rows)
    damaged = table.with_columns(
        pl.when(index.is_between(6_000, 8_999)).then(pl.lit(0.0)).otherwise(pl.col("y")).alias("y")
    )
    row_map = gather(evidence(damaged, frame(2, rows)), {}).row_map
    assert len(row_map.bins) <= MAX_ROW_BINS
    assert row_map.bins[0].start == 0 and row_map.bins[-1].stop == rows == row_map.rows
    assert all(a.stop == b.start for a, b in pairwise(row_map.bins))
    inside = [item for item in row_map.bins if item.start >= 6_200 and item.stop <= 8_800]
    outside = [item for item in row_map.bins if item.stop <= 5_800 or item.start >= 9_200]
    assert inside and all(item.column == "y" and item.excess > 0.3 for item in inside)
    assert max(item.excess for item in outside) < 0.1 * min(item.excess for item in inside)


def test_values_of_personal_columns_are_not_quoted() -> None:
    both = evidence(frame(1), frame(2))
    assert both.reference is not None
    flag = PiiFlag(type="address", share=0.9, evidence="name of the column")
    columns = tuple(replace(c, pii=(flag,)) if c.name == "city" else c for c in both.reference.profile.columns)
    marked = replace(both, reference=replace(both.reference, profile=replace(both.reference.profile, columns=columns)))
    material = gather(marked, {})
    assert not isinstance(material.overlays, NotApplicable)
    city = next(item for item in material.overlays if item.name == "city")
    assert not any("town" in label for label in city.labels)
    assert "hidden" in city.labels[0]


def test_nulls_have_a_bar_of_their_own() -> None:
    holed = frame(1).with_columns(pl.when(pl.int_range(ROWS) % 4 == 0).then(None).otherwise(pl.col("x")).alias("x"))
    material = gather(evidence(holed, frame(2)), {})
    assert not isinstance(material.overlays, NotApplicable)
    x = next(item for item in material.overlays if item.name == "x")
    assert x.labels[0] == "null" and x.reference[0] == 0 and x.synthetic[0] == pytest.approx(0.25)


def test_one_column_has_no_pairs() -> None:
    single = evidence_from_frames(frame(1).select("x"), frame(2).select("x"), kinds={"x": "number"})
    pairs = gather(single, {}).pairs
    assert isinstance(pairs, NotApplicable) and "no pairs" in pairs.reason


@pytest.mark.slow
def test_wide_tables_are_bounded_and_keep_the_changed_pair() -> None:
    rng = generator("wide material")
    names = [f"c{k:02d}" for k in range(70)]
    kinds: dict[str, Kind] = dict.fromkeys(names, "number")
    real = pl.DataFrame({name: rng.normal(size=800) for name in names}).with_columns(c66=pl.col("c03") * 1.0)
    fake = pl.DataFrame({name: rng.normal(size=800) for name in names})
    material = gather(evidence_from_frames(fake, real, kinds=kinds), {})
    assert not isinstance(material.pairs, NotApplicable)
    assert len(material.pairs.columns) == MAX_PAIR_COLUMNS and material.pairs.left_out == 30
    assert {"c03", "c66"} <= set(material.pairs.columns)
    assert len(pickle.dumps(material)) < 150_000


def test_the_same_evidence_gives_the_same_material(healthy: Material) -> None:
    again = gather(evidence(frame(1), frame(2)), {})
    assert again == healthy == pickle.loads(pickle.dumps(healthy))
