"""The dimensions and the regions as Ray tasks; each is one call of a core function."""

from __future__ import annotations

from typing import Any

from synthos.dimensions.registry import evaluate
from synthos.flow import early_dimensions
from synthos.localization.regions import find_regions

RETRIES = 3


def start_dimensions(ray: Any, evidence_ref: Any) -> dict[Any, str]:
    """One task a dimension that does not wait for the cascade; names by task."""
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(evaluate)
    return {task.remote(name, evidence_ref): name for name in early_dimensions()}


def start_regions(ray: Any, evidence_ref: Any) -> Any:
    return ray.remote(num_cpus=1, max_retries=RETRIES)(find_regions).remote(evidence_ref)
