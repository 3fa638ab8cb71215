"""Columns that look personal, told from a sample of their values. Evidence counts and names patterns, quoting nothing.

Checksums (Luhn for cards, ISO 7064 mod 97-10 for IBANs) keep chance matches out; patterns without one need either
almost every value or a column name that says the same. Numbers without a checksum always need such a name.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from synthos.results import PiiFlag

MAX_VALUES = 1000
#: Fewest matching values before anything is said.
_FEWEST = 5
#: Columns of smaller numbers are not looked at: cards and phones are longer, and so are nearly all SSNs.
_SMALLEST = 10**6

#: Begins where a word does: tried at each of its letters, a long word would take the square of its length.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}")
#: International (with +) or North American; other national forms look like any number and need a telling name.
_PHONE = re.compile(r"\+\d{1,3}([ .-]?\(?\d{1,5}\)?){2,5}|(\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}")
_LOOSE_PHONE = re.compile(r"\+?(\(?\d{1,5}\)?[ ./-]?){2,6}")
_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}")
#: Without dashes; a number has lost its leading zeros, of which the first three digits have two at most.
_BARE_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}(?!00)\d\d(?!0000)\d{4}")
_CARD = re.compile(r"[2-6]\d{3}([ -]?\d{4}){2}[ -]?\d{1,7}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right.

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def mod_97(iban: str) -> bool:
    """Whether the check digits of an IBAN without spaces are right (ISO 7064)."""
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97 == 1


def _is_email(text: str) -> bool:
    return _EMAIL.search(text) is not None


def _is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text) is not None and 8 <= sum(map(str.isdigit, text)) <= 15


def _may_be_phone(text: str) -> bool:
    return _LOOSE_PHONE.fullmatch(text) is not None and 8 <= sum(map(str.isdigit, text)) <= 15


def _is_card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    return _CARD.fullmatch(text) is not None and 13 <= len(digits) <= 19 and luhn(digits)


def _is_iban(text: str) -> bool:
    bare = text.replace(" ", "").upper()
    return _IBAN.fullmatch(bare) is not None and mod_97(bare)


def _is_ssn(text: str) -> bool:
    return _SSN.fullmatch(text) is not None


def _may_be_ssn(text: str) -> bool:
    return _is_ssn(text) or (text.isdigit() and len(text) >= 7 and _BARE_SSN.fullmatch(text.zfill(9)) is not None)


def _is_ip(text: str) -> bool:
    if text.count(".") != 3 and text.count(":") < 2:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Type:
    """``share`` of values must match alone, ``named`` where the column's name says it too, then by ``named_matches``.

    ``whole`` says when whole numbers are tried as well: never, where the column is named so, or always.
    """

    name: str
    matches: Callable[[str], bool]
    hint: re.Pattern[str]
    share: float
    named: float
    pattern: str
    whole: Literal["never", "named", "always"] = "never"
    named_matches: Callable[[str], bool] | None = None


_TYPES = (
    _Type("email", _is_email, re.compile(r"e[-_ ]?mail"), 0.02, 0.01, "contain an e-mail address"),
    _Type(
        "credit_card",
        _is_card,
        re.compile(r"card|\bpan\b|\bcc"),
        0.5,
        0.2,
        "are card numbers by Luhn's check",
        whole="always",
    ),
    _Type("iban", _is_iban, re.compile(r"iban|account"), 0.2, 0.05, "are IBANs by their check digits"),
    _Type(
        "us_ssn",
        _is_ssn,
        re.compile(r"ssn|social.?(sec|ins)"),
        0.5,
        0.1,
        "have the form of a US social security number",
        whole="named",
        named_matches=_may_be_ssn,
    ),
    _Type("ip_address", _is_ip, re.compile(r"\bip\b|_ip|ip_|address|host"), 0.5, 0.1, "are IP addresses"),
    _Type(
        "phone",
        _is_phone,
        re.compile(r"phone|mobile|\btel|fax|cell"),
        0.8,
        0.3,
        "have the form of a phone number",
        whole="named",
        named_matches=_may_be_phone,
    ),
)


def find_pii(column: pl.Series) -> tuple[PiiFlag, ...]:
    """Flags of one column from its first ``MAX_VALUES`` sampled values that are not null.

    ``PiiFlag.share`` is the share of those values that match, in [0, 1]. Strings are tried against every pattern; whole
    numbers, also where gaps made them floats, against cards always and against phones and social security numbers only
    where the column is named so. Other types are never flagged.
    """
    whole = column.dtype.is_numeric()
    if not whole and column.dtype != pl.String:
        return ()
    values = _whole_numbers(column) if whole else column.drop_nulls().head(MAX_VALUES)
    texts = [value.strip() for value in values.cast(pl.String).to_list()]
    if not texts:
        return ()
    counted = Counter(texts)
    flags = []
    for kind in _TYPES:
        named = kind.hint.search(column.name.lower()) is not None
        if whole and not (kind.whole == "always" or (kind.whole == "named" and named)):
            continue
        matches = kind.named_matches if named and kind.named_matches else kind.matches
        hits = sum(rows for text, rows in counted.items() if matches(text))
        if hits >= _FEWEST and hits / len(texts) >= (kind.named if named else kind.share):
            support = ", and the column's name says so" if named else ""
            evidence = f"{hits} of {len(texts)} sampled values {kind.pattern}{support}"
            flags.append(PiiFlag(type=kind.name, share=hits / len(texts), evidence=evidence))
    return tuple(flags)


def _whole_numbers(column: pl.Series) -> pl.Series:
    """The first values as integers; none where any has a fraction or all are too small to name a person."""
    values = column.drop_nulls()
    if not values.dtype.is_integer():
        values = values.cast(pl.Float64).drop_nans().head(MAX_VALUES)
        # Beyond 2**53 floats leave out whole numbers, so that no check digit can be trusted.
        if not ((values == values.floor()) & (values.abs() < 2.0**53)).all():
            return pl.Series([], dtype=pl.Int64)
        values = values.cast(pl.Int64)
    values = values.head(MAX_VALUES)
    largest = values.max()
    return values if isinstance(largest, int) and largest >= _SMALLEST else values.clear()
