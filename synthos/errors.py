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
    │   ├── TooFewRowsError        fewer rows than can be judged
    │   ├── ConfigError            an option or a configuration file is wrong
    │   │   └── ClusterError       Ray does not come up, or does not answer at its address
    │   └── RemoteError            a service answered with an error, or does not answer
    ├── CancelledError             the caller asked to stop
    └── InternalError              a broken invariant of ours; always a bug
"""

from __future__ import annotations


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
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        place = f"{where}: " if where else ""
        advice = f"; {fix}" if fix else ""
        super().__init__(f"{place}{what}{advice}.")

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling of exceptions, and errors cross processes.
        return (_rebuild, (type(self), self.what, self.where, self.fix))


def _rebuild(kind: type[InputError], what: str, where: str | None, fix: str | None) -> InputError:
    return kind(what, where=where, fix=fix)


class SourceError(InputError):
    """A file, folder, glob or address cannot be read."""


class StorageError(SourceError):
    """A disk or server does not answer, or has no room. Nothing is wrong with the table; a later attempt may work."""


class FormatError(SourceError):
    """The bytes are not what the format says."""


class EncodingError(SourceError):
    """Text that is not UTF-8."""


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
        status: int | None = None,
        reason: str = "unreachable",
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.status, self.reason = status, reason

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_remote, (self.what, self.where, self.fix, self.status, self.reason))


def _rebuild_remote(what: str, where: str | None, fix: str | None, status: int | None, reason: str) -> RemoteError:
    return RemoteError(what, where=where, fix=fix, status=status, reason=reason)


class CancelledError(SynthosError):
    """The caller asked to stop."""


class InternalError(SynthosError):
    """A broken invariant of ours; always a bug."""
