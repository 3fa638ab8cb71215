"""A worker carries a pipeline out. An attempt that comes after a broken one goes on behind the last finished stage."""

from __future__ import annotations

from synthos.progress import Event
from synthos.server.audit import log as audit
from synthos.server.datasets.ingest import ingest
from synthos.server.db.database import Work
from synthos.server.errors import ConflictError
from synthos.server.ids import new_id
from synthos.server.jobs.context import JobContext
from synthos.server.pipelines.course import Course
from synthos.server.pipelines.mending import Mended, mend
from synthos.server.pipelines.stages import Name
from synthos.server.validations import service as validations
from synthos.server.validations.repository import set_rows
from synthos.server.validations.run import judge
from synthos.server.validations.schemas import CreateValidation

#: Reading and profiling the repaired table is this share of its stage, in percent.
_READING = 40.0


def carry_out(context: JobContext) -> None:
    """Do all stages of the pipeline that the job is about, and end the job with the last.

    Raises
    ------
    InputError : a table is at fault.
    TooManyError : a quota is used up.
    LeaseLostError : the job is another's by now.
    """
    course = Course.begin(context)
    _read_tables(course)
    _judge(course, "validate", course.row.validation_id)
    if course.row.kind == "full":
        _repair(course)
        if course.row.revalidation_id is not None:
            _judge(course, "revalidate", course.row.revalidation_id)
    course.complete()


def _read_tables(course: Course) -> None:
    """The stages "ingest" and "profile" of all tables, one after the other; what is read already is not read again."""
    if course.is_over("profile"):
        return
    row = course.row
    names = list(dict.fromkeys(name for name in (row.dataset_id, row.reference_id, row.holdout_id) if name))
    for number, name in enumerate(names):
        course.note("ingest", 100.0 * number / len(names))

        def heard(event: Event, number: int = number) -> None:
            done = event.done / event.total if event.total else 0.0
            if event.stage == "scan":
                course.note("ingest", 100.0 * (number + 1) / len(names))
                course.note("profile", 100.0 * (number + done) / len(names))
            elif event.stage == "verify":
                course.note("ingest", 100.0 * (number + done) / len(names))

        status = ingest(course.services, name, course.listener("ingest", heard))
        if status != "ready":
            raise ConflictError("dataset-not-ready", f"dataset {name} is {status}, not ready")
    with course.services.database.write(course.context.tenant) as work:
        audit.begin(work)  # quotas are of the whole company
        course.end(work, "ingest")
        course.end(work, "profile")
        named = {role: name for role, name in _roles(course).items() if name}
        rows = validations.rows_of(work, named)
        # What was not known when the pipeline was asked for counts now.
        set_rows(work, row.validation_id, rows or 0)
        validations.check_quota(work, course.tier(work), validations=0, rows=0)


def _judge(course: Course, name: Name, validation_id: str) -> None:
    """A validation, which is completed together with its stage."""
    if course.is_over(name):
        return
    course.note(name)
    follow = course.follow(name)
    judge(course.telling(name), validation_id, settle=lambda work: course.end(work, name), follow=follow)


def _repair(course: Course) -> None:
    """A table of its own, read and profiled, and the validation that is to judge it; or why there is none."""
    if course.is_over("repair"):
        return
    course.note("repair")
    mended = mend(course, lambda share: course.note("repair", (100.0 - _READING) * share))
    if mended.dataset_id is None:
        why = mended.report["reason"]
        with course.services.database.write(course.context.tenant) as work:
            course.skip(work, "repair", why)
            course.skip(work, "revalidate", "there is no repaired table")
            course.write(work, repair=mended.report)
        return

    def heard(event: Event) -> None:
        if event.stage == "scan" and event.total:
            course.note("repair", 100.0 - _READING + _READING * event.done / event.total)

    ingest(course.services, mended.dataset_id, course.listener("repair", heard))
    with course.services.database.write(course.context.tenant) as work:
        audit.begin(work)
        revalidation_id = _ask_again(course, work, mended)
        course.end(work, "repair", repair=mended.report, revalidation_id=revalidation_id)


def _ask_again(course: Course, work: Work, mended: Mended) -> str:
    """The validation of the repaired table, by the same real ones and with the same options."""
    identifier = new_id("val")
    named = {role: name for role, name in (_roles(course) | {"synthetic": mended.dataset_id}).items() if name}
    audit.record(work, "validation.requested", identifier, kind=course.row.validation_kind, tables=named)
    rows = validations.rows_of(work, named)
    validations.check_quota(work, course.tier(work), validations=1, rows=rows or 0)
    fields = {validations.ROLES[role]: name for role, name in named.items()}
    asked = CreateValidation(validation_type=course.row.validation_kind, options=course.row.options, **fields)
    validations.add(work, identifier, asked, named, rows, course.context.job.id)
    return identifier


def _roles(course: Course) -> dict[str, str | None]:
    row = course.row
    return {"synthetic": row.dataset_id, "reference": row.reference_id, "holdout": row.holdout_id}
