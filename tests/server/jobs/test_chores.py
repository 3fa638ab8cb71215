from __future__ import annotations

import threading

import pytest

from synthos.server.jobs import chores
from tests.pipelines.waiting import wait_for


def test_chores_are_done_again_and_again_and_one_that_fails_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "EVERY", 0.0)
    done: list[str] = []
    stopping = threading.Event()
    chores.begin({"broken": lambda: 1 / 0, "good": lambda: done.append("good")}, stopping)
    assert wait_for(lambda: len(done) >= 3, 20)
    stopping.set()
