"""The repair of a pipeline: the table that a validation's recommendations make, as a dataset of the company's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from synthos.errors import ConfigError, InputError, SourceError
from synthos.flow import repair
from synthos.progress import Event
from synthos.recommendation.repair import RepairReport, chosen_by_default, load_recommendations
from synthos.recommendation.unchanged import remember
from synthos.server.audit import log as audit
from synthos.server.datasets import keeping
from synthos.server.datasets import repository as datasets
from synthos.server.datasets.formats import LONGEST_NAME
from synthos.server.datasets.ingest import is_storage_away
from synthos.server.datasets.places import data_key
from synthos.server.datasets.uploads import begin_processing
from synthos.server.db.database import Work
from synthos.server.db.tables import datasets as table
from synthos.server.errors import UnavailableError
from synthos.server.jobs import models
from synthos.server.jobs.leases import hold
from synthos.server.jobs.stages import once
from synthos.server.pipelines.course import Course
from synthos.server.validations import places
from synthos.server.validations.run import in_their_words, tables_of

_ENDING = ".repaired.parquet"
_TOLD = ("rows_before", "rows_after", "removed", "added", "dropped_columns", "reordered", "applied", "notes")


@dataclass(frozen=True, slots=True)
class Mended:
    """The new dataset, whose bytes are all there and which is to be read; None where nothing was found to do.

    ``report`` is what ``schemas.RepairView`` shows.
    """

    dataset_id: str | None
    report: dict[str, Any]


def mend(course: Course, noted: Callable[[float], None]) -> Mended:
    """Apply the recommendations of the pipeline's validation that ``synthos repair`` would apply by itself.

    Done once: a later attempt is given the same dataset and report.

    Parameters
    ----------
    noted : is told which share of the work is done, 0 to 1.

    Raises
    ------
    TooManyError : the repaired table is more than the company's quota on bytes.
    UnavailableError, StorageFullError : the storage is at fault; another attempt may end otherwise.
    """
    with course.services.database.read(course.context.tenant) as work:
        found = datasets.find(work, course.row.dataset_id)
    # A pipeline that is run again, by another job, may have lost the table that it has made.
    same = {"pipeline": course.row.id, "validation": course.row.validation_id, "job": course.context.job.id}
    said = once(
        course.context,
        "repair",
        found._mapping["metadata"]["fingerprint"],
        same,
        lambda: _mended(course, found.filename, noted),
    )
    return Mended(**json.loads(said))


def _mended(course: Course, filename: str, noted: Callable[[float], None]) -> bytes:
    with TemporaryDirectory() as folder:
        result, out = Path(folder) / "validation.json", Path(folder) / "repaired.parquet"
        result.write_bytes(course.services.storage.read(places.document(course.row.validation_id)))
        try:
            chosen = chosen_by_default(load_recommendations(result))
        except ConfigError as error:
            return json.dumps({"dataset_id": None, "report": {"reason": error.what}}).encode()
        report = _written(course, result, out, [item.id for item in chosen], noted)
        dataset_id = _keep(course, out, filename)
    _remember(course, dataset_id, report.left)
    told = {name: value for name, value in asdict(report).items() if name in _TOLD}
    return json.dumps({"dataset_id": dataset_id, "report": told}).encode()


def _written(
    course: Course, result: Path, out: Path, chosen: list[str], noted: Callable[[float], None]
) -> RepairReport:
    """The repair into a file here. Where tables lie is nothing to those who watch."""
    known = tables_of(course.services, course.row)

    def heard(event: Event) -> None:
        course.context.tell(
            Event(stage="recommendations", done=event.done, total=event.total, fields={"part": "repair"})
        )
        if event.stage == "recommendations" and event.total:
            noted(event.done / event.total)

    try:
        seed = course.row.options["seed"]
        address = known["synthetic"].address
        return repair(address, result, out, only=chosen, seed=seed, cache=False, on_progress=heard)
    except InputError as error:
        if isinstance(error, SourceError) and is_storage_away(error):
            raise UnavailableError("storage") from error
        raise in_their_words(error, known) from error


def _keep(course: Course, out: Path, filename: str) -> str:
    """Make the file a dataset, which is to be read; its id."""
    services, tenant = course.services, course.context.tenant
    with services.database.write(tenant) as work:
        audit.begin(work)
        hold(work, course.context.job)
        dataset_id = _announced(course, work, filename, out.stat().st_size)
        status = datasets.find(work, dataset_id, table.c.status).status
    if status == "uploading":
        keeping.put(services, tenant, dataset_id, out)
        with services.database.write(tenant) as work:
            audit.begin(work)
            hold(work, course.context.job)
            if begin_processing(work, dataset_id):
                datasets.change(work, dataset_id, "processing", job_id=course.context.job.id)
    return dataset_id


def _remember(course: Course, dataset_id: str, left: tuple[int, ...]) -> None:
    """Spare the second validation what it would read of rows that the first one has read."""
    services, row = course.services, course.row
    # Without real rows the bins are the table's own, and other ones for the repaired table.
    if row.reference_id is None or not left:
        return
    with services.database.read(course.context.tenant) as work:
        made = datasets.find(work, dataset_id)
    old = tables_of(services, row)["synthetic"].address
    new = services.storage.source(data_key(made)).address
    folder = models.folder_of(services.settings, row.reference_id)

    def heard(event: Event) -> None:
        course.context.tell(replace(event, fields={"part": "repair"}))

    remember(old, new, left, folder, heard)


def _announced(course: Course, work: Work, filename: str, size: int) -> str:
    """The dataset of the repaired table: that of the attempt before, or a new one, within the company's quota."""
    made: str | None = course.row.repaired_id
    if made is not None:
        expires_at = work.now + timedelta(hours=course.services.settings.upload_hours)
        datasets.change(work, made, "uploading", file_size=size, expires_at=expires_at)
        if datasets.find(work, made, table.c.status).status != "expired":
            return made
    made = keeping.announce(
        course.services,
        work,
        course.tier(work),
        filename=f"{filename[: LONGEST_NAME - len(_ENDING)]}{_ENDING}",
        file_type="parquet",
        size=size,
        description=f"made of {filename} by {course.row.id}",
    )
    course.write(work, repaired_id=made)
    return made
