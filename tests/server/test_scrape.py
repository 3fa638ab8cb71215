"""Processes that share a folder count together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from synthos.server.scrape import FOLDER

COUNTS = """
from synthos.server.telemetry import IN_FLIGHT, REQUESTS
REQUESTS.labels("GET", "/x", "200").inc(2)
IN_FLIGHT.inc()
"""
TELLS = """
from prometheus_client import CollectorRegistry
from synthos.server.scrape import everything
print(everything(CollectorRegistry()).decode())
"""


@pytest.mark.slow
def test_all_processes_are_told_of_and_what_dead_ones_had_under_way_is_over(tmp_path: Path) -> None:
    def run(program: str) -> str:
        environment = os.environ | {FOLDER: str(tmp_path)}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    for _ in range(2):
        run(COUNTS)
    told = run(TELLS + COUNTS.replace("inc(2)", "inc(0)") + TELLS).splitlines()
    counted = [line for line in told if line.startswith("http_requests_total{")]
    assert [float(line.rpartition(" ")[2]) for line in counted] == [4.0, 4.0]
    assert [line for line in told if line.startswith("http_requests_in_flight ")] == ["http_requests_in_flight 1.0"]
