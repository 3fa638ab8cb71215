"""Tells before training whether a synthetic table will make the models trained on it collapse.

>>> import synthos
>>> sorted(synthos.__all__)[:3]
['Client', 'Estimate', 'Gate']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from synthos.errors import InputError, SynthosError

if TYPE_CHECKING:
    from synthos.client import Client
    from synthos.estimation.answer import Estimate
    from synthos.estimation.estimate import estimate
    from synthos.flow import Gate, gate, profile, repair, validate
    from synthos.validation import Validation

__all__ = [
    "Client",
    "Estimate",
    "Gate",
    "InputError",
    "SynthosError",
    "Validation",
    "estimate",
    "gate",
    "profile",
    "repair",
    "validate",
]

# Loaded on first use, so that the cascade can be trained where only numpy and torch are installed.
_HOMES = {
    "Client": "synthos.client",
    "Estimate": "synthos.estimation.answer",
    "Gate": "synthos.flow",
    "Validation": "synthos.validation",
    "estimate": "synthos.estimation.estimate",
    "gate": "synthos.flow",
    "profile": "synthos.flow",
    "repair": "synthos.flow",
    "validate": "synthos.flow",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'synthos' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
