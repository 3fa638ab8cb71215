from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from synthos.profiling.clusters import Clusters
from synthos.profiling.diversity import ORDER, analyse
from synthos.results import DiversityMeasure, NotApplicable
from synthos.tables.codec import Codec
from synthos.tables.schema import Column, Schema


@dataclass
class Table:
    frame: pl.DataFrame
    codes: np.ndarray


@dataclass
class Pair:
    schema: Schema
    codec: Codec
    synthetic: Table
    reference: Table | None
    seed: int = 1


def pair(synthetic, reference=None, seed=1):
    leading = synthetic if reference is None else reference
    kinds = {pl.String: "category", pl.Boolean: "boolean"}
    schema = Schema(
        tuple(Column(name, kinds.get(dtype, "number"), str(dtype)) for name, dtype in leading.schema.items())
    )
    codec = Codec.fit(leading, schema)
    other = None if reference is None else Table(reference, codec.encode(reference))
    return Pair(schema, codec, Table(synthetic, codec.encode(synthetic)), other, seed)


def people(rows, seed):
    """Two groups of people who differ in everything."""
    rng = np.random.default_rng(seed)
    old = rng.random(rows) < 0.4
    return pl.DataFrame(
        {
            "age": np.where(old, rng.normal(70, 5, rows), rng.normal(30, 8, rows)),
            "income": rng.lognormal(np.where(old, 2, 3), 0.5),
            "city": np.where(old, "Bath", np.array(["Oslo", "Rome", "Lima"])[rng.integers(0, 3, rows)]),
            "retired": np.where(rng.random(rows) < 0.9, old, ~old),
        }
    )


def ratios(report):
    return {name: measure.ratio for name, measure in report.items() if isinstance(measure, DiversityMeasure)}


@pytest.mark.parametrize("rows", [500, 6000])
def test_a_fresh_real_sample_is_as_varied_as_real(rows):
    report = analyse(pair(people(rows, 1), people(rows, 2)))
    assert list(report) == list(ORDER)
    for name, measure in report.items():
        if name == "gradient":
            continue
        assert measure.interval.low - 0.02 <= 1 <= measure.interval.high + 0.02, name
        if name != "spread":
            assert measure.ratio == pytest.approx(1, abs=0.12 if rows == 500 else 0.05), name
            assert measure.interval.high - measure.interval.low < 0.35, name


@pytest.mark.slow
def test_intervals_cover_one_about_as_often_as_they_say():
    covered = []
    for seed in range(6):
        report = analyse(pair(people(1500, 100 + seed), people(1500, 200 + seed), seed))
        intervals = [report[name].interval for name in ("spread", "balance", "effective_number", "spectral")]
        covered += [interval.low <= 1 <= interval.high for interval in intervals]
    assert np.mean(covered) > 0.8


@pytest.mark.slow
def test_gaussian_refits_lose_the_variance_that_theory_says():
    # Refitting a Gaussian to n draws of itself by biased maximum likelihood: (1 - 1/n)^50 = 0.605 for n = 100.
    rng = np.random.default_rng(0)
    variance = np.ones(300)
    for _ in range(50):
        variance = rng.normal(0, np.sqrt(variance), (100, 300)).var(axis=0)
    assert variance.mean() == pytest.approx(0.605, abs=0.1)
    synthetic = pl.DataFrame(rng.normal(0, np.sqrt(variance[:60]), (2000, 60)), schema=[f"x{j}" for j in range(60)])
    reference = pl.DataFrame(rng.normal(0, 1, (2000, 60)), schema=synthetic.columns)
    spread = analyse(pair(synthetic, reference))["spread"]
    assert spread.ratio == pytest.approx(variance[:60].mean(), rel=0.03)
    assert spread.interval.low <= variance[:60].mean() <= spread.interval.high


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "damage"),
    [
        ("spread", lambda f: f.with_columns(pl.col("age") * 0.7 + 0.3 * f["age"].mean())),
        ("uniqueness", lambda f: pl.concat([f[: f.height // 2]] * 2)),
        (
            "balance",
            lambda f: f.with_columns(city=pl.when(pl.col("city") != "Lima").then("city").otherwise(pl.lit("Oslo"))),
        ),
        ("completeness", lambda f: f.filter(pl.col("city") != "Lima")),
        ("entropy", lambda f: f.filter(pl.col("age") < 40)),
        ("effective_number", lambda f: f.filter(pl.col("city") == "Bath")),
        ("spectral", lambda f: f.with_columns(income=pl.col("age"))),
    ],
)
def test_each_measure_falls_under_the_loss_that_it_is_for(measure, damage):
    real, other = people(6000, 3), people(6000, 4)
    assert ratios(analyse(pair(damage(real), other)))[measure] < 0.95


def test_strata_find_the_group_that_lost_its_variety():
    real, reference = people(8000, 5), people(8000, 6)
    narrowed = real.with_columns(
        age=pl.when(pl.col("city") == "Bath").then(70 + (pl.col("age") - 70) * 0.3).otherwise(pl.col("age"))
    )
    strata = analyse(pair(narrowed, reference))["spread"].strata
    name, ratio = min(strata, key=lambda stratum: stratum[1])
    assert ratio < 0.4
    assert "Bath" in name
    assert all(ratio > 0.85 for name, ratio in strata if "Bath" not in name and "retired" not in name)


def test_a_group_that_is_gone_shows_in_completeness():
    report = analyse(pair(people(8000, 7).filter(pl.col("city") != "Bath"), people(8000, 8)))
    assert min(ratio for _, ratio in report["completeness"].strata) < 0.3
    assert len(report["completeness"].strata) > len(report["entropy"].strata)


@pytest.mark.slow
def test_order_of_rows_hardly_matters_and_seeds_repeat():
    real, other = people(3000, 9), people(3000, 10)
    first = analyse(pair(real, other))
    assert analyse(pair(real, other)) == first
    shuffled = ratios(analyse(pair(real.sample(fraction=1, shuffle=True, seed=3), other)))
    for name, ratio in ratios(first).items():
        assert shuffled[name] == pytest.approx(ratio, abs=0.02)


def test_sizes_are_matched():
    report = analyse(pair(people(20_000, 11), people(1000, 12)))
    assert report["uniqueness"].ratio == pytest.approx(1, abs=0.01)
    assert report["completeness"].ratio == pytest.approx(1, abs=0.08)


def test_without_a_reference_there_are_no_ratios():
    report = analyse(pair(people(1000, 13)))
    for name in ("uniqueness", "balance", "entropy", "effective_number", "spectral"):
        assert report[name].synthetic > 0
        assert (report[name].reference, report[name].ratio, report[name].interval) == (None, None, None)
    for name in ("spread", "completeness", "gradient"):
        assert isinstance(report[name], NotApplicable)


@pytest.mark.parametrize(
    ("scales", "ratio"), [((30.0, 60.0), 0.5), ((30.0, None), None), ((None, 60.0), "missing"), (None, "missing")]
)
def test_gradient_comes_from_training(scales, ratio):
    measure = analyse(pair(people(500, 14), people(500, 15)), gradient=scales)["gradient"]
    if ratio == "missing":
        assert isinstance(measure, NotApplicable)
    else:
        assert (measure.synthetic, measure.ratio) == (30.0, ratio)


def test_what_a_table_does_not_have_is_not_measured():
    rng = np.random.default_rng(16)
    numbers = pl.DataFrame({"a": rng.normal(0, 1, 600)})
    report = analyse(pair(numbers, numbers))
    assert isinstance(report["balance"], NotApplicable)
    assert isinstance(report["completeness"], NotApplicable)
    labels = pl.DataFrame({"a": rng.choice(["x", "y"], 600), "b": rng.choice(["x", "y"], 600)})
    assert isinstance(analyse(pair(labels, labels))["spread"], NotApplicable)


def test_constant_and_empty_columns_break_nothing():
    frame = people(600, 17).with_columns(
        same=pl.lit("one"), none=pl.lit(None, pl.Float64), flat=pl.lit(2.5), gaps=pl.lit(None, pl.String)
    )
    for name, ratio in ratios(analyse(pair(frame, frame))).items():
        if name != "completeness":  # copies of the reference meet more of its combinations than a fresh sample does
            assert ratio == pytest.approx(1, abs=0.02), name


def test_a_table_that_collapsed_to_one_row_has_no_variety():
    collapsed, reference = pl.concat([people(600, 18)[:1]] * 600), people(600, 19)
    found = analyse(pair(collapsed, reference))
    report = ratios(found)
    assert report["spread"] == pytest.approx(0, abs=1e-9)
    assert report["uniqueness"] < 0.01
    assert report["effective_number"] < 0.1
    assert found["spectral"] == NotApplicable(
        reason="no modelled column of the synthetic table varies, so that there are no correlations"
    )
    assert analyse(pair(collapsed))["spectral"] == found["spectral"]
    assert "reference" in analyse(pair(reference, collapsed))["spectral"].reason


def test_clusters_split_groups_that_differ():
    frame = people(2000, 20)
    judged = pair(frame)
    clusters = Clusters(judged.synthetic.codes, judged.codec, 2, np.random.default_rng(0))
    members = clusters.assign(judged.synthetic.codes)
    old = (frame["city"] == "Bath").to_numpy()
    assert max((members == old).mean(), (members != old).mean()) > 0.85
    names = [clusters.name(0), clusters.name(1)]
    assert any("Bath" in name or "retired = true" in name for name in names)
    assert names[0] != names[1]
