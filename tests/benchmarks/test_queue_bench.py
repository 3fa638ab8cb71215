from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.queue import measure
from synthos.server.db.database import Database


def test_it_measures_a_queue_of_several_companies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measure(Database(f"sqlite:///{tmp_path / 'queue.db'}"), "SQLite", 40, 5, 24)
    said = capsys.readouterr().out
    assert said.startswith("SQLite") and all(part in said for part in ("claim p50", "sweep p50", "page p50"))
