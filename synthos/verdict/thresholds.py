"""Where a verdict turns: the levels, when to approve, what to name. Read from YAML, checked on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from synthos.errors import ConfigError
from synthos.results import RiskLevel

#: Allowed range of every setting, by section and name.
_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "levels": {"medium": (0, 100), "high": (0, 100)},
    "approval": {"highest_upper_risk": (0, 100), "mend_below": (0, 100), "most_copied": (0, 1)},
    "reasons": {"name_scores_below": (0, 100), "most_named": (1, 8)},
    "probability": {"logit_margin": (0, 10)},
    "signatures": {"least_similarity": (0, 1), "most_matches": (1, 20)},
}
_WHOLE = {"most_named", "most_matches"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Every limit of the verdict; the packaged ``thresholds.yaml`` says what each one does.

    ``medium``, ``high``, ``highest_upper_risk`` are risk points (0-100, higher is worse); ``name_scores_below`` and
    ``mend_below`` are dimensions' scores (0-100, higher is better); ``logit_margin`` is in logits; the rest are shares
    or counts.
    """

    medium: float
    high: float
    highest_upper_risk: float
    mend_below: float
    most_copied: float
    name_scores_below: float
    most_named: int
    logit_margin: float
    least_similarity: float
    most_matches: int

    def level(self, risk: float) -> RiskLevel:
        """``low < medium <= medium < high <= high``."""
        if risk < self.medium:
            return "low"
        return "medium" if risk < self.high else "high"


@cache
def default_thresholds() -> Thresholds:
    """The packaged limits."""
    text = files("synthos.verdict").joinpath("thresholds.yaml").read_text(encoding="utf-8")
    return parse_thresholds(yaml.safe_load(text), where="thresholds.yaml")


def load_thresholds(path: str | Path | None = None) -> Thresholds:
    """The packaged limits, overridden by those in the YAML file ``path``.

    Raises
    ------
    ConfigError : the file cannot be read or parsed, names a setting that does not exist, or holds a value out of range.
    """
    if path is None:
        return default_thresholds()
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the thresholds ({error.strerror})", where=str(path), fix="check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        summary = " ".join(str(error).split())
        raise ConfigError(f"not valid YAML ({summary})", where=str(path), fix="correct the file") from error
    return parse_thresholds(document, where=str(path), base=default_thresholds())


def parse_thresholds(document: Any, *, where: str, base: Thresholds | None = None) -> Thresholds:
    """Check ``document`` (sections of settings, as parsed from YAML) and lay it over ``base``.

    Raises
    ------
    ConfigError : names the place and the setting that is wrong; also where no ``base`` fills what is missing.
    """
    values: dict[str, Any] = {}
    for section, settings in _mapping(document, where, "the file").items():
        if section not in _RANGES:
            raise ConfigError(f"unknown section {section!r}", where=where, fix=f"use one of {', '.join(_RANGES)}")
        for name, value in _mapping(settings, where, str(section)).items():
            if name not in _RANGES[section]:
                known = ", ".join(_RANGES[section])
                raise ConfigError(f"unknown setting {section}.{name}", where=where, fix=f"use one of {known}")
            values[name] = _value(section, str(name), value, where)
    names = [name for settings in _RANGES.values() for name in settings]
    for name in names:
        if name not in values and base is None:
            raise ConfigError(f"{name} is missing", where=where, fix="add it")
        values.setdefault(name, getattr(base, name, None))
    if not values["medium"] < values["high"]:
        raise ConfigError(
            f"levels.medium ({values['medium']:g}) must be below levels.high ({values['high']:g})",
            where=where,
            fix="lower medium or raise high",
        )
    return Thresholds(**values)


def _mapping(document: Any, where: str, what: str) -> Mapping[Any, Any]:
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{what} must hold names and values", where=where, fix="write 'name: value' lines")
    return document


def _value(section: str, name: str, value: Any, where: str) -> float | int:
    low, high = _RANGES[section][name]
    kinds = int if name in _WHOLE else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not low <= value <= high:
        wanted = "a whole number" if name in _WHOLE else "a number"
        raise ConfigError(
            f"{section}.{name} is {value!r}", where=where, fix=f"give {wanted} between {low:g} and {high:g}"
        )
    return int(value) if name in _WHOLE else float(value)
