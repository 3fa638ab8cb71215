"""``synthos estimate``: what a validation will take, before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from synthos.cli import exits, options
from synthos.cli.progress import listening
from synthos.reporting.numbers import duration

if TYPE_CHECKING:
    from synthos.estimation.answer import Estimate
    from synthos.estimation.compare import Comparison

#: How the parts are called in the table.
NAMES = {
    "read": "open",
    "profile": "profiles and samples",
    "models": "density models",
    "repairs": "recommendations",
    "ray": "Ray's start",
}
Price = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="TYPE=PRICE", help="Price of a node an hour, by instance type; repeatable."),
]
PerHour = Annotated[
    float | None, typer.Option("--price-per-hour", metavar="PRICE", help="Price of this machine an hour.")
]
ClusterFile = Annotated[
    Path | None, typer.Option("--cluster", metavar="YAML", help="A Ray cluster's file, as `ray up` takes it.")
]
Check = Annotated[
    Path | None,
    typer.Option("--check", metavar="RESULT", help="JSON of a finished validation: says how near the estimate was."),
]


@options.flattened
def command(
    tables: options.Tables,
    *,
    quick: options.Quick = False,
    engine: options.EngineOption = options.Engine.ray,
    workers: options.Workers = None,
    gpus: Annotated[int, typer.Option("--gpus", min=0, help="GPUs beside the workers.")] = 0,
    cluster: ClusterFile = None,
    price: Price = None,
    price_per_hour: PerHour = None,
    check: Check = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the estimate as JSON.")] = None,
    seed: options.Seed = None,
    kinds: options.Kinds = None,
    tier_config: options.TierConfig = None,
    thresholds: options.Thresholds = None,
    cache: options.Cache = None,
    no_cache: options.NoCache = False,
    skip_bad_shards: options.SkipBadShards = False,
) -> None:
    """Say what a validation will take, in time, memory and money, from a few seconds of measuring."""

    def work() -> int:
        from synthos.cli.outputs import check_outputs
        from synthos.estimation.cluster import parse_prices
        from synthos.estimation.compare import compare, load_timings
        from synthos.estimation.estimate import estimate

        read = (tables.synthetic, tables.reference, tables.holdout, kinds, tier_config, thresholds, cluster, check)
        check_outputs({"--json": json}, read)
        asked: dict[str, Any] = {"quick": quick, "seed": seed, "kinds": kinds, "tier_config": tier_config}
        asked["thresholds"] = thresholds
        with listening() as listener:
            answer = estimate(
                tables.synthetic,
                tables.reference,
                tables.holdout,
                **asked,
                skip_bad_shards=skip_bad_shards,
                cache=options.cache_of(cache, no_cache),
                workers=workers,
                gpus=gpus,
                local=engine is options.Engine.local,
                cluster=cluster,
                prices=parse_prices(price or ()),
                price_per_hour=price_per_hour,
                on_progress=listener,
            )
        took = load_timings(check, answer) if check is not None else None
        if json is not None:
            answer.to_json(json)
        console = Console(highlight=False)
        console.print(render(answer, compare(answer, took) if took is not None else ()))
        return exits.APPROVED

    raise typer.Exit(exits.run(work))


def render(answer: Estimate, compared: tuple[Comparison, ...] = ()) -> RenderableType:
    """The estimate for a terminal."""
    parts: list[RenderableType] = [_headline(answer), _table(answer), *_money(answer), Text(_memory(answer))]
    parts += [Text(f"note: {note}") for note in answer.notes]
    if compared:
        parts += [Text(), _compared(compared)]
    return Group(*parts)


def _headline(answer: Estimate) -> Text:
    where = {
        "local": "in one process",
        "ray": f"on {answer.processors} processors",
        "cluster": f"on {answer.processors} processors" + (f" and {answer.gpus} GPUs" if answer.gpus else ""),
    }[answer.engine]
    mode = "quick validation" if answer.quick else "validation"
    text = Text(f"about {duration(answer.seconds)}", style="bold")
    low, high = duration(answer.interval.low), duration(answer.interval.high)
    return text.append(f"  for the {mode} {where} ({low} to {high})", style="not bold")


def _table(answer: Estimate) -> Table:
    table = Table(box=None, pad_edge=False)
    for title, side in (("part", "left"), ("processor", "right"), ("range", "right"), ("clock", "right")):
        table.add_column(title, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("rests on")
    for part in answer.parts:
        name = NAMES.get(part.name, part.name)
        span = f"{duration(part.interval.low)} – {duration(part.interval.high)}"
        clock = "together" if part.clock is None else duration(part.clock)
        table.add_row(name, duration(part.processor), span, clock, part.basis)
    if answer.side_by_side is not None:
        table.add_row(
            "all that run together", "", "", duration(answer.side_by_side), "the longest piece, and processors"
        )
    table.add_row("all", duration(answer.processor_seconds), "", duration(answer.seconds), "", style="bold")
    return table


def _money(answer: Estimate) -> list[RenderableType]:
    lines = [
        f"{node.nodes} × {node.instance} ({node.name}): {node.hours:.3g} node-hours"
        + ("" if node.cost is None else f", {node.cost:.3g}")
        for node in answer.nodes
    ]
    if answer.cost is not None:
        lines.append(f"cost: {answer.cost:.3g}, in the currency of the prices given")
    elif answer.nodes:
        lines.append("cost: not known, for want of prices; give them by --price TYPE=PRICE")
    return [Text(line) for line in lines]


def _memory(answer: Estimate) -> str:
    memory = answer.memory
    if memory.worker is None:
        return f"memory: {memory.driver:,.0f} MB at most"
    where = "on the node of the driver" if answer.engine == "cluster" else "in all"
    each = f"{memory.driver:,.0f} MB the driver, {memory.worker:,.0f} MB each worker"
    return f"memory: {each}, {memory.total:,.0f} MB {where}"


def _compared(compared: tuple[Comparison, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("part", "estimated", "took", "ratio"):
        table.add_column(title, justify="left" if title == "part" else "right", no_wrap=True)
    for item in compared:
        ratio = "" if item.ratio is None else f"{item.ratio:.2f}"
        table.add_row(item.name, duration(item.estimated), duration(item.took), ratio)
    return table
