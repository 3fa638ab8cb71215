"""Where a region begins and ends, to the row, in a table of which only a sample was looked at.

The rows around each end are read and weighed one by one, by the discriminant that tells the sampled rows inside from
those outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.localization import boundaries
from synthos.localization.boundaries import Discriminant
from synthos.localization.channels import Channel, Channels, RowModel, row_hashes
from synthos.localization.runs import Run
from synthos.results import Region
from synthos.sampling.evidence import Evidence

#: Reads rows ``[first, last)`` of the full table, with all columns of the schema.
Look = Callable[[int, int], pl.DataFrame]
Index = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float32]

#: Rows that are read on either side of an end, at most.
MOST_ROWS = 262_144
#: An end is looked for so many times as far as it may be off, and this many sampled rows at least.
_REACH, _SAMPLED = 3, 32
#: What a row shows of itself, without those around it.
_OWN = frozenset({"location", "spread", "surprise", "missing", "novel", "dependence", "duplicate", "copied"})


def sharpened(
    evidence: Evidence, channels: Channels, model: RowModel, run: Run, region: Region, look: Look, *, both: bool
) -> Region:
    """The region with ends that are exact, as far as its rows tell by themselves.

    Both ends move, or the last alone. Where nothing that gave the region away can be seen in single rows (broken rules,
    values out of order) it stays what it was.
    """
    own = np.array([i for i in run.carriers if channels.channels[i].kind in _OWN], np.int64)
    if not own.size:
        return region
    values = channels.values[:, own]
    judge = Discriminant.fit(values, run.start, run.stop)
    error = boundaries.blur(judge.score(values), run.start, run.stop, region.boundary_error)
    if error >= region.boundary_error:
        return region
    wanted = [channels.channels[i] for i in own]
    extent, (first, last) = evidence.synthetic.extent, region.row_range
    spacing = -(-extent // len(evidence.synthetic.rows))
    reach = min(max(_REACH * region.boundary_error, _SAMPLED * spacing), MOST_ROWS, (last - first) // 2)

    def gains(end: int) -> tuple[int, npt.NDArray[np.float64]]:
        """The first row that is looked at, and the evidence for "inside" of all rows before each place."""
        begin = max(0, end - reach)
        frame = look(begin, min(extent, end + reach))
        score = judge.score(_figures(evidence, model, wanted, frame))
        return begin, np.concatenate([[0.0], np.cumsum(score)])

    if both and first > 0:
        begin, sums = gains(first)
        first = begin + int(sums.argmin())
    if last < extent:
        begin, sums = gains(last)
        last = begin + int(sums.argmax())
    return replace(region, row_range=(first, last), boundary_error=error)


def _figures(evidence: Evidence, model: RowModel, wanted: list[Channel], frame: pl.DataFrame) -> Matrix:
    """The channels ``wanted`` of any rows of the synthetic table, shape (n, C)."""
    kinds, values = model.measure(frame, evidence.codec.encode(frame))
    found = dict(zip(kinds, values, strict=True))
    hashes = row_hashes(frame, evidence.schema)
    for channel in wanted:
        if channel.kind == "duplicate":
            known, counts = np.unique(row_hashes(evidence.synthetic.frame, evidence.schema), return_counts=True)
            place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            copies = np.where(known[place] == hashes, counts[place], 1)
            found[channel] = np.log2(copies).astype(np.float32)
        elif channel.kind == "copied" and evidence.reference is not None:
            found[channel] = np.isin(hashes, row_hashes(evidence.reference.frame, evidence.schema)).astype(np.float32)
    return np.column_stack([found[channel] for channel in wanted])
