"""Options that several commands share, and the validation they describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from synthos.errors import ConfigError
from synthos.progress import Listener

if TYPE_CHECKING:
    from synthos.validation import Validation
#: More processors than one machine has: a slip of the finger, at which Ray would start as many processes.
MOST_WORKERS = 1024


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
Quick = Annotated[
    bool, typer.Option("--quick", help="Train forests but no density models; the summary says what that leaves open.")
]
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
    int | None,
    typer.Option("--workers", min=1, max=MOST_WORKERS, help="Processors of a private Ray instance; by default all."),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Where models and parts of scans are kept, to resume and reuse; by default ~/.cache/synthos.",
    ),
]
SkipBadShards = Annotated[
    bool, typer.Option("--skip-bad-shards", help="Leave out what cannot be read; the verdict says what that was.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Train every model anew and keep none.")]


@dataclass(frozen=True, slots=True)
class Tables:
    """What is judged, and against what."""

    synthetic: Synthetic
    reference: Reference = None
    holdout: Holdout = None


@dataclass(frozen=True, slots=True)
class Run:
    """How a validation is run, and where its results go."""

    quick: Quick = False
    json: Json = None
    html: Html = None
    seed: Seed = None
    kinds: Kinds = None
    tier_config: TierConfig = None
    thresholds: Thresholds = None
    engine: EngineOption = Engine.ray
    address: Address = None
    workers: Workers = None
    cache: Cache = None
    no_cache: NoCache = False
    skip_bad_shards: SkipBadShards = False


def flattened(command: Callable[..., None]) -> Callable[..., None]:
    """The command for typer: where it takes ``Tables`` or ``Run``, their fields become parameters of its own.

    Typer reads arguments and options off a function's signature. The fields stand where the dataclass stood, which is
    their order in the help.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    parameters: list[Parameter] = []
    for name, parameter in signature(command).parameters.items():
        if name in groups:
            kinds = get_type_hints(groups[name], include_extras=True)
            for field in fields(groups[name]):
                default = Parameter.empty if field.default is MISSING else field.default
                parameters.append(
                    Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=kinds[field.name])
                )
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[name]))

    def flat(**given: Any) -> None:
        grouped = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**grouped, **given)

    flat.__name__, flat.__doc__ = command.__name__, command.__doc__
    flat.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat


def cache_of(cache: Path | None, no_cache: bool) -> Path | bool | None:
    """What the core takes for both options: a folder, False for none, None for the usual one.

    Raises
    ------
    ConfigError : both were given.
    """
    if no_cache and cache is not None:
        raise ConfigError("--cache keeps trained models, and --no-cache keeps none", fix="give one of them")
    return False if no_cache else cache


def run_validation(tables: Tables, run: Run, listener: Listener) -> Validation:
    """Run one validation on the engine that was asked for.

    Raises
    ------
    InputError : the tables or the options are at fault.
    """
    kept = cache_of(run.cache, run.no_cache)
    given = (tables.synthetic, tables.reference, tables.holdout)
    options: dict[str, Any] = {
        "quick": run.quick,
        "seed": run.seed,
        "kinds": run.kinds,
        "tier_config": run.tier_config,
        "thresholds": run.thresholds,
        "skip_bad_shards": run.skip_bad_shards,
        "cache": kept,
        "on_progress": listener,
    }
    if run.engine is Engine.local:
        if run.address or run.workers:
            raise ConfigError("--address and --workers belong to --engine ray", fix="drop them, or use --engine ray")
        from synthos.flow import validate as validate_here

        return validate_here(*given, **options)
    if run.address and run.workers:
        raise ConfigError("--workers sizes a private instance, --address names a running one", fix="give one of them")
    # Imported here because the core knows nothing of Ray; Ray starts while the tables are opened.
    from pipelines.validate import validate as validate_on_ray

    return validate_on_ray(*given, **options, address=run.address, workers=run.workers)
