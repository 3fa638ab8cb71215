"""Merging in one fixed tree over shard indices, so that the order in which workers answer changes not one bit.

Rounding makes joined moments depend on the order of joining, and sketches more so. A forest holds the values of runs
of shards ``[p * 2^l, (p + 1) * 2^l)`` and only ever joins such a run with its sibling; whichever way states are
merged, the same joins happen. When states arrive about in order it holds some log2(shards) values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeVar

from synthos.errors import InternalError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Forest(Generic[T]):
    """Values by (level, position); the run of a node covers ``2**level`` shards from ``position * 2**level`` on."""

    nodes: dict[tuple[int, int], T]

    @classmethod
    def of(cls, index: int, value: T) -> Forest[T]:
        """The forest of one shard."""
        return cls({(0, index): value})

    def merged(self, other: Forest[T], join: Callable[[T, T], T]) -> Forest[T]:
        """Both forests as one; ``join`` gets the run of lower indices first.

        Raises
        ------
        InternalError : the same run of shards is in both.
        """
        nodes = dict(self.nodes)
        for added, payload in other.nodes.items():
            node, value = added, payload
            if node in nodes:
                raise InternalError(f"the run of shards {node} was merged twice")
            while (sibling := (node[0], node[1] ^ 1)) in nodes:
                beside = nodes.pop(sibling)
                value = join(beside, value) if sibling < node else join(value, beside)
                node = (node[0] + 1, node[1] // 2)
            nodes[node] = value
        return Forest(nodes)

    def folded(self, join: Callable[[T, T], T]) -> T:
        """All values joined in the order of their shards; the forest must not be empty."""
        order = sorted(self.nodes, key=lambda node: node[1] << node[0])
        return reduce(join, (self.nodes[node] for node in order))
