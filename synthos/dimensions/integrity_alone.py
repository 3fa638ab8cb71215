"""Repeated rows judged without a reference: by how many the table's own columns would give by chance.

A model of the distinct rows stands in for real rows, so that copies do not teach it: a tree of pairwise dependencies
(Chow & Liu 1968) along which every cell is taken from a donor row. A donor agrees with the drawn row in the parent
column, in the value itself where others share it, otherwise in its bin; a row is never its own donor, so that what
occurs once cannot be repeated but by chance. The draws hold values at full resolution, as the scan compares them.

Distinct rows of a table that repeats by nature are flatter than the table, and a tree misses what only three columns
together show; both make the model repeat too little. The first is corrected by doing the same to the model's own draws
(parametric bootstrap), the second allowed for by ``ALLOWANCE``. What no table can tell of itself: where one column
decides all others, two draws of its value look like a row and its copy, and count as that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.dimensions.base import Judged, combine, informative, judged
from synthos.dimensions.copies import Count, duplicates, expected_shares, observed_shares
from synthos.dimensions.likelihood import PRIOR_ROWS, chow_liu, mutual_information
from synthos.profiling.hashing import cell_hashes
from synthos.results import DimensionResult, NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import judge
from synthos.tables.codec import Codes

Hashes = npt.NDArray[np.uint64]
Index = npt.NDArray[np.int64]

#: Rows drawn from the model in all, and the number of draws of the sample's size between which that is shared out.
DRAWN_ROWS, FEWEST_DRAWS, MOST_DRAWS = 60_000, 3, 20
#: Rows that stand against the others of the same value: fewer than against those of the same bin, which is coarser.
PRIOR_OF_VALUES = 0.5
#: Factor by which real rows may repeat more often than the model of their columns.
ALLOWANCE = 2.0
#: Where chance alone may repeat this share of the rows, copies cannot be told from it.
TELLING = 0.5
LEFT_OUT = (
    "judged without real rows: only repeats are scored; copies of real rows, near-duplicates, changed null rates, "
    "values outside the domain and impossible values need a reference"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as hashes of their cells, shape (n, columns), beside their codes."""

    cells: Hashes
    codes: Codes

    def __len__(self) -> int:
        return len(self.cells)

    def keys(self) -> Hashes:
        """A hash per row, shape (n,); sums of cells that were hashed column by column, wrap-around is meant."""
        return np.asarray(self.cells.sum(axis=1, dtype=np.uint64))

    def distinct(self) -> Rows:
        """The first of every kind of row, in order."""
        first = np.sort(np.unique(self.keys(), return_index=True)[1])
        return Rows(self.cells[first], self.codes[first])


def measure_alone(evidence: Evidence, others: Sequence[Judged], notes: Sequence[str]) -> DimensionResult:
    """The score of the repeats, with ``others`` that only inform; ``NotApplicable`` where chance hides copies."""
    if not evidence.columns:
        return NotApplicable(reason="no column is left to compare rows by")
    part, chance = _repeats(evidence)
    if part is None:
        return NotApplicable(
            reason=f"rows of these columns repeat by nature (by chance up to {chance:.0%} of them), so that copies "
            "cannot be told from chance without a reference"
        )
    return combine([part, _nulls(evidence), *others], notes=[LEFT_OUT, *notes])


def _repeats(evidence: Evidence) -> tuple[Judged | None, float]:
    """The component, None where nothing can be told, and the share that chance may reach."""
    synthetic = evidence.synthetic
    seen = duplicates(synthetic.scan.distinct_rows, synthetic.total_rows)
    base = chance_repeats(sampled_rows(evidence), evidence.sizes, generator(evidence.seed, "integrity_alone"))
    # Repeats per row grow at most in proportion to the rows: the line bounds what the full table may have.
    growth = max(1.0, (synthetic.total_rows - 1) / max(len(synthetic.codes) - 1, 1))
    null = expected_shares(base, seen.rows, growth * ALLOWANCE)
    chance = float(np.quantile(null, 0.95))
    if chance >= TELLING:
        return None, chance
    meaning = "rows that repeat an earlier row; the null is what a model of the table's own columns repeats by chance"
    return judged("duplicates", judge(observed_shares(seen), null, 1.0), unit="share of rows", meaning=meaning), chance


def sampled_rows(evidence: Evidence) -> Rows:
    """The synthetic sample as the scan compares rows, every column's cells hashed apart from the others'."""
    frame, columns = evidence.synthetic.frame, evidence.schema.modelled
    odd = generator(0, "integrity_alone", "columns").integers(0, 2**63, len(columns), dtype=np.uint64) * np.uint64(2)
    cells = np.column_stack([cell_hashes(frame[column.name], column.kind) for column in columns])
    return Rows(cells * (odd + np.uint64(1)), evidence.synthetic.codes)


def chance_repeats(rows: Rows, sizes: tuple[int, ...], rng: np.random.Generator) -> Count:
    """Repeats among as many rows drawn from a model of the distinct ``rows``, over several draws together."""
    model = Model.fit(rows.distinct(), sizes, rng)
    count = int(np.clip(DRAWN_ROWS // len(rows), FEWEST_DRAWS, MOST_DRAWS))
    first = model.draw(len(rows), rng)
    # One after the other: of wide tables a draw takes as much memory as the sample.
    hits = np.array([_repeated(first), *(_repeated(model.draw(len(rows), rng)) for _ in range(count - 1))], np.float64)
    flatter = Model.fit(first.distinct(), sizes, rng).draw(len(rows), rng)
    lost = max(0.0, float(hits.mean()) - (len(rows) - len(flatter.distinct())))
    return Count(float(hits.sum()) + count * lost, float(count * len(rows)))


def _repeated(rows: Rows) -> int:
    """How many rows repeat an earlier one."""
    return len(rows) - len(rows.distinct())


@dataclass(frozen=True, slots=True)
class Peers:
    """Rows that hold the same value: rows sorted by value, where each value's run begins, and each row's place."""

    order: Index
    starts: Index
    lengths: Index
    run: Index
    place: Index

    @classmethod
    def of(cls, values: npt.NDArray[np.unsignedinteger]) -> Peers:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        lengths = np.diff(starts, append=len(ordered))
        run, place = np.empty_like(order), np.empty_like(order)
        run[order] = np.repeat(np.arange(len(starts)), lengths)
        place[order] = np.arange(len(order)) - np.repeat(starts, lengths)
        return cls(order, starts, lengths, run, place)

    def other(self, rows: Index, prior: float, rng: np.random.Generator) -> tuple[Index, npt.NDArray[np.bool_]]:
        """For each of ``rows`` another row of the same value, and whether to use it: in k of ``k + prior`` cases,
        k being the number of such others."""
        mine = self.run[rows]
        others = self.lengths[mine] - 1
        step = 1 + (rng.random(len(rows)) * others).astype(np.int64)
        chosen = self.order[self.starts[mine] + (self.place[rows] + step) % self.lengths[mine]]
        return chosen, rng.random(len(rows)) < others / (others + prior)


@dataclass(frozen=True, slots=True)
class Model:
    """Distinct rows, the tree along which their columns depend on each other, and who agrees with whom in a parent."""

    known: Rows
    parents: tuple[int, ...]
    peers: dict[int, tuple[Peers, Peers]]

    @classmethod
    def fit(cls, known: Rows, sizes: tuple[int, ...], rng: np.random.Generator) -> Model:
        parents = chow_liu(mutual_information(known.codes, sizes, rng), sizes).parents
        peers = {
            parent: (Peers.of(known.cells[:, parent]), Peers.of(known.codes[:, parent]))
            for parent in sorted(set(parents) - {-1})
        }
        return cls(known, parents, peers)

    def draw(self, size: int, rng: np.random.Generator) -> Rows:
        """``size`` fresh rows whose columns depend on each other along the tree as those of the known rows."""
        width = len(self.parents)
        donors: dict[int, Index] = {}
        while len(donors) < width:
            for column, parent in enumerate(self.parents):
                if column in donors or (parent >= 0 and parent not in donors):
                    continue
                donor = rng.integers(0, len(self.known), size)
                if parent >= 0:
                    values, bins = self.peers[parent]
                    for peers, prior in ((bins, PRIOR_ROWS), (values, PRIOR_OF_VALUES)):  # the value overrides its bin
                        chosen, taken = peers.other(donors[parent], prior, rng)
                        donor = np.where(taken, chosen, donor)
                donors[column] = donor
        cells = np.column_stack([self.known.cells[donors[column], column] for column in range(width)])
        codes = np.column_stack([self.known.codes[donors[column], column] for column in range(width)])
        return Rows(cells, codes)


def _nulls(evidence: Evidence) -> Judged:
    worst = max(evidence.synthetic.profile.columns, key=lambda column: column.nulls / max(column.rows, 1))
    return informative(
        "nulls",
        worst.nulls / max(worst.rows, 1),
        unit="share of rows",
        meaning=f"nulls in the column with most, {worst.name}; not scored, since real rows may have as many",
    )
