"""``synthos remote``: a service that runs elsewhere."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TransferSpeedColumn,
)

from synthos.cli import exits
from synthos.errors import RemoteError

if TYPE_CHECKING:
    from synthos.client import Client, Pipeline, Validation

app = typer.Typer(help="Use a Synthos service.", no_args_is_help=True, rich_markup_mode=None)
#: What the key of this machine may do.
SCOPES = ["datasets:read", "datasets:write", "validations:read", "validations:write", "jobs:read", "analytics:read"]


@app.command()
def login(
    url: Annotated[str, typer.Argument(help="Address of the service.")],
    email: Annotated[str, typer.Option(prompt=True, help="Email of your account.")],
    days: Annotated[int, typer.Option(help="Days after which the key of this machine expires.")] = 90,
) -> None:
    """Make an API key for this machine and keep it. The password is asked for, or read from standard input."""

    def work() -> int:
        from synthos.client import Client, logins

        asked = sys.stdin.isatty()
        password = typer.prompt("Password", hide_input=True) if asked else sys.stdin.readline().rstrip("\n")
        with Client.login(url, email, password) as client:
            key = client.create_api_key(f"synthos remote on {socket.gethostname()}"[:100], SCOPES, days)
        path = logins.keep(logins.Login(url, key))
        typer.echo(f"logged in to {url}; the key lies in {path}")
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command()
def upload(
    path: Annotated[Path, typer.Argument(help="A Parquet, CSV, JSON lines or Arrow file.")],
    description: Annotated[str | None, typer.Option(help="A line about it.")] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with the upload of this dataset.")] = None,
) -> None:
    """Send a table; its dataset id is printed."""

    def work() -> int:
        with _client() as client:
            typer.echo(_send(client, path, description, resume))
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command()
def datasets() -> None:
    """List the company's datasets, newest first: id, status, size, and the file's name."""

    def work() -> int:
        with _client() as client:
            for found in client.datasets():
                size = "" if found.rows is None else f"{found.rows:,} x {found.columns}"
                typer.echo(f"{found.id}  {found.status:<10}  {size:>20}  {found.raw['filename']}")
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command()
def delete(dataset: Annotated[str, typer.Argument(help="Id of a dataset (ds_…).")]) -> None:
    """Delete a dataset, and the reports of all validations that used it."""

    def work() -> int:
        with _client() as client:
            client.delete_dataset(dataset)
        typer.echo(f"deleted: {dataset}")
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command()
def validate(
    synthetic: Annotated[str, typer.Argument(help="A file, or the id of a dataset (ds_…).")],
    reference: Annotated[str | None, typer.Option(help="What it was made from: a file or a dataset.")] = None,
    holdout: Annotated[str | None, typer.Option(help="Real rows that its generator never saw.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave the models out.")] = False,
    seed: Annotated[int | None, typer.Option(help="By default it comes from the tables' contents.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done.")] = True,
) -> None:
    """Have a table judged by the service; exit codes as of synthos validate."""

    def work() -> int:
        with _client() as client:
            tables = _datasets(client, synthetic, reference, holdout)
            made = client.validate(*tables, quick=quick, seed=seed, wait=False)
            typer.echo(made.id)
            return _follow(client, made.id) if wait else exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command()
def pipeline(
    synthetic: Annotated[str, typer.Argument(help="A file, or the id of a dataset (ds_…).")],
    reference: Annotated[str | None, typer.Option(help="What it was made from: a file or a dataset.")] = None,
    holdout: Annotated[str | None, typer.Option(help="Real rows that its generator never saw.")] = None,
    seed: Annotated[int | None, typer.Option(help="By default it comes from the tables' contents.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done.")] = True,
) -> None:
    """Have a table judged, repaired and judged again; exit codes as of synthos validate, for the last verdict."""

    def work() -> int:
        with _client() as client:
            tables = _datasets(client, synthetic, reference, holdout)
            made = client.run_pipeline(*tables, seed=seed, wait=False)
            typer.echo(made.id)
            return _follow_pipeline(client, made.id) if wait else exits.APPROVED

    raise typer.Exit(exits.run(work))


@app.command()
def watch(validation: Annotated[str, typer.Argument(help="Id of a validation (val_…).")]) -> None:
    """Watch a validation until it ends; exit codes as of synthos validate."""

    def work() -> int:
        with _client() as client:
            return _follow(client, validation)

    raise typer.Exit(exits.run(work))


@app.command()
def report(
    validation: Annotated[str, typer.Argument(help="Id of a validation (val_…).")],
    out: Annotated[Path | None, typer.Option(help="File to write; by default standard output.")] = None,
    format: Annotated[Literal["html", "json"], typer.Option(help="A page, or the whole document.")] = "html",
) -> None:
    """Fetch the report of a completed validation."""

    def work() -> int:
        from synthos.tables.writing import write_atomically

        with _client() as client:
            content = client.report(validation, format)
        if out is None:
            sys.stdout.buffer.write(content)
        else:
            write_atomically(out, content)
            typer.echo(f"written: {out}", err=True)
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


@contextmanager
def _client() -> Iterator[Client]:
    from synthos.client import Client, logins

    known = logins.current()
    with Client(known.url, api_key=known.api_key) as client:
        yield client


def _datasets(client: Client, synthetic: str, *others: str | None) -> tuple[str, *tuple[str | None, ...]]:
    """The ids of the tables, in their order; files are sent."""
    return _dataset(client, synthetic), *(None if table is None else _dataset(client, table) for table in others)


def _dataset(client: Client, table: str) -> str:
    """The id of a dataset, sent first where ``table`` is a file."""
    if table.startswith("ds_") and not Path(table).exists():
        return table
    sent = _send(client, Path(table), None, None)
    # It stays there, whatever becomes of what it was sent for.
    typer.echo(f"sent {table}: {sent}", err=True)
    return sent


def _send(client: Client, path: Path, description: str | None, resume: str | None) -> str:
    from synthos.client.transport import PASSING

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _progress(*columns) as bar:
        task = bar.add_task(path.name, total=None)

        def sent(done: int, size: int) -> None:
            bar.update(task, completed=done, total=size, description="reading" if done == size else path.name)

        begun: list[str] = []
        try:
            found = client.upload(path, description=description, resume=resume, on_begun=begun.append, on_sent=sent)
        except (KeyboardInterrupt, RemoteError) as error:
            # What the service has refused or cannot read is not mended by sending the rest.
            passing = not isinstance(error, RemoteError) or error.reason == "unreachable" or error.status in PASSING
            if begun and passing:
                typer.echo(f"go on with: synthos remote upload {path} --resume {begun[0]}", err=True)
            raise
        return found.id


def _follow(client: Client, identifier: str) -> int:
    with _bar() as heard:
        ended = client.wait(identifier, heard)
    results = ended.raw["results"]
    for line in _verdict(results):
        typer.echo(line)
    _say_where_the_report_is(identifier)
    return exits.BY_DECISION[results["decision"]]


def _say_where_the_report_is(validation: str) -> None:
    typer.echo(f"report: synthos remote report {validation} --out report.html", err=True)


def _progress(*columns: ProgressColumn) -> Progress:
    """Progress on standard error; none where that is no terminal."""
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _verdict(results: dict[str, Any]) -> Iterator[str]:
    """The decision, the risk and the reasons, as `synthos validate` begins."""
    from synthos.reporting import numbers, phrases, words

    low, high = (numbers.score(results["interval"][end]) for end in ("low", "high"))
    risk = phrases.BOUNDS[results["risk_bound"]] + numbers.score(results["risk_score"])
    decided = words.DECISIONS[results["decision"]][0]
    yield f"{decided}: risk {risk} of 100 ({low} to {high}), {words.level(results['risk_level'])}"
    for reason in results["reasons"]:
        yield f"  {phrases.sentence(reason)}"


def _follow_pipeline(client: Client, identifier: str) -> int:
    with _bar() as heard:
        ended = client.wait_for_pipeline(identifier, heard)
    for line in _outcome(ended.raw):
        typer.echo(line)
    for validation in ended.validations:
        _say_where_the_report_is(validation)
    return exits.BY_DECISION[ended.raw["results"]["decision"]]


def _outcome(raw: dict[str, Any]) -> Iterator[str]:
    """What a completed pipeline came to: its last decision, what was done to the table, and the risk."""
    from synthos.reporting import numbers, words

    repair, results = raw["repair"], raw["results"]
    decided, before = words.DECISIONS[results["decision"]][0], numbers.score(results["risk_score_before"])
    if results["risk_score_after"] is None:
        yield f"{decided}: risk {before} of 100; nothing was repaired: {repair['reason']}"
        return
    after = numbers.score(results["risk_score_after"])
    yield f"{decided}: risk {before} of 100 before, {after} after ({', '.join(repair['applied'])})"
    yield f"  {raw['repaired_dataset_id']}: {repair['rows_after']:,} rows from {repair['rows_before']:,}"


@contextmanager
def _bar() -> Iterator[Callable[[Validation | Pipeline], None]]:
    """A bar that shows how far something is, of which it is told."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with _progress(*columns) as bar:
        task = bar.add_task("queued", total=100.0)

        def heard(found: Validation | Pipeline) -> None:
            bar.update(task, completed=found.progress, description=found.raw["current_stage"] or found.status)

        yield heard
