"""The tree of errors. Nothing here knows of HTTP, exit codes or Ray.

::

    SynthosError
    ├── InputError                 the user's data or arguments are at fault; exit code 2
    │   ├── SourceError            a file, folder, glob or address cannot be read
    │   │   ├── StorageError       a disk or server does not answer, or has no room: nobody's table is at fault
    │   │   ├── FormatError        the bytes are not what the format says (malformed line, corrupt Parquet)
    │   │   └── EncodingError      text that is not UTF-8
    │   ├── SchemaError            columns or types that cannot be judged
    │   │   └── AlignmentError     synthetic and reference do not fit together
    │   ├── TooLargeError          a part of a table does not fit into memory, however little is read at once
    │   ├── TooFewRowsError        fewer rows than can be judged
    │   ├── ConfigError            an option or a configuration file is wrong
    │   │   └── ClusterError       Ray does not come up, or does not answer at its address
    │   └── RemoteError            a service answered with an error, or does not answer
    ├── CancelledError             the caller asked to stop
    └── InternalError              a broken invariant of ours; always a bug
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

#: Names of an error's attributes that say where in a table its fault is.
PLACE = ("line", "row", "column")


class SynthosError(Exception):
    """Root of every error that Synthos raises on purpose."""


class InputError(SynthosError):
    """The user's data or arguments are at fault.

    ``str(error)`` is one sentence that says what is wrong, where, and what to do.

    Parameters
    ----------
    what : what is wrong, without a full stop.
    where : file, column, row or line; omitted where there is no place to point at.
    fix : what the user should do, as an imperative clause.
    line, row, column : the place in the table for programs, as far as it is known: the line of a text file, counted
        from 1; the row of the table, counted from 0; the column's name.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        line: int | None = None,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        self.what, self.where, self.fix = what, where, fix
        self.line, self.row, self.column = line, row, column
        place = f"{where}: " if where else ""
        advice = f"; {fix}" if fix else ""
        super().__init__(f"{place}{what}{advice}.")

    @property
    def place(self) -> dict[str, Any]:
        """The attributes of ``PLACE`` by name."""
        return {name: getattr(self, name) for name in PLACE}

    def reworded(self, change: Callable[[str], str], where: str | None = None) -> Self:
        """The same error with each of its texts changed; ``where`` is said of one that names no place."""
        made = {name: text and change(text) for name, text in (("where", self.where or where), ("fix", self.fix))}
        return type(self)(change(self.what), **{**self._named(), **made})

    def _named(self) -> dict[str, Any]:
        """All arguments but the first."""
        return {"where": self.where, "fix": self.fix, **self.place}

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling of exceptions, and errors cross processes.
        return (_rebuild, (type(self), self.what, self._named()))


def _rebuild(kind: type[InputError], what: str, named: dict[str, Any]) -> InputError:
    return kind(what, **named)


class SourceError(InputError):
    """A file, folder, glob or address cannot be read."""


class StorageError(SourceError):
    """A disk or server does not answer, or has no room. Nothing is wrong with the table; a later attempt may work."""


class FormatError(SourceError):
    """The bytes are not what the format says."""


class EncodingError(SourceError):
    """Text that is not UTF-8."""


class TooLargeError(InputError):
    """A part of a table does not fit into memory, however little of it is read at once."""


class SchemaError(InputError):
    """Columns or types that cannot be judged."""


class AlignmentError(SchemaError):
    """Synthetic and reference tables do not fit together."""


class TooFewRowsError(InputError):
    """Fewer rows than can be judged."""


class ConfigError(InputError):
    """An option or a configuration file is wrong."""


class ClusterError(ConfigError):
    """Ray does not come up, or does not answer at its address. A later attempt may work."""


class RemoteError(InputError):
    """A service answered with an error, or does not answer.

    ``status`` is that of HTTP, None where nothing came; ``reason`` the stable last part of the problem's type.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        line: int | None = None,
        row: int | None = None,
        column: str | None = None,
        status: int | None = None,
        reason: str = "unreachable",
    ) -> None:
        super().__init__(what, where=where, fix=fix, line=line, row=row, column=column)
        self.status, self.reason = status, reason

    def _named(self) -> dict[str, Any]:
        return {**super()._named(), "status": self.status, "reason": self.reason}


class CancelledError(SynthosError):
    """The caller asked to stop."""


class InternalError(SynthosError):
    """A broken invariant of ours; always a bug."""
