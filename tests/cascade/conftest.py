"""Small coded tables with known dependence, and a cascade small enough to train in tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from cascade_tables import SIZES, Table, chain, shuffled

from synthos.cascade.run import run_cascade
from synthos.cascade.tasks import CascadeData, make_tasks
from synthos.cascade.tiers import CascadeConfig
from synthos.results import CascadeResult


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_config() -> CascadeConfig:
    return CascadeConfig(scale=0.12, loop_generations=2)


@pytest.fixture(scope="session")
def reference_table() -> Table:
    return chain(1000, 1)


@pytest.fixture(scope="session")
def real_data(reference_table: Table) -> CascadeData:
    return make_tasks(chain(1000, 2), reference_table, None, SIZES, 5)


@pytest.fixture(scope="session")
def cascades(reference_table: Table, small_config: CascadeConfig) -> Callable[[str], CascadeResult]:
    """Finished cascades of a fresh real, a half-shuffled and a shuffled table, each trained once a session."""
    torch.set_num_threads(1)
    fresh = chain(1000, 2)
    tables = {
        "real": fresh,
        "half": np.vstack([fresh[:500], shuffled(fresh[500:], 3)]),
        "shuffled": shuffled(fresh, 3),
    }
    done: dict[str, CascadeResult] = {}

    def get(name: str) -> CascadeResult:
        if name not in done:
            data = make_tasks(tables[name], reference_table, None, SIZES, 5)
            done[name] = run_cascade(data, small_config, device=torch.device("cpu"))
        return done[name]

    return get
