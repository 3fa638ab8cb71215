"""Numbers as people read them. Every function gives text for a finite value and "n/a" for None, NaN or infinity."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from synthos.results import Interval, Json, Kind

ABSENT = "n/a"
MINUS = "−"
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def fixed(value: float | None, places: int = 2) -> str:
    """``places`` decimals; never "−0.00"."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return _signed(f"{round(value, places) + 0.0:,.{places}f}")


def number(value: float | None, digits: int = 3) -> str:
    """``digits`` significant digits; powers of ten outside 0.0001 to 1e9.

    >>> number(0.000012345), number(1234.5), number(2.0)
    ('1.23 × 10⁻⁵', '1,234', '2')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size >= 9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return _signed(mantissa) + " × 10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    text = f"{value:,.{max(0, digits - 1 - size)}f}"
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text)


def count(value: float | None) -> str:
    """A whole number with thousands separators."""
    return fixed(value, 0)


def compact(value: float | None) -> str:
    """Three digits and a unit: 950, 20.2k, 1M, 1.5B."""
    if value is None or not math.isfinite(value):
        return ABSENT
    for limit, unit in ((999_500_000, "B"), (999_500, "M"), (1_000, "k")):
        if abs(value) >= limit:
            scaled = value / {"B": 1e9, "M": 1e6, "k": 1e3}[unit]
            return _signed(f"{scaled:.3g}") + unit if abs(scaled) < 1000 else count(scaled) + unit
    return _signed(f"{value:.3g}")


def percent(share: float | None) -> str:
    """A share in [0, 1] as per cent, with more digits where it is small; never a false 0 or 100."""
    if share is None or not math.isfinite(share):
        return ABSENT
    value = 100 * share
    if 0 < abs(value) < 0.01:
        return f"{MINUS if value < 0 else ''}< 0.01 %"
    if 99.95 <= value < 100:
        return "> 99.9 %"
    text = fixed(value, 2 if abs(value) < 1 else 1)
    return f"{text.rstrip('0').rstrip('.')} %"


def score(value: float | None) -> str:
    """A score of 0-100, whole; one decimal where rounding would hide a difference from 0 or 100."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return fixed(value, 1) if 0 < value < 1 or 99 < value < 100 else fixed(value, 0)


def score_range(interval: Interval | None) -> str:
    """An interval of scores or risks, each end as ``score`` shows it."""
    return ABSENT if interval is None else f"{score(interval.low)} to {score(interval.high)}"


def span(interval: Interval | None, digits: int = 3) -> str:
    """An interval with plain numbers."""
    return ABSENT if interval is None else f"{number(interval.low, digits)} to {number(interval.high, digits)}"


def percent_range(interval: Interval | None) -> str:
    """An interval of shares, each end as ``percent`` shows it."""
    return ABSENT if interval is None else f"{percent(interval.low)} to {percent(interval.high)}"


def duration(seconds: float | None) -> str:
    """Seconds below two minutes, minutes and seconds above."""
    if seconds is None or not math.isfinite(seconds):
        return ABSENT
    if seconds < 120:
        return f"{fixed(seconds, 2 if seconds < 10 else 1)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def size(octets: int | None) -> str:
    """Bytes in decimal units."""
    if octets is None:
        return ABSENT
    value = float(octets)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:,.0f} TB"


def cell(value: Json, kind: Kind) -> str:
    """A value of a column: datetimes arrive as seconds since 1970 UTC."""
    if value is None:
        return "–"
    if isinstance(value, (bool, str)):
        return str(value)
    if not math.isfinite(value):
        return ABSENT
    if kind == "datetime":
        try:
            stamp = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=value)
        except OverflowError:
            return number(value)
        return stamp.strftime("%Y-%m-%d" if value % 86_400 == 0 else "%Y-%m-%d %H:%M:%S")
    # Beyond 2**53 a float no longer tells one whole number from the next.
    whole = float(value).is_integer() and abs(value) < (2**53 if kind == "integer" else 1e9)
    return count(value) if whole else number(value, 4)


def short(text: str, limit: int = 40) -> str:
    """``text`` on one line, cut in the middle so that both ends stay readable."""
    line = " ".join(text.split()) or "(empty)"
    if len(line) <= limit:
        return line
    tail = limit // 3
    return f"{line[: limit - tail - 1]}…{line[-tail:]}"
