"""What must hold between the columns of real rows: dependencies, relations of numbers, impossible pairs.

Which dependencies and relations there are is found once on the whole reference. What they say (which value follows
from which) is learnt anew from every reference half, so that the other half is as fresh to it as a synthetic row.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Share of rows that may break a dependency or relation for it to count as one (g3 error): not what the reference
#: shows, which is low in part because the rule was picked for it, but its upper bound at this confidence.
MOST_BROKEN, CONFIDENCE = 0.01, 0.95
#: Share of rows that must break it once the columns are shuffled: what chance upholds says nothing.
LEAST_SURPRISE, LEAST_BROKEN = 0.10, 0.03
#: The same in rows. A rule that no reference row breaks may be broken by some two in as many fresh rows (the 95 % bound
#: on a rate never met); fifty times that keeps the price of having picked it by those rows within 2 points.
SURPRISED_ROWS = 100
#: Share of rows whose left-hand side is seen again, so that the dependency is more than a list of single rows.
LEAST_REPEATED = 0.5
#: Rows on which candidates are sifted before the whole reference is looked at.
SIFT_ROWS = 1_000
#: Columns considered for dependencies on one column, and for those on two.
MOST_COLUMNS, MOST_PAIRED = 32, 12
#: Columns considered for relations between numbers, and for sums and products of two.
MOST_NUMBERS, MOST_SUMMED = 40, 10
#: Dependencies and relations kept, those that fewest rows break first.
MOST_DEPENDENCIES, MOST_RELATIONS = 12, 24
#: Rows that independence must lead one to expect in a pair of codes before its emptiness counts as a rule.
EXPECTED_ROWS = 8.0


@dataclass(frozen=True, slots=True)
class Dependency:
    """The columns ``given`` decide the column ``implied``, up to ``error`` of the rows."""

    given: tuple[int, ...]
    implied: int
    error: float


@dataclass(frozen=True, slots=True)
class Relation:
    """``a <= b``, ``a + b = c`` or ``a * b = c`` among numeric columns, within ``tolerance`` (absolute).

    ``columns`` are (a, b) or (a, b, c).
    """

    form: str
    columns: tuple[int, ...]
    tolerance: float

    def broken(self, values: Floats) -> Bools:
        """Rows of ``values``, shape (n, columns), that break the relation; a row with a null in it breaks nothing."""
        parts = [values[:, column] for column in self.columns]
        if self.form == "order":
            return np.asarray(parts[0] > parts[1] + self.tolerance)
        combined = parts[0] + parts[1] if self.form == "sum" else parts[0] * parts[1]
        return np.asarray(np.abs(combined - parts[2]) > self.tolerance)


def find_dependencies(ids: Ids, rng: np.random.Generator) -> tuple[Dependency, ...]:
    """Approximate functional dependencies on one or two columns, none implied by a smaller one.

    ``ids``, shape (n, columns), number the values of each column from 0. The error is g3 (Kivinen & Mannila 1995: the
    least share of rows to remove for it to hold) among rows whose left-hand side occurs again, each judged by the
    others that share it, since a left-hand side that occurs once upholds everything.
    """
    rows, width = ids.shape
    if width < 2:
        return ()
    sample = ids[np.sort(rng.choice(rows, min(rows, SIFT_ROWS), replace=False))]
    levels = ids.max(axis=0) + 1
    useful = [j for j in np.argsort(levels, kind="stable") if levels[j] > 1][:MOST_COLUMNS]
    surprising = [
        j for j in useful if 1.0 - np.bincount(ids[:, j]).max() / rows >= max(LEAST_SURPRISE, SURPRISED_ROWS / rows)
    ]
    found: list[Dependency] = []
    for given in [(int(j),) for j in useful] + [
        (int(min(i, j)), int(max(i, j))) for i, j in combinations(useful[:MOST_PAIRED], 2)
    ]:
        small, whole = _groups(sample[:, given]), None
        for implied in surprising:
            if implied in given or any(f.implied == implied and set(f.given) <= set(given) for f in found):
                continue
            error, repeated = _error(small, sample[:, implied])
            if error > 4 * MOST_BROKEN and repeated:
                continue
            whole = _groups(ids[:, given]) if whole is None else whole
            error, repeated = _error(whole, ids[:, implied])
            if _at_most(error * repeated, rows) <= MOST_BROKEN and repeated >= LEAST_REPEATED * rows:
                found.append(Dependency(given, int(implied), error))
    return tuple(sorted(found, key=lambda rule: (rule.error, len(rule.given), rule.given))[:MOST_DEPENDENCIES])


def broken_dependencies(dependency: Dependency, learn: Ids, judge: Ids) -> Bools:
    """Rows of ``judge`` whose implied value differs from the commonest one that ``learn`` has for what is given.

    What ``learn`` has not seen breaks nothing. Both have shape (rows, columns), numbered alike.
    """
    keys = _groups(np.concatenate([learn[:, dependency.given], judge[:, dependency.given]]))
    mine, theirs = keys[: len(learn)], keys[len(learn) :]
    values = learn[:, dependency.implied]
    levels = int(max(values.max(), judge[:, dependency.implied].max())) + 1
    pair, count = np.unique(mine * levels + values, return_counts=True)
    commonest = np.full(int(keys.max()) + 1, -1, np.int64)
    order = np.argsort(count, kind="stable")
    commonest[pair[order] // levels] = pair[order] % levels
    expected = commonest[theirs]
    return np.asarray((expected >= 0) & (expected != judge[:, dependency.implied]))


def find_relations(values: Floats, rng: np.random.Generator) -> tuple[Relation, ...]:
    """Relations that 99.9 % (order) or 99 % (sum, product) of the rows uphold and shuffled rows often break.

    ``values`` has shape (n, numeric columns), NaN for null.
    """
    if values.shape[1] < 2:
        return ()
    shuffled = rng.permuted(values, axis=0)
    few = values[np.sort(rng.choice(len(values), min(len(values), SIFT_ROWS), replace=False))]
    usable = [j for j in range(values.shape[1]) if np.isfinite(values[:, j]).mean() >= LEAST_REPEATED][:MOST_NUMBERS]
    candidates = [Relation("order", (a, b), 0.0) for a in usable for b in usable if a != b]
    for c in usable[:MOST_SUMMED]:
        tolerance = 0.01 * float(np.subtract(*np.nanquantile(values[:, c], (0.75, 0.25))))
        for a, b in combinations([j for j in usable[:MOST_SUMMED] if j != c], 2):
            candidates += [Relation(form, (a, b, c), tolerance) for form in ("sum", "product")]
    found: list[tuple[float, Relation]] = []
    least = max(LEAST_BROKEN, SURPRISED_ROWS / len(values))
    for relation in candidates:
        limit = 0.001 if relation.form == "order" else MOST_BROKEN
        if relation.broken(few).mean() > 2 * limit + 1 / len(few):
            continue
        known = np.isfinite(values[:, relation.columns]).all(axis=1)
        if known.mean() < LEAST_REPEATED:
            continue
        broken = float(relation.broken(values)[known].mean())
        # An order that no row breaks could not reach its limit by this bound in any small table; it is as it is.
        bound = broken if relation.form == "order" else _at_most(broken * known.sum(), int(known.sum()))
        if bound <= limit and relation.broken(shuffled).mean() >= least:
            found.append((broken, relation))
    found.sort(key=lambda entry: (entry[0], entry[1].form, entry[1].columns))
    return tuple(relation for _, relation in found[:MOST_RELATIONS])


@dataclass(frozen=True, slots=True)
class PairTables:
    """Joint counts of codes for chosen pairs of columns, all in one flat array."""

    pairs: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, pairs: list[tuple[int, int]], sizes: tuple[int, ...]) -> PairTables:
        chosen = np.asarray(pairs, np.int64).reshape(-1, 2)
        widths = np.asarray(sizes, np.int64)
        cells = widths[chosen[:, 0]] * widths[chosen[:, 1]]
        return cls(chosen, widths, np.concatenate([[0], np.cumsum(cells)]))

    def cells(self, codes: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Where in the flat array each row lies for each pair, shape (n, pairs)."""
        found = np.empty((len(codes), len(self.pairs)), np.int32)
        for position, (left, right) in enumerate(self.pairs):
            found[:, position] = codes[:, left] * self.sizes[right] + codes[:, right] + self.offsets[position]
        return found

    def impossible(self, cells: npt.NDArray[np.int32]) -> Bools:
        """Which cells hold none of these rows although their margins lead one to expect several, flat shape."""
        counts = np.bincount(cells.ravel(), minlength=int(self.offsets[-1]))
        empty = np.zeros(counts.size, bool)
        for (left, right), start, end in zip(self.pairs, self.offsets[:-1], self.offsets[1:], strict=True):
            joint = counts[start:end].reshape(self.sizes[left], self.sizes[right])
            expected = np.outer(joint.sum(axis=1), joint.sum(axis=0)) / max(len(cells), 1)
            empty[start:end] = ((joint == 0) & (expected >= EXPECTED_ROWS)).ravel()
        return empty


def _at_most(hits: float, rows: int) -> float:
    """Upper confidence bound on a rate of which ``hits`` in ``rows`` were met (Poisson)."""
    return float(gammaincinv(hits + 1.0, CONFIDENCE)) / rows


def _groups(columns: Ids) -> Ids:
    """The number of each row's group of equal rows, counted from 0, shape (n,)."""
    key = columns[:, 0]
    for other in range(1, columns.shape[1]):
        key = np.unique(key, return_inverse=True)[1] * (int(columns[:, other].max()) + 1) + columns[:, other]
    return np.asarray(np.unique(key, return_inverse=True)[1])


def _error(groups: Ids, values: Ids) -> tuple[float, int]:
    """Share of rows that disagree with the rest of their group, and rows in groups of two or more."""
    levels = int(values.max()) + 1
    pair, count = np.unique(groups * levels + values, return_counts=True)
    size = np.bincount(groups)
    best = np.zeros(size.size, np.int64)
    np.maximum.at(best, pair // levels, count)
    repeated = size >= 2
    rows = int(size[repeated].sum())
    # A row alone with its value in its group disagrees with the others; so does every minority row.
    lone = repeated & (best == 1)
    wrong = int((size - best)[repeated].sum() + lone.sum())
    return (wrong / rows if rows else 0.0), rows
