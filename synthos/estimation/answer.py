"""What an estimate answers: seconds by part, the clock, memory, and what a cluster costs; it turns into JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from synthos.results import Interval
from synthos.tables.writing import write_atomically

Engine = Literal["local", "ray", "cluster"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the work: processor seconds on one thread of this machine, with an interval (95 %).

    ``clock`` is how long it takes by the clock; None for parts that run side by side, whose clock is that of all of
    them together. ``basis`` says what the figure rests on.
    """

    name: str
    processor: float
    interval: Interval
    clock: float | None
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Peak memory in megabytes: of the process that says the verdict, of each worker, and of all together here.

    Without Ray there are no workers. On a cluster ``total`` is what the driver takes with Ray's own processes, on its
    node.
    """

    driver: float
    worker: float | None
    workers: int
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCost:
    """Nodes of one type: how many at once, their hours together, and what those cost (None: no price was given)."""

    name: str
    instance: str
    nodes: int
    hours: float
    cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a validation is going to take, before it runs. ``benchmarks/estimate.py`` says how near that comes.

    Attributes
    ----------
    seconds, interval : of the clock, from the opening of the tables to the verdict, on free processors.
    side_by_side : of the clock, for all parts that run side by side; None where nothing does.
    processors, gpus : that work at once at most.
    slowdown : how many times as long the clock may take by what else this machine has to do just now; 1 on a cluster.
    nodes, cost : of a cluster; of this machine where its price was given. ``cost`` is None where a price is lacking.
    notes : what was left out of the figures, and what they take for granted.
    """

    engine: Engine
    quick: bool
    parts: tuple[Part, ...]
    seconds: float
    interval: Interval
    side_by_side: float | None
    processors: int
    gpus: int
    slowdown: float
    memory: Memory
    nodes: tuple[NodeCost, ...]
    cost: float | None
    notes: tuple[str, ...]
    settings: dict[str, Any]
    made: str

    @property
    def processor_seconds(self) -> float:
        """Of all parts."""
        return sum(part.processor for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for ``json.dumps(..., allow_nan=False)``."""
        return asdict(self) | {"processor_seconds": self.processor_seconds}

    def to_json(self, path: str | Path) -> Path:
        """Write ``to_dict()`` to ``path``, whole or not at all."""
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
        return write_atomically(Path(path), text.encode())
