"""What the pictures of a report are drawn from: small plain values, read off the evidence once.

Nothing here is a verdict. Histograms and the row map come from the full-table scans; the pair map comes from the
samples, matched in size so that the bias of mutual information cancels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri, ndtri

from synthos.profiling.scan import Scan
from synthos.results import DimensionResult, Kind, NotApplicable, Scored
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import generator
from synthos.stats.dependence import mutual_information
from synthos.stats.divergence import jensen_shannon
from synthos.stats.entropy import shannon
from synthos.tables.codec import Codes, NumericBins

Floats = npt.NDArray[np.float64]

MAX_OVERLAYS = 8
MAX_BARS = 16
MAX_PAIR_COLUMNS = 40
MAX_PAIR_CANDIDATES = 200
PAIR_ROWS = 12_000
MANY_COLUMNS = 64
PAIR_LEVELS = 8
MAX_ROW_BINS = 120
LEAST_ROWS_PER_BIN = 200
MAX_LABEL = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One column over the reference's bins, full tables.

    Attributes
    ----------
    labels : what each bar stands for; bins that both tables leave empty are left out.
    reference, synthetic : share of each table's rows in each bar, each adding up to 1.
    distance : Jensen-Shannon divergence in bits, [0, 1], higher is worse.
    noise : its 95 % quantile between two real tables of these sizes (chi-square approximation), bits.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    reference: tuple[float, ...]
    synthetic: tuple[float, ...]
    distance: float
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMap:
    """Change of mutual information between columns, synthetic minus reference, in bits.

    Attributes
    ----------
    columns : those shown, in table order.
    change : symmetric, zero diagonal; negative = dependence lost, positive = dependence that real rows do not have.
    noise : for each pair, what chance alone explains: the 95 % bound over all pairs together (Bonferroni).
    rows : rows per side that the map rests on.
    left_out : modelled columns that are not shown because their pairs changed less.
    """

    columns: tuple[str, ...]
    change: tuple[tuple[float, ...], ...]
    noise: tuple[tuple[float, ...], ...]
    rows: int
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBin:
    """Rows ``[start, stop)``: excess departure from the whole synthetic table in bits, and the column that leads."""

    start: int
    stop: int
    excess: float
    column: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMap:
    """The whole synthetic table in equal stretches of rows, in order."""

    rows: int
    bins: tuple[RowBin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Chart material of one validation; picklable, bounded in size whatever the tables' size."""

    overlays: tuple[Overlay, ...] | NotApplicable
    pairs: PairMap | NotApplicable
    row_map: RowMap


def gather(evidence: Evidence, dimensions: Mapping[str, DimensionResult]) -> Material:
    """Chart material for a report on ``evidence``; ``dimensions`` decide which columns are shown first."""
    row_map = _row_map(evidence)
    if evidence.reference is None:
        absent = NotApplicable(reason="There is no reference table to compare with.")
        return Material(overlays=absent, pairs=absent, row_map=row_map)
    overlays = _overlays(evidence, evidence.reference.scan, _blamed(dimensions))
    return Material(overlays=overlays, pairs=_pairs(evidence, evidence.reference), row_map=row_map)


def _blamed(dimensions: Mapping[str, DimensionResult]) -> dict[str, float]:
    """Largest share of blame of each column over all dimensions that found something (score below 97)."""
    blame: dict[str, float] = {}
    for result in dimensions.values():
        if isinstance(result, Scored) and result.score < 97:
            for item in result.blame:
                for column in item.columns:
                    blame[column] = max(blame.get(column, 0.0), item.share * (1 - result.score / 100))
    return blame


# --- columns ----------------------------------------------------------------------------------------------------


def _overlays(evidence: Evidence, reference: Scan, blame: Mapping[str, float]) -> tuple[Overlay, ...]:
    synthetic = evidence.synthetic.scan
    offsets = synthetic.blocks.offsets
    found: list[tuple[float, int, Overlay]] = []
    for index, column in enumerate(evidence.schema.modelled):
        ours = synthetic.histogram[offsets[index] : offsets[index + 1]].astype(np.float64)
        real = reference.histogram[offsets[index] : offsets[index + 1]].astype(np.float64)
        if not ours.sum() or not real.sum():
            continue
        p, q = real / real.sum(), ours / ours.sum()
        distance = float(jensen_shannon(p, q))
        noise = _jsd_noise(int(((p + q) > 0).sum()), int(real.sum()), int(ours.sum()))
        labels, p, q = _bars(evidence, index, p, q)
        overlay = Overlay(
            name=column.name,
            kind=column.kind,
            labels=labels,
            reference=tuple(float(v) for v in p),
            synthetic=tuple(float(v) for v in q),
            distance=distance,
            noise=noise,
        )
        excess = max(0.0, distance - noise)
        found.append((-(excess + 0.1 * blame.get(column.name, 0.0)), index, overlay))
    found.sort(key=lambda item: item[:2])
    return tuple(overlay for _, _, overlay in found[:MAX_OVERLAYS])


def _jsd_noise(cells: int, real_rows: int, synthetic_rows: int) -> float:
    """95 % quantile of JSD in bits between two samples of one distribution: ``8 nm/(n+m) JSD ~ chi2(K-1)`` in nats."""
    if cells < 2:
        return 0.0
    quantile = chdtri(cells - 1, 0.05)
    harmonic = real_rows * synthetic_rows / (real_rows + synthetic_rows)
    return float(quantile / (8 * harmonic * np.log(2)))


def _bars(evidence: Evidence, index: int, p: Floats, q: Floats) -> tuple[tuple[str, ...], Floats, Floats]:
    """Bars worth drawing: empty bins dropped; categories beyond ``MAX_BARS`` pooled, the largest changes kept."""
    codes = np.flatnonzero((p + q) > 0)
    numeric = isinstance(evidence.codec.bins[index], NumericBins)
    pooled = np.empty(0, np.int64)
    if not numeric and codes.size > MAX_BARS:
        weight = np.maximum(p, q)[codes] + np.abs(p - q)[codes]
        order = np.argsort(-weight, kind="stable")
        codes, pooled = np.sort(codes[order[: MAX_BARS - 1]]), codes[order[MAX_BARS - 1 :]]
    names = [_label(evidence, index, int(code)) for code in codes]
    real, ours = p[codes], q[codes]
    if pooled.size:
        names.append(f"{pooled.size} others")
        real, ours = np.append(real, p[pooled].sum()), np.append(ours, q[pooled].sum())
    return tuple(names), real, ours


def _label(evidence: Evidence, index: int, code: int) -> str:
    """What a bar stands for. Values of columns that look personal are never quoted."""
    column = evidence.schema.modelled[index]
    bins = evidence.codec.bins[index]
    if code == 0:
        return "null"
    hidden = evidence.is_personal(column.name)
    if not isinstance(bins, NumericBins):
        if hidden and code <= len(bins.labels):
            return f"value {code} (hidden: looks personal)"
        return evidence.codec.label(index, code)[:MAX_LABEL]
    if hidden:
        return f"bin {code} (hidden: looks personal)"
    low = bins.edges[code - 2] if 2 <= code <= len(bins.edges) + 1 else None
    high = bins.edges[code - 1] if code <= len(bins.edges) else None
    if low is None:
        return "any" if high is None else f"≤ {_edge(high, column.kind)}"
    return f"> {_edge(low, column.kind)}" if high is None else f"{_edge(low, column.kind)} – {_edge(high, column.kind)}"


def _edge(value: float, kind: Kind) -> str:
    if kind == "datetime":
        stamp = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
        return stamp.strftime("%Y-%m-%d" if value % 86_400 == 0 else "%Y-%m-%d %H:%M")
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e9 else f"{value:.4g}"


# --- pairs ------------------------------------------------------------------------------------------------------


def _pairs(evidence: Evidence, reference: ArmData) -> PairMap | NotApplicable:
    columns = len(evidence.columns)
    if columns < 2:
        return NotApplicable(reason="fewer than two modelled columns, so that there are no pairs")
    cap = PAIR_ROWS if columns <= MANY_COLUMNS else PAIR_ROWS // 3
    rows = min(len(evidence.synthetic.rows), len(reference.rows), cap)
    rng = generator(evidence.seed, "report", "pairs")
    real = reference.codes[np.sort(rng.permutation(len(reference.codes))[:rows])]
    ours = evidence.synthetic.codes[np.sort(rng.permutation(len(evidence.synthetic.codes))[:rows])]
    chosen = _candidates(evidence, real)
    numeric = [isinstance(evidence.codec.bins[j], NumericBins) for j in chosen]
    maps = [_level_map(real[:, j], evidence.sizes[j], flag) for j, flag in zip(chosen, numeric, strict=True)]

    def information(codes: Codes) -> tuple[Floats, Floats]:
        return _all_information(np.column_stack([m[codes[:, j]] for m, j in zip(maps, chosen, strict=True)]))

    (theirs, their_variance), (mine, my_variance) = information(real), information(ours)
    change = mine - theirs
    deviations = -float(ndtri(0.025 / (len(chosen) * (len(chosen) - 1) / 2)))
    noise = deviations * np.sqrt(their_variance + my_variance)
    strength = np.sort(np.maximum(np.abs(change) - noise, 0.0), axis=1)[:, ::-1][:, :3].sum(axis=1)
    kept = np.sort(np.argsort(-strength, kind="stable")[:MAX_PAIR_COLUMNS])
    return PairMap(
        columns=tuple(evidence.columns[chosen[k]] for k in kept),
        change=_plain(change[np.ix_(kept, kept)]),
        noise=_plain(noise[np.ix_(kept, kept)]),
        rows=rows,
        left_out=columns - len(kept),
    )


def _plain(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), 5) for value in row) for row in matrix)


def _candidates(evidence: Evidence, real: Codes) -> list[int]:
    """Columns whose pairs are looked at: all, or the ``MAX_PAIR_CANDIDATES`` whose marginals vary most under R."""
    count = len(evidence.columns)
    if count <= MAX_PAIR_CANDIDATES:
        return list(range(count))
    variety = [shannon(np.bincount(real[:, index])) for index in range(count)]
    return sorted(np.argsort(-np.asarray(variety), kind="stable")[:MAX_PAIR_CANDIDATES].tolist())


def _level_map(codes: Codes, size: int, numeric: bool) -> npt.NDArray[np.int64]:
    """Code -> level in [0, PAIR_LEVELS): null apart, numbers by equal reference mass, categories by frequency."""
    if not numeric:
        return np.minimum(np.arange(size), PAIR_LEVELS - 1)
    mass = np.bincount(codes, minlength=size).astype(np.float64)
    mass[0] = 0.0
    total = mass.sum() or 1.0
    middle = (np.cumsum(mass) - mass / 2) / total
    levels = 1 + np.minimum((middle * (PAIR_LEVELS - 1)).astype(np.int64), PAIR_LEVELS - 2)
    levels[0] = 0
    return levels


def _all_information(levels: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mutual information of every pair in bits, bias taken off, and its variance; both (p, p) with zero diagonal.

    One product of the one-hot matrix with itself counts all pairs at once. The variance is that of the mean pointwise
    information (delta method, which rules where columns depend) plus that of the chi-squared law (which rules where
    they do not): ``Var[i] / n + 2 df / (2 n ln2)^2``.
    """
    rows, columns = levels.shape
    hot = np.zeros((rows, columns * PAIR_LEVELS), np.float32)
    hot[np.arange(rows)[:, None], levels + np.arange(columns) * PAIR_LEVELS] = 1.0
    cells = (hot.T @ hot).reshape(columns, PAIR_LEVELS, columns, PAIR_LEVELS).transpose(0, 2, 1, 3)
    joint = np.ascontiguousarray(cells, np.float64)
    information = mutual_information(joint)
    shares = joint / rows
    single = shares.sum(axis=3)  # (p, p, levels): the first column's marginal, whatever the second
    expected = single[..., :, None] * shares.sum(axis=2)[..., None, :]
    seen = shares > 0
    pointwise = np.where(seen, np.log2(np.where(seen, shares, 1.0) / np.where(seen, expected, 1.0)), 0.0)
    mean = (shares * pointwise).sum(axis=(2, 3))
    spread = np.maximum((shares * pointwise**2).sum(axis=(2, 3)) - mean**2, 0.0)
    used = (hot.reshape(rows, columns, PAIR_LEVELS).sum(axis=0) > 0).sum(axis=1) - 1
    freedom = used[:, None] * used[None, :]
    variance = spread / rows + 2 * freedom / (2 * rows * np.log(2)) ** 2
    np.fill_diagonal(information, 0.0)
    np.fill_diagonal(variance, 0.0)
    return information, np.asarray(variance)


# --- rows -------------------------------------------------------------------------------------------------------


def _row_map(evidence: Evidence) -> RowMap:
    scan = evidence.synthetic.scan
    starts, blocks = scan.blocks.starts, len(scan.blocks.starts)
    stretches = max(1, min(MAX_ROW_BINS, blocks, scan.rows // LEAST_ROWS_PER_BIN))
    groups = [group for group in np.array_split(np.arange(blocks), stretches) if group.size]
    firsts = np.array([group[0] for group in groups], np.int64)
    pooled = np.add.reduceat(scan.blocks.counts.astype(np.float64), firsts, axis=0)
    excess = _departures(pooled, scan.histogram.astype(np.float64), scan.blocks.offsets)
    edges = [*(int(starts[first]) for first in firsts), scan.rows]
    bins: list[RowBin] = []
    for index, (start, stop) in enumerate(pairwise(edges)):
        worst = int(np.argmax(excess[index])) if excess.shape[1] else None
        value = 0.0 if worst is None else round(max(0.0, float(excess[index, worst])), 5)
        column = evidence.columns[worst] if worst is not None and value > 0 else None
        bins.append(RowBin(start=start, stop=stop, excess=value, column=column))
    return RowMap(rows=scan.rows, bins=tuple(bins))


def _departures(pooled: Floats, table: Floats, offsets: npt.NDArray[np.int64]) -> Floats:
    """KL(stretch || table) in bits beyond the usual stretch and chance, shape (stretches, columns); <= 0 means none.

    ``2 n KL ~ chi2(K-1)`` in nats, whose 95 % quantile over all stretches and columns together is taken off. Where much
    of the table is damaged the sound rest departs from the whole as well; taking off the median stretch mends that.
    """
    if len(offsets) < 2:
        return np.empty((len(pooled), 0))
    rows = pooled[:, offsets[0] : offsets[1]].sum(axis=1, keepdims=True)
    shares, expected = pooled / rows, table / table[offsets[0] : offsets[1]].sum()
    seen = shares > 0  # a cell of the stretch is a cell of the table
    terms = np.where(seen, shares * np.log2(np.where(seen, shares, 1.0) / np.where(seen, expected, 1.0)), 0.0)
    divergence = np.add.reduceat(terms, offsets[:-1], axis=1)
    freedom = np.maximum(np.add.reduceat((table > 0).astype(np.float64), offsets[:-1]) - 1, 1.0)
    unit = 2 * rows * np.log(2)
    chance = chdtri(freedom, 0.05 / divergence.size) / unit
    middle = np.median(divergence, axis=0)
    scatter = 5 * 1.4826 * np.median(np.abs(divergence - middle), axis=0)  # sparse cells scatter more than chi2 says
    return np.asarray(divergence - np.maximum(middle, freedom / unit) - np.maximum(chance - freedom / unit, scatter))
