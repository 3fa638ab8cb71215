"""``synthos serve``: the whole service on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from synthos.cli import exits


def command(
    config: Annotated[
        Path | None,
        typer.Option(envvar="SYNTHOS_CONFIG", help="YAML file of settings; the environment (SYNTHOS_…) wins over it."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that carry jobs out.")] = None,
) -> None:
    """Serve the HTTP API, with everything that it needs, from this machine until interrupted."""

    def work() -> int:
        from synthos.server.guard import guarded
        from synthos.server.platform import platform
        from synthos.server.settings import Settings
        from synthos.server.telemetry import configure_logs

        asked = {"host": host, "port": port, "workers": workers}
        settings = Settings.load(config, **{name: value for name, value in asked.items() if value is not None})
        configure_logs(settings.log_level)

        def serve(folder: Path) -> int:
            os.umask(0o077)  # of what lies in the data folder nothing is for other users of the machine
            with platform(settings, config, folder) as running:
                typer.echo(f"starting; data and secrets lie in {settings.data_folder}", err=True)
                dashboard, token = running.dashboard
                typer.echo(f"Ray's dashboard will be at {dashboard}; its token lies in {token}", err=True)
                running.run(lambda address: typer.echo(f"Synthos answers at {address}"))
            return exits.APPROVED

        return guarded(serve)

    raise typer.Exit(exits.run(work))
