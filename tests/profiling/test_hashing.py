from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from synthos.profiling.hashing import cell_hashes, combine, digest, join_digests, priorities


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("integer", pl.Series([1, 2, None], dtype=pl.Int32), pl.Series([1, 2, None], dtype=pl.Int64)),
        ("integer", pl.Series([1, 255], dtype=pl.UInt8), pl.Series([1.0, 255.0])),
        ("number", pl.Series([0.5, -0.0], dtype=pl.Float32), pl.Series([0.5, 0.0])),
        ("number", pl.Series([1, 2]), pl.Series([1.0, 2.0])),
        ("category", pl.Series(["a", None], dtype=pl.Categorical), pl.Series(["a", None])),
        ("category", pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"])), pl.Series(["a", "b"])),
        ("boolean", pl.Series([True, False]), pl.Series(["true", "false"])),
        (
            "datetime",
            pl.Series(["2020-01-02"]).str.to_date(),
            pl.Series(["2020-01-02"]).str.to_datetime(time_unit="ms"),
        ),
    ],
)
def test_equal_values_of_other_types_have_equal_hashes(kind, one, other):
    assert cell_hashes(one, kind).tolist() == cell_hashes(other, kind).tolist()


def test_large_neighbouring_integers_are_told_apart():
    hashes = cell_hashes(pl.Series([2**60, 2**60 + 1]), "integer")
    assert hashes[0] != hashes[1]


def test_fractions_in_an_integer_column_do_not_look_like_their_neighbours():
    hashes = cell_hashes(pl.Series([1.0, 1.4, 1.0]), "integer")
    assert hashes[0] == hashes[2] != hashes[1]


def test_hashes_do_not_depend_on_chunks_or_slices():
    whole = pl.Series("x", [f"value {i % 7}" for i in range(100)])
    chunked = pl.concat([whole[:30], whole[30:31], whole[31:]], rechunk=False)
    assert cell_hashes(whole, "text").tolist() == cell_hashes(chunked, "text").tolist()
    assert cell_hashes(whole, "text")[40:60].tolist() == cell_hashes(whole[40:60], "text").tolist()


def test_hashes_are_the_same_in_another_process():
    code = (
        "import polars as pl; from synthos.profiling.hashing import cell_hashes;"
        "print(cell_hashes(pl.Series(['a', None, 'ß']), 'text').tolist(),"
        "cell_hashes(pl.Series([1.5]), 'number').tolist())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    texts, numbers = cell_hashes(pl.Series(["a", None, "ß"]), "text"), cell_hashes(pl.Series([1.5]), "number")
    assert printed.strip() == f"{texts.tolist()} {numbers.tolist()}"


def test_row_hashes_depend_on_which_column_a_value_is_in():
    a, b = np.array([1, 2], np.uint64), np.array([2, 1], np.uint64)
    rows = combine([a, b], 2)
    assert rows[0] != rows[1]
    assert len(set(combine([], 3).tolist())) == 1


def test_row_hashes_hardly_collide():
    rng = np.random.default_rng(1)
    columns = [rng.integers(0, 40, 50_000).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) for _ in range(4)]
    rows = combine(columns, 50_000)
    assert len(np.unique(rows)) == len(np.unique(np.stack(columns), axis=1).T)


def test_digest_joins_and_depends_on_order():
    hashes = np.random.default_rng(2).integers(0, 2**64, 501, dtype=np.uint64)
    whole = digest(hashes)
    for cut in (0, 1, 250, 501):
        assert join_digests(digest(hashes[:cut]), digest(hashes[cut:]), 501 - cut) == whole
    swapped = hashes.copy()
    swapped[[3, 400]] = swapped[[400, 3]]
    assert digest(swapped) != whole


def test_digest_is_the_polynomial_it_claims_to_be():
    base = 0xD1342543DE82EF95
    assert digest(np.array([7, 11, 13], np.uint64)) == (7 * base**2 + 11 * base + 13) % 2**64


def test_priorities_depend_on_seed_shard_and_position_alone():
    run = priorities(5, 2, 0, 1000)
    assert priorities(5, 2, 300, 100).tolist() == run[300:400].tolist()
    assert len(np.unique(np.concatenate([run, priorities(5, 3, 0, 1000), priorities(6, 2, 0, 1000)]))) == 3000


def test_priorities_are_even():
    shares = priorities(0, 0, 0, 100_000) / 2.0**64
    counts, _ = np.histogram(shares, bins=20, range=(0, 1))
    assert ((counts - 5000) ** 2 / 5000).sum() < 43.8  # chi-square with 19 degrees of freedom, 99.9 %
    assert abs(np.corrcoef(shares[:-1], shares[1:])[0, 1]) < 0.015


def test_a_fraction_elsewhere_in_the_batch_does_not_change_what_whole_numbers_hash_to():
    mixed = cell_hashes(pl.Series([1.0, 2.5, None]), "integer")
    whole = cell_hashes(pl.Series([1, 2, None]), "integer")
    assert mixed[0] == whole[0] and mixed[2] == whole[2]
    assert mixed[1] != whole[1]
