"""What is logged where there is no room for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: Says much, as a worker does.
TALKATIVE = """
import sys
from pathlib import Path
from structlog import get_logger
from synthos.server.telemetry import configure_logs
configure_logs("info", *map(Path, sys.argv[1:]))
for number in range(100):
    get_logger("any").info("said", number=number, at_length="x" * 1_000)
print("and goes on")
"""


@pytest.mark.parametrize("file", [(), ("/dev/full",)])
def test_a_log_on_a_full_disk_costs_lines_and_no_work(file: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        said = subprocess.run([sys.executable, "-c", TALKATIVE, *file], stdout=subprocess.PIPE, stderr=full, text=True)
    assert said.stdout == "and goes on\n"
