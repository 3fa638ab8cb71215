"""What a running validation tells whoever watches it. Stages do not know who listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

#: Stages in the order in which they start; the cascade and the dimensions run side by side.
STAGES = (
    "read",
    "scan",
    "sample",
    "dimensions",
    "utility",
    "cascade",
    "verdict",
    "regions",
    "recommendations",
    "report",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of progress.

    Attributes
    ----------
    stage : one of ``STAGES``.
    done, total : units finished and units in all; ``total`` 0 means unknown.
    message : one short line for people.
    fields : figures for machines, such as ``{"model": "light-3", "epoch": 4, "loss": 21.3}``.
    """

    stage: str
    done: int
    total: int
    message: str = ""
    fields: dict[str, str | int | float] = field(default_factory=dict)


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """The listener of callers who do not watch."""
