"""The dimensions and the regions as Ray tasks; each is one call of a core function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pipelines.progress import Handler
from synthos.dimensions.registry import evaluate
from synthos.localization.regions import find_regions
from synthos.results import DimensionResult, Region
from synthos.stages import as_failure, early_dimensions

RETRIES = 3


def start_dimensions(ray: Any, evidence: Any, note: Callable[[str, DimensionResult], None]) -> dict[Any, Handler]:
    """One task a dimension that does not wait for the cascade; ``note`` hears each answer, ``Failed`` ones too."""
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(evaluate)

    def failed(name: str, error: Exception) -> None:
        note(name, as_failure(error))

    return {
        task.remote(name, evidence): Handler(partial(note, name), partial(failed, name)) for name in early_dimensions()
    }


def start_regions(ray: Any, evidence: Any, note: Callable[[tuple[Region, ...]], None]) -> dict[Any, Handler]:
    """One task that scans for regions."""
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(find_regions)
    return {task.remote(evidence): Handler(note)}
