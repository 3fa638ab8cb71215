"""Who does what kind of job. What a handler needs is imported when it is called: a worker's child does one job."""

from __future__ import annotations

from collections.abc import Callable

from synthos.server.jobs.context import Handler, JobContext
from synthos.server.state import Services


def _ingest(context: JobContext) -> None:
    from synthos.server.datasets.ingest import ingest

    ingest(context.services, context.job.subject, context.tell)


def _validate(context: JobContext) -> None:
    from synthos.server.validations.run import carry_out

    carry_out(context)


def _run_pipeline(context: JobContext) -> None:
    from synthos.server.pipelines.run import carry_out

    carry_out(context)


HANDLERS: dict[str, Handler] = {"ingest": _ingest, "validation": _validate, "pipeline": _run_pipeline}


def _expire_uploads(services: Services) -> None:
    from synthos.server.datasets.sweep import expire_uploads

    expire_uploads(services)


def _forget_answers(services: Services) -> None:
    services.answers.sweep()


def _forget_results(services: Services) -> None:
    from synthos.server.jobs.stages import forget_results

    forget_results(services)


def _forget_sessions(services: Services) -> None:
    from synthos.server.auth.sessions import forget_expired

    forget_expired(services)


def _forget_events(services: Services) -> None:
    from synthos.server.jobs.events import forget

    forget(services.database)


def _forget_models(services: Services) -> None:
    from synthos.server.jobs.models import forget_models

    forget_models(services)


#: What a worker does now and then.
CHORES: dict[str, Callable[[Services], None]] = {
    "uploads": _expire_uploads,
    "answers": _forget_answers,
    "stages": _forget_results,
    "sessions": _forget_sessions,
    "events": _forget_events,
    "models": _forget_models,
}
