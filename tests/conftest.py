"""Shared by all tests: one thread a process, a cache of this run alone, and small mixed tables."""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[_name] = "1"  # read when the libraries are first imported
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from collections.abc import Iterator  # noqa: E402
from itertools import count  # noqa: E402
from pathlib import Path  # noqa: E402

import polars as pl  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from benchmarks.end_to_end import mixed_table  # noqa: E402

ROWS = 1_200
#: One column of every kind, two that hang together in a rule, and one (channel) that nothing teaches.
COLUMNS = ("age", "income", "spend", "region", "plan", "channel", "active")
SMALL_TABLES = ("rand", "fair", "co2", "digits")
SMALL_KEYS = (
    *("real", "bootstrap", "leak20", "cart_g1", "cart_g4", "narrow_g3", "copula_g1", "copula_mix75"),
    *("duplicates_30", "shuffled_60", "noise_60", "label_flip_60"),
)

# The same examples in every run: a change is judged, not luck. `--hypothesis-profile=default` searches anew.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


_numbers = count()


@pytest.fixture(scope="session", autouse=True)
def _run_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Models and forests are kept for this run of pytest, by all of its processes, and nothing of another is found.

    Fixtures of modules need that too. What the same rows teach is the same in every test; one that asks whether it
    comes out alike anew has a cache of its own.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared / "cache"))
        patch.setenv("XDG_DATA_HOME", str(base / "data"))
        patch.delenv("SYNTHOS_SIGNATURES", raising=False)
        yield


@pytest.fixture(autouse=True)
def _own_cases(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the known cases that another has added."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "data" / f"of-{next(_numbers)}"))


@pytest.fixture(scope="session")
def real() -> pl.DataFrame:
    return mixed_table(ROWS, seed=1).select(COLUMNS)


@pytest.fixture(scope="session")
def fresh() -> pl.DataFrame:
    """Another sample of the same distribution as ``real``."""
    return mixed_table(ROWS, seed=2).select(COLUMNS)


@pytest.fixture(scope="session")
def wreck(fresh: pl.DataFrame) -> pl.DataFrame:
    """``fresh`` with every column shuffled on its own: marginals of real rows, no dependence."""
    columns = [fresh[name].sample(fraction=1.0, shuffle=True, seed=i) for i, name in enumerate(fresh.columns)]
    return pl.DataFrame(columns)


@pytest.fixture(scope="session")
def tables(
    tmp_path_factory: pytest.TempPathFactory, real: pl.DataFrame, fresh: pl.DataFrame, wreck: pl.DataFrame
) -> Path:
    """A folder with real.parquet, fresh.parquet, wreck.parquet, and tiers.yaml for a small cascade."""
    folder = tmp_path_factory.mktemp("tables")
    for name, frame in (("real", real), ("fresh", fresh), ("wreck", wreck)):
        frame.write_parquet(folder / f"{name}.parquet")
    (folder / "tiers.yaml").write_text("scale: 0.1\nloop_generations: 1\n")
    return folder


@pytest.fixture(scope="session")
def small_bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bench folder of four real tables with a dozen cases each and their measured harm; some ten seconds."""
    from benchmarks.harm import Forest  # scikit-learn and scipy.stats would slow down every test's start
    from benchmarks.small_bench import make_bench

    folder = tmp_path_factory.mktemp("small_bench")
    make_bench(folder, SMALL_TABLES, SMALL_KEYS, rows=600, forest=Forest(trees=10))
    return folder
