"""The whole estimate: its JSON, what it refuses, and how it stands beside what happened."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import synthos
from synthos.errors import ConfigError
from synthos.estimation.answer import Estimate
from synthos.estimation.compare import compare, load_timings
from synthos.estimation.schedule import slowdown

PARTS = (
    "read",
    "scan",
    "profile",
    "dimensions",
    "forests",
    "models",
    "regions",
    "diversity",
    "verdict",
    "repairs",
    "ray",
)


@pytest.fixture(scope="module")
def whole(fresh: pl.DataFrame, real: pl.DataFrame) -> Estimate:
    return synthos.estimate(fresh, real, workers=2, cache=False)


def test_every_part_has_seconds_within_its_interval_and_a_reason(whole: Estimate):
    assert tuple(part.name for part in whole.parts) == PARTS
    for part in whole.parts:
        assert 0.0 <= part.interval.low <= part.processor <= part.interval.high and part.basis
    assert whole.interval.low <= whole.seconds <= whole.interval.high
    assert whole.processor_seconds == pytest.approx(sum(part.processor for part in whole.parts))
    assert (whole.engine, whole.processors, whole.gpus, whole.nodes, whole.cost) == ("ray", 2, 0, (), None)
    assert whole.memory.total > whole.memory.driver + 2 * (whole.memory.worker or 0.0)


def test_its_json_says_all_of_it(whole: Estimate, tmp_path: Path):
    content = json.loads(whole.to_json(tmp_path / "e.json").read_text())
    assert content == json.loads(json.dumps(whole.to_dict()))
    assert set(content) == {*Estimate.__slots__, "processor_seconds"}


def test_a_table_alone_is_estimated_in_one_process_at_its_price(fresh: pl.DataFrame):
    found = synthos.estimate(fresh, quick=True, local=True, cache=False, price_per_hour=3_600.0)
    assert {part.name for part in found.parts} == set(PARTS) - {"forests", "models", "repairs", "ray"}
    assert found.cost == pytest.approx(found.seconds) and found.side_by_side is None
    assert found.memory.worker is None and found.memory.total == found.memory.driver
    clocks = [part.clock for part in found.parts if part.clock is not None]
    assert found.seconds == pytest.approx(sum(clocks)) and len(clocks) == len(found.parts)


def test_other_work_on_the_machine_makes_the_clock_longer():
    assert slowdown(2, load=0.0, processors=4) == 1.0
    assert slowdown(2, load=2.0, processors=4) == 1.0
    assert slowdown(4, load=4.0, processors=4) == 2.0
    assert slowdown(8, load=0.0, processors=4) == 2.0


def test_on_gpus_the_time_of_models_is_called_a_bound(fresh: pl.DataFrame, real: pl.DataFrame):
    found = synthos.estimate(fresh, real, workers=4, gpus=1, cache=False)
    assert found.gpus == 1 and any("GPUs, whose speed was never measured" in note for note in found.notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"local": True, "workers": 2}, "one process has no workers"),
        ({"cluster": "c.yaml", "workers": 2}, "a cluster's file says"),
        ({"prices": {"m7i.4xlarge": 1.0}}, "those of a cluster's nodes"),
        ({"cluster": "c.yaml", "price_per_hour": 1.0}, "a price per hour is that of this machine"),
        ({"price_per_hour": -1.0}, "the price per hour is -1"),
        ({"workers": 0}, "the number of workers is 0"),
        ({"gpus": -1}, "the number of GPUs is -1"),
        ({"cluster": "nowhere.yaml"}, "nowhere.yaml: cannot be read"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_the_tables_are_opened(options: dict[str, Any], said: str):
    with pytest.raises(ConfigError, match=said):
        synthos.estimate("missing.parquet", **options)


def test_stages_are_compared_by_the_clock(whole: Estimate):
    apart = replace(whole, side_by_side=20.0, seconds=30.0)
    timings = {"read": 0.01, "scan": 0.5, "while_ray_starts": 6.0, "dimensions_regions_cascade": 4.0, "total": 15.0}
    found = {item.name: item for item in compare(apart, timings)}
    assert found["all"].ratio == 2.0 and found["all that run together"].ratio == 2.0
    assert found["open"].ratio is None  # of a moment no ratio is told
    assert "forests" not in found


def test_stages_of_one_process_are_compared_one_by_one(fresh: pl.DataFrame):
    here = synthos.estimate(fresh, quick=True, local=True, cache=False)
    timings = {"dimensions": 2.0, "regions": 1.0, "diversity": 1.0, "verdict": 0.2, "total": 5.0}
    found = {item.name: item for item in compare(here, timings)}
    assert {"dimensions", "regions and diversity", "verdict", "all"} == set(found)
    assert found["regions and diversity"].took == 2.0


@pytest.mark.parametrize("content", ["no json", "[]", "{}", '{"timings": {}}', '{"timings": {"total": "long"}}'])
def test_what_is_no_result_is_refused(tmp_path: Path, content: str, whole: Estimate):
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"r\.json"):
        load_timings(path, whole)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"quick": True}, "of a quick validation"), ({"synthetic": "other"}, "synthetic table is 'other'")],
)
def test_the_result_of_another_validation_is_refused(
    tmp_path: Path, whole: Estimate, change: dict[str, Any], said: str
):
    settings = {**whole.settings, "quick": False}
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"timings": {"total": 1.0}, "settings": settings}))
    assert load_timings(path, whole) == {"total": 1.0}
    path.write_text(json.dumps({"timings": {"total": 1.0}, "settings": {**settings, **change}}))
    with pytest.raises(ConfigError, match=said):
        load_timings(path, whole)
