"""The dimensions, the regions and the diversity as Ray tasks; each is one call of a core function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pipelines.progress import Handler, follow
from pipelines.runtime import Runtime
from synthos.dimensions.registry import DIMENSIONS, evaluate
from synthos.localization.regions import find_regions
from synthos.profiling.diversity import analyse
from synthos.results import DimensionResult, DiversityReport, Region
from synthos.sampling.evidence import Evidence
from synthos.stages import as_failure, early_dimensions

RETRIES = 3


def start_dimensions(ray: Any, evidence: Any, note: Callable[[str, DimensionResult], None]) -> dict[Any, Handler]:
    """One task a dimension that does not wait for the cascade; ``note`` hears each answer, ``Failed`` ones too."""
    task = _task(ray, evaluate)

    def failed(name: str, error: Exception) -> None:
        note(name, as_failure(error))

    return {
        task.remote(name, evidence): Handler(partial(note, name), partial(failed, name)) for name in early_dimensions()
    }


def measure_all(runtime: Runtime, evidence: Evidence) -> dict[str, DimensionResult]:
    """Every dimension of evidence without a cascade, side by side."""
    ray = runtime.ray()
    measured: dict[str, DimensionResult] = {}
    follow(runtime, start_dimensions(ray, ray.put(evidence), measured.__setitem__))
    return {name: measured.get(name) or evaluate(name, evidence) for name in DIMENSIONS}


def start_regions(ray: Any, evidence: Any, note: Callable[[tuple[Region, ...]], None]) -> dict[Any, Handler]:
    """One task that scans for regions."""
    return {_task(ray, find_regions).remote(evidence): Handler(note)}


def start_diversity(ray: Any, evidence: Any, note: Callable[[DiversityReport], None]) -> dict[Any, Handler]:
    """One task for the measures of variety."""
    return {_task(ray, analyse).remote(evidence): Handler(note)}


def _task(ray: Any, function: Callable[..., Any]) -> Any:
    return ray.remote(num_cpus=1, max_retries=RETRIES)(function)
