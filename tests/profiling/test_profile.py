from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from synthos.profiling.scan import finish, scan_batches


@pytest.fixture
def profile(plan):
    def made(frame, kinds):
        chosen = plan(frame, kinds)
        return finish(scan_batches(0, [frame], chosen), "t", chosen).profile

    return made


def test_profile_of_every_kind(table, plan):
    frame = table(2000)
    chosen = plan(frame)
    profile = finish(scan_batches(0, [frame], chosen), "t", chosen).profile
    columns = {column.name: column for column in profile.columns}
    assert list(columns) == frame.columns
    for name, column in columns.items():
        assert column.nulls == frame[name].null_count()
        assert (column.distinct, column.distinct_error) == (frame[name].drop_nulls().n_unique(), 0.0)
    assert columns["age"].mean == pytest.approx(frame["age"].mean())
    assert isinstance(columns["age"].minimum, int)
    assert columns["age"].quantiles["0.5"] == frame["age"].quantile(0.5, "lower")
    assert columns["joined"].maximum == frame["joined"].dt.timestamp("ms").max() / 1000
    assert columns["remark"].mean == pytest.approx(frame["remark"].str.len_chars().mean())
    assert columns["city"].mean is None
    assert dict(columns["city"].top) == dict(frame["city"].drop_nulls().value_counts().iter_rows())
    assert columns["id"].top == ()


def test_personal_columns_show_no_values(profile):
    found = profile(pl.DataFrame({"contact": [f"p{i % 9}@example.org" for i in range(100)]}), {"contact": "category"})
    (column,) = found.columns
    assert [flag.type for flag in column.pii] == ["email"]
    assert column.top == ()
    assert "example.org" not in repr(found)


@pytest.mark.parametrize("kind", ["integer", "number", "category"])
def test_numbers_that_look_personal_are_counted_and_not_shown(profile, kind):
    phones = 3_125_550_000 + np.random.default_rng(1).integers(0, 40, 500)
    shown = profile(pl.DataFrame({"phone": phones, "x": phones}), {"phone": kind, "x": kind})
    hidden, plain = shown.columns
    assert [flag.type for flag in hidden.pii] == ["phone"] and not plain.pii
    assert (hidden.rows, hidden.nulls, hidden.distinct) == (500, 0, 40)
    assert (hidden.mean, hidden.std, hidden.minimum, hidden.maximum) == (None, None, None, None)
    assert (hidden.quantiles, hidden.quantile_error, hidden.top) == ({}, 0.0, ())
    assert not re.search("31255500", repr(hidden))
    assert re.search("31255500", repr(plain).replace("_", ""))


def test_a_hidden_column_is_scanned_as_any_other(plan):
    frame = pl.DataFrame({"phone": 3_125_550_000 + np.random.default_rng(2).integers(0, 40, 500)})
    named, other = (
        finish(scan_batches(0, [item], chosen), "t", chosen).scan
        for item in (frame, frame.rename({"phone": "x"}))
        for chosen in [plan(item, dict.fromkeys(item.columns, "integer"))]
    )
    assert np.array_equal(named.histogram, other.histogram)


@pytest.mark.parametrize(
    ("kind", "values", "note"),
    [
        ("category", [None, None], "empty"),
        ("category", ["a", "a", None], "constant"),
        ("integer", [1.0, 2.5], "not whole numbers"),
        ("boolean", ["yes", "no", "maybe"], "taken for a boolean"),
        ("key", ["a", "a", "b"], "taken for a key"),
        ("category", [f"c{i}" for i in range(3000)], "taken for a category"),
    ],
)
def test_what_the_scan_contradicts_is_noted(profile, kind, values, note):
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64} if kind == "integer" else {"x": pl.String})
    (column,) = profile(frame, {"x": kind}).columns
    assert any(note in text for text in column.notes)


def test_a_sound_column_has_no_notes(profile):
    assert profile(pl.DataFrame({"x": ["a", "b"]}), {"x": "category"}).columns[0].notes == ()


def test_counts_that_are_only_bounds_say_so(profile):
    values = np.concatenate([np.zeros(5000), np.random.default_rng(0).normal(0, 1, 5000)])
    (column,) = profile(pl.DataFrame({"x": values}), {"x": "number"}).columns
    ((value, rows),) = column.top
    assert value == 0.0
    bound = next(int(note.split()[-1]) for note in column.notes if "too low" in note)
    assert rows <= 5000 <= rows + bound


def test_nothing_that_is_not_finite_is_shown(profile):
    frame = pl.DataFrame({"x": [None, None]}, schema={"x": pl.Float64})
    (column,) = profile(frame, {"x": "number"}).columns
    assert (column.mean, column.std, column.minimum, column.maximum, column.quantiles) == (None, None, None, None, {})
