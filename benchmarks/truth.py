"""A bench of tables whose damage was measured: what is known of its cases, and the log of what was answered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

#: Utility loss above which a table counts as collapsed.
COLLAPSED = 0.1
Row = dict[str, Any]


def load_truth(bench: Path, tables: Sequence[str], keys: Sequence[str]) -> list[Row]:
    """The bench's cases in its own order; all tables or keys where none is named."""
    found: list[Row] = []
    for path in sorted(bench.glob("*/truth.json")):
        found += json.loads(path.read_text(encoding="utf-8"))
    unknown = ({*tables} - {row["table"] for row in found}) | ({*keys} - {row["key"] for row in found})
    if unknown or not found:
        raise SystemExit(f"{bench} holds no {', '.join(sorted(unknown)) or 'truth.json in any folder'}")
    return [row for row in found if row["table"] in (tables or [row["table"]]) and row["key"] in (keys or [row["key"]])]


def family_of(case: Mapping[str, Any]) -> str:
    """Generator family or kind of damage of a case, whatever its dose: a mixture is of the family that it dilutes."""
    return str(case["family"]).removesuffix("_mix")


def read_log(log: Path) -> Iterator[Row]:
    """The finished lines of a JSON-lines file; a last line that was cut short by a kill is left out."""
    if not log.exists():
        return
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def append(log: Path, row: Row) -> None:
    """One more line; a line that a kill left unfinished is ended first, so that it does not take this one with it."""
    line = json.dumps(row, allow_nan=False)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a+b") as lines:
        if lines.tell():
            lines.seek(-1, os.SEEK_END)
            if lines.read(1) != b"\n":
                lines.write(b"\n")
        lines.write(line.encode() + b"\n")
