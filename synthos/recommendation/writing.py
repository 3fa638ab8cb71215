"""Writing a table frame by frame, so that it is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl
import pyarrow.parquet as pq

from synthos.errors import ConfigError

ENDINGS = (".parquet", ".csv")


class FrameWriter:
    """Writes frames of one schema to a Parquet or CSV file, by its ending."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet: pq.ParquetWriter | None = None
        self._csv: IO[bytes] | None = None
        self.rows = 0

    def write(self, frame: pl.DataFrame) -> None:
        if self._path.suffix == ".csv":
            first = self._csv is None
            if self._csv is None:
                self._csv = self._path.open("wb")
            frame.write_csv(self._csv, include_header=first)
        else:
            table = frame.to_arrow()
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._path, table.schema, compression="zstd")
            if frame.height:
                self._parquet.write_table(table.cast(self._parquet.schema))
        self.rows += frame.height

    def note(self, name: bytes, content: bytes) -> None:
        """Add an entry to a Parquet file's metadata."""
        assert self._parquet is not None
        self._parquet.add_key_value_metadata({name: content})

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._parquet is not None:
            self._parquet.close()
        if self._csv is not None:
            self._csv.close()


def changes_path(out: Path) -> Path:
    """Where the log of changes lies: beside ``out``, ``fixed.parquet`` → ``fixed.parquet.changes.parquet``."""
    return out.with_name(f"{out.name}.changes{out.suffix}")


def check_output(out: Path, inputs: tuple[str, ...]) -> None:
    """Refuse an output that cannot be written, or that is one of the inputs.

    Raises
    ------
    ConfigError
    """
    if out.suffix not in ENDINGS:
        raise ConfigError(
            f"cannot write {out.suffix or 'a file without an ending'}",
            where=str(out),
            fix="end its name in .parquet or .csv",
        )
    if not out.parent.is_dir():
        raise ConfigError("the folder does not exist", where=str(out.parent), fix="make it first")
    if out.is_dir():
        raise ConfigError("is a folder", where=str(out), fix="name a file")
    for path in (out, changes_path(out)):
        if any(path.resolve() == Path(item).resolve() for item in inputs):
            raise ConfigError("this is the table that is read", where=str(path), fix="name another file")


@contextmanager
def workplace(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` for what is being written; it goes, with what is in it, whatever happens.

    Raises
    ------
    ConfigError : the disk is full, or cannot be written to.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            yield Path(folder)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0].rstrip(".")
        fix = "free some space, or choose another folder"
        raise ConfigError(f"the new table cannot be written ({reason})", where=str(out), fix=fix) from error


def publish(written: Path, out: Path) -> None:
    """Put a finished file in its place, in one step."""
    written.replace(out)
