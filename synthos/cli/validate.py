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


def command(
    synthetic: options.Synthetic,
    reference: options.Reference = None,
    holdout: options.Holdout = None,
    quick: options.Quick = False,
    json: options.Json = None,
    html: options.Html = None,
    seed: options.Seed = None,
    kinds: options.Kinds = None,
    tier_config: options.TierConfig = None,
    thresholds: options.Thresholds = None,
    engine: options.EngineOption = options.Engine.ray,
    address: options.Address = None,
    workers: options.Workers = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
) -> None:
    """Judge a synthetic table against the real one, and say why, where and what mends it."""

    def work() -> int:
        with listening() as listener:
            validation = options.run_validation(
                synthetic,
                reference,
                holdout,
                engine=engine,
                address=address,
                workers=workers,
                quick=quick,
                seed=seed,
                kinds=kinds,
                tier_config=tier_config,
                thresholds=thresholds,
                cache=cache,
                no_cache=no_cache,
                listener=listener,
            )
            listener(Event(stage="report", done=0, total=1))
            written = write(validation, json, html)
            listener(Event(stage="report", done=1, total=1, message=", ".join(map(str, written))))
        show(validation, written)
        return exits.BY_DECISION[validation.decision]

    raise typer.Exit(exits.run(work))


def write(validation: Validation, json: Path | None, html: Path | None) -> list[Path]:
    """Write what was asked for; returns the paths."""
    written = []
    if json is not None:
        written.append(validation.to_json(json))
    if html is not None:
        written.append(validation.report(html))
    return written


def show(validation: Validation, written: list[Path]) -> None:
    """The terminal summary, on standard output."""
    from synthos.reporting.terminal import summary

    console = Console(highlight=False)
    console.print(summary(validation, console.width))
    for path in written:
        console.print(f"written: {path}", soft_wrap=True)
