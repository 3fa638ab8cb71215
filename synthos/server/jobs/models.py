"""Models that jobs keep on this machine for the next job: what was learned from a table goes when the table goes."""

from __future__ import annotations

import shutil
import stat
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from synthos.server.db.tables import datasets
from synthos.server.settings import Settings
from synthos.server.state import Services

#: Models that no job has used for so long are removed.
UNUSED = timedelta(days=30)


def folder_of(settings: Settings, dataset_id: str) -> Path:
    """Where models are kept that were trained beside this table, on it or on what was made from it."""
    return _root(settings) / dataset_id


def forget_models(services: Services) -> int:
    """Remove the models of tables that are deleted, and those that nobody uses; how many folders and files."""
    root = _root(services.settings)
    folders = sorted(root.iterdir()) if root.is_dir() else []
    there = _there(services, [folder.name for folder in folders])
    removed, before = 0, time.time() - UNUSED.total_seconds()
    for folder in folders:
        if folder.name not in there:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
            continue
        for file in list(folder.rglob("*")):
            if _is_unused(file, before):
                file.unlink(missing_ok=True)
                removed += 1
    return removed


def _root(settings: Settings) -> Path:
    return settings.data_folder / "models"


def _there(services: Services, names: list[str]) -> set[str]:
    """Those that are tables which are not deleted."""
    wanted = select(datasets.c.id).where(datasets.c.id.in_(names), datasets.c.status != "deleted")
    with services.database.read(None) as work:
        return {row.id for row in work.all(wanted)}


def _is_unused(file: Path, before: float) -> bool:
    with suppress(FileNotFoundError):  # another worker of this machine has removed it
        found = file.stat()
        return stat.S_ISREG(found.st_mode) and max(found.st_atime, found.st_mtime) < before
    return False
