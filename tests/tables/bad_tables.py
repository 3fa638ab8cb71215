"""Ways to write a table that cannot be read."""

from __future__ import annotations

from pathlib import Path


def text(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def truncated(data: bytearray) -> bytearray:
    return data[: len(data) * 2 // 3]


def scrambled(data: bytearray) -> bytearray:
    # The values of the first row group; the footer stays sound.
    data[40:1500] = bytes((value * 7 + 13) % 256 for value in data[40:1500])
    return data


def replaced(data: bytearray) -> bytearray:
    return bytearray(b"<html>Not found</html>" * 20)
