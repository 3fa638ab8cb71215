"""Finished parts of a scan on disk, so that a killed run goes on where it was and a known file is not read again.

One file a span (``synthos.profiling.spans``), named by what its state depends on. Files appear whole, and are never
changed. Nothing in the folder is needed; whatever is missing is scanned again.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from synthos.errors import InternalError, StorageError
from synthos.profiling.scan import ScanState
from synthos.progress import Event, Listener, silent
from synthos.tables.writing import write_atomically

#: Seconds after which a part that nobody asked for goes.
KEPT_SECONDS = 30 * 86_400.0
_DIGEST_BYTES = 32
#: What a state is made of. A pickle that names anything else is refused: whoever can write into the folder must not be
#: able to have code run.
_PARTS = {
    "synthos.profiling.blocks": {"ShardBlocks"},
    "synthos.profiling.columns": {"ColumnState", "Limits"},
    "synthos.profiling.distinct": {"DistinctRows"},
    "synthos.profiling.forest": {"Forest"},
    "synthos.profiling.heavy": {"HeavyHitters"},
    "synthos.profiling.moments": {"Moments"},
    "synthos.profiling.rows": {"ShardRows"},
    "synthos.profiling.scan": {"ScanPlan", "ScanState", "ShardPart"},
    "synthos.profiling.store": {"_frame"},
    "synthos.tables.codec": {"CategoryBins", "Codec", "NumericBins"},
    "synthos.tables.schema": {"Column", "Schema"},
    "numpy": {"dtype", "ndarray"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
}


@dataclass(frozen=True, slots=True)
class Same:
    """What a repaired table has in common with the one before it.

    Attributes
    ----------
    types : the types of its columns, in which the repair read and wrote them.
    places : the places of units by those of its own that hold the same rows.
    """

    types: dict[str, str]
    places: dict[str, str]

    def read_as(self, types: Mapping[str, pl.DataType]) -> dict[str, str]:
        """The places, for who reads the columns as ``types``; none where strings are read of what was none.

        As text one value may look otherwise in the two files: 1.50 in the one and 1.5 in the other.
        """
        text = str(pl.String())
        changed = [name for name, dtype in types.items() if self.types.get(name) != str(dtype)]
        return {} if any(text in (self.types.get(name), str(types[name])) for name in changed) else self.places


_SAME = TypeAdapter(Same)


class ScanStore:
    """A folder of finished parts. ``listener`` is told of what cannot be read; that counts as absent."""

    def __init__(self, folder: Path, listener: Listener = silent) -> None:
        self._folder, self._listener = folder / "scans", listener

    def find(self, key: str) -> ScanState | None:
        """The state that was kept under ``key``; None where there is none that is whole."""
        body = self._read(key)
        if body is None:
            return None
        found: ScanState = _Reader(io.BytesIO(body)).load()
        return found

    def keep(self, key: str, state: ScanState) -> None:
        """Store a state.

        Raises
        ------
        StorageError : the folder cannot be written.
        """
        body = io.BytesIO()
        _Writer(body, protocol=5).dump(state)
        self._write(key, body.getvalue())

    def same(self, table: str | None) -> Same:
        """Which units of the table of that name hold the rows that others held before it was repaired."""
        body = self._read(table) if table is not None else None
        return _SAME.validate_json(body) if body is not None else Same({}, {})

    def keep_same(self, table: str, same: Same) -> None:
        """Store what ``same`` gives of a table.

        Raises
        ------
        StorageError : the folder cannot be written.
        """
        self._write(table, _SAME.dump_json(same))

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell_lost(path, error.strerror or type(error).__name__)
            return None
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            self._tell_lost(path, "it is damaged")
            return None
        return body

    def _write(self, key: str, body: bytes) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, hashlib.sha256(body).digest() + body)
        except OSError as error:
            raise StorageError(
                f"finished parts of the scan cannot be stored ({error.strerror})",
                where=str(self._folder),
                fix="free some space, choose a writable folder, or keep nothing",
            ) from error

    def sweep(self) -> None:
        """Remove what nobody asked for within ``KEPT_SECONDS``, and what a killed run left half-written."""
        oldest = time.time() - KEPT_SECONDS
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):  # another run sweeps, too
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _tell_lost(self, path: Path, why: str) -> None:
        message = f"a finished part cannot be read ({why}); it is scanned again"
        self._listener(Event(stage="scan", done=0, total=0, message=message, fields={"file": path.name}))


class _Writer(pickle.Pickler):
    """Frames go as Arrow, which is read without running anything."""

    def reducer_override(self, item: Any) -> Any:
        if not isinstance(item, pl.DataFrame):
            return NotImplemented
        content = io.BytesIO()
        item.write_ipc(content, compression="lz4")
        return _frame, (content.getvalue(),)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _PARTS.get(module, ()):
            raise InternalError(f"a part of a scan names {module}.{name}, which is none of ours")
        return super().find_class(module, name)


def _frame(content: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(content))
