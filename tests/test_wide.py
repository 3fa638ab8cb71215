"""Tables of thousands of columns: a quick validation ends, in memory that does not grow with pairs of columns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

COLUMNS, ROWS = 1_500, 600
#: What the whole process may take. All pairs of the columns alone would take several hundred more.
MOST_MEGABYTES = 1_200
VALIDATE = """
import sys
from synthos.flow import validate

found = validate(sys.argv[1], sys.argv[2], quick=True, cache=False)
assert len(found.profiles["synthetic"].columns) == int(sys.argv[3]) and found.dimensions
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024)
"""


def table(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    letters = np.array(["a", "b", "c", "d"])
    made = {0: lambda: rng.normal(size=ROWS), 1: lambda: rng.integers(0, 20, ROWS)}
    columns = {f"c{n}": made.get(n % 3, lambda: letters[rng.integers(0, 4, ROWS)])() for n in range(COLUMNS)}
    return pl.DataFrame(columns)


@pytest.mark.slow
@pytest.mark.long
def test_a_wide_table_is_validated_in_bounded_memory(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{name}.parquet") for name in ("synthetic", "reference")]
    for seed, path in enumerate(paths):
        table(seed).write_parquet(path)
    command = [sys.executable, "-c", VALIDATE, *paths, str(COLUMNS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < MOST_MEGABYTES
