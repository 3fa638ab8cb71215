"""What each row looks like to the localisation: a matrix of row statistics, one column a channel.

A channel is a figure per row whose mean over a run of rows moves when the run is damaged. Everything is learnt from
every other reference row (the rest gives the level to be expected), so that no row is judged by a table that it made.
Without a reference the synthetic table itself takes its place: a region then differs from the rest of its own table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.localization.row_order import along, trending_columns
from synthos.localization.rules import Rules, find_rules
from synthos.profiling.hashing import Hashes, cell_hashes, combine
from synthos.sampling.evidence import Evidence
from synthos.tables.codec import Codes, numeric_view
from synthos.tables.schema import NUMERIC_KINDS, Column, Schema

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
ChannelKind = Literal[
    "location",
    "spread",
    "surprise",
    "missing",
    "novel",
    "dependence",
    "rule",
    "duplicate",
    "copied",
    "stuck",
    "displaced",
]

#: Channels that the scan follows upwards only: copies stand out, a lack of them does not.
ONE_SIDED: frozenset[ChannelKind] = frozenset({"duplicate", "copied", "stuck", "displaced"})
#: Columns whose dependence is looked at, and pairs of them; wide tables keep the most dependent pairs.
PAIR_COLUMNS, PAIRS = 48, 200
#: Pseudo-rows that pull a pair's cells towards independence, so that a cell never seen costs bits, not infinity.
PRIOR_ROWS = 5.0


@dataclass(frozen=True, slots=True)
class Channel:
    """One row statistic; ``column`` is an index into the modelled columns, -1 where the whole row is meant."""

    kind: ChannelKind
    column: int

    @property
    def one_sided(self) -> bool:
        return self.kind in ONE_SIDED


@dataclass(frozen=True, slots=True)
class Channels:
    """Row statistics of the synthetic sample.

    Attributes
    ----------
    channels : what each column of ``values`` is, length C.
    values : shape (n, C); no NaN.
    real_values : the same of reference rows that the model did not learn from, in their order, shape (m, C); None
        without a reference. How many copies there are depends on the rows of a table, so that of a smaller reference
        (of half of it, for copied rows) is a lower bound. NaN where the reference cannot tell.
    """

    channels: tuple[Channel, ...]
    values: Matrix
    real_values: Matrix | None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class _Column:
    """Tables by code of one column, each of shape (size,)."""

    chance: Floats
    rank: Floats
    spread: Floats
    surprise: Floats


@dataclass(frozen=True, slots=True)
class RowModel:
    """What real rows look like: margins, pairs, the values they hold, and the rules they keep.

    ``trending`` columns run along the rows of the synthetic table: of them only nulls are compared, run by run, and how
    values follow one another.
    """

    schema: Schema
    columns: tuple[_Column, ...]
    pairs: tuple[tuple[int, int, Matrix], ...]
    values: dict[int, Floats]
    trending: frozenset[int]
    rules: Rules

    def ordered(self, index: int) -> bool:
        return self.schema.modelled[index].kind in NUMERIC_KINDS

    def measure(self, frame: pl.DataFrame, codes: Codes) -> tuple[list[Channel], list[Matrix]]:
        """The channels of ``frame`` that compare with this model, each of shape (n,)."""
        channels: list[Channel] = []
        values: list[Matrix] = []

        def add(kind: ChannelKind, column: int, figures: npt.NDArray[np.float64] | Matrix) -> None:
            channels.append(Channel(kind, column))
            values.append(figures.astype(np.float32))

        dependence = self.dependence(codes)
        for index, (column, table) in enumerate(zip(self.schema.modelled, self.columns, strict=True)):
            own = codes[:, index]
            add("missing", index, (own == 0).astype(np.float64))
            if index in self.trending:
                continue
            add("surprise", index, table.surprise[own])
            if self.ordered(index):
                add("location", index, table.rank[own])
                add("spread", index, table.spread[own])
            if index in self.values:
                add("novel", index, is_novel(frame[column.name], column, self.values[index]))
            if index in dependence:
                add("dependence", index, dependence[index])
        return channels, values

    def dependence(self, codes: Codes) -> dict[int, Matrix]:
        """Per column its mean pointwise mutual information with its partners in bits, shape (n,), under this model."""
        total: dict[int, Matrix] = {}
        partners: dict[int, int] = {}
        for left, right, table in self.pairs:
            bits = table[codes[:, left], codes[:, right]]
            for index in (left, right):
                total[index] = total[index] + bits if index in total else bits
                partners[index] = partners.get(index, 0) + 1
        return {index: total[index] / np.float32(partners[index]) for index in sorted(total)}


def is_novel(series: pl.Series, column: Column, known: Floats) -> Floats:
    """1 where a number does not occur among the ``known`` (sorted) ones, shape (n,); nulls are 0."""
    values = numeric_view(series, column.kind).to_numpy().astype(np.float64)
    if not known.size:
        return np.zeros(len(values))
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(np.isnan(values), 0.0, (known[place] != values).astype(np.float64))


def row_hashes(frame: pl.DataFrame, schema: Schema) -> Hashes:
    """A hash per row over the modelled columns, shape (n,); keys, which make every row distinct, do not count."""
    return combine((cell_hashes(frame[c.name], c.kind) for c in schema.modelled), frame.height)


def log_copies(hashes: Hashes) -> Floats:
    """log2 of how often each row occurs in its table, shape (n,); 0 for a row that is alone."""
    _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return np.asarray(np.log2(counts[inverse]), np.float64)


def fit_rows(
    frame: pl.DataFrame, codes: Codes, schema: Schema, sizes: Sequence[int], trending: frozenset[int], rules: Rules
) -> RowModel:
    """Learn margins, pairs (but of ``trending`` columns) and known values from real rows."""
    columns = []
    for index, size in enumerate(sizes):
        counts = np.bincount(codes[:, index], minlength=size).astype(np.float64)
        chance = (counts + 0.5) / (counts.sum() + 0.5 * size)
        present = chance.copy()
        present[0] = 0.0  # nulls have no place in the order
        share = present / present.sum() if present.sum() > 0 else present
        rank = np.cumsum(share) - share / 2
        rank[0] = 0.5
        spread = np.abs(2.0 * rank - 1.0)
        spread[0] = float(share @ spread)
        columns.append(_Column(chance, rank, spread, -np.log2(chance)))
    values = {}
    for index, column in enumerate(schema.modelled):
        if column.kind in NUMERIC_KINDS and column.kind != "text":
            numbers = numeric_view(frame[column.name], column.kind).to_numpy().astype(np.float64)
            values[index] = np.unique(numbers[~np.isnan(numbers)])
    return RowModel(schema, tuple(columns), _fit_pairs(codes, sizes, columns, trending), values, trending, rules)


def _fit_pairs(
    codes: Codes, sizes: Sequence[int], columns: Sequence[_Column], trending: frozenset[int]
) -> tuple[tuple[int, int, Matrix], ...]:
    """Pointwise mutual information tables, in bits, of the most dependent pairs."""
    entropies = np.array([float(column.chance @ column.surprise) for column in columns])
    richest = [int(i) for i in np.argsort(-entropies, kind="stable") if int(i) not in trending]
    chosen = sorted(richest[:PAIR_COLUMNS])
    rows = len(codes)
    found: list[tuple[float, int, int, Matrix]] = []
    for place, left in enumerate(chosen):
        for right in chosen[place + 1 :]:
            shape = (sizes[left], sizes[right])
            flat = codes[:, left].astype(np.int64) * shape[1] + codes[:, right]
            counts = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
            alone = np.outer(columns[left].chance, columns[right].chance)
            bits = np.log2((counts + PRIOR_ROWS * alone) / ((rows + PRIOR_ROWS) * alone)).astype(np.float32)
            found.append((float((counts * bits).sum()) / max(rows, 1), left, right, bits))
    # A strict order, so that ties between pairs do not depend on the sort.
    strongest = sorted(found, key=lambda item: (-item[0], item[1], item[2]))[:PAIRS]
    return tuple((left, right, bits) for _, left, right, bits in sorted(strongest, key=lambda item: item[1:3]))


def measure(evidence: Evidence) -> tuple[Channels, RowModel]:
    """The channels of the synthetic sample, and the model behind them."""
    synthetic, reference = evidence.synthetic, evidence.reference
    schema, sizes = evidence.schema, evidence.sizes
    hashes = row_hashes(synthetic.frame, schema)
    own = np.zeros(len(hashes), bool)
    own[np.unique(hashes, return_index=True)[1]] = True
    is_copy = np.zeros(len(hashes), bool)
    if reference is not None:
        is_copy = np.isin(hashes, row_hashes(reference.frame, schema))
        own &= ~is_copy if (own & ~is_copy).mean() > 0.5 else own
    runs_along = trending_columns(evidence, np.flatnonzero(own))
    rules = find_rules(evidence)
    learnt = (synthetic.frame, synthetic.codes)
    if reference is not None:
        learnt = (reference.frame[::2], reference.codes[::2])
    model = fit_rows(*learnt, schema, sizes, runs_along, rules)
    channels, values = model.measure(synthetic.frame, synthetic.codes)
    real = None if reference is None else model.measure(reference.frame[1::2], reference.codes[1::2])[1]
    unknown = np.zeros(0) if real is None else np.full(len(real[0]), np.nan)

    def add(kind: ChannelKind, column: int, figures: npt.NDArray[np.generic], usual: Floats | None = None) -> None:
        channels.append(Channel(kind, column))
        values.append(figures.astype(np.float32))
        if real is not None:
            real.append((unknown if usual is None else usual).astype(np.float32))

    for place, rule in enumerate(rules.rules):
        if rule.telling:
            add("rule", rule.columns[-1], rules.broken[:, place], rules.real_broken[:, place].astype(np.float64))
    if reference is None:
        add("duplicate", -1, log_copies(hashes))
    else:
        real_hashes = row_hashes(reference.frame, schema)
        matched = np.resize(log_copies(real_hashes[: len(hashes)]), len(real_hashes))
        add("duplicate", -1, log_copies(hashes), matched[1::2])
        add("copied", -1, is_copy, np.isin(real_hashes[1::2], real_hashes[::2]).astype(np.float64))
    for column in sorted(runs_along):
        found = along(synthetic, schema.modelled[column])
        usual = None if reference is None else along(reference, schema.modelled[column])
        if found is not None:
            add("stuck", column, found[0], None if usual is None else usual[0][1::2])
            add("displaced", column, found[1], None if usual is None else usual[1][1::2])
    return _varying(tuple(channels), np.column_stack(values), None if real is None else np.column_stack(real)), model


def _varying(channels: tuple[Channel, ...], values: Matrix, real: Matrix | None) -> Channels:
    """Only channels that are not the same for every row: a constant cannot tell one run of rows from another."""
    keep = np.flatnonzero(values.std(axis=0) > 1e-6)
    return Channels(tuple(channels[int(i)] for i in keep), values[:, keep], None if real is None else real[:, keep])
