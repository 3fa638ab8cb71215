"""Did the generator memorise? Synthetic rows that copy a reference row, beyond what real rows that nobody showed it do.

A row counts as a copy where it stands on one reference row and on no other. Rows that the reference holds several times
say nothing: whoever knows the table knows them without knowing a record. So of S

    seen = share of rows of S that equal a row which R holds once          (``exact``, over full tables)
    seen = share of rows of S whose nearest row of R is at most ``NEARER`` times as far as the next nearest  (``near``)

and ``usual`` is the same of the holdout's rows or, where none was given, of each row of R among the rest of R (Good
1953). Where a share m of the rows was copied from R at random and the others are real, seen = m all + (1 - m) usual,
with ``all`` what R's own rows would give if every one was copied, so that m = (seen - usual) / (all - usual).

Ratios of distances rather than distances, since a generator that keeps to the usual is close to many real rows at once,
and has memorised none of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from synthos.profiling.distinct import DistinctRows
from synthos.profiling.hashing import cell_hashes, mix
from synthos.results import Interval, NotApplicable
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import generator
from synthos.tables.codec import numeric_view
from synthos.tables.schema import NUMERIC_KINDS

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Against = Literal["holdout", "reference"]

#: How much nearer than the next reference row the nearest must be.
NEARER = 0.25
#: Rows asked for their neighbours, reference rows among which these are sought, and numbers of a row, at most.
MOST_ASKED, MOST_NEIGHBOURS, MOST_WIDTH = 2_000, 20_000, 240
#: Places of a label: signs read off its hash, so that two labels differ in half of them, as far apart as can be.
SIGNS = 12
#: Copies are told from chance only where all reference rows copied would show at least so many more than usual.
LEAST_ROOM = 0.1
#: Flagged where the share is surely above this: real rows are recorded twice now and then.
LEAST_SHARE = 0.02
#: What each tail of the interval leaves out, and of being sure (99.5 %): a sound table must not be accused.
TAIL, SURE_TAIL = 0.025, 0.0025
#: Values of a number whose ranks are known, and rows of the reference for each of them, at least.
MOST_KNOTS, ROWS_A_KNOT = 200, 20
_CHUNK = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """One way to count. ``seen`` and ``usual`` are shares of rows, of S and of real rows nobody showed its generator.

    ``share`` in [0, 1] is the part of S that was copied, beyond chance, with its interval; ``surely`` is its lower
    end at 99.5 %. ``rows`` of S were looked at, ``real_rows`` real ones.
    """

    seen: float
    usual: float
    share: float
    interval: Interval
    surely: float
    rows: int
    real_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memorisation:
    """Copies of reference rows beyond chance. ``share`` and ``interval`` are of that count which shows most surely.

    ``flagged`` where that share is above ``LEAST_SHARE`` at 99.5 %. ``against`` says whose rows tell what is usual.
    """

    share: float
    interval: Interval
    flagged: bool
    against: Against
    exact: Copies | NotApplicable
    near: Copies | NotApplicable


NO_REFERENCE = NotApplicable(
    reason="copies are looked for among the rows that the generator learned from; without a reference table nobody can "
    "say whether any were copied"
)
HIDDEN = NotApplicable(
    reason="nearly every row of these columns stands in the reference several times or beside many alike, so that a "
    "copy cannot be told from chance"
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of ``rows`` rows with the number of independent rows, ``worth``, that would know it as well."""

    share: float
    rows: int
    worth: float

    @classmethod
    def of(cls, hits: Floats, sizes: Floats) -> Rate:
        """From clusters of rows that are copied or not together: ``hits`` of ``sizes`` rows each, shape (clusters,)."""
        rows = float(sizes.sum())
        share = float(hits.sum()) / rows
        worth = rows**2 / float((sizes**2).sum())
        variance = float(((hits - share * sizes) ** 2).sum()) / rows**2
        if variance > 0.0:
            # So many clusters of equal size would have given the hits.
            clusters = float(hits.sum()) ** 2 / float((hits**2).sum())
            worth = min(rows, share * (1.0 - share) / variance, clusters / share)
        return cls(share, round(rows), max(worth, 1.0))

    def ends(self, tail: float) -> tuple[float, float]:
        """The exact interval of a binomial share (Clopper and Pearson 1934) that leaves ``tail`` out at each end."""
        hits, rest = self.share * self.worth, (1.0 - self.share) * self.worth
        low = float(betaincinv(hits, rest + 1.0, tail)) if hits > 0.0 else 0.0
        return low, float(betaincinv(hits + 1.0, rest, 1.0 - tail)) if rest > 0.0 else 1.0


def memorisation(evidence: Evidence) -> Memorisation | NotApplicable:
    """Copies of reference rows in the synthetic table, exact and near; not applicable where no copy could be told."""
    if evidence.reference is None:
        return NO_REFERENCE
    exact, near = exact_copies(evidence.reference, evidence.synthetic, evidence.holdout), near_copies(evidence)
    found = [count for count in (exact, near) if isinstance(count, Copies)]
    if not found:
        return HIDDEN
    shown = max(found, key=lambda count: (count.surely, count.rows))
    return Memorisation(
        share=shown.share,
        interval=shown.interval,
        flagged=shown.surely > LEAST_SHARE,
        against="reference" if evidence.holdout is None else "holdout",
        exact=exact,
        near=near,
    )


def exact_copies(reference: ArmData, synthetic: ArmData, holdout: ArmData | None) -> Copies | NotApplicable:
    """Rows equal in all columns to a row that the reference holds once, over full tables."""
    known = reference.scan.distinct_rows
    single = float((known.copies == 1).sum()) / float(known.copies.sum())
    seen = _standing_once(synthetic.scan.distinct_rows, known)
    if holdout is not None:
        usual = _standing_once(holdout.scan.distinct_rows, known)
    else:
        # A row that stands twice finds itself once among the rest.
        sizes = known.copies.astype(np.float64)
        usual = Rate.of(np.where(known.copies == 2, sizes, 0.0), sizes)
    if seen is None or usual is None:
        return HIDDEN
    return _copies(seen, usual, single)


def near_copies(evidence: Evidence) -> Copies | NotApplicable:
    """Rows that stand on one row of the reference's sample and far from the next, in the modelled columns."""
    reference = evidence.reference
    if reference is None:
        return NO_REFERENCE
    if len(evidence.columns) < 2:
        return NotApplicable(reason="a single column has no rows to copy")
    rng = generator(evidence.seed, "memorisation")
    space = Space.of(evidence, reference, rng)
    kept = _some(rng, len(reference.frame), MOST_NEIGHBOURS)
    real = space.place(reference, kept)
    asked = _some(rng, len(evidence.synthetic.frame), MOST_ASKED)
    seen = _standing_near(space.place(evidence.synthetic, asked), real)
    own = _some(rng, len(kept), MOST_ASKED)
    usual, single = _among_themselves(real, own)
    if evidence.holdout is not None:
        judges = _some(rng, len(evidence.holdout.frame), MOST_ASKED)
        usual = _standing_near(space.place(evidence.holdout, judges), real)
    # Of copies of rows that are not among the neighbours nothing is seen.
    return _copies(seen, usual, single, present=len(kept) / reference.total_rows)


def _copies(seen: Rate, usual: Rate, single: float, *, present: float = 1.0) -> Copies | NotApplicable:
    """``single`` is what all reference rows copied would give; ``present`` the share of these that can be found."""
    room = single - usual.share
    if room < LEAST_ROOM:
        return HIDDEN
    scale = present * room
    low, high = _difference(seen, usual, TAIL)
    share = float(np.clip((seen.share - usual.share) / scale, 0.0, 1.0))
    return Copies(
        seen=seen.share,
        usual=usual.share,
        share=share,
        interval=Interval(low=float(np.clip(low / scale, 0.0, share)), high=float(np.clip(high / scale, share, 1.0))),
        surely=float(np.clip(_difference(seen, usual, SURE_TAIL)[0] / scale, 0.0, share)),
        rows=seen.rows,
        real_rows=usual.rows,
    )


def _difference(seen: Rate, usual: Rate, tail: float) -> tuple[float, float]:
    """Interval of the difference of two shares from those of each (Newcombe 1998)."""
    low, high = seen.ends(tail)
    least, most = usual.ends(tail)
    gap = seen.share - usual.share
    below, above = math.hypot(seen.share - low, most - usual.share), math.hypot(high - seen.share, usual.share - least)
    return gap - below, gap + above


def _standing_once(rows: DistinctRows, known: DistinctRows) -> Rate | None:
    """Share of rows equal to a row that ``known`` holds once, over the hashes that both kept; None where none was."""
    limit = min(rows.threshold, known.threshold)
    mine = rows.hashes <= np.uint64(limit - 1)
    if not mine.any():
        return None
    sizes = rows.copies[mine].astype(np.float64)
    return Rate.of(np.where(np.isin(rows.hashes[mine], known.hashes[known.copies == 1]), sizes, 0.0), sizes)


@dataclass(frozen=True, slots=True)
class Space:
    """Where rows stand: numbers by their rank among the reference's, labels by signs; two labels are about 1 apart.

    ``columns`` are the places of the modelled columns that count; ``scales`` values of each number in the reference and
    their ranks in [0, 1].
    """

    evidence: Evidence
    columns: tuple[int, ...]
    scales: dict[int, tuple[Floats, Floats]]

    @classmethod
    def of(cls, evidence: Evidence, reference: ArmData, rng: np.random.Generator) -> Space:
        order = rng.permutation(len(evidence.columns))
        width = 0
        columns: list[int] = []
        for place in order.tolist():
            width += 2 if evidence.schema.modelled[place].kind in NUMERIC_KINDS else SIGNS
            if width > MOST_WIDTH and columns:
                break
            columns.append(place)
        scales = {}
        for place in columns:
            column = evidence.schema.modelled[place]
            if column.kind in NUMERIC_KINDS:
                values = numeric_view(reference.frame[column.name], column.kind).drop_nulls().to_numpy()
                if len(values):
                    scales[place] = _scale(values.astype(np.float64))
        return cls(evidence, tuple(sorted(columns)), scales)

    def place(self, arm: ArmData, rows: Index) -> Matrix:
        """Rows of an arm's sample as points, shape (rows, width)."""
        parts = []
        for place in self.columns:
            column = self.evidence.schema.modelled[place]
            series = arm.frame[column.name][rows]
            if place in self.scales:
                values = numeric_view(series, column.kind).to_numpy().astype(np.float64)
                missing = np.isnan(values)
                ranks = np.where(missing, 0.5, np.interp(values, *self.scales[place]))
                parts += [ranks[:, None], missing[:, None].astype(np.float64)]
            elif column.kind not in NUMERIC_KINDS:
                bits = mix(cell_hashes(series, column.kind))[:, None] >> np.arange(SIGNS, dtype=np.uint64)
                parts.append(((bits & np.uint64(1)).astype(np.float64) - 0.5) * math.sqrt(2.0 / SIGNS))
        return np.concatenate(parts, axis=1, dtype=np.float32) if parts else np.zeros((len(rows), 1), np.float32)


def _scale(values: Floats) -> tuple[Floats, Floats]:
    """Some of the values, ascending, and their ranks in [0, 1], between which others are placed.

    Of many values only few are taken: at ranks of their own the reference's rows would stand evenly, none of them close
    to another, while fresh rows fall between them as they please.
    """
    found, counts = np.unique(values, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / counts.sum()
    knots = max(2, min(MOST_KNOTS, len(values) // ROWS_A_KNOT))
    if len(found) <= knots:
        return found, ranks
    chosen = np.unique(np.searchsorted(ranks, np.linspace(ranks[0], ranks[-1], knots)))
    return found[chosen], ranks[chosen]


def _standing_near(points: Matrix, real: Matrix) -> Rate:
    nearest, copied, _ = _neighbours(points, real)
    return _clustered(copied, nearest)


def _among_themselves(real: Matrix, own: Index) -> tuple[Rate, float]:
    """What rows of ``real`` show among the others, and the share of them that stand alone: all that copies can show."""
    nearest, copied, alone = _neighbours(real[own], real, own)
    return _clustered(copied, nearest), float(alone.mean())


def _clustered(copied: npt.NDArray[np.bool_], nearest: Index) -> Rate:
    """Rows that stand on the same reference row are one observation."""
    _, cluster = np.unique(nearest, return_inverse=True)
    hits, sizes = np.bincount(cluster, copied), np.bincount(cluster)
    return Rate.of(hits.astype(np.float64), sizes.astype(np.float64))


def _neighbours(
    points: Matrix, real: Matrix, own: Index | None = None
) -> tuple[Index, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """For each point its nearest row of ``real``, whether it stands on that one alone, and whether off all of them.

    ``own`` are the points' own places in ``real``, which are left out.
    """
    lengths = (real**2).sum(axis=1)
    step = max(1, _CHUNK // len(real))
    nearest, next_nearest = np.empty(len(points), np.int64), np.empty(len(points), np.int64)
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        far = lengths - 2.0 * (points[part] @ real.T)
        rows = np.arange(len(far))
        if own is not None:
            far[rows, own[part]] = np.inf
        nearest[part] = far.argmin(axis=1)
        far[rows, nearest[part]] = np.inf
        next_nearest[part] = far.argmin(axis=1)
    # The products above are too rough to tell equal rows from close ones.
    first = np.linalg.norm(points - real[nearest], axis=1)
    second = np.linalg.norm(points - real[next_nearest], axis=1)
    nearest = np.where(first <= second, nearest, next_nearest)
    first, second = np.minimum(first, second), np.maximum(first, second)
    return nearest, (second > 0.0) & (first <= NEARER * second), first > 0.0


def _some(rng: np.random.Generator, rows: int, most: int) -> Index:
    """At most so many row numbers below ``rows``, ascending."""
    return np.arange(rows) if rows <= most else np.sort(rng.choice(rows, most, replace=False))
