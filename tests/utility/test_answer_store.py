"""What the reference settles is kept: read again where it is the same, grown again where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from utility_tables import judge_all, real_rows

from synthos.errors import SourceError
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.utility.design import targets
from synthos.utility.measure import learn_columns
from synthos.utility.reference import RealSide
from synthos.utility.store import Answers, AnswerStore

TREES = 3


@pytest.fixture
def of() -> Evidence:
    return evidence_from_frames(real_rows(400, 2), real_rows(400, 1))


def first_side(of: Evidence, folder: Path | None) -> RealSide:
    found = learn_columns(folder, targets(of)[:1], TREES, of)[targets(of)[0]]
    assert isinstance(found, RealSide)
    return found


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def some_answers() -> Answers:
    return Answers(np.ones((3, 2), np.float32), np.arange(3.0), np.zeros(3), np.array([np.nan, 1.0, 2.0]))


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.keep("abcd", some_answers())
    found = store.read("abcd")
    assert found is not None
    for name in Answers.__slots__:
        np.testing.assert_array_equal(getattr(found, name), getattr(some_answers(), name))
    assert store.read("abce") is None


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_cannot_be_read_counts_as_absent(content: bytes, tmp_path: Path) -> None:
    store = AnswerStore(tmp_path)
    store.keep("abcd", some_answers())
    files(tmp_path)[0].write_bytes(content)
    assert store.read("abcd") is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "ab").write_text("in the way")
    with pytest.raises(SourceError, match="cannot be stored"):
        AnswerStore(tmp_path).keep("abcd", some_answers())


@pytest.mark.parametrize("with_holdout", [False, True])
def test_the_verdict_is_the_same_with_what_was_kept(with_holdout: bool, of: Evidence, tmp_path: Path) -> None:
    if with_holdout:
        of = evidence_from_frames(real_rows(400, 2), real_rows(400, 1), real_rows(300, 3))
    names = targets(of)
    anew, kept, again = (learn_columns(folder, names, TREES, of) for folder in (None, tmp_path, tmp_path))
    assert judge_all(anew, of) == judge_all(kept, of) == judge_all(again, of)
    assert len(files(tmp_path)) == len(names)


def test_what_was_kept_is_read(of: Evidence, tmp_path: Path) -> None:
    side = first_side(of, tmp_path)
    key = files(tmp_path)[0].stem
    store = AnswerStore(tmp_path)
    answers = store.read(key)
    assert answers is not None
    files(tmp_path)[0].unlink()
    store.keep(key, replace(answers, said=answers.said + np.float32(0.01)))
    np.testing.assert_allclose(first_side(of, tmp_path).said, side.said + 0.01, rtol=1e-5)


def test_other_rows_or_trees_have_answers_of_their_own(of: Evidence, tmp_path: Path) -> None:
    first_side(of, tmp_path)
    learn_columns(tmp_path, targets(of)[:1], TREES + 1, of)
    first_side(evidence_from_frames(real_rows(400, 2), real_rows(400, 7)), tmp_path)
    first_side(evidence_from_frames(real_rows(300, 2), real_rows(400, 1)), tmp_path)
    assert len(files(tmp_path)) == 4
