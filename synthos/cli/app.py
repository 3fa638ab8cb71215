"""The command ``synthos``. Each command's work is in a file of its own; this one only names them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from synthos.cli import admin, estimate, gate, profile, remote, repair, serve, signatures, validate

app = typer.Typer(
    name="synthos",
    help="Tells before training whether a synthetic table will make the models trained on it collapse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("validate")(validate.command)
app.command("estimate")(estimate.command)
app.command("profile")(profile.command)
app.command("gate")(gate.command)
app.command("repair")(repair.command)
app.command("serve")(serve.command)
app.add_typer(signatures.app, name="signatures")
app.add_typer(remote.app, name="remote")
app.add_typer(admin.app, name="admin")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"synthos {version('synthos')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Exit codes: 0 approved, 1 not approved or over the gate, 2 bad input, 3 inconclusive, 70 bug, 130 interrupted."""


def main() -> None:
    """The ``synthos`` command: ends the process with one of the exit codes above."""
    app()
