"""``synthos profile``: one table, one pass, what is in it."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from synthos.cli import exits, options
from synthos.cli.progress import listening
from synthos.reporting.numbers import cell

if TYPE_CHECKING:
    from synthos.results import ColumnProfile, Json, Kind, TableProfile

HEADINGS = ("column", "kind", "nulls", "distinct", "min", "median", "max", "top value", "personal data")
NUMBERS = ("nulls", "distinct", "min", "median", "max")
#: Characters of a line where the output is not a terminal.
PIPE_WIDTH = 140


def command(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="File, folder, glob, s3:// or http(s):// address.")],
    json: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the profile as JSON.")] = None,
    kinds: options.Kinds = None,
) -> None:
    """Profile one table: kinds, nulls, distinct values, quantiles, duplicates, personal data, quality."""

    def work() -> int:
        from synthos.cli.outputs import check_outputs
        from synthos.flow import profile
        from synthos.tables.writing import write_atomically

        check_outputs({"--json": json}, (table, kinds))
        with listening() as listener:
            result = profile(table, kinds=kinds, on_progress=listener)
        if json is not None:
            text = json_format.dumps(asdict(result), indent=1, allow_nan=False, ensure_ascii=False)
            write_atomically(json, text.encode())
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=PIPE_WIDTH)
        console.print(_render(result))
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


def _render(profile: TableProfile) -> Group:
    head = (
        f"{profile.name}: {profile.rows:,} rows, {len(profile.columns)} columns, "
        f"quality {profile.quality_score:.0f}/100, {profile.duplicate_share:.2%} duplicate rows"
    )
    rows = [_cells(column) for column in profile.columns]
    table = Table(box=None, pad_edge=False)
    for position, title in enumerate(HEADINGS):
        # Numbers keep their width; where the terminal is narrow, names and values give way.
        number = title in NUMBERS
        widest = max(len(title), *(len(row[position]) for row in rows))
        table.add_column(
            title, justify="right" if number else "left", no_wrap=True, min_width=widest if number else min(widest, 8)
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return Group(Text(head), table, *(Text(f"note: {note}") for note in profile.notes))


def _cells(column: ColumnProfile) -> tuple[str, ...]:
    about = "~" if column.distinct_error else ""
    top = f"{cell(column.top[0][0], column.kind)} ({column.top[0][1] / column.rows:.0%})" if column.top else ""
    return (
        column.name,
        column.kind,
        f"{column.nulls / column.rows:.1%}",
        f"{about}{column.distinct:,}",
        *(_short(value, column.kind) for value in (column.minimum, column.quantiles.get("0.5"), column.maximum)),
        top[:32],
        ", ".join(flag.type for flag in column.pii),
    )


def _short(value: Json, kind: Kind) -> str:
    """A value as the report shows it, text cut."""
    if value is None:
        return ""
    return value[:12] if isinstance(value, str) else cell(value, kind)
