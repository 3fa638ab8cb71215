"""Which jobs a machine may begin now: a share of its processors, memory and GPUs is kept free for everything else.

Jobs count by what their kind needs, because one that has just begun does not show yet; and nothing begins where the
memory and the GPUs are in use already, by whomever. Processors in use are no obstacle: jobs run at a low priority.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from synthos.server.jobs.machine import Machine
from synthos.server.settings import GIB, MIB


@dataclass(frozen=True, slots=True)
class Need:
    """Processors, bytes of memory, and whether a GPU is used where there is one."""

    cpus: float
    memory: float
    gpu: bool


def usable(total: float, headroom: float) -> float:
    """What jobs may have of ``total``."""
    return total * (1.0 - headroom)


def processors(machine: Machine, headroom: float) -> int:
    """Processors of the Ray instance of one validation: what jobs may have, less what reading a table takes."""
    return max(1, math.floor(usable(machine.cpu.total, headroom) - SMALL.cpus))


#: Reading and profiling a table: half of the time it waits for the storage.
SMALL = Need(0.5, 512 * MIB, gpu=False)


def need_of(kind: str, machine: Machine, headroom: float) -> Need:
    """What a job of this kind takes."""
    if kind in ("validation", "pipeline"):
        return Need(processors(machine, headroom), 2 * GIB, gpu=True)
    return SMALL


def capacity(machine: Machine, headroom: float) -> int:
    """Jobs that the machine runs at once at most."""
    return max(1, math.floor(usable(machine.cpu.total, headroom) / SMALL.cpus))


def fitting(machine: Machine, running: Mapping[str, int], headroom: float, kinds: Iterable[str]) -> tuple[str, ...]:
    """Those of ``kinds`` of which one more may begin, where so many of each kind are ``running``.

    Whatever a machine without jobs has, it may begin one that it could never begin otherwise.
    """
    taken = [need_of(kind, machine, headroom) for kind, number in running.items() for _ in range(number)]
    cpus, memory = sum(need.cpus for need in taken), sum(need.memory for need in taken)

    def fits(kind: str) -> bool:
        need = need_of(kind, machine, headroom)
        most_cpus, most_memory = usable(machine.cpu.total, headroom), usable(machine.memory.total, headroom)
        if need.gpu and machine.gpu.total and machine.gpu.in_use > usable(machine.gpu.total, headroom):
            return False
        if not taken and need.memory > most_memory:
            return True
        if max(memory, machine.memory.in_use) + need.memory > most_memory:
            return False
        return not taken or cpus + need.cpus <= most_cpus

    return tuple(kind for kind in kinds if fits(kind))
