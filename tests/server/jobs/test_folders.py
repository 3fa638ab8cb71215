"""Temporary files go with their worker, or with the next one."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import psutil
import pytest

from synthos.server.jobs.folders import OWNER, PREFIX, worker_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(place: Path, name: str, owner: object) -> Path:
    folder = place / f"{PREFIX}{name}"
    folder.mkdir()
    (folder / "1").mkdir()
    if owner is not None:
        (folder / OWNER).write_text(json.dumps(owner))
    return folder


def test_a_worker_has_a_folder_for_every_job_as_long_as_it_lives(place: Path) -> None:
    with worker_folder() as folders:
        first, second = folders.make(), folders.make()
        (first / "file").touch()
        assert first != second and second.is_dir()
    assert list(place.iterdir()) == []


def test_what_killed_workers_have_left_is_removed_and_nothing_else(place: Path) -> None:
    me = psutil.Process()
    living = left(place, "living", [me.pid, me.create_time()])
    starting = left(place, "starting", None)
    for name, owner in (("dead", [2**22 + 1, 1.0]), ("reborn", [me.pid, 1.0]), ("broken", {})):
        left(place, name, owner)
    other = place / "other"
    other.mkdir()
    with worker_folder():
        assert {path for path in place.iterdir() if not (path / OWNER).exists()} == {starting, other}
        assert living.is_dir() and len(list(place.iterdir())) == 4
