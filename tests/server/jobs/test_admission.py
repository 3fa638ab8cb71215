"""Jobs begin where there is room for them, and a share stays free."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synthos.server.jobs import machine
from synthos.server.jobs.admission import capacity, fitting, need_of, processors
from synthos.server.jobs.machine import Amount, Machine, Watch
from synthos.server.settings import GIB, MIB

KINDS = ("ingest", "validation")


def of(cpus: float, *, memory: float = 64.0, used: float = 0.0, gpus: float = 0.0, gpus_used: float = 0.0) -> Machine:
    """A machine with so many processors, GiB of memory, and GPUs."""
    return Machine(Amount(cpus, cpus), Amount(memory * GIB, used * GIB), Amount(gpus, gpus_used))


@pytest.mark.parametrize(("cpus", "expected"), [(1, 1), (2, 1), (4, 2), (16, 12)])
def test_a_validation_takes_what_jobs_may_have_and_leaves_room_to_read_a_table(cpus: int, expected: int) -> None:
    found = of(cpus)
    assert processors(found, 0.2) == expected
    taken = need_of("validation", found, 0.2).cpus + need_of("ingest", found, 0.2).cpus
    assert cpus == 1 or taken <= 0.8 * cpus


def test_processors_that_are_busy_otherwise_are_no_obstacle_and_those_of_jobs_are() -> None:
    busy = of(4)
    assert fitting(busy, {}, 0.2, KINDS) == KINDS
    assert fitting(busy, {"validation": 1}, 0.2, KINDS) == ("ingest",)
    assert fitting(busy, {"validation": 1, "ingest": 2}, 0.2, KINDS) == ()
    assert capacity(busy, 0.2) == 6


def test_a_small_machine_runs_one_job_rather_than_none() -> None:
    assert fitting(of(1), {}, 0.2, KINDS) == KINDS
    assert fitting(of(1), {"ingest": 1}, 0.2, KINDS) == ()
    assert fitting(of(2, memory=1.0, used=0.9), {}, 0.2, KINDS) == ("validation",)


def test_a_share_of_the_memory_stays_free() -> None:
    assert fitting(of(16, memory=10.0, used=5.9), {}, 0.2, KINDS) == KINDS
    assert fitting(of(16, memory=10.0, used=6.1), {}, 0.2, KINDS) == ("ingest",)
    assert fitting(of(16, memory=10.0, used=7.9), {}, 0.2, KINDS) == ()
    # Those that have just begun do not show yet, and count by what they will need.
    assert fitting(of(64, memory=10.0), {"ingest": 15}, 0.2, KINDS) == ("ingest",)
    assert fitting(of(64, memory=10.0), {"ingest": 16}, 0.2, KINDS) == ()


def test_gpus_that_are_in_use_wait_for_nobody() -> None:
    assert fitting(of(16, gpus=2.0, gpus_used=1.5), {}, 0.2, KINDS) == KINDS
    assert fitting(of(16, gpus=2.0, gpus_used=1.7), {}, 0.2, KINDS) == ("ingest",)


def test_this_machine_is_seen() -> None:
    found = Watch()()
    assert 1 <= found.cpu.total <= (os.cpu_count() or 1) and 0 <= found.cpu.in_use <= found.cpu.total
    assert 0 < found.memory.in_use < found.memory.total
    assert found.gpu.in_use <= found.gpu.total


def test_a_container_sees_its_own_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(f"{512 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{300 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {100 * MIB}\n")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    found = Watch()()
    assert (found.cpu.total, found.memory) == (0.5, Amount(512 * MIB, 200 * MIB))
    for name, text in (("cpu.max", "max 100000"), ("memory.max", "max")):
        (tmp_path / name).write_text(text)
    assert Watch()().cpu.total >= 1 and Watch()().memory.total > 512 * MIB


@pytest.mark.parametrize(
    ("said", "expected"),
    [("1024, 4096\n3072, 4096\n", Amount(2.0, 1.0)), ("no devices were found\n", Amount(0.0, 0.0))],
)
def test_gpus_are_what_the_driver_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: Amount
) -> None:
    (tmp_path / "out").write_text(said)
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat {tmp_path / 'out'}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert Watch()().gpu == expected
