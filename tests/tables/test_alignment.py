"""Tables side by side: by name, with the reference's kinds, and what is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typed_tables import rows_of, typed_frame

from synthos.errors import AlignmentError, ConfigError, SchemaError, TooFewRowsError
from synthos.results import Kind
from synthos.tables import alignment as alignment_of_tables
from synthos.tables.alignment import MINIMUM_ROWS, Alignment, align, require_rows
from synthos.tables.codec import Codec
from synthos.tables.sources import open_table

N = 600


def aligned(
    synthetic: object,
    reference: object | None = None,
    kinds: dict[str, Kind] | None = None,
    holdout: object | None = None,
) -> Alignment:
    return align(
        open_table(synthetic),
        None if reference is None else open_table(reference),
        kinds,
        1,
        holdout=None if holdout is None else open_table(holdout),
    )


def column(values: object, **others: object) -> pl.DataFrame:
    return pl.DataFrame({"other": np.arange(N) % 7, "x": values, **others})


def test_columns_match_by_name_in_the_order_of_the_reference() -> None:
    reference, synthetic = typed_frame(N, seed=1), typed_frame(N, seed=2)
    shuffled = synthetic.select(reversed(synthetic.columns))
    alignment = aligned(shuffled, reference, holdout=shuffled)
    assert alignment.schema.names == tuple(reference.columns)
    assert [c.kind for c in alignment.schema.columns] == [
        "integer", "number", "category", "boolean", "datetime", "datetime",
    ]  # fmt: skip
    assert alignment.notes == ()
    expected = synthetic.with_columns(pl.col("day").cast(pl.Datetime("us")))
    assert_frame_equal(rows_of(alignment.sources["synthetic"]), expected)
    assert_frame_equal(rows_of(alignment.sources["holdout"]), expected)
    assert_frame_equal(alignment.peek, rows_of(alignment.sources["reference"]))


def test_without_a_reference_the_synthetic_table_fixes_the_columns() -> None:
    alignment = aligned(typed_frame(N))
    assert alignment.schema.names == tuple(typed_frame(1).columns)
    assert set(alignment.sources) == {"synthetic"}


def test_the_reference_fixes_kinds() -> None:
    reference = column(np.arange(N), s=["a", "b"] * (N // 2))
    synthetic = column(np.zeros(N, int), s=[f"text number {i}" for i in range(N)])
    kinds = {c.name: c.kind for c in aligned(synthetic, reference).schema.columns}
    assert kinds == {"other": "integer", "x": "key", "s": "category"}


def test_declared_kinds_win() -> None:
    alignment = aligned(column(np.arange(N)), column(np.arange(N)), {"x": "integer"})
    assert alignment.schema.kind("x") == "integer"


@pytest.mark.parametrize("role", ["synthetic", "reference", "holdout"])
def test_too_few_rows(role: str) -> None:
    tables = {name: column(np.arange(N) % 5) for name in ("synthetic", "reference", "holdout")}
    tables[role] = tables[role].head(MINIMUM_ROWS - 1)
    with pytest.raises(
        TooFewRowsError, match="has 499 rows, fewer than the 500 needed to judge a table; give at least"
    ):
        aligned(tables["synthetic"], tables["reference"], holdout=tables["holdout"])
    require_rows(MINIMUM_ROWS, "table")


def test_no_common_columns() -> None:
    other = pl.DataFrame({"y": np.arange(N)})
    with pytest.raises(
        AlignmentError, match=r"has no column in common with the reference table .'y' against 'other', 'x'."
    ):
        aligned(other, column(np.arange(N)))


def test_missing_columns_are_listed() -> None:
    reference = column(np.arange(N) % 5, **{f"c{i}": np.arange(N) % 3 for i in range(8)})
    with pytest.raises(AlignmentError, match=r"lacks columns 'x', 'c0', 'c1', 'c2', 'c3' and 4 more of the reference"):
        aligned(reference.select("other"), reference)
    with pytest.raises(AlignmentError, match=r"lacks column 'x' .* holdout table"):
        aligned(reference, reference, holdout=reference.drop("x"))


def test_extra_columns_are_left_out_with_a_note() -> None:
    reference = column(np.arange(N) % 5)
    alignment = aligned(reference.with_columns(more=1), reference)
    assert alignment.notes == ("Column 'more' only in the synthetic table, left out.",)
    assert rows_of(alignment.sources["synthetic"]).columns == ["other", "x"]


def test_another_type_names_both() -> None:
    with pytest.raises(
        AlignmentError, match=r"column 'x' is Int64 in the reference .* but String in the synthetic table"
    ):
        aligned(column(["a"] * N), column(np.arange(N) % 5))
    with pytest.raises(AlignmentError, match=r"column 'x' is Boolean in the reference .* but Int64"):
        aligned(column(np.arange(N) % 2), column([True, False] * (N // 2)))
    with pytest.raises(AlignmentError, match=r"column 'x' is Datetime.* in the reference .* but Int64"):
        aligned(column(np.arange(N) % 2), column([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)] * (N // 2)))


def test_the_value_that_makes_strings_of_numbers_is_named(tmp_path: Path) -> None:
    sound, broken = tmp_path / "sound.csv", tmp_path / "broken.csv"
    column(np.arange(N) % 5).write_csv(sound)
    lines = sound.read_text().splitlines()
    lines[41] = "0,many"
    broken.write_text("\n".join(lines))
    for pair in ((broken, sound), (sound, broken)):
        with pytest.raises(AlignmentError, match=r"'many' on line 42 in column 'x' is not an integer; mend the value"):
            align(*map(open_table, pair), None, 0)


def test_a_word_among_the_references_numbers_is_named_although_the_peek_misses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alignment_of_tables, "PEEK_ROWS", 5)
    folder = tmp_path / "reference"
    folder.mkdir()
    for part in ("a", "b"):
        column(np.arange(N) % 5).write_csv(folder / f"{part}.csv")
    lines = (folder / "a.csv").read_text().splitlines()
    lines[300] = "0,many"
    (folder / "a.csv").write_text("\n".join(lines))
    with pytest.raises(AlignmentError, match=r"in .*a\.csv 'many' on line 301 in column 'x' is not an integer"):
        align(open_table(column(np.arange(N) % 5)), open_table(folder), None, 0)
    column(np.arange(N) % 5).write_csv(tmp_path / "synthetic.csv")
    with pytest.raises(AlignmentError, match=r"in .*a\.csv 'many' on line 301 in column 'x' is not an integer"):
        align(open_table(tmp_path / "synthetic.csv"), open_table(folder), None, 0)


def test_numbers_of_different_width_are_harmless() -> None:
    narrow, wide = column(np.arange(N, dtype=np.int32) % 5), column(np.arange(N) % 5)
    assert aligned(narrow, wide).notes == ()
    fractions = column(np.arange(N) / 2)
    alignment = aligned(fractions, wide)
    assert alignment.notes == ("Column 'x' of integers in one table and fractions in another.",)
    assert {source.dtypes["x"] for source in alignment.sources.values()} == {pl.Float64()}
    assert_frame_equal(rows_of(alignment.sources["synthetic"]), fractions)


def test_dates_meet_datetimes_and_iso_strings() -> None:
    days = [dt.date(2024, 1, 1 + i % 28) for i in range(N)]
    reference = column(days)
    stamps = pl.Series(days).cast(pl.Datetime("us"))
    for synthetic in (
        stamps,
        stamps.cast(pl.Datetime("ns")),
        stamps.dt.to_string("%Y-%m-%d"),
        stamps.dt.to_string("%Y-%m-%dT%H:%M:%SZ"),
    ):
        alignment = aligned(column(synthetic), reference)
        assert_frame_equal(rows_of(alignment.sources["synthetic"]), column(stamps))
    broken = stamps.dt.to_string("%Y-%m-%d").to_list()
    broken[77] = "2024-02-31"
    with pytest.raises(SchemaError, match=r"value '2024-02-31' in column 'x' at row 77 .* an ISO 8601 datetime"):
        rows_of(aligned(column(broken), reference).sources["synthetic"])


def test_numbers_in_csv_may_be_strings_elsewhere(tmp_path: Path) -> None:
    codes = column([str(i % 40) for i in range(N)])
    codes.write_csv(tmp_path / "s.csv")
    alignment = aligned(tmp_path / "s.csv", codes)
    assert_frame_equal(rows_of(alignment.sources["synthetic"]), codes)
    with pytest.raises(AlignmentError, match=r"column 'x' is String in the reference .* but Int64"):
        aligned(tmp_path / "s.csv", column([f"c{i % 40}" for i in range(N)]))


def test_a_column_without_any_value_leaves_nothing_to_judge() -> None:
    empty = column(pl.Series([None] * N, dtype=pl.Int64))
    for reference in (empty, column(pl.Series([None] * N, dtype=pl.String)), None):
        with pytest.raises(AlignmentError, match="column 'x' without any value leave nothing to judge; drop them"):
            aligned(empty, reference)


@pytest.mark.parametrize("dtype", [pl.Int64, pl.String, pl.Null, pl.Float64])
def test_a_column_without_values_in_one_table_is_a_note(dtype: type[pl.DataType]) -> None:
    empty, full = column(pl.Series([None] * N, dtype=dtype)), column(np.arange(N) % 5)
    collapsed = aligned(empty, full)
    assert collapsed.notes == ("Column 'x' without any value in the synthetic table.",)
    assert rows_of(collapsed.sources["synthetic"]).schema["x"] == pl.Int64()
    invented = aligned(full, empty)
    assert invented.notes == ("Column 'x' without any value in the reference table.",)
    assert invented.schema.kind("x") == "integer"
    for alignment in (collapsed, invented):
        codec = Codec.fit(alignment.peek, alignment.schema)
        assert all(codec.encode(rows_of(source)).shape == (N, 2) for source in alignment.sources.values())


def test_a_value_hidden_deep_in_a_long_table_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.memory.SHARD_ROWS", 1_000)
    monkeypatch.setattr("synthos.tables.alignment.PEEK_ROWS", 500)
    rare = pl.DataFrame({"other": np.arange(20_000) % 7, "x": [*[None] * 19_999, 4]})
    assert aligned(rare, rare).notes == ()


def test_a_constant_column_of_the_reference_stays_with_a_note() -> None:
    reference = column([4] * N, y=["same", None] * (N // 2))
    alignment = aligned(column(np.arange(N) % 5, y=["a"] * N), reference)
    assert alignment.notes == ("Columns 'x', 'y' with a single value in the reference table.",)
    assert alignment.schema.names == ("other", "x", "y")


def test_notes_on_a_part_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthos.tables.alignment.PEEK_ROWS", 500)
    assert aligned(column([4] * N), column([4] * N)).notes == (
        "Column 'x' with a single value in the reference table in the 500 rows looked at.",
    )


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"y": "key"}, "kinds are declared for unknown columns 'y'"),
        ({"x": "ordinal"}, "'ordinal' is no kind .column 'x'."),
        ({"x": "datetime"}, "column 'x' is Int64 and cannot be of kind 'datetime'; declare another kind"),
    ],
)
def test_bad_overrides(kinds: dict[str, Kind], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        aligned(column(np.arange(N)), column(np.arange(N)), kinds)


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("integer", pl.Int64()), ("number", pl.Float64()), ("category", pl.String()), ("text", pl.String())],
)
def test_declared_kinds_bring_strings_and_numbers_together(kind: Kind, dtype: pl.DataType) -> None:
    numbers = column(np.arange(N) % 50)
    strings = numbers.with_columns(pl.col("x").cast(pl.String))
    alignment = aligned(strings, numbers, {"x": kind})
    assert {source.dtypes["x"] for source in alignment.sources.values()} == {dtype}
    synthetic, reference = (rows_of(alignment.sources[role]) for role in ("synthetic", "reference"))
    assert_frame_equal(synthetic, reference)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_five_thousand_columns(tmp_path: Path, ending: str) -> None:
    generator = np.random.default_rng(0)
    columns: dict[str, object] = {f"number {i}": generator.normal(size=MINIMUM_ROWS).round(2) for i in range(2_500)}
    columns |= {f"count {i}": generator.integers(0, 9, MINIMUM_ROWS) for i in range(1_500)}
    columns |= {f"group {i}": generator.choice(["a", "b"], MINIMUM_ROWS) for i in range(1_000)}
    frame, path = pl.DataFrame(columns), tmp_path / f"wide.{ending}"
    frame.write_parquet(path) if ending == "parquet" else frame.write_csv(path)
    alignment = aligned(path, path)
    kinds = [c.kind for c in alignment.schema.columns]
    assert (kinds.count("number"), kinds.count("integer"), kinds.count("category")) == (2_500, 1_500, 1_000)
    assert_frame_equal(rows_of(alignment.sources["synthetic"]), frame)
