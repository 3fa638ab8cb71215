"""The machines that a validation may use: those of a cluster file as ``ray up`` takes it, or this one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from synthos.errors import ConfigError


@dataclass(frozen=True, slots=True)
class NodeType:
    """One kind of node: what it offers, what it is called where it is rented, and how many there may be."""

    name: str
    instance: str
    processors: int
    gpus: int
    most: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Node types beside the head, the limit of their nodes together, and seconds for which they rest before they go."""

    head: NodeType
    types: tuple[NodeType, ...]
    most: int
    idle_seconds: float

    @property
    def with_gpus(self) -> bool:
        """Whether any of its nodes has a GPU."""
        return any(kind.gpus for kind in self.types)


@dataclass(frozen=True, slots=True)
class Share:
    """How many nodes of one type work at once."""

    kind: NodeType
    nodes: int


def load_cluster(path: str | Path) -> Cluster:
    """The cluster in a YAML file as ``ray up`` reads it.

    Raises
    ------
    ConfigError : the file cannot be read, or names no node types, no head among them, or none with processors.
    """
    where = str(path)
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", where=where, fix="give a readable YAML file") from error
    except yaml.YAMLError as error:
        raise ConfigError("is not valid YAML", where=where, fix="compare it with cluster.yaml") from error
    found = document.get("available_node_types") if isinstance(document, dict) else None
    if not isinstance(found, dict) or not found:
        raise ConfigError("names no available_node_types", where=where, fix="give a file as `ray up` takes it")
    head = document.get("head_node_type")
    if head not in found:
        raise ConfigError(f"its head_node_type is {head!r}, which is no node type", where=where, fix="name one of them")
    most = _whole(document.get("max_workers", 2), "max_workers", where)
    types = {str(name): _node_type(str(name), content, most, where) for name, content in found.items()}
    workers = tuple(kind for name, kind in types.items() if name != head and kind.processors and kind.most)
    if not workers:
        raise ConfigError("no node type beside the head has processors", where=where, fix="give one resources with CPU")
    idle = document.get("idle_timeout_minutes", 5)
    if isinstance(idle, bool) or not isinstance(idle, int | float) or idle < 0:
        raise ConfigError(f"idle_timeout_minutes is {idle!r}", where=where, fix="give a number of minutes")
    return Cluster(types[str(head)], workers, most, 60.0 * idle)


def one_machine(processors: int, gpus: int) -> Cluster:
    """One machine that is driver and worker at once."""
    kind = NodeType("machine", "machine", processors, gpus, most=1)
    return Cluster(NodeType("driver", "machine", 0, 0, most=1), (kind,), 1, 0.0)


def share_out(cluster: Cluster, processors: int, *, gpus: float = 0.0) -> tuple[Share, ...]:
    """The nodes that an autoscaler brings for so many processors, and for work that asks for so many GPUs beside.

    Types of high priority come first, the next where there are not enough of them; what needs no GPU goes to nodes
    that have none, where there are such.
    """
    plain = [kind for kind in cluster.types if not kind.gpus] or list(cluster.types)
    shares = _taken(plain, processors, cluster.most, "processors")
    left = cluster.most - sum(share.nodes for share in shares)
    lacking = gpus - sum(share.nodes * share.kind.gpus for share in shares)
    return (*shares, *_taken([kind for kind in cluster.types if kind.gpus], lacking, left, "gpus"))


def _taken(kinds: Sequence[NodeType], wanted: float, left: int, of: Literal["processors", "gpus"]) -> tuple[Share, ...]:
    shares = []
    for kind in sorted(kinds, key=lambda item: -item.priority):
        each = kind.gpus if of == "gpus" else kind.processors
        nodes = min(math.ceil(wanted / each), kind.most, left) if wanted > 0 else 0
        if nodes > 0:
            shares.append(Share(kind, nodes))
            left, wanted = left - nodes, wanted - nodes * each
    return tuple(shares)


def parse_prices(given: Sequence[str]) -> dict[str, float]:
    """Prices an hour by instance type (or node type) from texts like ``m7i.4xlarge=0.81``.

    >>> parse_prices(["m7i.4xlarge=0.81"])
    {'m7i.4xlarge': 0.81}

    Raises
    ------
    ConfigError : a text has another form, or a price is no number from 0.
    """
    prices: dict[str, float] = {}
    for text in given:
        name, _, price = text.partition("=")
        try:
            value = float(price)
        except ValueError:
            value = math.nan
        if not name or not 0.0 <= value < math.inf:
            raise ConfigError(f"the price {text!r} cannot be understood", fix="write TYPE=PRICE, as m7i.4xlarge=0.81")
        prices[name] = value
    return prices


def check_prices(prices: Mapping[str, float], cluster: Cluster, where: str) -> None:
    """Raises ConfigError where a price is of a type that the cluster does not have."""
    known = {name for kind in (cluster.head, *cluster.types) for name in (kind.name, kind.instance)}
    unknown = sorted(set(prices) - known)
    if unknown:
        raise ConfigError(
            f"there is a price of {unknown[0]!r}, which is no type of node", where=where, fix=f"use {_listed(known)}"
        )


def price_of(kind: NodeType, prices: Mapping[str, float]) -> float | None:
    """Price of a node an hour: that of its own name, or of its instance type; None where neither was given."""
    return prices.get(kind.name, prices.get(kind.instance))


def _node_type(name: str, content: Any, most: int, where: str) -> NodeType:
    if not isinstance(content, dict):
        raise ConfigError(f"node type {name!r} holds no mapping", where=where, fix="compare it with cluster.yaml")
    resources, config = content.get("resources") or {}, content.get("node_config") or {}
    if not isinstance(resources, dict) or not isinstance(config, dict):
        raise ConfigError(f"node type {name!r} has resources or node_config that are no mapping", where=where)
    count = content.get("max_workers", most)
    return NodeType(
        name=name,
        instance=str(config.get("InstanceType", name)),
        processors=_whole(resources.get("CPU", 0), f"{name}.resources.CPU", where),
        gpus=_whole(resources.get("GPU", 0), f"{name}.resources.GPU", where),
        most=_whole(count, f"{name}.max_workers", where),
        priority=_whole(content.get("priority", 0), f"{name}.priority", where),
    )


def _whole(value: Any, what: str, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{what} is {value!r}", where=where, fix="give a whole number from 0")
    return value


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
