"""Which nodes of a cluster a validation uses, for how long, and what they cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from synthos.cascade.tiers import GPU_SHARE, ModelSpec
from synthos.estimation.answer import NodeCost
from synthos.estimation.clock import Clock, is_sent, on_workers
from synthos.estimation.cluster import Cluster, Share, price_of, share_out
from synthos.estimation.costs import Costs
from synthos.estimation.reading import Reading
from synthos.estimation.work import Amount, side_by_side


@dataclass(frozen=True, slots=True)
class Plan:
    """The nodes that scan, those that judge, and the GPU seconds of models as if they were processor seconds.

    ``gpu_work`` and ``longest`` are 0 where models train on processors.
    """

    cluster: Cluster
    scanning: tuple[Share, ...]
    judging: tuple[Share, ...]
    gpu_work: float
    longest: float

    @property
    def processors(self) -> int:
        """That work at once at most, on nodes without GPUs, or on all where there are no such."""
        return max(1, *(_processors(shares) for shares in (self.scanning, self.judging)))

    @property
    def gpus(self) -> int:
        """That work at once at most."""
        return sum(share.nodes * share.kind.gpus for share in self.judging)

    def clock(
        self, read: float, readings: Sequence[Reading], found: Mapping[str, Amount], costs: Costs, *, later: float = 0.0
    ) -> Clock:
        """Seconds by step once the nodes are up, where Ray is started so many seconds ``later`` than the work."""
        on_gpus = self.gpu_work > 0.0
        work = {name: amount for name, amount in found.items() if not (on_gpus and name == "models")}
        clock = on_workers(
            read,
            readings,
            work,
            max(1, _processors(self.judging)),
            start=later + costs.ray["start"],
            imports=costs.ray["worker"] + (costs.ray["imports"] if "models" in work else 0.0),
            scanners=max(1, _processors(self.scanning)),
        )
        if not on_gpus:
            return clock
        imports = costs.ray["worker"] + costs.ray["imports"]
        models = max(self.longest, self.gpu_work / max(self.gpus, 1)) + imports
        return replace(clock, together=max(clock.together or 0.0, models))


def plan_nodes(
    cluster: Cluster, readings: Sequence[Reading], found: Mapping[str, Amount], models: Sequence[ModelSpec]
) -> Plan:
    """The nodes that an autoscaler would bring for this work."""
    spans = max((item.to_read for item in readings if is_sent(item)), default=0)
    pieces = found["models"].pieces if "models" in found else ()
    aside, demand = len(side_by_side(found)), 0.0
    if cluster.with_gpus and pieces:
        shares = [GPU_SHARE[spec.tier] for spec in sorted(models, key=lambda spec: spec.cost, reverse=True)]
        shares = [GPU_SHARE["light"]] * (len(pieces) - len(shares)) + shares
        demand = sum(shares)
        work = sum(share * seconds for share, seconds in zip(shares, pieces, strict=True))
        return Plan(
            cluster,
            share_out(cluster, spans),
            share_out(cluster, aside, gpus=demand),
            work,
            max(pieces),
        )
    return Plan(cluster, share_out(cluster, spans), share_out(cluster, aside + len(pieces)), 0.0, 0.0)


def node_costs(plan: Plan, clock: Clock, prices: Mapping[str, float]) -> tuple[NodeCost, ...]:
    """Hours and cost of the head and of every type in use, with the time for which nodes rest before they go."""
    seconds: dict[str, float] = defaultdict(float)
    most: dict[str, int] = defaultdict(int)
    kinds = {}
    for shares, spent in ((plan.scanning, clock.scan), (plan.judging, (clock.together or 0.0) + clock.repairs)):
        for share in shares:
            name = share.kind.name
            kinds[name] = share.kind
            seconds[name] += share.nodes * spent
            most[name] = max(most[name], share.nodes)
    head = plan.cluster.head
    price = price_of(head, prices)
    hours = clock.total / 3600.0
    found = [NodeCost(name=head.name, instance=head.instance, nodes=1, hours=hours, cost=_times(hours, price))]
    for name, kind in kinds.items():
        hours = (seconds[name] + most[name] * plan.cluster.idle_seconds) / 3600.0
        cost = _times(hours, price_of(kind, prices))
        found.append(NodeCost(name=name, instance=kind.instance, nodes=most[name], hours=hours, cost=cost))
    return tuple(found)


def _times(hours: float, price: float | None) -> float | None:
    return None if price is None else hours * price


def _processors(shares: Sequence[Share]) -> int:
    without = [share for share in shares if not share.kind.gpus] or shares
    return sum(share.nodes * share.kind.processors for share in without)
