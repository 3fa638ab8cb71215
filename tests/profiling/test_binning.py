from __future__ import annotations

import numpy as np
import pytest

from synthos.profiling.binning import GridBins
from synthos.tables.codec import NumericBins, fit_numeric

ROWS = 40_000


def draws(name):
    rng = np.random.default_rng(5)
    return {
        "normal": lambda: rng.normal(0, 1, ROWS),
        "heavy tails": lambda: rng.standard_cauchy(ROWS) * 1e6,
        "skewed": lambda: np.exp(rng.normal(0, 6, ROWS)),
        "few values": lambda: rng.integers(0, 30, ROWS).astype(float),
        "mass at zero": lambda: np.where(rng.random(ROWS) < 0.9, 0.0, rng.normal(0, 1, ROWS)),
        "far from zero": lambda: 1e15 + rng.integers(0, 300, ROWS),
        "tiny": lambda: rng.normal(0, 1e-300, ROWS),
    }[name]()


@pytest.mark.parametrize(
    "name", ["normal", "heavy tails", "skewed", "few values", "mass at zero", "far from zero", "tiny"]
)
def test_codes_are_those_of_the_codec(name):
    values = draws(name)
    bins = fit_numeric(values[:5000])
    values[::17] = np.nan
    values[1 : len(bins.edges) + 1] = bins.edges
    values[100 : 100 + len(bins.edges)] = np.nextafter(bins.edges, np.inf)
    values[200 : 200 + len(bins.edges)] = np.nextafter(bins.edges, -np.inf)
    assert np.array_equal(GridBins(bins).encode(values), bins.encode(values))


@pytest.mark.parametrize("edges", [(), (1.0,), (-1.7e308, 1.7e308), (0.0, 5e-324)])
def test_edges_that_make_no_grid_are_searched(edges):
    values = np.random.default_rng(0).normal(0, 1, ROWS)
    values[:3] = [0.0, 5e-324, np.nan]
    bins = NumericBins(edges)
    assert np.array_equal(GridBins(bins).encode(values), bins.encode(values))
