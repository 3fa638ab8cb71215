"""What a job's handler is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synthos.progress import Listener
from synthos.server.db.database import Tenant
from synthos.server.jobs.queue import Job
from synthos.server.state import Services

#: ``synthos.flow.validate``, or its like on Ray.
Validate = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class JobContext:
    """Everything that a handler may use.

    Attributes
    ----------
    validate : has the signature of ``synthos.flow.validate``.
    tell : takes progress; raises ``LeaseLostError`` once the job is another's.
    """

    services: Services
    job: Job
    validate: Validate
    tell: Listener

    @property
    def tenant(self) -> Tenant:
        """On whose behalf the job runs: units of work are to be this tenant's."""
        return self.job.tenant


Handler = Callable[[JobContext], None]
