"""Where a region begins and ends, to the row, in a table of which only a sample was looked at.

The rows around each end are read and weighed one by one, by the discriminant that tells the sampled rows inside from
those in no region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.localization.boundaries import Discriminant
from synthos.localization.channels import Channel, RowModel, measure, row_hashes
from synthos.results import Region
from synthos.sampling.evidence import Evidence

#: Reads rows ``[first, last)`` of the full table, with all columns of the schema, in frames.
Look = Callable[[int, int], Iterable[pl.DataFrame]]
Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Run = tuple[int, int]

#: Rows and bytes that are read on either side of an end, at most.
MOST_ROWS, MOST_BYTES = 262_144, 64 * 2**20
#: An end is looked for so many times as far as it may be off, and this many sampled rows at least; then farther.
_REACH, _SAMPLED, _FARTHER = 3, 32, 4
#: What lies within this part of the reach from the last row that was looked at is no end yet.
_MARGIN = 8
#: Places that fall short of the best by less evidence than this, in nats, may be the end as well: 400 to 1.
_CERTAIN = float(np.log(400.0))
#: What a row shows of itself, without those around it.
_OWN = frozenset({"location", "spread", "surprise", "missing", "novel", "dependence", "duplicate", "copied"})


def sharpened(evidence: Evidence, regions: Sequence[Region], look: Look) -> tuple[Region, ...]:
    """The regions, in table order, with ends as exact as single rows tell; ``boundary_error`` says how exact that is.

    An end that no row tells by itself stays where it was: of a drift, which begins nowhere in particular, the first of
    repeated rows, which follow their originals, and where two regions meet at an end that is not certain.
    Errors are those of ``look``.
    """
    if evidence.synthetic.is_whole or evidence.synthetic.profile.unread or not regions:
        return tuple(regions)
    channels, model = measure(evidence)
    own = [place for place, channel in enumerate(channels.channels) if channel.kind in _OWN]
    if not own:
        return tuple(regions)
    values = channels.values[:, own]
    wanted = [channels.channels[place] for place in own]
    inside = [np.searchsorted(evidence.synthetic.rows, region.row_range) for region in regions]
    found: list[Region] = []
    for place, region in enumerate(regions):
        others = np.ones(len(values), bool)
        for start, stop in (*inside[:place], *inside[place + 1 :]):
            others[start:stop] = False
        start, stop = (int(others[:end].sum()) for end in inside[place])
        judge = _Judge(evidence, model, wanted, look, values[others], (start, stop))
        low = found[-1].row_range[1] if found else 0
        high = regions[place + 1].row_range[0] if place + 1 < len(regions) else evidence.synthetic.extent
        found.append(_settled(region, judge, low, high))
    return tuple(found)


class _Judge:
    """Weighs rows for and against one region. ``values`` are those of the sampled rows outside of all others, shape
    (n, C), of which those of ``run`` lie inside."""

    def __init__(
        self, evidence: Evidence, model: RowModel, wanted: Sequence[Channel], look: Look, values: Matrix, run: Run
    ) -> None:
        self._evidence, self._model, self._wanted, self._look = evidence, model, wanted, look
        self._discriminant = Discriminant.fit(values, *run)
        synthetic = evidence.synthetic
        self.extent = synthetic.extent
        self.spacing = -(-self.extent // len(synthetic.rows))
        hashes = row_hashes(synthetic.frame, evidence.schema)
        self._known, self._copies = np.unique(hashes, return_counts=True)
        reference = evidence.reference
        self._real = None if reference is None else row_hashes(reference.frame, evidence.schema)
        row_bytes = synthetic.frame.estimated_size() / synthetic.frame.height
        self.farthest = max(1, min(MOST_ROWS, int(MOST_BYTES / max(row_bytes, 1.0))))

    def settle(self, end: int, low: int, high: int, reach: int, *, first: bool) -> tuple[int, int] | None:
        """Where the region begins (``first``) or ends, between rows ``low`` and ``high``, and by how many rows that may
        be off; None where no row tells."""
        beside = low if first else high
        while beside in (0, self.extent) or abs(end - beside) >= reach:
            begin, stop = max(low, end - reach), min(high, end + reach)
            gains = np.concatenate([[0.0], np.cumsum(self._score(begin, stop))]) * (1 if first else -1)
            best = int(gains.argmin())
            near = np.flatnonzero(gains <= gains[best] + _CERTAIN)
            off, edge = int(np.abs(near - best).max()), reach // _MARGIN
            if (begin == 0 or best > edge) and (stop == self.extent or len(gains) - 1 - best > edge):
                return begin + best, max(1, off)
            # The best place is among the last that were looked at: the end lies beyond, or somewhere else altogether.
            if begin == low or stop == high or reach >= self.farthest:
                return None
            reach = min(_FARTHER * reach, self.farthest)
        return None  # rows of another region tell nothing of this one's end

    def _score(self, begin: int, stop: int) -> Floats:
        figures = [self._discriminant.score(self._figures(frame)) for frame in self._look(begin, stop) if frame.height]
        return np.concatenate(figures) if figures else np.zeros(0)

    def _figures(self, frame: pl.DataFrame) -> Matrix:
        """The channels wanted of any rows of the synthetic table, shape (n, C)."""
        evidence = self._evidence
        kinds, values = self._model.measure(frame, evidence.codec.encode(frame))
        found = dict(zip(kinds, values, strict=True))
        hashes = row_hashes(frame, evidence.schema)
        for channel in self._wanted:
            if channel.kind == "duplicate":
                place = np.minimum(np.searchsorted(self._known, hashes), len(self._known) - 1)
                copies = np.where(self._known[place] == hashes, self._copies[place], 1)
                found[channel] = np.log2(copies).astype(np.float32)
            elif channel.kind == "copied" and self._real is not None:
                found[channel] = np.isin(hashes, self._real).astype(np.float32)
        return np.column_stack([found[channel] for channel in self._wanted])


def _settled(region: Region, judge: _Judge, low: int, high: int) -> Region:
    """The region with its ends settled between the rows ``low`` and ``high``, as far as rows tell."""
    (first, last), old = region.row_range, region.boundary_error
    reach = min(max(_REACH * old, _SAMPLED * judge.spacing), judge.farthest)
    if region.issue == "drift" or reach < old:
        return region
    middle = (first + last) // 2
    begin: tuple[int, int] | None = (0, 0) if first == 0 else None
    if begin is None and region.issue != "duplicates":
        begin = judge.settle(first, low, middle, reach, first=True)
    end: tuple[int, int] | None = (last, 0) if last == judge.extent else None
    if end is None:
        end = judge.settle(last, middle, high, reach, first=False)
    ends = (begin or (first, old), end or (last, old))
    return replace(region, row_range=(ends[0][0], ends[1][0]), boundary_error=max(1, ends[0][1], ends[1][1]))
