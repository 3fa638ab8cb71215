"""One pass over one table, whoever reads its spans: what is known already, what came in, and what is left to read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from synthos.profiling.places import places_of
from synthos.profiling.scan import Scanned, ScanPlan, ScanState, finish, merge, thinned
from synthos.profiling.spans import Span, plan_key, span_key, spans, table_key
from synthos.profiling.store import Same, ScanStore
from synthos.progress import Event, Listener
from synthos.tables.sources import Source

#: Of tables of fewer bytes nothing is kept.
KEPT_BYTES = 64 * 2**20


def is_large(source: Source) -> bool:
    """Whether reading the table again costs more than keeping what was read of it."""
    return (source.bytes or 0) >= KEPT_BYTES


class FullPass:
    """Gathers the states of a table's spans, in any order.

    Parameters
    ----------
    label : what progress says of the table.
    folder : where finished spans are kept, to go on from and for the next validation; None keeps none.
    """

    def __init__(self, source: Source, plan: ScanPlan, label: str, folder: Path | None, listener: Listener) -> None:
        self.source, self.plan = source, plan
        self._label, self._listener = label, listener
        self._store = ScanStore(folder, listener) if folder and is_large(source) else None
        self._state: ScanState | None = None
        every = spans(source.units(), source.cut)
        self._done, self._total = 0, len(every)
        if self._store is not None:
            # Once: of a table of many columns it is long.
            self._plan_key = plan_key(source, plan)
            same = self._store.same(table_key(source)) if source.cut is not None else Same({}, {})
            self._same = same.read_as({name: source.dtypes[name] for name in plan.schema.names})
            self._store.sweep()
        #: What has to be read.
        self.missing = [span for span in every if not self._known(span)]
        self._tell()

    def take(self, span: Span, state: ScanState) -> None:
        """The state of one of the ``missing`` spans.

        Raises
        ------
        StorageError : it cannot be kept.
        """
        key = self._key(span)
        # What could not be read may be there the next time.
        if self._store is not None and key is not None and not state.unread:
            self._store.keep(key, state)
        self._add(state)
        self._tell()

    def finished(self) -> Scanned:
        """The whole table's scan, once nothing is missing.

        Raises
        ------
        TooFewRowsError : the table has no rows.
        """
        assert self._state is not None  # a table has one shard at least
        done = finish(self._state, self.source.name, self.plan, size=self.source.bytes)
        unread = (*(self.source.unread or ()), *done.profile.unread)
        return replace(done, profile=replace(done.profile, unread=unread))

    def _known(self, span: Span) -> bool:
        key = self._key(span)
        state = self._store.find(key) if self._store is not None and key is not None else None
        if state is None:
            return False
        # Before a repair its rows may have stood elsewhere in the table.
        parts = {unit.index: replace(state.parts[unit.index], places=places_of(unit.shards)) for unit in span}
        self._add(replace(state, parts=parts))
        return True

    def _key(self, span: Span) -> str | None:
        return span_key(span, self._plan_key, self._same) if self._store is not None else None

    def _add(self, state: ScanState) -> None:
        # A part is made for the fewest rows that the table could have under its plan. Those of files that cannot be
        # read do not count.
        if self.source.unread is None:
            state = thinned(state, self.source.rows)
        self._state = state if self._state is None else merge(self._state, state)
        self._done += 1

    def _tell(self) -> None:
        self._listener(Event(stage="scan", done=self._done, total=self._total, message=self._label))
