"""Where tasks go on nodes with GPUs and without; the GPUs are only counted, for there are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import torch

import synthos
from pipelines.resources import GPUS_COME, for_loop, for_model, for_piece, for_scan, processors
from pipelines.validate import validate as validate_on_ray
from synthos.cascade.run import all_specs
from synthos.cascade.tiers import CascadeConfig, ModelSpec, Tier
from synthos.progress import Event
from tests.pipelines.simulated import Nodes, doing, meet, simulated, still

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """One node with processors alone, and one that says that it has a GPU."""
    with simulated((4, 0), (4, 1)) as cluster:
        yield cluster


@pytest.fixture
def joined(nodes: Nodes) -> Iterator[dict[str, str]]:
    """This process is connected; the names of both nodes by their ids."""
    ray.init(nodes.address, log_to_driver=False)
    plain, gpu = (node.node_id for node in nodes.workers)
    yield {plain: "plain", gpu: "gpu"}
    ray.shutdown()


def spec_of(tier: Tier) -> ModelSpec:
    return next(spec for spec in all_specs(CascadeConfig(), 1_000) if spec.tier == tier)


def met(options: dict[str, Any], folder: Path, number: int) -> list[tuple[str, list[str], str]]:
    task = ray.remote(**options)(meet)
    return ray.get([task.remote(folder, name, number) for name in range(number)])


@pytest.mark.parametrize(("tier", "number"), [("light", 4), ("medium", 2), ("heavy", 1)])
def test_a_gpu_is_shared_by_as_many_models_as_it_holds(joined: dict[str, str], tmp_path: Path, tier: Tier, number: int):
    """Whether a model trains there is decided by what PyTorch finds, and not by what Ray counts."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = for_model(ray, spec_of(tier))
    assert options == {"num_cpus": 1, "num_gpus": 1 / number}
    found = met(options, tmp_path, number)
    assert [(joined[node], gpus, trains) for node, gpus, trains in found] == [("gpu", ["0"], device)] * number


def test_what_needs_no_gpu_stays_off_its_node_while_there_is_room(joined: dict[str, str], tmp_path: Path):
    found = met(for_piece(), tmp_path, 4)
    assert [(joined[node], gpus) for node, gpus, _ in found] == [("plain", [])] * 4


def test_shards_are_scanned_by_every_node(joined: dict[str, str], tmp_path: Path):
    assert {joined[node] for node, *_ in met(for_scan(), tmp_path, 4)} == {"plain", "gpu"}


def test_a_validation_trains_on_the_node_with_the_gpu_alone(nodes: Nodes, tables: Path):
    arguments = (tables / "wreck.parquet", tables / "real.parquet")
    options = {"tier_config": tables / "tiers.yaml", "seed": 3, "cache": False}
    seen: dict[int, set[str]] = {0: set(), 1: set()}

    def look(event: Event) -> None:
        for number, node in enumerate(nodes.workers):
            seen[number] |= {*doing(node)} & {"stream_model", "stream_loop"}

    found = validate_on_ray(*arguments, **options, address=nodes.address, on_progress=look)
    assert seen == {0: set(), 1: {"stream_model", "stream_loop"}}
    assert still(found.to_dict()) == still(synthos.validate(*arguments, **options).to_dict())


class Shown:
    """A cluster of which nothing is asked but what it has."""

    def __init__(self, **resources: float) -> None:
        self._resources = resources

    def cluster_resources(self) -> dict[str, float]:
        return self._resources


def test_models_ask_for_gpus_where_there_are_some_or_will_be(monkeypatch: pytest.MonkeyPatch):
    assert for_loop(Shown(CPU=2)) == {"num_cpus": 1}
    assert for_loop(Shown(CPU=2, GPU=1)) == {"num_cpus": 1, "num_gpus": 0.25}
    monkeypatch.setenv(GPUS_COME, "1")
    assert for_loop(Shown(CPU=2)) == {"num_cpus": 1, "num_gpus": 0.25}


def test_what_is_sent_ahead_goes_by_the_processors_that_are_there():
    """An autoscaler's cluster has none at first, and brings some only when something waits for them."""
    assert processors(Shown(memory=1)) == 1
    assert processors(Shown(CPU=16.0)) == 16
