"""A pipeline on its way: which of its stages are done, and how far the others are, written under the job's lease."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from sqlalchemy import Row, select
from structlog import get_logger

from synthos.progress import Event, Listener
from synthos.server.audit import log as audit
from synthos.server.db.database import AWAY, Work
from synthos.server.db.patience import insist
from synthos.server.db.tables import companies
from synthos.server.ids import rfc3339
from synthos.server.jobs.context import JobContext
from synthos.server.jobs.leases import finish, hold
from synthos.server.pipelines import repository, stages
from synthos.server.pipelines.stages import Name
from synthos.server.settings import Tier

_log = get_logger("synthos.worker")
#: Progress is written no more often, in seconds.
EVERY = 0.5


class Course:
    """One attempt at a pipeline. ``row`` is the pipeline as it was last written.

    Whatever it writes raises ``LeaseLostError`` where the job is another's by now.
    """

    def __init__(self, context: JobContext, row: Row[Any]) -> None:
        self.context, self.services, self.row = context, context.services, row
        self._stages: list[stages.Stage] = row.stages
        self._written = time.monotonic()

    @classmethod
    def begin(cls, context: JobContext) -> Self:
        """Mark the pipeline as under way; stages that are done stay so."""
        with context.services.database.write(context.tenant) as work:
            audit.begin(work)
            hold(work, context.job)
            row = repository.find(work, context.job.subject)
            assert row is not None
            begun = {"status": "running", "started_at": row.started_at or work.now}
            audit.record(work, "pipeline.started", row.id, attempt=context.job.attempts)
            return cls(context, repository.change(work, row.id, row.company_id, begun))

    def is_over(self, name: Name) -> bool:
        """Whether nothing is left to do about a stage."""
        return stages.is_over(self._stages, name)

    def note(self, name: Name, percent: float = 0.0) -> None:
        """A stage is so far; that is written now and then, its beginning at once."""
        stages.note(self._stages, name, percent, rfc3339(self.services.database.clock()))
        now = time.monotonic()
        if percent == 0.0 or now - self._written >= EVERY:
            self._written = now
            try:
                with self.services.database.write(self.context.tenant) as work:
                    self.write(work)
            except AWAY as error:  # the next step is written instead
                _log.warning("progress waits", job_id=self.context.job.id, error=type(error).__name__)

    def follow(self, name: Name) -> Callable[[Work, float], None]:
        """The same for somebody who writes anyway."""

        def noted(work: Work, percent: float) -> None:
            stages.note(self._stages, name, percent, rfc3339(work.now))
            self.write(work)

        return noted

    def end(self, work: Work, name: Name, **values: Any) -> None:
        """A stage is done, in this unit of work; ``values`` are what else is changed of the pipeline."""
        stages.complete(self._stages, name, rfc3339(work.now))
        self.write(work, **values)

    def skip(self, work: Work, name: Name, why: str) -> None:
        """There is nothing to do in a stage."""
        stages.skip(self._stages, name, why)
        self.write(work)

    def complete(self) -> None:
        """All stages are over: the pipeline ends, and its job."""

        def end() -> None:
            with self.services.database.write(self.context.tenant) as work:
                audit.begin(work)
                self.write(work, status="completed", progress=100.0, current_stage=None, completed_at=work.now)
                audit.record(work, "pipeline.completed", self.row.id)
                finish(work, self.context.job)

        insist(end)

    def write(self, work: Work, **values: Any) -> None:
        """Write the stages, and ``values``."""
        hold(work, self.context.job)
        told: dict[str, Any] = {"stages": self._stages, "progress": stages.progress(self._stages)}
        told["current_stage"] = stages.current(self._stages)
        self.row = repository.change(work, self.row.id, self.row.company_id, told | values)

    def tier(self, work: Work) -> Tier:
        """What the company may do now."""
        row = work.one(select(companies.c.tier).where(companies.c.id == self.context.tenant.company_id))
        assert row is not None
        return self.services.settings.tiers[row.tier]

    def telling(self, name: Name) -> JobContext:
        """The job's context, whose events say in which stage of the pipeline they are."""
        return replace(self.context, tell=self.listener(name, lambda event: None))

    def listener(self, name: Name, also: Callable[[Event], None]) -> Listener:
        """Passes events on, marked by the stage, and to ``also``."""

        def tell(event: Event) -> None:
            self.context.tell(replace(event, fields={**event.fields, "part": name}))
            also(event)

        return tell
