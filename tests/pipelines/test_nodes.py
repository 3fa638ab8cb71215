"""Nodes that die, nodes that join, nodes with GPUs and without: the verdict is that of one process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import synthos
from pipelines import scan
from pipelines.validate import validate as validate_on_ray
from synthos.progress import Event, Listener, silent
from synthos.tables import parquet, reader
from tests.pipelines.simulated import Nodes, acting, simulated, still

pytestmark = [pytest.mark.slow, pytest.mark.long]
SHARDS = 12


@pytest.fixture(scope="module", autouse=True)
def _row_groups_are_scanned_by_tasks(wreck: pl.DataFrame) -> Iterator[None]:
    """Each by one, however small; all three limits hold where the table is opened, which is here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "SHARD_ROWS", wreck.height // SHARDS)
        patch.setattr(reader, "UNIT_ROWS", wreck.height // SHARDS)
        patch.setattr(scan, "SMALL_BYTES", 0)
        yield


@pytest.fixture(scope="module")
def arguments(tables: Path, wreck: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A table of many small row groups, and how it is to be judged."""
    table = tmp_path_factory.mktemp("shards") / "wreck.parquet"
    wreck.write_parquet(table, row_group_size=wreck.height // SHARDS)
    reference, tiers = tables / "real.parquet", tables / "tiers.yaml"
    return {"synthetic": table, "reference": reference, "tier_config": tiers, "seed": 3, "cache": False}


@pytest.fixture(scope="module")
def undisturbed(arguments: dict[str, Any]) -> dict[str, Any]:
    """What one process says, which has no nodes that could die."""
    return still(synthos.validate(**arguments).to_dict())


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with simulated((1, 0), (1, 0)) as cluster:
        yield cluster


def judged(nodes: Nodes, arguments: dict[str, Any], listener: Listener = silent) -> dict[str, Any]:
    return still(validate_on_ray(**arguments, address=nodes.address, on_progress=listener).to_dict())


@pytest.mark.parametrize(
    ("stage", "tasks"),
    [
        pytest.param("sample", ("evaluate",), id="dimensions"),
        pytest.param("sample", ("measure_column",), id="forests"),
        pytest.param("sample", ("stream_model",), id="cascade"),
        pytest.param("recommendations", ("evaluate", "learn_column", "teach"), id="recommendations"),
    ],
)
def test_a_node_that_dies_changes_nothing(
    nodes: Nodes, arguments: dict[str, Any], undisturbed: dict[str, Any], stage: str, tasks: tuple[str, ...]
):
    """It is killed in the midst of such a task, once this stage has been heard of."""
    with acting(stage, partial(nodes.kill_one_doing, tasks)) as listener:
        assert judged(nodes, arguments, listener) == undisturbed
    assert len(nodes.workers) == 1


def test_a_node_that_dies_while_shards_are_scanned_changes_nothing(
    nodes: Nodes, arguments: dict[str, Any], undisturbed: dict[str, Any]
):
    """After the first shard: more were sent to both nodes, and what they found lies there until it is asked for."""
    scanned: list[int] = []

    def kill(event: Event) -> None:
        if event.stage == "scan" and event.done:
            scanned.append(event.total)
            if len(scanned) == 1:
                nodes.kill(nodes.workers[0])

    assert judged(nodes, arguments, kill) == undisturbed
    assert scanned[0] == SHARDS
    assert len(nodes.workers) == 1


def test_a_node_that_joins_is_used_and_outlives_all_others(
    nodes: Nodes, arguments: dict[str, Any], undisturbed: dict[str, Any]
):
    """The driver owns what every task reads: it is there for the new node when those who had read it are gone."""

    def take_over(event: Event) -> None:
        old = list(nodes.workers)
        if event.stage == "cascade" and len(old) == 2:
            nodes.add()
            for node in old:
                nodes.kill(node)

    assert judged(nodes, arguments, take_over) == undisturbed
    assert len(nodes.workers) == 1
