"""Models that jobs keep on this machine for the next job: what was learned from a table goes when the table goes."""

from __future__ import annotations

import shutil
import stat
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, or_, select

from synthos.server.db.tables import datasets, validations
from synthos.server.settings import Settings
from synthos.server.state import Services

#: Models that no job has used for so long are removed.
UNUSED = timedelta(days=30)
#: By how much the database's clock may be behind this machine's.
APART = timedelta(minutes=10)


def folder_of(settings: Settings, dataset_id: str) -> Path:
    """Where models are kept that were trained beside this table, on it or on what was made from it."""
    return _root(settings) / dataset_id


def forget_models(services: Services) -> int:
    """Remove the models of tables that are deleted, and those that nobody uses; how many folders and files.

    A folder holds what was learned from every table that was judged beside its own: when one of those is deleted, all
    that was learned until then goes. It is learned again where it is needed.
    """
    root = _root(services.settings)
    folders = sorted(root.iterdir()) if root.is_dir() else []
    names = [folder.name for folder in folders]
    there, deletions = _there(services, names), _deletions(services, names)
    removed, before = 0, time.time() - UNUSED.total_seconds()
    for folder in folders:
        if folder.name not in there:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
            continue
        for file in list(folder.rglob("*")):
            if _is_unused(file, before) or _is_older(file, deletions.get(folder.name)):
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


def _deletions(services: Services, names: list[str]) -> dict[str, datetime]:
    """When the last of the tables was deleted that were judged beside each of these; those of which none was are left
    out."""
    beside = or_(datasets.c.id == validations.c.dataset_id, datasets.c.id == validations.c.holdout_id)
    last = (
        select(validations.c.reference_id, func.max(datasets.c.updated_at).label("at"))
        .join_from(validations, datasets, beside & (datasets.c.company_id == validations.c.company_id))
        .where(validations.c.reference_id.in_(names), datasets.c.status == "deleted")
        .group_by(validations.c.reference_id)
    )
    with services.database.read(None) as work:
        return {row.reference_id: row.at for row in work.all(last)}


def _is_older(file: Path, moment: datetime | None) -> bool:
    if moment is None:
        return False
    with suppress(FileNotFoundError):
        found = file.stat()
        return stat.S_ISREG(found.st_mode) and found.st_mtime <= (moment + APART).timestamp()
    return False


def _is_unused(file: Path, before: float) -> bool:
    with suppress(FileNotFoundError):  # another worker of this machine has removed it
        found = file.stat()
        return stat.S_ISREG(found.st_mode) and max(found.st_atime, found.st_mtime) < before
    return False
