"""What each piece of work asks of the cluster."""

from __future__ import annotations

from typing import Any

from synthos.cascade.tiers import ModelSpec

#: Share of one GPU that a model of each tier takes where there are GPUs.
GPU_SHARE = {"light": 0.25, "medium": 0.5, "heavy": 1.0}


def for_model(ray: Any, spec: ModelSpec) -> dict[str, float]:
    """Resources of the task that trains one model: a share of a GPU where the cluster has any, else one processor."""
    if ray.cluster_resources().get("GPU", 0) > 0:
        return {"num_cpus": 1, "num_gpus": GPU_SHARE[spec.tier]}
    return {"num_cpus": 1}
