from __future__ import annotations

from pathlib import Path

from synthos.server.jobs.turns import my_turn


def test_one_worker_at_a_time_has_its_turn(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with my_turn(folder) as first, my_turn(folder) as second:
        assert (first, second) == (True, False)
        with my_turn(folder) as third:
            assert not third
    with my_turn(folder) as later:
        assert later
