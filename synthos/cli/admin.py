"""``synthos admin``: what operators do on the machine of the service."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from synthos.cli import exits
from synthos.errors import ConfigError

app = typer.Typer(help="Operate a service of this machine.", no_args_is_help=True, rich_markup_mode=None)
ConfigFile = Annotated[
    Path | None, typer.Option("--config", envvar="SYNTHOS_CONFIG", help="YAML file of the service's settings.")
]


@app.command("create-user")
def create_user(
    email: Annotated[str, typer.Argument(help="What the user logs in with.")],
    name: Annotated[str, typer.Option(help="Full name.")],
    company: Annotated[str, typer.Option(help="Name of the user's own company.")] = "",
    colleague_of: Annotated[
        str | None, typer.Option(help="Email of a user whose company this one joins; instead of --company.")
    ] = None,
    tier: Annotated[Literal["free", "team", "enterprise"], typer.Option(help="What a new company may use.")] = "team",
    admin: Annotated[bool, typer.Option("--admin", help="Make the user an operator of the service.")] = False,
    config: ConfigFile = None,
) -> None:
    """Make an account. The password is asked for, or read from standard input where that is no terminal."""

    def work() -> int:
        from synthos.server.accounts.commands import create
        from synthos.server.settings import Settings

        if bool(company) == bool(colleague_of):
            fix = "give one of --company and --colleague-of"
            raise ConfigError("a user has a company or a colleague", where="create-user", fix=fix)
        settings = Settings.load(config)
        _keep_private()
        made = create(
            settings,
            email=email,
            ask_password=_password,
            company_name=company,
            full_name=name,
            tier=tier,
            is_admin=admin,
            colleague_of=colleague_of,
        )
        typer.echo(f"{made.user_id} ({made.email}) of {made.company_id}")
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command()
def migrate(config: ConfigFile = None) -> None:
    """Bring the database to this version. `synthos serve` does so by itself; `serve deploy` does not."""

    def work() -> int:
        from synthos.server.db.migrate import current
        from synthos.server.settings import Settings

        _keep_private()
        with current(Settings.load(config)):
            pass
        typer.echo("the database is of this version")
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


def _keep_private() -> None:
    """What is made in the data folder is for its owner alone, as with ``synthos serve``."""
    os.umask(0o077)


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")
