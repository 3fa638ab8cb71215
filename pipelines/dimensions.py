"""Dimensions, forests, regions and diversity as pieces of work: Ray tasks, or done here while Ray is starting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.progress import Handler, follow
from pipelines.resources import for_piece
from pipelines.runtime import Runtime
from synthos.dimensions.registry import evaluate
from synthos.localization.regions import find_regions
from synthos.profiling.diversity import analyse
from synthos.results import DimensionResult, DiversityReport, Failed, NotApplicable, Region
from synthos.sampling.evidence import Evidence
from synthos.stages import as_failure
from synthos.utility.design import targets
from synthos.utility.measure import Sides, learn_column, measure_column
from synthos.utility.reference import RealSide
from synthos.utility.transfer import Judged, Taught, teach

RETRIES = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """One call of a core function, ``function(*arguments, evidence)``, and who hears of its answer."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    handler: Handler


def dimension_pieces(names: Sequence[str], note: Callable[[str, DimensionResult], None]) -> list[Piece]:
    """A piece a dimension; ``note`` hears each answer, ``Failed`` ones too."""

    def failed(name: str, error: Exception) -> None:
        note(name, as_failure(error))

    return [Piece(evaluate, (name,), Handler(partial(note, name), partial(failed, name))) for name in names]


def region_piece(note: Callable[[tuple[Region, ...]], None]) -> Piece:
    """The scan for regions."""
    return Piece(find_regions, (), Handler(note))


def diversity_piece(note: Callable[[DiversityReport], None]) -> Piece:
    """The measures of variety."""
    return Piece(analyse, (), Handler(note))


def utility_pieces(
    trees: int, folder: Path | None, evidence: Evidence, note: Callable[[str, Judged | NotApplicable | Failed], None]
) -> list[Piece]:
    """A piece a column that forests predict; none without a reference."""

    def failed(name: str, error: Exception) -> None:
        note(name, as_failure(error))

    names = targets(evidence) if evidence.reference is not None else ()
    return [
        Piece(measure_column, (name, trees, folder), Handler(partial(note, name), partial(failed, name)))
        for name in names
    ]


def start(ray: Any, evidence: Any, pieces: Sequence[Piece]) -> dict[Any, Handler]:
    """One task a piece; ``evidence`` is a reference to it in Ray's store. Returns the handler of each."""
    work = {}
    for piece in pieces:
        task = ray.remote(max_retries=RETRIES, **for_piece())(piece.function)
        work[task.remote(*piece.arguments, evidence)] = piece.handler
    return work


def work_until_up(is_up: Callable[[], bool], evidence: Evidence, pieces: Sequence[Piece]) -> list[Piece]:
    """Do pieces here, in their order, until ``is_up()``; returns those that are left.

    Ray takes longer to start than most of them take, and this process would only wait for it. What breaks is heard of
    by the piece's handler, as it is of a task.
    """
    left = deque(pieces)
    while left and not is_up():
        piece = left.popleft()
        try:
            answer = piece.function(*piece.arguments, evidence)
        except Exception as error:
            if piece.handler.failed is None:
                raise
            piece.handler.failed(error)
        else:
            piece.handler.done(answer)
    return list(left)


def measure_dimensions(runtime: Runtime, names: Sequence[str], evidence: Evidence) -> dict[str, DimensionResult]:
    """``synthos.stages.measure_dimensions``, side by side."""
    ray = runtime.ray()
    measured: dict[str, DimensionResult] = {}
    follow(runtime, start(ray, ray.put(evidence), dimension_pieces(names, measured.__setitem__)))
    return {name: measured[name] for name in names}


def learn_columns(
    runtime: Runtime, folder: Path | None, names: Sequence[str], trees: int, evidence: Evidence
) -> dict[str, RealSide | NotApplicable]:
    """``synthos.utility.measure.learn_columns``, side by side."""
    found: dict[str, RealSide | NotApplicable] = {}
    pieces = [Piece(learn_column, (name, trees, folder), Handler(partial(found.__setitem__, name))) for name in names]
    ray = runtime.ray()
    follow(runtime, start(ray, ray.put(evidence), pieces))
    return {name: found[name] for name in names}


def teach_all(runtime: Runtime, sides: Sides, evidence: Evidence) -> dict[str, Taught]:
    """``synthos.utility.measure.teach_all``, side by side."""
    found: dict[str, Taught] = {}
    pieces = [
        Piece(teach, (side,), Handler(partial(found.__setitem__, name)))
        for name, side in sides.items()
        if not isinstance(side, NotApplicable)
    ]
    ray = runtime.ray()
    follow(runtime, start(ray, ray.put(evidence), pieces))
    return found
