"""A validation on Ray: the same verdict as ``synthos.flow.validate``, by many processes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runtime import running
from synthos.progress import Listener, silent

if TYPE_CHECKING:
    from synthos.stages import KindsOption
    from synthos.validation import Validation


def validate(
    synthetic: Any,
    reference: Any = None,
    holdout: Any = None,
    *,
    quick: bool = False,
    seed: int | None = None,
    kinds: KindsOption = None,
    tier_config: str | Path | None = None,
    thresholds: str | Path | None = None,
    skip_bad_shards: bool = False,
    cache: str | Path | bool | None = None,
    on_progress: Listener = silent,
    address: str | None = None,
    workers: int | None = None,
) -> Validation:
    """``synthos.validate`` on Ray: the same parameters, the same verdict.

    Parameters
    ----------
    address : a running cluster; by default RAY_ADDRESS, and a private instance where that is not set either.
    workers : processors of a private instance; by default all of this machine.

    Raises
    ------
    InputError : a table or an option is at fault, or the cluster cannot be reached.
    """
    # What the quick mode does is mostly done before an instance of its own would be up.
    with running(address, workers, at_once=not quick or workers is not None) as runtime:
        # Imported here and not above: seconds that pass while Ray starts.
        from pipelines import graph
        from synthos.stages import prepare

        opening = partial(
            prepare,
            synthetic,
            reference,
            holdout,
            quick=quick,
            seed=seed,
            kinds=kinds,
            tier_config=tier_config,
            thresholds=thresholds,
            skip_bad_shards=skip_bad_shards,
            listener=on_progress,
        )
        return graph.run(runtime, opening, cache, on_progress)
