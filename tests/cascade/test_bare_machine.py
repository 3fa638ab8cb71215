"""Training needs numpy and torch alone, and driving it needs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

FORBIDDEN = """
for name in ('polars', 'pyarrow', 'pydantic', 'sklearn', 'scipy', 'pandas', 'yaml', 'ray'):
    sys.modules[name] = None
"""


def run(code: str) -> str:
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


@pytest.mark.slow
def test_a_model_trains_where_there_is_nothing_but_numpy_and_torch() -> None:
    code = f"""
import sys

import pytest
{FORBIDDEN}
import numpy as np
from synthos.cascade.run import train_one
from synthos.cascade.tasks import make_tasks
from synthos.cascade.tiers import load_config, plan
rows = np.random.default_rng(0).integers(0, 4, (600, 8)).astype(np.uint8)
data = make_tasks(rows[:300], rows[300:], None, (4,) * 8, 1)
print(train_one(plan(load_config(None), data.rows, "synthetic")[0], data).run.loss_bits)
"""
    assert 15 < float(run(code)) < 19


def test_planning_packing_and_summing_up_do_not_import_torch() -> None:
    code = (
        "import sys, synthos.cascade.run, synthos.cascade.summary, synthos.cascade.store; print('torch' in sys.modules)"
    )
    assert run(code) == "False"
