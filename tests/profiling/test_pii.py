from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from synthos.profiling.pii import find_pii, luhn, mod_97

RNG = np.random.default_rng(0)


def card(prefix="4", length=16):
    body = prefix + "".join(str(digit) for digit in RNG.integers(0, 10, length - len(prefix) - 1))
    return next(body + str(check) for check in range(10) if luhn(body + str(check)))


def iban():
    account = "".join(str(digit) for digit in RNG.integers(0, 10, 18))
    return next(f"DE{check:02d}{account}" for check in range(2, 99) if mod_97(f"DE{check:02d}{account}"))


PERSONAL = {
    "email": [f"user{i}@mail.example.org" for i in range(50)],
    "credit_card": [card() for _ in range(50)],
    "iban": [iban() for _ in range(50)],
    "us_ssn": [f"{RNG.integers(100, 600)}-{RNG.integers(10, 99)}-{RNG.integers(1000, 9999)}" for _ in range(50)],
    "ip_address": [f"10.{i}.0.{i}" for i in range(50)],
    "phone": [f"+49 170 {RNG.integers(100, 999)} {RNG.integers(1000, 9999)}" for _ in range(50)],
}


@pytest.mark.parametrize("kind", sorted(PERSONAL))
def test_personal_values_are_found_under_any_name(kind):
    column = pl.Series("x", [*PERSONAL[kind], None])
    (flag,) = find_pii(column)
    assert flag.type == kind
    assert flag.share == 1.0


@pytest.mark.parametrize("kind", sorted(PERSONAL))
def test_evidence_quotes_no_value(kind):
    (flag,) = find_pii(pl.Series("x", PERSONAL[kind]))
    assert "50 of 50" in flag.evidence
    assert not any(value in flag.evidence for value in PERSONAL[kind])


def test_long_words_are_looked_through_once():
    """Once for each of their letters would take minutes."""
    words = [letter * 200_000 for letter in "xyz-1"] * 2
    assert find_pii(pl.Series("x", words)) == ()


@pytest.mark.parametrize(
    "values",
    [
        ["Oslo", "Rome", "Lima"] * 20,
        [f"{year}-{month:02d}-11" for year in range(2000, 2010) for month in range(1, 12)],
        [f"{RNG.integers(10**15, 10**16 - 1)}" for _ in range(200)],
        [f"SKU-{index:06d}" for index in range(100)],
        [f"{hour:02d}:{minute:02d}:00" for hour in range(24) for minute in range(5)],
        [f"{a}.{b}" for a in range(20) for b in range(20)],
        [None, None],
        [],
    ],
    ids=["cities", "dates", "digits", "articles", "times", "decimals", "nulls", "empty"],
)
def test_other_values_are_left_alone(values):
    assert find_pii(pl.Series("x", values, dtype=pl.String)) == ()


def test_addresses_inside_longer_texts_count():
    column = pl.Series("x", ["write to me at a.b@example.com please"] * 10 + ["nothing here"] * 190)
    (flag,) = find_pii(column)
    assert (flag.type, flag.share) == ("email", 0.05)


def test_a_telling_name_lowers_the_bar_and_is_named_as_evidence():
    values = PERSONAL["phone"][:20] + ["unknown"] * 30
    assert find_pii(pl.Series("x", values)) == ()
    (flag,) = find_pii(pl.Series("mobile_phone", values))
    assert "name says so" in flag.evidence


def test_whole_numbers_are_cards_by_checksum_and_phones_by_name_only():
    cards = pl.Series("number", [int(value) for value in PERSONAL["credit_card"]])
    assert [flag.type for flag in find_pii(cards)] == ["credit_card"]
    phones = pl.Series("number", RNG.integers(3_000_000_000, 3_999_999_999, 50))
    assert find_pii(phones) == ()
    assert [flag.type for flag in find_pii(phones.alias("phone"))] == ["phone"]


def test_numbers_with_fractions_are_never_personal():
    assert find_pii(pl.Series("email", [1.5] * 50)) == ()


def test_social_security_numbers_as_numbers_are_found_by_name_only():
    numbers = [int(value.replace("-", "")) for value in PERSONAL["us_ssn"]]
    assert find_pii(pl.Series("x", numbers)) == ()
    assert [flag.type for flag in find_pii(pl.Series("ssn", numbers))] == ["us_ssn"]
    assert [flag.type for flag in find_pii(pl.Series("ssn", [str(number) for number in numbers]))] == ["us_ssn"]
    assert find_pii(pl.Series("ssn", [666_000_000 + number for number in range(50)])) == ()


def test_gaps_that_made_floats_of_whole_numbers_hide_nothing():
    cards = [float(value) for value in PERSONAL["credit_card"]]
    assert [flag.type for flag in find_pii(pl.Series("x", [*cards, None, float("nan")]))] == ["credit_card"]
    assert find_pii(pl.Series("phone", [3_125_550_100.5 + i for i in range(50)])) == ()
    assert find_pii(pl.Series("phone", [float("inf")] * 50)) == ()
    assert find_pii(pl.Series("phone", [1e300] * 50)) == ()


def test_checksums_by_published_examples():
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert mod_97("GB82WEST12345698765432")
    assert not mod_97("GB82WEST12345698765431")
