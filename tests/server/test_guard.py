"""Of a guarded command nothing is left, whichever of its processes is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.pipelines.live import gone
from tests.pipelines.waiting import wait_for

pytestmark = pytest.mark.slow
COMMAND = (sys.executable, str(Path(__file__).with_name("guarded_command.py")))
TOO_LONG = 60.0


class Running(NamedTuple):
    """The command, the process that works, the one that this has started, and its folder."""

    command: subprocess.Popen[bytes]
    worker: psutil.Process
    helper: psutil.Process
    folder: Path

    def has_gone(self) -> bool:
        everything = gone([self.worker, self.helper])
        return wait_for(lambda: everything() and not self.folder.exists(), TOO_LONG)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    note = tmp_path / "note"
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": root}
    command = subprocess.Popen([*COMMAND, str(note)], env=environment, start_new_session=True)
    assert wait_for(note.exists, TOO_LONG)
    worker, helper, folder = note.read_text().split(maxsplit=2)
    yield Running(command, psutil.Process(int(worker)), psutil.Process(int(helper)), Path(folder))
    command.kill()
    command.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_is_told_to_end_by_every_signal_that_means_it(running: Running, number: signal.Signals) -> None:
    assert running.folder.is_dir()
    running.command.send_signal(number)
    assert running.command.wait(TOO_LONG) == 7
    assert running.has_gone()


def test_where_the_command_is_killed_its_worker_ends_in_order(running: Running) -> None:
    os.killpg(running.command.pid, signal.SIGKILL)
    assert running.command.wait(TOO_LONG) == -signal.SIGKILL
    assert running.has_gone()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to somebody")
def test_where_the_worker_is_killed_the_command_ends_what_it_left(running: Running) -> None:
    running.worker.kill()
    assert running.command.wait(TOO_LONG) == 1
    assert running.has_gone()
