"""Counting and coding of columns with few distinct values: each value is looked at once, each row is one table look-up.

Strings are dear to compare row by row. Here every row's hash indexes a table without collisions, whose entry says which
known value it is; only values that were never seen are decoded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling.hashing import Hashes
from synthos.tables.codec import Codes
from synthos.tables.types import compact

#: Distinct values (null among them) up to which a column is counted through its dictionary.
LIMIT = 512
#: Bytes that they may take together.
LIMIT_BYTES = 4 << 20
#: Rows looked at together for new values; bounds the work wasted on a column that has too many.
_CHUNK = 4096

Indices = npt.NDArray[np.int64]


class Dictionary:
    """Known values of a column. ``code`` gives the codes of a series, or None where the column has none."""

    def __init__(self, code: Callable[[pl.Series], Codes] | None) -> None:
        self._code = code
        self._slots = np.zeros(1, np.intp)
        self._shift = np.uint64(63)
        self._factor = np.uint64(1)
        self.hashes: Hashes = np.empty(0, np.uint64)
        self.codes: Codes = np.empty(0, np.uint8)
        self.counts: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self.values: pl.Series | None = None

    def index(self, series: pl.Series, hashes: Hashes) -> Indices | None:
        """Which known value each row holds, counted; None where the values would become too many or too long."""
        found = self._look_up(hashes)
        missing = np.arange(len(hashes)) if found is None else np.flatnonzero(self.hashes[found] != hashes)
        while len(missing):
            if not self._learn(series, hashes, missing[:_CHUNK]):
                return None
            found = self._look_up(hashes)
            if found is None:
                return None
            missing = missing[self.hashes[found[missing]] != hashes[missing]]
        if found is None:
            return np.empty(0, np.int64)
        self.counts += np.bincount(found, minlength=len(self.counts))
        return found

    def _look_up(self, hashes: Hashes) -> Indices | None:
        if not len(self.hashes):
            return None
        slots = (hashes * self._factor) >> self._shift
        return self._slots[slots.view(np.int64)]

    def _learn(self, series: pl.Series, hashes: Hashes, rows: Indices) -> bool:
        fresh, first = np.unique(hashes[rows], return_index=True)
        if len(self.hashes) + len(fresh) > LIMIT:
            return False
        values = compact(series.gather(rows[first]).to_frame()).to_series()
        if values.estimated_size() + (0 if self.values is None else self.values.estimated_size()) > LIMIT_BYTES:
            return False
        self.hashes = np.concatenate([self.hashes, fresh])
        self.counts = np.concatenate([self.counts, np.zeros(len(fresh), np.int64)])
        self.values = values if self.values is None else pl.concat([self.values, values])
        if self._code is not None:
            self.codes = np.concatenate([self.codes, self._code(values)])
        self._place()
        return True

    def _place(self) -> None:
        """Finds a factor under which no two known hashes share a slot.

        With n values there are at least n * n / 4 slots, so that one factor in seven fits at the worst.
        """
        bits = max(1, 2 * (len(self.hashes) - 1).bit_length() - 2)
        self._shift = np.uint64(64 - bits)
        while True:
            slots = ((self.hashes * self._factor) >> self._shift).view(np.int64)
            if len(np.unique(slots)) == len(slots):
                break
            self._factor = np.uint64((int(self._factor) * 0x9E3779B97F4A7C15 + 2) % (1 << 64))
        self._slots = np.zeros(1 << bits, np.intp)
        self._slots[slots] = np.arange(len(slots))
