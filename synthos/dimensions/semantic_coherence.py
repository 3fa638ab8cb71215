"""Do the rows make sense? What holds between the columns of real rows, and how often synthetic rows break it.

Four shares of rows, each against disjoint real halves and against independently shuffled columns:

- ``impossible_pairs``: rows with a pair of codes that no reference row has although its margins lead one to expect
  several (implied value sets: where A = a, B is never b);
- ``dependencies``: rows that break an approximate functional dependency of the reference (g3 error at most 1 %);
- ``relations``: rows that break an order, sum or product of numeric columns that real rows uphold;
- ``implausible_rows``: rows less likely under a tree density of one reference half than the 0.1 % least likely rows of
  the other (0.1 % or five rows, whichever is more).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.dimensions.base import Dimension, Judged, combine, informative, judged
from synthos.dimensions.dependencies import (
    Dependency,
    PairTables,
    Relation,
    broken_dependencies,
    find_dependencies,
    find_relations,
)
from synthos.dimensions.likelihood import Tree, chow_liu, mutual_information
from synthos.dimensions.raw_values import is_numeric, stacked_values, value_ids
from synthos.dimensions.views import blame, reference_of
from synthos.results import Blame, DimensionResult, NotApplicable
from synthos.sampling.evidence import ArmData, Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import draw

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Columns looked at, and pairs looked at for impossible pairs: those that share most information.
MOST_COLUMNS, MOST_PAIRS = 64, 40
#: Most distinct raw values of a column that takes part in dependencies.
MOST_VALUES = 2_000
#: Share of real rows that are called implausible, and the fewest rows that must be.
IMPLAUSIBLE, FEWEST = 0.001, 5
#: Rows on each side of a resplit, and cells (rows x columns): wide tables give fewer rows.
MOST_ROWS, MOST_CELLS = 5_000, 80_000
MEANINGS = {
    "impossible_pairs": "rows with a pair of values that real rows never combine",
    "dependencies": "rows whose value differs from the one that other columns decide in real rows",
    "relations": "rows that break an order, sum or product of numbers that real rows uphold",
    "implausible_rows": "rows less likely than the least likely 0.1 % of real rows (at least 5 rows)",
}


@dataclass(frozen=True, slots=True)
class _Tables:
    """Both arms stacked, reference first, with all that is known of the reference as a whole.

    ``cells`` and ``broken_relations`` follow from the rows as they stand, so they are had once for all resplits.
    """

    names: tuple[str, ...]
    codes: Ids
    ids: Ids
    numbers: Floats
    id_columns: tuple[int, ...]
    number_columns: tuple[int, ...]
    dependencies: tuple[Dependency, ...]
    relations: tuple[Relation, ...]
    pairs: PairTables
    cells: npt.NDArray[np.int32]
    broken_relations: Bools
    tree: Tree


class _Breakage:
    """The statistic: shares of ``second`` that break what ``first`` teaches, in the order of ``MEANINGS``.

    Rows are row numbers, shape (m,); for shuffled columns they are row numbers for each column, shape (m, columns).
    """

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._first: Ids | None = None

    def __call__(self, first: Ids, second: Ids) -> Floats:
        flags = self.flags(first, second)
        return np.array([flags[name].any(axis=1).mean() if flags[name].size else 0.0 for name in MEANINGS])

    def flags(self, first: Ids, second: Ids) -> dict[str, Bools]:
        """Which rows of ``second`` break which rule, shape (m, rules) for each kind of rule."""
        tables = self._tables
        if first is not self._first:
            self._learn(first)
        if second.ndim == 1:
            codes, ids, cells = tables.codes[second], tables.ids[second], tables.cells[second]
            relations = tables.broken_relations[second]
        else:
            codes = np.take_along_axis(tables.codes, second, axis=0)
            ids = np.take_along_axis(tables.ids, second[:, tables.id_columns], axis=0)
            cells = tables.pairs.cells(codes)
            numbers = np.take_along_axis(tables.numbers, second[:, tables.number_columns], axis=0)
            relations = _beside([rule.broken(numbers) for rule in tables.relations], len(second))
        dependencies = [broken_dependencies(rule, self._ids, ids) for rule in tables.dependencies]
        return {
            "impossible_pairs": self._impossible[cells],
            "dependencies": _beside(dependencies, len(second)),
            "relations": relations,
            "implausible_rows": (tables.tree.misfit(self._density, codes) > self._bound)[:, None],
        }

    def _learn(self, first: Ids) -> None:
        tables = self._tables
        codes = tables.codes[first]
        self._impossible = tables.pairs.impossible(tables.cells[first])
        self._ids = tables.ids[first]
        # The bound must come from rows that the density has not seen.
        middle = len(first) // 2
        self._density = tables.tree.fit(codes[:middle])
        unseen = tables.tree.misfit(self._density, codes[middle:])
        level = max(IMPLAUSIBLE, FEWEST / len(unseen))
        self._bound = float(np.quantile(unseen, 1.0 - level, method="higher"))
        self._first = first


def _beside(flags: list[Bools], rows: int) -> Bools:
    return np.column_stack(flags) if flags else np.zeros((rows, 0), bool)


def measure(evidence: Evidence) -> DimensionResult:
    """Score the worst of the four shares; 100 where synthetic rows break no more than real ones do."""
    reference, synthetic = reference_of(evidence), evidence.synthetic
    if len(evidence.columns) < 2:
        return NotApplicable(reason="there is nothing to make sense of between fewer than two columns")
    rng = generator(evidence.seed, "semantic_coherence")
    tables = _gather(evidence, reference, synthetic, rng)
    width, real = tables.codes.shape[1], len(reference.codes)
    statistic = _Breakage(tables)
    rows = np.arange(len(tables.codes))

    def shuffled(some: Ids, chance: np.random.Generator) -> Ids:
        return chance.permuted(np.repeat(some[:, None], width, axis=1), axis=0)

    draws = draw(statistic, rows[:real], rows[real:], rng, wreck=shuffled, cap=min(MOST_ROWS, MOST_CELLS // width))
    counts = {
        "impossible_pairs": len(tables.pairs.pairs),
        "dependencies": len(tables.dependencies),
        "relations": len(tables.relations),
        "implausible_rows": 1,
    }
    parts: list[Judged] = [
        judged(name, draws.judge(position), unit="share of rows", meaning=meaning)
        for position, (name, meaning) in enumerate(MEANINGS.items())
        if counts[name]
    ]
    parts.append(
        informative(
            "rules",
            float(counts["dependencies"] + counts["relations"]),
            unit="rules",
            meaning="dependencies and relations found in the reference",
        )
    )
    return combine(parts, blame=_blame(tables, statistic, rows, real, draws.rows), notes=_notes(evidence, tables))


def _gather(evidence: Evidence, reference: ArmData, synthetic: ArmData, rng: np.random.Generator) -> _Tables:
    real = len(reference.codes)
    values = stacked_values(evidence, reference, synthetic)
    information = mutual_information(reference.codes, evidence.sizes, rng)
    # In wide tables only the columns that tell most about others can be incoherent.
    used = np.sort(np.argsort(-information.sum(axis=0), kind="stable")[:MOST_COLUMNS])
    information = information[np.ix_(used, used)]
    sizes = tuple(evidence.sizes[j] for j in used)
    codes = np.concatenate([reference.codes[:, used], synthetic.codes[:, used]]).astype(np.int64)
    numeric = np.flatnonzero(is_numeric(evidence)[used])
    numbers = np.ascontiguousarray(values[:, used[numeric]])
    numbered = [(j, value_ids(values[:, used[j]], MOST_VALUES)) for j in range(len(used))]
    known = [(j, ids) for j, ids in numbered if ids is not None]
    ids = np.column_stack([ids for _, ids in known]) if known else np.zeros((len(codes), 0), np.int64)
    upper = np.triu_indices(len(used), 1)
    strongest = np.argsort(-information[upper], kind="stable")[:MOST_PAIRS]
    pairs = [(int(upper[0][k]), int(upper[1][k])) for k in strongest if information[upper][k] > 0]
    tables = PairTables.of(pairs, sizes)
    relations = find_relations(numbers[:real], rng)
    return _Tables(
        tuple(evidence.columns[j] for j in used),
        codes,
        ids,
        numbers,
        tuple(j for j, _ in known),
        tuple(int(j) for j in numeric),
        find_dependencies(ids[:real], rng),
        relations,
        tables,
        tables.cells(codes),
        _beside([rule.broken(numbers) for rule in relations], len(codes)),
        chow_liu(information, sizes),
    )


def _blame(tables: _Tables, statistic: _Breakage, rows: Ids, real: int, half: int) -> tuple[Blame, ...]:
    """Columns of the rules that synthetic rows break clearly more often than real ones do."""
    first, second = rows[: real // 2], rows[real // 2 : real]
    before, after = statistic.flags(first, second), statistic.flags(first, rows[real:])
    groups: list[tuple[str, ...]] = []
    losses: list[float] = []
    texts: list[str] = []
    for kind in ("impossible_pairs", "dependencies", "relations"):
        base, gain = before[kind].mean(axis=0), after[kind].mean(axis=0) - before[kind].mean(axis=0)
        # Four standard errors, counting at least one broken row, so that chance among many rules blames nobody.
        noise = 4.0 * np.sqrt(np.maximum(base, 1.0 / half) / half)
        for rule in np.flatnonzero(gain > noise):
            columns, text = _describe(tables, kind, int(rule))
            groups.append(columns)
            losses.append(float(gain[rule]))
            texts.append(f"{text}: {gain[rule]:.1%} more rows than among real ones")
    return blame(groups, np.asarray(losses), texts)


def _describe(tables: _Tables, kind: str, rule: int) -> tuple[tuple[str, ...], str]:
    names = tables.names
    if kind == "impossible_pairs":
        left, right = (names[j] for j in tables.pairs.pairs[rule])
        return (left, right), f"values of {left} and {right} that never occur together"
    if kind == "dependencies":
        given = tuple(names[tables.id_columns[j]] for j in tables.dependencies[rule].given)
        implied = names[tables.id_columns[tables.dependencies[rule].implied]]
        return (*given, implied), f"{' and '.join(given)} no longer decide {implied}"
    relation = tables.relations[rule]
    columns = tuple(names[tables.number_columns[j]] for j in relation.columns)
    if relation.form == "order":
        return columns, f"{columns[0]} ≤ {columns[1]} is broken"
    sign = "+" if relation.form == "sum" else "×"
    return columns, f"{columns[0]} {sign} {columns[1]} = {columns[2]} is broken"


def _notes(evidence: Evidence, tables: _Tables) -> tuple[str, ...]:
    found = [_describe(tables, "dependencies", k)[0] for k in range(len(tables.dependencies))]
    shown = "; ".join(f"{' + '.join(columns[:-1])} → {columns[-1]}" for columns in found[:5])
    notes = [f"dependencies found in the reference: {shown}"] if shown else []
    if len(tables.names) < len(evidence.columns):
        notes.append(f"looked at the {len(tables.names)} columns that tell most about others")
    return tuple(notes)


DIMENSION = Dimension(
    name="semantic_coherence",
    title="Semantic coherence",
    question="Do the rows make sense?",
    needs_reference=True,
    needs_cascade=False,
    measure=measure,
)
