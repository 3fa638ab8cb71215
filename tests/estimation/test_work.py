"""Costs from stated features and stated speeds: arithmetic, no clock."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from synthos.cascade.run import all_specs
from synthos.cascade.tiers import CascadeConfig
from synthos.estimation.clock import in_one_process, on_workers
from synthos.estimation.costs import packaged_costs, parse_costs
from synthos.estimation.features import (
    Shape,
    forest_features,
    loop_features,
    model_features,
    models_of,
    statistics_features,
)
from synthos.estimation.reading import Reading
from synthos.estimation.speed import Speed
from synthos.estimation.work import EXPECTED_REPAIRS, Amount, amounts

SHAPE = Shape(synthetic=20_000, reference=20_000, holdout=0, columns=10, codes=200, targets=10, trees=20)
SPEED = Speed(arrays=0.05, trees=0.05, small_step=0.001, large_step=0.01)
#: Seconds of a tree of every target.
TREE = 0.1
#: Memory needs no cost of its own here.
PARTS = ("profile", "dimensions", "regions", "diversity", "verdict")


def costs_of(**parts: tuple[str, str, float]) -> dict[str, Any]:
    """A document in which every named part has one term: its feature, its kind of work and its factor."""
    made = {
        name: {"terms": [{"feature": feature, "speed": speed, "factor": factor}], "spread": 0.2}
        for name, (feature, speed, factor) in parts.items()
    }
    return {"parts": made, "memory": {}, "ray": {}, "made": "for a test"}


ALL = dict.fromkeys(PARTS, ("one", "arrays", 20.0)) | {
    "forests": ("targets", "trees", 2.0),
    "repairs": ("targets", "trees", 8.0),
    "models": ("model", "small_step", 500.0),
    "loops": ("model", "large_step", 25.0),
}


def test_a_machine_of_half_the_speed_takes_twice_as_long():
    costs = packaged_costs()
    fast = amounts(SHAPE, CascadeConfig(), costs, SPEED, TREE, quick=False)
    half = Speed(*(2.0 * SPEED.of(kind) for kind in ("arrays", "trees", "small_step", "large_step")))
    slow = amounts(SHAPE, CascadeConfig(), costs, half, 2.0 * TREE, quick=False)
    assert {part: amount.seconds for part, amount in slow.items()} == pytest.approx(
        {part: 2.0 * amount.seconds for part, amount in fast.items()}
    )


def test_every_part_is_its_terms_times_its_features():
    found = amounts(SHAPE, CascadeConfig(), parse_costs(costs_of(**ALL)), SPEED, TREE, quick=False)
    assert {part: found[part].seconds for part in PARTS} == pytest.approx(dict.fromkeys(PARTS, 1.0))
    assert found["forests"].seconds == pytest.approx(1.0) and len(found["forests"].pieces) == 10
    # 36 models of half a second, and two loops of 4 generations of a quarter of a second each.
    assert found["models"].seconds == pytest.approx(36 * 0.5 + 2 * 4 * 0.25) and len(found["models"].pieces) == 38
    assert found["repairs"].seconds == pytest.approx(EXPECTED_REPAIRS * 4.0)
    assert (found["repairs"].low, found["repairs"].high) == pytest.approx((0.0, 4.8))
    assert (found["forests"].low, found["forests"].high) == pytest.approx((0.8, 1.2))


def test_the_quick_mode_trains_nothing_and_without_a_reference_nothing_learns():
    costs = packaged_costs()
    assert set(amounts(SHAPE, CascadeConfig(), costs, SPEED, TREE, quick=True)) == {*PARTS, "forests"}
    alone = replace(SHAPE, reference=0)
    assert set(amounts(alone, CascadeConfig(), costs, SPEED, TREE, quick=False)) == set(PARTS)
    assert models_of(alone, CascadeConfig()) == ()


def test_models_are_those_that_the_cascade_would_train():
    # A fifth of 20,000 rows tests, a thousand stop; of the synthetic rows 2,000 are held out.
    assert SHAPE.train_rows == 15_000
    assert models_of(SHAPE, CascadeConfig()) == all_specs(CascadeConfig(), 15_000)
    assert models_of(replace(SHAPE, reference=50), CascadeConfig()) == ()
    assert replace(SHAPE, holdout=5_000).train_rows == 18_000


def test_cost_grows_with_rows_columns_codes_and_trees():
    base, config = forest_features(SHAPE, TREE), CascadeConfig()
    assert forest_features(replace(SHAPE, trees=40), TREE)["grown"] == pytest.approx(2 * base["grown"])
    assert forest_features(SHAPE, 3 * TREE)["grown"] == pytest.approx(3 * base["grown"])
    # A holdout judges in the place of halves of the reference, which then need not judge each other.
    assert forest_features(replace(SHAPE, holdout=500), TREE)["grown"] < base["grown"]
    assert statistics_features(replace(SHAPE, columns=20))["cells"] == 2 * statistics_features(SHAPE)["cells"]
    spec = models_of(SHAPE, config)[-1]
    wide, usual = model_features(spec, replace(SHAPE, codes=400)), model_features(spec, SHAPE)
    assert wide["learned"] > 1.5 * usual["learned"] and wide["steps"] == usual["steps"]
    longer = loop_features(SHAPE, replace(config, loop_generations=7))
    assert longer["drawn"] > loop_features(SHAPE, config)["drawn"]


def test_packaged_costs_are_complete_and_say_how_they_were_made():
    costs = packaged_costs()
    document = json.loads(files("synthos.estimation").joinpath("costs.json").read_text(encoding="utf-8"))
    assert {*PARTS, *(f"{part}_alone" for part in PARTS), "forests", "models", "loops", "repairs"} == set(costs.parts)
    assert "benchmarks/fit_costs.py" in costs.made
    assert all(part.spread > 0 and part.terms for part in costs.parts.values())
    assert all(term["factor"] > 0 for part in document["parts"].values() for term in part["terms"])
    assert set(costs.ray) == {"start", "processor", "worker", "imports"}
    wanted = {"base", "forests", "training", "million_cells", "thousand_columns"}
    assert set(costs.memory) == wanted | {"ray", "worker", "worker_training", "worker_million_cells"}


def even(seconds: float, pieces: int = 1) -> Amount:
    return Amount(seconds, 0.0, 2 * seconds, (seconds / pieces,) * pieces)


FOUND = {
    "profile": even(1.0),
    "dimensions": even(4.0, 4),
    "regions": even(1.0),
    "diversity": even(1.0),
    "forests": even(10.0, 10),
    "models": even(24.0, 12),
    "verdict": even(1.0),
    "repairs": even(6.0, 10),
}


def reading(seconds: float, *, size: int, spans: int) -> Reading:
    return Reading("synthetic", 1_000, size, seconds, 0.0, 0.1, spans, 0, seconds / max(spans, 1), 0, 100)


def test_one_process_does_one_part_after_the_other():
    clock = in_one_process(0.5, [reading(2.0, size=1_000, spans=1)], FOUND)
    assert clock.total == pytest.approx(0.5 + 2.0 + sum(item.seconds for item in FOUND.values()))


def test_workers_share_what_runs_side_by_side():
    clock = on_workers(0.0, [], FOUND, 4, start=0.0, imports=3.0)
    # 16 pieces of a second and 12 of two on four workers, after the imports.
    assert clock.together == pytest.approx(10.0 + 3.0)
    assert clock.repairs == pytest.approx(1.5)


def test_the_driver_works_while_ray_starts():
    clock = on_workers(0.0, [], FOUND, 4, start=9.0, imports=0.0)
    # 8 of the pieces of a second are done until then; 8 others and 12 of two seconds are left for four workers.
    assert clock.together == pytest.approx(8.0 + 8.0)


def test_without_models_ray_is_not_waited_for_where_all_is_done_before():
    found = {name: item for name, item in FOUND.items() if name not in ("models", "repairs")}
    clock = on_workers(0.0, [reading(3.0, size=10**9, spans=64)], found, 4, start=60.0, imports=5.0)
    assert (clock.scan, clock.together, clock.ray) == (3.0, 16.0, False)


def test_large_tables_are_read_by_all_workers_once_ray_is_up():
    large = reading(40.0, size=10**9, spans=64)
    clock = on_workers(1.0, [large], FOUND, 4, start=5.0, imports=0.0)
    # The driver reads 4 seconds of it while Ray starts.
    assert clock.scan == pytest.approx(4.0 + 9.0) and clock.ray
    few = reading(40.0, size=10**9, spans=2)
    assert on_workers(1.0, [few], FOUND, 4, start=0.0, imports=0.0).scan == pytest.approx(20.0)
