"""Seeds that come from the data, so that another machine or cluster gives the same verdict."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(*parts: str | int) -> int:
    """A 63-bit seed from any mixture of fingerprints, stage names and indices.

    >>> derive("table", "scan", 0) == derive("table", "scan", 0)
    True
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(*parts: str | int) -> np.random.Generator:
    """A generator of its own for what ``parts`` name; see ``derive``."""
    return np.random.default_rng(derive(*parts))
