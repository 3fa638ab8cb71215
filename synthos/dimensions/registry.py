"""All dimensions, written out, and the one place where a crash in one of them becomes a ``Failed``."""

from __future__ import annotations

from synthos.dimensions import (
    correlation_preservation,
    distribution_fidelity,
    diversity_retention,
    rare_pattern_handling,
    scale_robustness,
    semantic_coherence,
    statistical_integrity,
    temporal_stability,
)
from synthos.dimensions.base import Dimension
from synthos.errors import CancelledError
from synthos.results import DimensionResult, Failed, NotApplicable
from synthos.sampling.evidence import Evidence

#: In the order of ``results.DIMENSIONS``. Each module holds one ``DIMENSION``.
_ALL: tuple[Dimension, ...] = (
    distribution_fidelity.DIMENSION,
    correlation_preservation.DIMENSION,
    diversity_retention.DIMENSION,
    rare_pattern_handling.DIMENSION,
    temporal_stability.DIMENSION,
    semantic_coherence.DIMENSION,
    scale_robustness.DIMENSION,
    statistical_integrity.DIMENSION,
)
DIMENSIONS: dict[str, Dimension] = {dimension.name: dimension for dimension in _ALL}


def evaluate(name: str, evidence: Evidence) -> DimensionResult:
    """Measure one dimension; never raises but for a cancellation or a name that is not registered (``KeyError``).

    ``NotApplicable`` where the evidence lacks what the dimension needs, ``Failed`` where its code broke.
    """
    dimension = DIMENSIONS[name]
    if dimension.needs_reference and evidence.reference is None:
        return NotApplicable(reason=f"{dimension.title} compares with real rows; give a reference table")
    if dimension.needs_cascade and evidence.cascade is None:
        return NotApplicable(reason=f"{dimension.title} reads the cascade, which was not run")
    try:
        return dimension.measure(evidence)
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the process edge: one broken dimension must not take the other seven
        return Failed(error=f"{type(error).__name__}: {error}")
