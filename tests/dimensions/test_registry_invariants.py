"""What holds for every dimension; each test walks the registry."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from damages import DAMAGES, REFERENCE, ROWS, SYNTHETIC, cascade_of, damaged, rows_for, table

from synthos import results
from synthos.dimensions import registry
from synthos.dimensions.base import RESOLUTION
from synthos.dimensions.registry import DIMENSIONS, evaluate
from synthos.errors import CancelledError
from synthos.results import DimensionResult, Failed, NotApplicable, Scored
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence

every = pytest.mark.parametrize("name", list(DIMENSIONS))
SHARES = (0.0, 0.2, 0.5, 1.0)
#: Resampling noise of a score: other rows in other halves.
NOISE = 2.0


@lru_cache(maxsize=128)
def answer(name: str, share: float, rows: int | None = None, seed: int = SYNTHETIC) -> DimensionResult:
    return evaluate(name, damaged(name, share, rows or rows_for(name), seed))


def scored(result: DimensionResult) -> Scored:
    assert isinstance(result, Scored), result
    return result


def ordered_by(evidence: Evidence, columns: list[str], seed: int | None = None) -> Evidence:
    """The same tables with other columns first, and with ``seed`` in another row order."""
    assert evidence.reference is not None
    frames = [arm.frame.select(columns) for arm in (evidence.synthetic, evidence.reference)]
    if seed is not None:
        rng = np.random.default_rng(seed)
        frames = [frame[rng.permutation(frame.height)] for frame in frames]
    assert evidence.cascade is not None
    return evidence_from_frames(*frames).with_cascade(evidence.cascade)


def test_none_is_missing_and_the_order_is_that_of_the_results() -> None:
    assert tuple(DIMENSIONS) == results.DIMENSIONS
    assert all(name == dimension.name for name, dimension in DIMENSIONS.items())


def test_every_dimension_declares_its_damage() -> None:
    assert set(DAMAGES) == set(results.DIMENSIONS)


@every
@pytest.mark.parametrize("rows", [500, pytest.param(2_000, marks=pytest.mark.slow)])
def test_a_fresh_real_sample_scores_97_and_more_and_blames_nobody(name: str, rows: int) -> None:
    result = scored(answer(name, 0.0, rows))
    assert result.score >= 97
    assert result.blame == ()


@pytest.mark.slow
@every
@pytest.mark.parametrize(("rows", "samples"), [(500, 20), (2_000, 10)])
def test_at_least_95_percent_of_fresh_real_samples_score_97(name: str, rows: int, samples: int) -> None:
    scores = [scored(evaluate(name, damaged(name, 0.0, rows, 20 + seed))).score for seed in range(samples)]
    assert np.mean(np.array(scores) >= 97) >= 0.95


@pytest.mark.slow
@every
def test_score_falls_with_its_damage(name: str) -> None:
    """A fifth may hide in the noise of a small table, a half may not."""
    scores = [scored(answer(name, share)).score for share in SHARES]
    assert scores[0] >= 97
    assert scores[2] < 97
    assert all(later <= earlier + 1 for earlier, later in pairwise(scores))
    assert scores[-1] < min(80, scores[1])


@pytest.mark.slow
@every
def test_columns_to_blame_are_those_of_the_table(name: str) -> None:
    evidence, result = damaged(name, 1.0, rows_for(name)), scored(answer(name, 1.0))
    assert all(set(blame.columns) <= set(evidence.columns) for blame in result.blame)
    assert all(0 < blame.share <= 1 and blame.detail for blame in result.blame)
    assert sum(blame.share for blame in result.blame) <= 1 + 1e-9


@pytest.mark.slow
@every
@pytest.mark.parametrize("share", SHARES)
def test_intervals_hold_scores_and_say_whether_they_resolve(name: str, share: float) -> None:
    result = scored(answer(name, share))
    assert 0 <= result.interval.low <= result.score <= result.interval.high <= 100
    assert result.resolved == (result.interval.high - result.interval.low <= 2 * RESOLUTION)


@every
@pytest.mark.parametrize("share", SHARES)
def test_every_figure_is_finite_and_every_component_explained(name: str, share: float) -> None:
    result = scored(answer(name, share))
    assert _figures(dataclasses.asdict(result))
    assert all(math.isfinite(figure) for figure in _figures(dataclasses.asdict(result)))
    assert all(component.meaning and component.unit for component in result.components)
    assert len({component.name for component in result.components}) == len(result.components)
    known = [component.score for component in result.components if component.score is not None]
    assert all(0 <= score <= 100 for score in known)


def _figures(value: object) -> list[float]:
    if isinstance(value, dict):
        return [figure for item in value.values() for figure in _figures(item)]
    if isinstance(value, list | tuple):
        return [figure for item in value for figure in _figures(item)]
    return [float(value)] if isinstance(value, int | float) else []


@pytest.mark.slow
@every
def test_the_same_evidence_gives_the_same_answer(name: str) -> None:
    assert evaluate(name, damaged(name, 0.2, rows_for(name))) == answer(name, 0.2)


def agree(first: Scored, second: Scored) -> bool:
    """Other halves are drawn where the order differs, so that scores agree within what they say of themselves."""
    return (
        first.interval.low - NOISE <= second.score <= first.interval.high + NOISE
        and second.interval.low - NOISE <= first.score <= second.interval.high + NOISE
    )


@pytest.mark.slow
@every
def test_column_order_does_not_matter(name: str) -> None:
    evidence = damaged(name, 0.5, rows_for(name))
    turned = ordered_by(evidence, list(reversed(evidence.synthetic.frame.columns)))
    assert agree(scored(evaluate(name, turned)), scored(answer(name, 0.5)))


@pytest.mark.slow
@every
def test_row_order_matters_to_time_alone(name: str) -> None:
    evidence = damaged(name, 0.5, rows_for(name))
    mixed = evaluate(name, ordered_by(evidence, evidence.synthetic.frame.columns, seed=5))
    if name == "temporal_stability":
        assert isinstance(mixed, NotApplicable)
    else:
        assert agree(scored(mixed), scored(answer(name, 0.5)))


@pytest.mark.slow
@every
def test_constant_and_empty_columns_do_no_harm(name: str) -> None:
    dull = [pl.lit("same").alias("constant"), pl.lit(1.5).alias("level"), pl.lit(None, pl.Float64).alias("nothing")]
    made, real = (table(name, ROWS, seed).with_columns(dull) for seed in (SYNTHETIC, REFERENCE))
    result = scored(evaluate(name, evidence_from_frames(made, real).with_cascade(cascade_of(0.0))))
    assert result.score >= 97
    assert all(math.isfinite(figure) for figure in _figures(dataclasses.asdict(result)))


@every
def test_a_table_of_one_constant_column_is_answered_without_a_failure(name: str) -> None:
    frame = pl.DataFrame({"one": ["x"] * 600})
    result = evaluate(name, evidence_from_frames(frame, frame).with_cascade(cascade_of(0.0)))
    assert not isinstance(result, Failed)
    assert not isinstance(result, Scored) or result.score >= 97


@every
def test_without_a_reference_it_abstains_or_speaks_for_itself(name: str) -> None:
    result = evaluate(name, evidence_from_frames(table(name, 600, SYNTHETIC)))
    if DIMENSIONS[name].needs_reference or DIMENSIONS[name].needs_cascade:
        assert isinstance(result, NotApplicable)
        assert result.reason
    else:
        assert not isinstance(result, Failed)


@pytest.mark.parametrize("name", [n for n, d in DIMENSIONS.items() if d.needs_cascade])
def test_without_a_cascade_it_abstains(name: str) -> None:
    frames = [table(name, 600, seed) for seed in (SYNTHETIC, REFERENCE)]
    assert isinstance(evaluate(name, evidence_from_frames(*frames)), NotApplicable)


def _raise(error: Exception) -> DimensionResult:
    raise error


def test_a_crash_becomes_failed_and_a_cancellation_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "distribution_fidelity"
    evidence = damaged(name, 0.0, ROWS)
    for error, expected in (
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (CancelledError("stop"), None),
    ):
        broken = dataclasses.replace(DIMENSIONS[name], measure=lambda _, error=error: _raise(error))
        monkeypatch.setitem(registry.DIMENSIONS, name, broken)
        if expected is None:
            with pytest.raises(CancelledError):
                evaluate(name, evidence)
        else:
            assert evaluate(name, evidence) == Failed(error=expected)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        evaluate("charm", damaged("distribution_fidelity", 0.0, ROWS))
