"""The codec's numeric bins, looked up on a grid instead of searched: the same codes, several times as fast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthos.tables.codec import Codes, NumericBins

_CELLS = 4096
#: Below this many values a grid costs more than it saves.
WORTHWHILE = 16_384


class GridBins:
    """``encode`` gives what ``NumericBins.encode`` gives.

    The range of the edges is cut into even cells. Cell numbers grow with the values they are computed from (rounding
    is monotone), so every edge in a lower cell is a lower edge: a value's code is the number of edges in lower cells,
    plus one comparison where its own cell holds an edge, or a search where it holds several.
    """

    def __init__(self, bins: NumericBins) -> None:
        self._bins = bins
        edges = np.asarray(bins.edges, np.float64)
        with np.errstate(over="ignore"):  # edges may lie further apart, or closer, than floats can tell
            span = edges[-1] - edges[0] if len(edges) > 1 else np.float64(np.inf)
            scale = _CELLS / span
        self._usable = bool(np.isfinite(span) and np.isfinite(scale))
        if not self._usable:
            return
        self._low, self._scale = edges[0], scale
        cells = self._cells(edges)
        lower = np.searchsorted(cells, np.arange(_CELLS + 1))
        held = np.searchsorted(cells, np.arange(_CELLS + 1), side="right") - lower
        self._below = (lower + 1).astype(np.uint8)
        self._edge = np.full(_CELLS + 1, np.inf)
        self._edge[cells[held[cells] == 1]] = edges[held[cells] == 1]
        self._crowded = held > 1 if (held > 1).any() else None

    def _cells(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        with np.errstate(over="ignore"):  # what lies beyond the largest float lies beyond the last edge too
            scaled = (values - self._low) * self._scale
        np.fmin(scaled, _CELLS, out=scaled)
        np.fmax(scaled, 0, out=scaled)  # NaN is at the uppermost cell by now, and null at the end
        cells: npt.NDArray[np.int64] = scaled.astype(np.int64)
        return cells

    def encode(self, values: npt.NDArray[np.float64], *, gaps: bool = True) -> Codes:
        """Codes of ``values``; ``gaps`` is False where it is known that none is missing."""
        if not self._usable:
            return self._bins.encode(values)
        cells = self._cells(values)
        codes = self._below[cells]
        codes += values > self._edge[cells]
        if self._crowded is not None:
            rows = np.flatnonzero(self._crowded[cells])
            codes[rows] = self._bins.encode(values[rows])
        if gaps:
            codes[np.isnan(values)] = 0
        return codes
