"""Columns that look personal, told from a sample of their values. Evidence counts and names patterns, quoting nothing.

Checksums (Luhn for cards, ISO 7064 mod 97-10 for IBANs) keep chance matches out; patterns without one need either
almost every value or a column name that says the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from synthos.results import PiiFlag

MAX_VALUES = 1000
#: Fewest matching values before anything is said.
_FEWEST = 5

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}")
#: International (with +) or North American; other national forms look like any number and need a telling name.
_PHONE = re.compile(r"\+\d{1,3}([ .-]?\(?\d{1,5}\)?){2,5}|(\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}")
_LOOSE_PHONE = re.compile(r"\+?(\(?\d{1,5}\)?[ ./-]?){2,6}")
_SSN = re.compile(r"(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}")
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
    """Whether the check digits of an IBAN without spaces are right."""
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
    """``share`` of values must match alone, ``named`` where the column's name says it too."""

    name: str
    matches: Callable[[str], bool]
    hint: re.Pattern[str]
    share: float
    named: float
    pattern: str
    digits: bool = False
    named_matches: Callable[[str], bool] | None = None


_TYPES = (
    _Type("email", _is_email, re.compile(r"e[-_ ]?mail"), 0.02, 0.01, "contain an e-mail address"),
    _Type(
        "credit_card", _is_card, re.compile(r"card|\bpan\b|\bcc"), 0.5, 0.2, "are card numbers by Luhn's check", True
    ),
    _Type("iban", _is_iban, re.compile(r"iban|account"), 0.2, 0.05, "are IBANs by their check digits"),
    _Type("us_ssn", _is_ssn, re.compile(r"ssn|social"), 0.5, 0.1, "have the form of a US social security number"),
    _Type("ip_address", _is_ip, re.compile(r"\bip\b|_ip|ip_|address|host"), 0.5, 0.1, "are IP addresses"),
    _Type(
        "phone",
        _is_phone,
        re.compile(r"phone|mobile|\btel|fax|cell"),
        0.8,
        0.3,
        "have the form of a phone number",
        True,
        _may_be_phone,
    ),
)


def find_pii(column: pl.Series) -> tuple[PiiFlag, ...]:
    """Flags of one column from its first ``MAX_VALUES`` sampled values that are not null.

    ``PiiFlag.share`` is the share of those values that match, in [0, 1]. Strings are tried against every pattern; whole
    numbers against cards always and against phones only where the column is named so. Other types are never flagged.
    """
    if column.dtype.is_integer():
        # Card and phone numbers have ten digits and more; most integer columns end here.
        largest = column.max()
        if not isinstance(largest, int) or largest < 10**9:
            return ()
    elif column.dtype != pl.String:
        return ()
    values: list[str] = column.drop_nulls().head(MAX_VALUES).cast(pl.String).to_list()
    texts = [value.strip() for value in values]
    if not texts:
        return ()
    flags = []
    for kind in _TYPES:
        named = kind.hint.search(column.name.lower()) is not None
        if column.dtype.is_integer() and (not kind.digits or (kind.name == "phone" and not named)):
            continue
        hits = sum(map(kind.named_matches if named and kind.named_matches else kind.matches, texts))
        if hits >= _FEWEST and hits / len(texts) >= (kind.named if named else kind.share):
            support = ", and the column's name says so" if named else ""
            evidence = f"{hits} of {len(texts)} sampled values {kind.pattern}{support}"
            flags.append(PiiFlag(type=kind.name, share=hits / len(texts), evidence=evidence))
    return tuple(flags)
