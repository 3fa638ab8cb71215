"""A worker whose jobs stay for ever at the step that the file of STAY_AT names, so that they can be killed in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event as Never

from pipelines.worker import main
from synthos.progress import Event
from synthos.server.jobs.context import Handler, JobContext
from synthos.server.jobs.handlers import HANDLERS


def staying(handler: Handler) -> Handler:
    """The same, up to the first event of the part (of a pipeline; of a validation alone: none) and stage named."""
    place = Path(os.environ["STAY_AT"])
    part, stage = place.read_text(encoding="ascii").split("/")

    def carried_out(context: JobContext) -> None:
        def tell(event: Event) -> None:
            context.tell(event)
            if (event.fields.get("part", ""), event.stage) == (part, stage):
                place.with_suffix(".reached").touch()
                Never().wait()

        handler(replace(context, tell=tell))

    return carried_out


if __name__ == "__main__":
    KINDS: Mapping[str, Handler] = {name: staying(handler) for name, handler in HANDLERS.items()}
    sys.exit(main(handlers=KINDS, command=(sys.executable, __file__)))
