"""Names of files: which are taken, what they say of their content, and how they are given back."""

from __future__ import annotations

import unicodedata
from typing import Literal
from urllib.parse import quote

FileType = Literal["csv", "parquet", "jsonl", "arrow"]
_PACKED = ("", ".gz", ".zst")
#: What ``synthos.tables`` reads, which is not asked for it here: it takes a second to import.
ENDINGS: dict[str, FileType] = {
    **dict.fromkeys((base + packed for base in (".csv", ".tsv") for packed in _PACKED), "csv"),
    **dict.fromkeys((base + packed for base in (".jsonl", ".ndjson") for packed in _PACKED), "jsonl"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
}
LONGEST_NAME = 200


def ending_of(filename: str) -> str | None:
    """The ending that says what the file holds, such as ``.csv.gz``; None where it is none of ``ENDINGS``."""
    name = filename.lower()
    return next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if name.endswith(ending)), None)


def clean_filename(name: str) -> str:
    """``name`` composed (NFC) and without spaces around it.

    Raises
    ------
    ValueError : it is empty or long, names a folder, or holds what is not seen: controls, marks of direction, halves
        of a pair.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"has to have 1 to {LONGEST_NAME} characters")
    if "/" in name or "\\" in name or name.startswith("."):
        raise ValueError("may name no folder, and not begin with a dot")
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for letter in name):
        raise ValueError("may hold only characters that can be seen")
    return name


def attachment(filename: str) -> str:
    """The value of Content-Disposition by which browsers save a file under this name (RFC 6266)."""
    plain = "".join(letter if letter.isascii() and letter not in '"\\%' else "_" for letter in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
