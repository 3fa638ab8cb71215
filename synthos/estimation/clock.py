"""From processor seconds to the clock: in one process, on the processors of a private Ray, or on a cluster's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthos.estimation.reading import Reading
from synthos.estimation.schedule import done_before, makespan
from synthos.estimation.work import Amount, side_by_side
from synthos.stages import SMALL_BYTES


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds of the clock by step. ``together`` is that of what runs side by side; None where nothing does.

    ``ray`` says whether Ray is waited for at all.
    """

    read: float
    scan: float
    profile: float
    together: float | None
    verdict: float
    repairs: float
    alone: float = 0.0
    ray: bool = True

    @property
    def total(self) -> float:
        """From the opening of the tables to the verdict."""
        return self.read + self.scan + self.profile + (self.together or 0.0) + self.verdict + self.repairs + self.alone


def in_one_process(read: float, readings: Sequence[Reading], found: Mapping[str, Amount]) -> Clock:
    """One part after the other."""
    scan = sum(item.processor + item.waiting for item in readings)
    others = ("dimensions", "forests", "models", "regions", "diversity")
    alone = sum(found[part].seconds for part in others if part in found)
    return Clock(
        read,
        scan,
        found["profile"].seconds,
        None,
        found["verdict"].seconds,
        _seconds(found, "repairs"),
        alone,
        ray=False,
    )


def on_workers(
    read: float,
    readings: Sequence[Reading],
    found: Mapping[str, Amount],
    workers: int,
    *,
    start: float,
    imports: float,
    scanners: int | None = None,
) -> Clock:
    """On so many processors of Ray.

    Parameters
    ----------
    start : seconds until Ray is up, from the beginning; the driver works meanwhile, and needs no Ray where it is done.
    imports : seconds that each worker takes before its first piece.
    scanners : processors that scan, where they are not as many.
    """
    scan, elapsed = 0.0, read
    for item in readings:
        seconds = item.processor + item.waiting
        here = max(0.0, start - elapsed)
        if is_sent(item) and seconds > here:
            spans = min(scanners or workers, item.to_read)
            seconds = here + max((seconds - here) / spans, item.longest)
        scan, elapsed = scan + seconds, elapsed + seconds
    profile = found["profile"].seconds
    elapsed += profile
    pieces = side_by_side(found)
    done = done_before(pieces, start - elapsed)
    models = found["models"].pieces if "models" in found else ()
    rest = [*pieces[done:], *models]
    together = sum(pieces[:done])
    if rest:
        together = max(together, start - elapsed) + makespan(rest, workers) + imports
    columns = len(found["repairs"].pieces) if "repairs" in found else 1
    repairs = _seconds(found, "repairs") / max(1, min(workers, columns))
    verdict = found["verdict"].seconds
    return Clock(read, scan, profile, together, verdict, repairs, ray=bool(rest) or elapsed > start)


def is_sent(reading: Reading) -> bool:
    """Whether a table's spans go to workers, and not to the driver."""
    return reading.to_read > 1 and (reading.bytes is None or reading.bytes >= SMALL_BYTES)


def _seconds(found: Mapping[str, Amount], part: str) -> float:
    return found[part].seconds if part in found else 0.0
