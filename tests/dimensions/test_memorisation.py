"""Copies of reference rows: found in what was memorised, never in what is fresh, also where real rows repeat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from damages import exchangeable

from synthos.dimensions.memorisation import HIDDEN, NO_REFERENCE, Copies, Memorisation, Rate, memorisation
from synthos.results import NotApplicable
from synthos.sampling.assemble import evidence_from_frames

Table = Callable[[int, int], pl.DataFrame]


def answers(rows: int, seed: int) -> pl.DataFrame:
    """A survey of few answers, some common: about a quarter of 1,000 rows stand there more than once."""
    rng = np.random.default_rng([seed, rows])
    mood = rng.normal(size=(rows, 1))
    answers = np.clip(np.round(1.2 * mood + rng.normal(size=(rows, 7))), -2, 2).astype(np.int64)
    return pl.DataFrame({f"q{k}": answers[:, k] for k in range(7)} | {"sex": rng.choice(["f", "m"], rows)})


def judged(synthetic: pl.DataFrame, reference: pl.DataFrame, holdout: pl.DataFrame | None = None) -> Memorisation:
    found = memorisation(evidence_from_frames(synthetic, reference, holdout))
    assert isinstance(found, Memorisation)
    return found


def leaked(fresh: pl.DataFrame, reference: pl.DataFrame, share: float, seed: int = 0) -> pl.DataFrame:
    """``fresh`` with ``share`` of its rows replaced by reference rows."""
    count = round(share * fresh.height)
    chosen = np.random.default_rng(seed).permutation(reference.height)[:count]
    return pl.concat([reference[chosen], fresh[count:]])


def blurred(rows: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """The same rows with a little noise on their decimals, so that none is equal to what it was."""
    rng = np.random.default_rng(seed)
    return rows.with_columns(
        pl.col(name) * pl.Series(1.0 + 0.003 * rng.normal(size=rows.height)) for name in ("income", "spend")
    )


@pytest.mark.parametrize("rows", [500, 2_000])
@pytest.mark.parametrize("table", [exchangeable, answers])
@pytest.mark.parametrize("with_holdout", [False, True])
def test_leaks_and_bootstraps_are_flagged_at_their_size_and_fresh_rows_are_not(
    table: Table, rows: int, with_holdout: bool
) -> None:
    reference, fresh = table(rows, 1), table(rows, 2)
    holdout = table(rows, 3) if with_holdout else None
    again = reference[np.random.default_rng(4).integers(rows, size=rows)]
    copied = {share: judged(leaked(fresh, reference, share), reference, holdout) for share in (0.0, 0.2)}
    assert not copied[0.0].flagged
    assert copied[0.0].interval.low == 0.0 and copied[0.0].interval.high < 0.12
    assert copied[0.2].flagged
    assert copied[0.2].interval.low <= 0.21 and copied[0.2].interval.high >= 0.19
    boot = judged(again, reference, holdout)
    assert boot.flagged and boot.interval.high > 0.97 and boot.share > 0.9
    assert boot.against == ("holdout" if with_holdout else "reference")


@pytest.mark.slow
@pytest.mark.parametrize("table", [exchangeable, answers])
def test_fresh_rows_are_never_flagged_and_the_interval_mostly_reaches_none(table: Table) -> None:
    found = [judged(table(500 + 20 * seed, 100 + seed), table(700, 200 + seed)) for seed in range(40)]
    assert not any(item.flagged for item in found)
    assert sum(item.interval.low > 0.0 for item in found) <= 6


def test_rows_copied_with_a_little_noise_are_found_by_their_nearness_alone() -> None:
    reference, fresh = exchangeable(1_000, 1), exchangeable(1_000, 2)
    noisy = leaked(fresh, blurred(reference), 0.3)
    found = judged(noisy, reference)
    assert isinstance(found.exact, Copies) and isinstance(found.near, Copies)
    assert found.exact.share == 0.0
    assert found.flagged and found.interval.low < 0.3 < found.interval.high + 0.06
    assert found.share == found.near.share


def test_a_new_key_for_each_row_does_not_hide_the_copies() -> None:
    reference, fresh = exchangeable(1_000, 1), exchangeable(1_000, 2)
    numbered = [
        table.with_columns(id=pl.int_range(start, start + table.height))
        for table, start in ((reference, 0), (leaked(fresh, reference, 0.3), 50_000))
    ]
    found = judged(numbered[1], numbered[0])
    assert found.flagged and found.interval.low < 0.3 < found.interval.high


def test_a_table_narrowed_to_the_usual_copies_nobody() -> None:
    reference, fresh = answers(1_500, 1), answers(4_500, 2)
    usual = fresh.filter(pl.sum_horizontal(pl.col(f"q{k}").abs() for k in range(7)) >= 10)[:1_500]
    known = set(reference.iter_rows())
    assert np.mean([row in known for row in usual.iter_rows()]) > 1.3 * np.mean([r in known for r in fresh.iter_rows()])
    assert not judged(usual, reference).flagged


def test_one_row_again_and_again_is_one_observation() -> None:
    reference, fresh = exchangeable(1_000, 1), exchangeable(1_000, 2)
    found = judged(pl.concat([reference[:1]] * 300 + [fresh[300:]]), reference)
    assert not found.flagged


def test_a_holdout_shows_what_the_reference_alone_cannot() -> None:
    """Every row is recorded twice, in the reference as in the holdout: among themselves all rows seem to be copies."""
    half, fresh, unseen = exchangeable(600, 1), exchangeable(1_000, 2), exchangeable(1_000, 3)
    reference = pl.concat([half, exchangeable(200, 4), exchangeable(200, 4)])
    copied = leaked(fresh, half, 0.2)
    alone, beside = judged(copied, reference), judged(copied, reference, unseen)
    assert isinstance(alone.exact, Copies) and isinstance(beside.exact, Copies)
    assert alone.exact.usual > 0.3 > 0.01 > beside.exact.usual
    assert not (isinstance(alone.exact, Copies) and alone.exact.share > 0.0)
    assert beside.flagged and beside.exact.interval.low > 0.15


def test_where_every_row_stands_many_times_nothing_is_said() -> None:
    few = [pl.DataFrame({"a": ["x", "y"] * 300, "b": ["u", "u", "v"] * 200, "c": [1, 2, 3, 4] * 150})] * 2
    assert memorisation(evidence_from_frames(few[0], few[1])) == HIDDEN
    assert memorisation(evidence_from_frames(few[0])) == NO_REFERENCE


def test_a_single_column_has_exact_copies_only() -> None:
    rng = np.random.default_rng(0)
    reference, fresh = (pl.DataFrame({"x": rng.normal(size=800)}) for _ in range(2))
    found = judged(leaked(fresh, reference, 0.2), reference)
    assert isinstance(found.near, NotApplicable) and found.flagged


@pytest.mark.slow
def test_of_a_large_reference_near_copies_are_seen_in_part_and_reckoned_up() -> None:
    reference, fresh = exchangeable(45_000, 1), exchangeable(3_000, 2)
    found = judged(leaked(fresh, blurred(reference), 0.4), reference)
    assert isinstance(found.near, Copies)
    assert found.near.seen - found.near.usual < 0.25
    assert found.flagged and found.near.interval.low < 0.38 < found.near.interval.high + 0.06


def test_clusters_widen_the_interval_of_a_share() -> None:
    apart = Rate.of(np.repeat([1.0, 0.0], [20, 180]), np.ones(200))
    together = Rate.of(np.repeat([10.0, 0.0], [2, 180]), np.repeat([10.0, 1.0], [2, 180]))
    assert apart.share == together.share == 0.1
    assert together.ends(0.025)[1] - together.ends(0.025)[0] > 2.0 * (apart.ends(0.025)[1] - apart.ends(0.025)[0])
    assert apart.ends(0.025) == (pytest.approx(0.0622, abs=1e-4), pytest.approx(0.1502, abs=1e-4))


def test_nulls_and_labels_that_the_reference_lacks_are_no_obstacle() -> None:
    reference, fresh = exchangeable(800, 1), exchangeable(800, 2)
    holed = [
        table.with_columns(
            income=pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise("income"),
            city=pl.when(pl.int_range(pl.len()) % 11 == 0).then(None).otherwise("city"),
        )
        for table in (reference, fresh)
    ]
    new = holed[1].with_columns(city=pl.when(pl.col("city") == "Jena").then(pl.lit("Kiel")).otherwise("city"))
    assert not judged(new, holed[0]).flagged
    assert judged(leaked(new, holed[0], 0.2), holed[0]).flagged
    assert judged(holed[0], holed[0]).share == 1.0


def narrow(rows: int, seed: int) -> pl.DataFrame:
    """One continuous column, and little beside it: on a line fresh rows lie close to others by chance."""
    rng = np.random.default_rng([seed, rows])
    amount = np.exp(rng.normal(3.0, 1.0, rows)).round(4)
    return pl.DataFrame({"amount": amount, "kind": rng.choice(["card", "cash"], rows)})


@pytest.mark.parametrize("rows", [600, 1_000, 5_000])
def test_rows_on_a_line_are_not_taken_for_copies(rows: int) -> None:
    reference = narrow(rows, 1)
    for seed in (2, 3):
        found = judged(narrow(rows, seed), reference)
        assert not found.flagged and found.share < 0.02
        assert isinstance(found.near, Copies) and found.near.usual > 0.15
    assert judged(leaked(narrow(rows, 4), reference, 0.2), reference).share == pytest.approx(0.2, abs=0.05)
