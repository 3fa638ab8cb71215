"""What each piece of work asks of the cluster, and where it goes: the options of its Ray tasks.

Whether a model trains on a GPU is found out where it trains, by PyTorch; here a GPU is a thing to be counted. So a
logical GPU without a device behind it trains on a processor.
"""

from __future__ import annotations

import os
from typing import Any

from synthos.cascade.tiers import GPU_SHARE, ModelSpec

#: Set to 1 where an autoscaler brings nodes with GPUs once a task asks for one: until then the cluster shows none.
GPUS_COME = "SYNTHOS_AUTOSCALED_GPUS"


def for_scan() -> dict[str, Any]:
    """Options of the task that scans shards: on all nodes in turn, whose disks and networks then read side by side.

    Ray's default fills one node to the half before it takes another, and that one would read alone.
    """
    return {"num_cpus": 1, "scheduling_strategy": "SPREAD"}


def processors(ray: Any) -> int:
    """How many processors the cluster has for tasks just now, one at least."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def for_piece() -> dict[str, Any]:
    """Options of the task that measures a dimension, a forest or the regions.

    Packed: fewer nodes fetch the evidence, and Ray keeps what needs no GPU off nodes that have some while it can.
    """
    return {"num_cpus": 1}


def for_model(ray: Any, spec: ModelSpec) -> dict[str, Any]:
    """Options of the task that trains one model: a share of a GPU where there are any, else one processor."""
    return _resources(ray, GPU_SHARE[spec.tier])


def for_loop(ray: Any) -> dict[str, Any]:
    """Options of one arm of the loop, which refits light models."""
    return _resources(ray, GPU_SHARE["light"])


def _resources(ray: Any, share: float) -> dict[str, Any]:
    return {"num_cpus": 1, "num_gpus": share} if _has_gpus(ray) else {"num_cpus": 1}


def _has_gpus(ray: Any) -> bool:
    return os.environ.get(GPUS_COME) == "1" or ray.cluster_resources().get("GPU", 0) > 0
