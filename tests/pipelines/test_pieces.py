"""Pieces of work done in the command's own process, while Ray is starting."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.dimensions import Piece, utility_pieces, work_until_up
from pipelines.progress import Handler
from synthos.errors import SourceError
from synthos.results import Failed
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.utility.design import targets


@pytest.fixture(scope="module")
def evidence(fresh: pl.DataFrame, real: pl.DataFrame) -> Evidence:
    return evidence_from_frames(fresh, real)


def never() -> bool:
    return False


def broken(word: str, evidence: Evidence) -> str:
    raise ValueError(f"{word} is broken")


def repeated(word: str, evidence: Evidence) -> str:
    return 2 * word


def test_a_piece_that_breaks_is_heard_of_and_the_others_go_on(evidence: Evidence):
    heard: list[str] = []
    errors: list[Exception] = []
    pieces = [Piece(work, ("a",), Handler(heard.append, errors.append)) for work in (broken, repeated)]
    assert work_until_up(never, evidence, pieces) == []
    assert heard == ["aa"] and [str(error) for error in errors] == ["a is broken"]


def test_a_failure_that_nobody_hears_of_is_raised(evidence: Evidence):
    with pytest.raises(ValueError, match="a is broken"):
        work_until_up(never, evidence, [Piece(broken, ("a",), Handler(lambda answer: None))])


def test_an_error_of_a_handler_is_no_failure_of_the_piece(evidence: Evidence):
    failed: list[Exception] = []

    def careless(answer: str) -> None:
        raise KeyError(answer)

    with pytest.raises(KeyError):
        work_until_up(never, evidence, [Piece(repeated, ("a",), Handler(careless, failed.append))])
    assert not failed


def test_what_is_not_done_when_ray_is_up_is_left(evidence: Evidence):
    heard: list[str] = []
    pieces = [Piece(repeated, (word,), Handler(heard.append)) for word in "abc"]
    assert work_until_up(lambda: bool(heard), evidence, pieces) == pieces[1:]


def test_a_column_that_breaks_is_a_failure_and_the_users_error_is_not(evidence: Evidence):
    answers: dict[str, object] = {}
    piece = utility_pieces(5, None, evidence, answers.__setitem__)[0]
    name = targets(evidence)[0]

    def raising(error: Exception) -> Piece:
        def work(evidence: Evidence) -> None:
            raise error

        return Piece(work, (), piece.handler)

    work_until_up(never, evidence, [raising(ValueError("no such thing"))])
    assert answers == {name: Failed(error="ValueError: no such thing")}
    with pytest.raises(SourceError):
        work_until_up(never, evidence, [raising(SourceError("no space is left"))])
