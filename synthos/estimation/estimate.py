"""What a validation will take: the tables are opened, a little of them is read, and the rest follows from fitted costs.

``benchmarks/fit_costs.py`` made the costs, ``benchmarks/estimate.py`` compares estimates with what happened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthos.errors import ConfigError
from synthos.estimation.answer import Engine, Estimate, Memory, NodeCost, Part
from synthos.estimation.clock import Clock, in_one_process, is_sent
from synthos.estimation.cluster import Cluster, check_prices, load_cluster, one_machine
from synthos.estimation.costs import Costs, packaged_costs
from synthos.estimation.features import Shape, models_of, shape_of
from synthos.estimation.nodes import Plan, node_costs, plan_nodes
from synthos.estimation.reading import Reading, measure_reading
from synthos.estimation.schedule import slowdown
from synthos.estimation.speed import measure_speed
from synthos.estimation.trees import tree_seconds
from synthos.estimation.work import Amount, amounts
from synthos.progress import Event, Listener, silent
from synthos.results import Interval
from synthos.stages import SECONDS_TO_START, Job, KindsOption, cache_folder, prepare, why_no_cascade

MEGABYTE = 1e6
#: A slowdown from which on it is told.
MUCH_SLOWER = 1.15
#: Columns of the widest table that the factors were fitted on.
MOST_COLUMNS = 1_200
#: The order in which parts are shown, and what the figure of each rests on.
BASIS = {
    "read": "measured",
    "scan": "measured on a part",
    "profile": "values in samples",
    "dimensions": "rows × columns",
    "forests": "measured on trees",
    "models": "rows × codes",
    "regions": "values, pairs",
    "diversity": "values, pairs",
    "verdict": "rows of samples",
    "repairs": "if fixes are tried",
    "ray": "processors",
}


def estimate(
    synthetic: Any,
    reference: Any = None,
    holdout: Any = None,
    *,
    quick: bool = False,
    seed: int | None = None,
    kinds: KindsOption = None,
    tier_config: str | Path | None = None,
    thresholds: str | Path | None = None,
    skip_bad_shards: bool = False,
    cache: str | Path | bool | None = None,
    workers: int | None = None,
    gpus: int = 0,
    local: bool = False,
    cluster: str | Path | None = None,
    prices: Mapping[str, float] | None = None,
    price_per_hour: float | None = None,
    on_progress: Listener = silent,
) -> Estimate:
    """Say what ``validate`` of these tables will take: seconds by part, memory, and what it costs.

    Takes some seconds: the tables are opened as a validation opens them, a few percent of their rows are scanned, and
    the speed of this machine is measured.

    Parameters
    ----------
    synthetic, reference, holdout, quick, seed, kinds, tier_config, thresholds, skip_bad_shards, cache : as of
        ``validate``. Parts of a scan that the cache holds are not counted; kept models and forests are not looked for.
    workers, gpus : processors of Ray, by default all of this machine, and GPUs beside them.
    local : in this process, without Ray.
    cluster : a YAML file as ``ray up`` takes it, whose nodes are taken to be as fast as this machine.
    prices : of nodes an hour, by instance type or node type. Without a price the answer is in hours of nodes.
    price_per_hour : of this machine, without a cluster.

    Raises
    ------
    InputError : a table or an option is at fault; the message says what, where, and what to do.
    """
    _check(workers, gpus, local, cluster, prices, price_per_hour)
    place = Place(
        engine="local" if local else "ray" if cluster is None else "cluster",
        machines=one_machine(workers or _processors(), gpus) if cluster is None else load_cluster(cluster),
        later=SECONDS_TO_START if quick and not local and cluster is None and workers is None else 0.0,
        # Asked before this command makes a load of its own.
        load=os.getloadavg()[0],
        prices=prices or {},
        price_per_hour=price_per_hour,
    )
    check_prices(place.prices, place.machines, str(cluster))
    began = time.perf_counter()
    on_progress(Event(stage="read", done=0, total=1))
    job = prepare(
        synthetic,
        reference,
        holdout,
        quick=quick,
        seed=seed,
        kinds=kinds,
        tier_config=tier_config,
        thresholds=thresholds,
        skip_bad_shards=skip_bad_shards,
        listener=on_progress,
    )
    read = time.perf_counter() - began
    on_progress(Event(stage="read", done=1, total=1))
    return _answer(job, read, _readings(job, cache_folder(cache), on_progress), place)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a validation would run. ``later`` is by how many seconds Ray is started after the work."""

    engine: Engine
    machines: Cluster
    later: float
    load: float
    prices: Mapping[str, float]
    price_per_hour: float | None


def _answer(job: Job, read: float, readings: Sequence[Reading], place: Place) -> Estimate:
    costs, shape, training = packaged_costs(), shape_of(job), why_no_cascade(job) is None
    speed = measure_speed(training=training)
    found = amounts(shape, job.config, costs, speed, tree_seconds(job, shape), quick=job.quick)
    plan, local = plan_nodes(place.machines, readings, found, models_of(shape, job.config)), place.engine == "local"
    workers = 1 if local else plan.processors
    if local:
        clock = in_one_process(read, readings, found)
    else:
        clock = plan.clock(read, readings, found, costs, later=place.later)
    slower = 1.0
    if place.engine != "cluster":
        slower = slowdown(workers, load=place.load, processors=_processors())
    nodes = node_costs(plan, clock, place.prices) if place.engine == "cluster" else ()
    return Estimate(
        engine=place.engine,
        quick=job.quick,
        parts=_parts(read, readings, found | _of_ray(plan, costs, training=training) if clock.ray else found, clock),
        seconds=clock.total,
        interval=_interval(read, readings, found, clock),
        side_by_side=clock.together,
        processors=workers,
        gpus=0 if local else plan.gpus,
        slowdown=slower,
        memory=_memory(shape, readings, costs, workers, training=training, engine=place.engine),
        nodes=nodes,
        cost=_cost(nodes, clock, place.price_per_hour),
        notes=_notes(job, readings, found, plan, place.engine, slower),
        settings={role: source.name for role, source in job.sources.items()},
        made=costs.made,
    )


def _of_ray(plan: Plan, costs: Costs, *, training: bool) -> dict[str, Amount]:
    """What Ray's own processes take, and its workers until they are ready; it has been counted in the clock."""
    each = costs.ray["worker"] + (costs.ray["imports"] if training else 0.0)
    seconds = costs.ray["processor"] + plan.processors * each
    return {"ray": Amount(seconds, 0.5 * seconds, 1.5 * seconds, ())}


def _cost(nodes: Sequence[NodeCost], clock: Clock, price_per_hour: float | None) -> float | None:
    if nodes:
        known = [node.cost for node in nodes if node.cost is not None]
        return sum(known) if len(known) == len(nodes) else None
    return None if price_per_hour is None else clock.total / 3600.0 * price_per_hour


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _check(
    workers: int | None,
    gpus: int,
    local: bool,
    cluster: str | Path | None,
    prices: Mapping[str, float] | None,
    price_per_hour: float | None,
) -> None:
    if workers is not None and workers < 1:
        raise ConfigError(f"the number of workers is {workers}", fix="give one at least")
    if gpus < 0:
        raise ConfigError(f"the number of GPUs is {gpus}", fix="give 0 or more")
    if local and (workers or gpus or cluster is not None):
        raise ConfigError("one process has no workers, GPUs or cluster of its own", fix="drop them, or use Ray")
    if cluster is not None and (workers or gpus):
        raise ConfigError("a cluster's file says what processors and GPUs it has", fix="drop the numbers of them")
    if prices and cluster is None:
        raise ConfigError("prices by type are those of a cluster's nodes", fix="give the cluster, or a price per hour")
    if price_per_hour is not None and cluster is not None:
        raise ConfigError("a price per hour is that of this machine", fix="give prices by type for a cluster")
    if price_per_hour is not None and not 0.0 <= price_per_hour < float("inf"):
        raise ConfigError(f"the price per hour is {price_per_hour:g}", fix="give a number from 0")


def _readings(job: Job, folder: Path | None, listener: Listener) -> list[Reading]:
    found = []
    for done, role in enumerate(job.sources):
        listener(Event(stage="scan", done=done, total=len(job.sources), message=f"a part of {job.sources[role].name}"))
        found.append(measure_reading(job, role, folder))
    listener(Event(stage="scan", done=len(found), total=len(found)))
    return found


def _parts(read: float, readings: Sequence[Reading], found: Mapping[str, Amount], clock: Clock) -> tuple[Part, ...]:
    scan = sum(item.processor for item in readings)
    off = _scan_error(readings)
    clocks = {"profile": clock.profile, "verdict": clock.verdict, "repairs": clock.repairs}
    if clock.together is None:
        clocks |= {name: amount.seconds for name, amount in found.items()}
    parts = [
        Part(name="read", processor=read, interval=Interval(low=read, high=read), clock=read, basis=BASIS["read"]),
        Part(
            name="scan",
            processor=scan,
            interval=Interval(low=max(scan - off, 0.0), high=scan + off),
            clock=clock.scan,
            basis=BASIS["scan"],
        ),
    ]
    for name, basis in BASIS.items():
        if name in found:
            amount = found[name]
            interval = Interval(low=amount.low, high=amount.high)
            parts.append(
                Part(name=name, processor=amount.seconds, interval=interval, clock=clocks.get(name), basis=basis)
            )
    return tuple(parts)


def _scan_error(readings: Sequence[Reading]) -> float:
    return sum(item.spread * (item.processor + item.waiting) for item in readings)


def _interval(read: float, readings: Sequence[Reading], found: Mapping[str, Amount], clock: Clock) -> Interval:
    """Parts err apart: their errors add up as squares; each weighs as much of the clock as it does of the work."""
    work = sum(item.processor + item.waiting for item in readings) + sum(item.seconds for item in found.values())
    share = (clock.total - read) / work if work else 1.0
    scan = _scan_error(readings)
    below = sum((item.seconds - item.low) ** 2 for item in found.values()) + scan**2
    above = sum((item.high - item.seconds) ** 2 for item in found.values()) + scan**2
    return Interval(low=max(clock.total - share * below**0.5, 0.0), high=clock.total + share * above**0.5)


def _memory(
    shape: Shape, readings: Sequence[Reading], costs: Costs, processors: int, *, training: bool, engine: Engine
) -> Memory:
    per = costs.memory
    states = sum(item.state_bytes for item in readings) / MEGABYTE
    samples = per["million_cells"] * shape.cells / 1e6 + per["thousand_columns"] * shape.columns / 1e3
    driver = per["base"] + (per["forests"] if shape.reference else 0.0) + samples + states
    if engine == "local":
        driver += per["training"] if training else 0.0
        return Memory(driver=driver, worker=None, workers=0, total=driver)
    worker = (
        per["worker"] + (per["worker_training"] if training else 0.0) + per["worker_million_cells"] * shape.cells / 1e6
    )
    busy = 0 if engine == "cluster" else processors
    return Memory(driver=driver, worker=worker, workers=processors, total=driver + per["ray"] + busy * worker)


def _notes(
    job: Job,
    readings: Sequence[Reading],
    found: Mapping[str, Amount],
    plan: Plan,
    engine: Engine,
    slower: float,
) -> tuple[str, ...]:
    notes = ["seconds are those of free processors, without the command's own start and without writing a report"]
    notes += [
        f"of the {item.role} table {item.kept} parts are kept from an earlier scan and cost nothing"
        for item in readings
        if item.kept
    ]
    if "forests" in found:
        what = "models and forests" if "models" in found else "forests"
        notes.append(f"{what} that are kept from an earlier validation of this reference are not counted")
    if "repairs" in found:
        notes.append("half of what trying fixes may take is counted: whether there are any is not known beforehand")
    if slower >= MUCH_SLOWER:
        notes.append(
            f"this machine has other work to do: by the clock it may take up to {slower:.1f} times as long now"
        )
    if len(job.codec.sizes) > MOST_COLUMNS:
        notes.append(
            f"the factors were fitted on tables of up to {MOST_COLUMNS:,} columns; this one has "
            f"{len(job.codec.sizes):,}, and may take several times less or more"
        )
    if engine == "cluster":
        notes.append("nodes are taken to be up, and as fast as this machine; how long they take to start is not known")
        if any(is_sent(item) for item in readings):
            notes.append("that nodes read as fast as this machine from where the tables lie is taken for granted")
    if engine != "local" and plan.gpus and "models" in found:
        notes.append("models train on GPUs, whose speed was never measured: their time is that of processors, at most")
    return (*notes, *job.notes)
