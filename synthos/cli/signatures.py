"""``synthos signatures``: the library of known collapses, and cases of your own in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from synthos.cli import exits

if TYPE_CHECKING:
    from synthos.verdict.known import Case

app = typer.Typer(
    help="Known collapses that tables are compared with, and cases of your own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
LibraryFile = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="FILE",
        help="File of your own cases. By default the one that validate and gate read: SYNTHOS_SIGNATURES where that is "
        "set, else signatures.json in your data folder.",
    ),
]


@app.command("list")
def listing(
    library: LibraryFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every case as JSON, on standard output.")] = False,
) -> None:
    """Show the known collapses: the packaged ones and your own."""

    def work() -> int:
        from synthos.verdict.known import load_library

        known = load_library(library)
        if as_json:
            cases = [_plain(case) for case in known.cases]
            sys.stdout.write(json.dumps({"made": known.made, "cases": cases}, indent=1, ensure_ascii=False) + "\n")
        else:
            console = Console(highlight=False)
            console.print(_table(known.cases))
            harm = "Harm is the share of what real rows teach that models trained on the table lost: 0 none, 1 all."
            console.print(Text(f"{harm} Packaged cases were made {known.made}."))
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command("add")
def add(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="What synthos validate --json wrote.")],
    *,
    name: Annotated[str, typer.Option("--name", help="What to call the case in matches.")],
    family: Annotated[str, typer.Option("--family", help="Kind of collapse: one of those listed, or a new one.")],
    harm: Annotated[
        float,
        typer.Option(
            "--harm",
            help="Measured share of what real rows teach that models trained on the table lost: 0 none, 1 all.",
        ),
    ],
    note: Annotated[str, typer.Option("--note", help="A sentence on what the table was, shown with a match.")] = "",
    library: LibraryFile = None,
) -> None:
    """Add a validated table of which you know what became of it; its figures are kept, its rows and values are not."""

    def work() -> int:
        from synthos.verdict import known

        case = known.add(result, name=name, family=family, harm=harm, note=note, path=library)
        Console(highlight=False).print(Text(f"added “{case.name}” ({case.family}) to {case.source}"), soft_wrap=True)
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


def _plain(case: Case) -> dict[str, object]:
    return {name: getattr(case, name) for name in ("name", "family", "description", "harm", "source", "figures")}


def _table(cases: tuple[Case, ...]) -> Table:
    """One line a pattern: packaged cases of one name are the same damage on several tables."""
    table = Table(box=None, pad_edge=False)
    table.add_column("Pattern")
    table.add_column("Family")
    table.add_column("Cases", justify="right")
    table.add_column("Harm", justify="right")
    groups: dict[tuple[str, str], list[float]] = {}
    for case in cases:
        groups.setdefault((case.name, case.family), []).append(case.harm)
    for (name, family), harms in groups.items():
        low, high = (f"{round(harm, 2) + 0.0:.2f}" for harm in (min(harms), max(harms)))  # no "-0.00"
        table.add_row(Text(name), Text(family), str(len(harms)), low if low == high else f"{low} to {high}")
    return table
