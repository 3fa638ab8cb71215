"""``synthos validate``: two tables in, a verdict out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from synthos.cli import exits, options
from synthos.cli.progress import listening
from synthos.progress import Event

if TYPE_CHECKING:
    from synthos.validation import Validation


@options.flattened
def command(tables: options.Tables, run: options.Run) -> None:
    """Judge a synthetic table against the real one, and say why, where and what mends it."""

    def work() -> int:
        validation, written = judge(tables, run)
        show(validation, written)
        return exits.BY_DECISION[validation.decision]

    raise typer.Exit(exits.run(work))


def judge(tables: options.Tables, run: options.Run) -> tuple[Validation, list[Path]]:
    """Validate, with progress on standard error, and write what was asked for; returns the paths written too."""
    from synthos.cli.outputs import check_outputs, write_together

    read = (tables.synthetic, tables.reference, tables.holdout, run.kinds, run.tier_config, run.thresholds)
    check_outputs({"--json": run.json, "--html": run.html}, read)
    with listening() as listener:
        validation = options.run_validation(tables, run, listener)
        listener(Event(stage="report", done=0, total=1))
        faces = ((run.json, validation.to_json), (run.html, validation.report))
        written = write_together([(path, write) for path, write in faces if path is not None])
        listener(Event(stage="report", done=1, total=1, message=", ".join(map(str, written))))
    return validation, written


def show(validation: Validation, written: list[Path]) -> None:
    """The terminal summary, on standard output."""
    from synthos.reporting.terminal import summary

    console = Console(highlight=False)
    # Nothing is cropped: the names of the files that were written are longer than some terminals are wide.
    console.print(summary(validation, console.width, written), crop=False)
