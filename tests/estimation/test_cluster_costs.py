"""Cluster files, the nodes that a validation uses of them, and their price."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from synthos.errors import ConfigError
from synthos.estimation.clock import Clock
from synthos.estimation.cluster import load_cluster, one_machine, parse_prices, share_out
from synthos.estimation.nodes import Plan, node_costs

ROOT = Path(__file__).parents[2]


def test_our_own_cluster_file_is_understood():
    cluster = load_cluster(ROOT / "cluster.yaml")
    assert (cluster.head.instance, cluster.head.processors, cluster.most, cluster.idle_seconds) == (
        "m7i.2xlarge",
        0,
        24,
        300.0,
    )
    assert {kind.name: (kind.instance, kind.processors, kind.gpus, kind.most) for kind in cluster.types} == {
        "cpu_spot": ("m7i.4xlarge", 16, 0, 16),
        "cpu_on_demand": ("m7i.4xlarge", 16, 0, 16),
        "gpu_spot": ("g6.4xlarge", 16, 1, 8),
        "gpu_on_demand": ("g6.4xlarge", 16, 1, 8),
    }


def test_nodes_are_as_many_as_the_work_needs_and_the_file_allows():
    cluster = load_cluster(ROOT / "cluster.yaml")

    def named(processors: int, gpus: float = 0.0) -> dict[str, int]:
        return {share.kind.name: share.nodes for share in share_out(cluster, processors, gpus=gpus)}

    assert named(0) == {}
    assert named(17) == {"cpu_spot": 2}
    assert named(17, gpus=2.5) == {"cpu_spot": 2, "gpu_spot": 3}
    assert named(10_000) == {"cpu_spot": 16, "cpu_on_demand": 8}
    assert sum(named(10_000, gpus=100.0).values()) == 24


def test_a_machine_with_gpus_gives_both_at_once():
    (share,) = share_out(one_machine(8, 2), 30, gpus=21.5)
    assert (share.nodes, share.kind.processors, share.kind.gpus) == (1, 8, 2)


def test_hours_are_those_of_the_nodes_with_their_rest():
    cluster = load_cluster(ROOT / "cluster.yaml")
    plan = Plan(cluster, share_out(cluster, 32), share_out(cluster, 16), 0.0, 0.0)
    spent = Clock(read=100.0, scan=3_600.0, profile=0.0, together=1_800.0, verdict=200.0, repairs=0.0)
    head, workers = node_costs(plan, spent, {"m7i.2xlarge": 2.0, "cpu_spot": 1.0})
    assert head.hours == pytest.approx(5_700 / 3_600) and head.cost == pytest.approx(2 * 5_700 / 3_600)
    # Two nodes scan, one goes on, and both rest for five minutes before they go.
    assert workers.nodes == 2 and workers.hours == pytest.approx(2.0 + 0.5 + 2 * 300 / 3_600)
    assert workers.cost == pytest.approx(workers.hours)
    assert node_costs(plan, spent, {})[0].cost is None


@pytest.mark.parametrize("text", ["m7i.4xlarge", "=1", "m7i.4xlarge=", "m7i.4xlarge=-1", "m7i.4xlarge=nan", "a=inf"])
def test_a_price_that_cannot_be_understood_is_refused(text: str):
    with pytest.raises(ConfigError, match="cannot be understood"):
        parse_prices([text])


def written(folder: Path, **changes: Any) -> Path:
    """A small cluster file with some of its keys changed."""
    document = {
        "max_workers": 4,
        "head_node_type": "head",
        "available_node_types": {"head": {"resources": {"CPU": 0}}, "worker": {"resources": {"CPU": 2}}},
    } | changes
    path = folder / "cluster.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_node_type_without_instance_is_called_by_its_name_and_may_fill_the_cluster(tmp_path: Path):
    (kind,) = load_cluster(written(tmp_path)).types
    assert (kind.instance, kind.most, kind.processors) == ("worker", 4, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"available_node_types": None}, "names no available_node_types"),
        ({"head_node_type": "other"}, "head_node_type is 'other'"),
        ({"available_node_types": {"head": {"resources": {"CPU": 8}}}}, "no node type beside the head"),
        ({"available_node_types": {"head": {}, "worker": []}}, "node type 'worker' holds no mapping"),
        ({"available_node_types": {"head": {}, "worker": {"resources": {"CPU": "two"}}}}, "worker.resources.CPU"),
        ({"max_workers": -1}, "max_workers is -1"),
        ({"idle_timeout_minutes": "long"}, "idle_timeout_minutes"),
    ],
)
def test_a_file_that_is_no_cluster_is_refused(tmp_path: Path, changes: dict[str, Any], said: str):
    path = written(tmp_path, **changes)
    with pytest.raises(ConfigError, match=said) as caught:
        load_cluster(path)
    assert str(path) in str(caught.value)
