"""Options that several commands share, and the validation they describe."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthos.errors import ConfigError
from synthos.progress import Listener

if TYPE_CHECKING:
    from synthos.validation import Validation


class Engine(StrEnum):
    """Where the work runs."""

    ray = "ray"
    local = "local"


Synthetic = Annotated[
    str, typer.Argument(metavar="SYNTH", help="Synthetic table: file, folder, glob, s3:// or http(s):// address.")
]
Reference = Annotated[
    str | None, typer.Option("--reference", "-r", metavar="REAL", help="The real table that it was made from.")
]
Holdout = Annotated[
    str | None, typer.Option("--holdout", metavar="TABLE", help="Real rows that the generator never saw.")
]
Quick = Annotated[bool, typer.Option("--quick", help="Leave the cascade out; the summary says what that leaves open.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the result as JSON.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write the report as one HTML file.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed; by default it comes from the tables' contents.")]
Kinds = Annotated[
    Path | None, typer.Option("--kinds", metavar="YAML", help="Kinds of columns, where they are inferred wrongly.")
]
TierConfig = Annotated[
    Path | None, typer.Option("--tier-config", metavar="YAML", help="Sizes of the cascade's models and samples.")
]
Thresholds = Annotated[
    Path | None, typer.Option("--thresholds", metavar="YAML", help="Limits of risk levels and decisions.")
]
EngineOption = Annotated[Engine, typer.Option("--engine", help="Ray (parallel, clusters) or one local process.")]
Address = Annotated[
    str | None, typer.Option("--address", help="A running Ray cluster; by default a private one is started.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processors of a private Ray instance; by default all.")
]
Cache = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Where trained models are kept, to resume and reuse.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Train every model anew and keep none.")]


def run_validation(
    synthetic: str,
    reference: str | None,
    holdout: str | None,
    *,
    engine: Engine,
    address: str | None,
    workers: int | None,
    quick: bool,
    seed: int | None,
    kinds: Path | None,
    tier_config: Path | None,
    thresholds: Path | None,
    cache: Path | None,
    no_cache: bool,
    listener: Listener,
) -> Validation:
    """Run one validation on the engine that was asked for.

    Raises
    ------
    InputError : the tables or the options are at fault.
    """
    if engine is Engine.local:
        if address or workers:
            raise ConfigError("--address and --workers belong to --engine ray", fix="drop them, or use --engine ray")
        from synthos.flow import validate as validate_here

        return validate_here(
            synthetic,
            reference,
            holdout,
            quick=quick,
            seed=seed,
            kinds=kinds,
            tier_config=tier_config,
            thresholds=thresholds,
            cache=False if no_cache else cache,
            on_progress=listener,
        )
    if address and workers:
        raise ConfigError("--workers sizes a private instance, --address names a running one", fix="give one of them")
    # Imported here because the core knows nothing of Ray; Ray starts while the tables are opened.
    from pipelines.validate import validate as validate_on_ray

    return validate_on_ray(
        synthetic,
        reference,
        holdout,
        quick=quick,
        seed=seed,
        kinds=kinds,
        tier_config=tier_config,
        thresholds=thresholds,
        cache=False if no_cache else cache,
        on_progress=listener,
        address=address,
        workers=workers,
    )
