"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthos.reporting import numbers
from synthos.results import Interval

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.00012345, "0.000123"),
        (0.0000123, "1.23 × 10⁻⁵"),
        (-0.0456, "−0.0456"),
        (3.14159, "3.14"),
        (2.0, "2"),
        (1234.5, "1,234"),
        (-98_765.4, "−98,765"),
        (2.5e12, "2.50 × 10¹²"),
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "n/a"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert numbers.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (950, "950"),
        (20_190, "20.2k"),
        (999_499, "999k"),
        (999_600, "1M"),
        (10**6, "1M"),
        (1.5e9, "1.5B"),
        (2e13, "20,000B"),
    ],
)
def test_compact(value: float, text: str) -> None:
    assert numbers.compact(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (0.00004, "< 0.01 %"),
        (0.0016, "0.16 %"),
        (0.0199, "2 %"),
        (0.372, "37.2 %"),
        (1.0, "100 %"),
        (0.99999, "> 99.9 %"),
        (-0.012, "−1.2 %"),
        (None, "n/a"),
    ],
)
def test_percent(share: float | None, text: str) -> None:
    assert numbers.percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.4, "0.4"), (46.3, "46"), (99.6, "99.6"), (100.0, "100"), (None, "n/a")],
)
def test_score_never_rounds_a_difference_away(value: float | None, text: str) -> None:
    assert numbers.score(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.214, "0.21 s"), (71.94, "71.9 s"), (125.0, "2 min 05 s"), (3_725, "1 h 02 min"), (None, "n/a")],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert numbers.duration(seconds) == text


@pytest.mark.parametrize(
    ("octets", "text"), [(7, "7 B"), (1_840_220, "1.84 MB"), (3 * 10**15, "3,000 TB"), (None, "n/a")]
)
def test_size(octets: int | None, text: str) -> None:
    assert numbers.size(octets) == text


def test_cells_of_each_kind() -> None:
    assert numbers.cell(None, "integer") == "–"
    assert numbers.cell(True, "boolean") == "True"
    assert numbers.cell("x", "category") == "x"
    assert numbers.cell(1_600_000_000, "datetime") == "2020-09-13 12:26:40"
    assert numbers.cell(86_400 * 365, "datetime") == "1971-01-01"
    assert numbers.cell(-86_400, "datetime") == "1969-12-31"
    assert numbers.cell(1e30, "datetime") == "1.00 × 10³⁰"
    assert numbers.cell(12_345.0, "number") == "12,345"
    assert numbers.cell(0.123456, "number") == "0.1235"
    assert numbers.cell(math.inf, "number") == "n/a"


def test_intervals() -> None:
    assert numbers.score_range(Interval(low=39.8, high=53.1)) == "40 to 53"
    assert numbers.span(Interval(low=-0.0123, high=2.0)) == "−0.0123 to 2"
    assert numbers.percent_range(Interval(low=0.48, high=0.87)) == "48 % to 87 %"
    assert numbers.span(None) == numbers.score_range(None) == numbers.percent_range(None) == "n/a"


@given(FINITE)
def test_number_keeps_three_digits(value: float) -> None:
    text = numbers.number(value).replace(",", "").replace("−", "-")
    if " × 10" in text:
        mantissa, exponent = text.split(" × 10")
        read = float(mantissa) * 10.0 ** int(exponent.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")))
    else:
        read = float(text)
    assert read == pytest.approx(value, rel=0.006, abs=1e-12)


@given(FINITE, st.integers(0, 4))
def test_fixed_never_shows_a_negative_zero(value: float, places: int) -> None:
    text = numbers.fixed(value, places)
    assert text.strip("−0.") or not text.startswith("−")


@settings(max_examples=40)
@given(st.text(max_size=300), st.integers(8, 60))
def test_short_is_one_line_within_its_limit(text: str, limit: int) -> None:
    shown = numbers.short(text, limit)
    assert shown and len(shown) <= max(limit, len("(empty)")) and "\n" not in shown
    line = " ".join(text.split())
    if len(line) > limit:
        head, tail = shown.split("…", 1) if "…" not in line else (shown[:1], shown[-1:])
        assert line.startswith(head) and line.endswith(tail)
