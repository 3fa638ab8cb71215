"""The data-quality score of one table by itself, from its finished scan.

==============  ======  =====================================================================================
part            weight  100 means
==============  ======  =====================================================================================
completeness    0.30    no cell is null
validity        0.25    no cell is a placeholder for a missing value, no integer column holds fractions
uniqueness      0.20    no row repeats another (keys left out), no key repeats
consistency     0.15    no label differs from a commoner one by nothing but case or blanks
informativeness 0.10    no column is constant or empty
==============  ======  =====================================================================================

Each part is the share, in per cent, of cells (rows, columns) that are sound; the score is their weighted mean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from synthos.profiling.columns import ColumnState
from synthos.profiling.distinct import distinct_count
from synthos.tables.schema import Column

WEIGHTS = {
    "completeness": 0.30,
    "validity": 0.25,
    "uniqueness": 0.20,
    "consistency": 0.15,
    "informativeness": 0.10,
}
#: What people write where a value is missing. "None" and "unknown" are left out: they are real answers too often.
PLACEHOLDERS = frozenset({"", "?", "-", "--", ".", "n/a", "#n/a", "nan", "null", "(null)", "<na>", "missing"})


def placeholder_rows(state: ColumnState) -> int:
    """Rows whose label stands for a missing value."""
    return sum(count for value, count in state.heavy.counts.items() if str(value).strip().lower() in PLACEHOLDERS)


def variant_rows(state: ColumnState) -> int:
    """Rows whose label differs only by case or blanks from one that more rows have."""
    spellings: defaultdict[str, list[int]] = defaultdict(list)
    for value, count in state.heavy.counts.items():
        spellings[" ".join(str(value).casefold().split())].append(count)
    return sum(sum(counts) - max(counts) for counts in spellings.values())


def quality(
    columns: Sequence[Column], states: Sequence[ColumnState], rows: int, duplicate_share: float
) -> tuple[float, dict[str, float]]:
    """The score (0-100, higher is better) and its parts."""
    nulls = sum(state.nulls for state in states)
    cells = rows * len(columns)
    wrong = other_spellings = informative = 0
    repeated = [duplicate_share]
    for column, state in zip(columns, states, strict=True):
        present = rows - state.nulls
        found, _ = distinct_count(state.distinct)
        informative += found > 1
        wrong += state.fractions
        if column.kind in ("category", "boolean", "text"):
            wrong += placeholder_rows(state)
            other_spellings += variant_rows(state)
        if column.kind == "key" and present:
            repeated.append(max(0.0, 1 - found / present) if state.distinct.is_complete else 0.0)
    present_cells = max(cells - nulls, 1)
    parts = {
        "completeness": 100 * (1 - nulls / cells),
        "validity": 100 * (1 - wrong / present_cells),
        "uniqueness": 100 * (1 - max(repeated)),
        "consistency": 100 * (1 - other_spellings / present_cells),
        "informativeness": 100 * informative / len(columns),
    }
    return sum(WEIGHTS[name] * value for name, value in parts.items()), parts
