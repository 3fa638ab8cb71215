"""What each piece of work asks of the cluster."""

from __future__ import annotations

from typing import Any

from synthos.cascade.tiers import ModelSpec

#: Share of one GPU that a model of each tier takes where there are GPUs.
GPU_SHARE = {"light": 0.25, "medium": 0.5, "heavy": 1.0}


def for_model(ray: Any, spec: ModelSpec) -> dict[str, float]:
    """Resources of the task that trains one model: a share of a GPU where the cluster has any, else one processor."""
    return _resources(ray, GPU_SHARE[spec.tier])


def for_loop(ray: Any) -> dict[str, float]:
    """Resources of one arm of the loop, which refits light models."""
    return _resources(ray, GPU_SHARE["light"])


def _resources(ray: Any, share: float) -> dict[str, float]:
    has_gpu = ray.cluster_resources().get("GPU", 0) > 0
    return {"num_cpus": 1, "num_gpus": share} if has_gpu else {"num_cpus": 1}
