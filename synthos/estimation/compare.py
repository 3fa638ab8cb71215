"""An estimate beside what a finished validation says it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthos.errors import ConfigError
from synthos.estimation.answer import Estimate

#: Stages of a validation's ``timings`` by what an estimate calls their parts. The clock of Ray's own start lies within
#: that of what is done meanwhile.
STAGES = {
    "open": (("read",), ("read",)),
    "scan and profiles": (("scan", "profile"), ("scan", "sample")),
    "dimensions": (("dimensions",), ("dimensions",)),
    "forests": (("forests",), ("utility",)),
    "density models": (("models",), ("cascade",)),
    "regions and diversity": (("regions", "diversity"), ("regions", "diversity")),
    "verdict": (("verdict",), ("verdict",)),
    "recommendations": (("repairs",), ("recommendations",)),
}
TOGETHER = ("while_ray_starts", "dimensions_regions_cascade")
#: Seconds of which no ratio is worth telling.
MOMENT = 0.1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of the clock as they were estimated, and as they were. ``ratio`` is None where it took a moment."""

    name: str
    estimated: float
    took: float

    @property
    def ratio(self) -> float | None:
        return self.estimated / self.took if self.took >= MOMENT else None


def load_timings(path: str | Path, estimate: Estimate) -> dict[str, float]:
    """Seconds by stage of the validation whose JSON this is.

    Raises
    ------
    ConfigError : the file cannot be read, is not the JSON of a validation, or of one of other tables or another mode.
    """
    where = str(path)
    fix = "give the file that `synthos validate --json` wrote"
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read ({error})", where=where, fix=fix) from error
    timings = document.get("timings") if isinstance(document, dict) else None
    if not isinstance(timings, dict) or "total" not in timings or not all(map(_is_number, timings.values())):
        raise ConfigError("is not the JSON of a validation", where=where, fix=fix)
    settings = document.get("settings", {})
    if bool(settings.get("quick")) != estimate.quick:
        was = "a quick" if settings.get("quick") else "a full"
        raise ConfigError(f"is the JSON of {was} validation", where=where, fix="estimate with the same mode")
    for role, name in estimate.settings.items():
        if settings.get(role) != name:
            told = f"its {role} table is {settings.get(role)!r}, and not {name!r}"
            raise ConfigError(f"is of another validation: {told}", where=where, fix="give the JSON of these tables")
    return {str(name): float(seconds) for name, seconds in timings.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare(estimate: Estimate, timings: Mapping[str, float]) -> tuple[Comparison, ...]:
    """Every stage that both know, what runs side by side as one, and the total."""
    clocks = {part.name: part.clock for part in estimate.parts}
    found = []
    for name, (parts, stages) in STAGES.items():
        known = [seconds for part in parts if (seconds := clocks.get(part)) is not None]
        if known and any(stage in timings for stage in stages):
            found.append(Comparison(name, sum(known), sum(timings.get(stage, 0.0) for stage in stages)))
    if estimate.side_by_side is not None:
        # In one process the same parts come one after the other, and there is nothing to compare this with.
        together = [timings[stage] for stage in TOGETHER if stage in timings]
        if together:
            found.append(Comparison("all that run together", estimate.side_by_side, sum(together)))
    return (*found, Comparison("all", estimate.seconds, timings["total"]))
