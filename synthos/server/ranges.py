"""Range requests (RFC 9110, 14): one range of bytes, or all of them."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")


class UnsatisfiableError(ValueError):
    """The range begins behind the end."""


def byte_range(asked: str | None, size: int) -> tuple[int, int] | None:
    """``[start, stop)`` of what a Range header asks for; None where all is to be sent: there is no header, it names
    several ranges or none that is well-formed.

    Raises
    ------
    UnsatisfiableError : there is no such byte.
    """
    found = _ONE.fullmatch(asked) if asked is not None else None
    if found is None or found[1] == found[2] == "":
        return None
    first, last = found[1], found[2]
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise UnsatisfiableError(asked)
    return start, stop
