"""What a repair left as it was: told to whoever validates the new table, so that it need not be read again.

Only Parquet can say how it is cut (``synthos.tables.cut``). Where columns go, types change or rows are put into a new
order, nothing is left as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from synthos.errors import InputError
from synthos.profiling.full_pass import is_large
from synthos.profiling.spans import place, span_length, spans, table_key
from synthos.profiling.store import Same, ScanStore
from synthos.progress import Event, Listener
from synthos.recommendation.steps import Steps
from synthos.tables.cut import Cut
from synthos.tables.reader import Unit
from synthos.tables.sources import Source, open_table


class Unchanged:
    """Follows a repair of ``source`` by ``steps``, unit by unit."""

    def __init__(self, source: Source, steps: Steps) -> None:
        self._source = source
        known = is_large(source) and table_key(source) is not None
        self._possible = known and steps.order is None and not steps.dropped
        self._rows: Counter[int] = Counter()
        self._touched: set[int] = set()

    def note(self, unit: Unit, rows: int, *, touched: bool) -> None:
        """So many ``rows`` of the new table came of a part of the unit."""
        self._rows[unit.index] += rows
        if touched:
            self._touched.add(unit.index)

    @property
    def units(self) -> tuple[int, ...]:
        """Indices of the units of spans that were left as they were, ascending."""
        if not self._possible or self._rows.total() < self._source.planned_rows:
            return ()
        every = spans(self._source.units(), self._source.cut)
        whole = (span for span in every if self._touched.isdisjoint(unit.index for unit in span))
        return tuple(unit.index for span in whole for unit in span)

    @property
    def cut(self) -> Cut | None:
        """How the new table is to be cut; None where that would spare no reading."""
        if not self.units:
            return None
        kept = tuple((index, count) for index, count in sorted(self._rows.items()) if count)
        length = span_length(len(self._source.units()), self._source.cut)
        return Cut(kept, length, self._source.planned_rows)


def remember(old: Source | str, new: str | Path, units: Collection[int], folder: Path, listener: Listener) -> int:
    """Note in ``folder``, where parts of the scan of ``old`` are kept, which of them are good for ``new`` too.

    What cannot be noted is only told, since the new table is there: it will be read again.

    Parameters
    ----------
    old : the table before its repair, or where it lies.
    new : where the table lies that the repair made of it.
    units : indices of those that it left as they were (``RepairReport.left``).

    Returns
    -------
    Rows of ``new`` in them.
    """
    try:
        return _noted(open_table(old), open_table(new), units, folder)
    except InputError as error:
        message = f"what was left as it was will be read again ({error.what})"
        listener(Event(stage="recommendations", done=1, total=1, message=message))
        return 0


def _noted(old: Source, new: Source, units: Collection[int], folder: Path) -> int:
    key = table_key(new)
    if new.cut is None or new.dtypes != old.dtypes or key is None or not is_large(new):
        return 0
    store = ScanStore(folder)
    known = store.same(table_key(old)).places if old.cut is not None else {}
    places = {unit.index: place(unit) for unit in old.units()}
    same: dict[str, str] = {}
    rows = 0
    for unit in new.units():
        before, now = places[unit.index], place(unit)
        if unit.index in units and before is not None and now is not None:
            same[now] = known.get(before, before)
            rows += unit.rows
    store.keep_same(key, Same({name: str(dtype) for name, dtype in new.dtypes.items()}, same))
    return rows
