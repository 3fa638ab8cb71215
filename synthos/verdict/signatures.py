"""Known collapses, and which of them a table resembles.

A case is a table whose harm to models was measured, with its ``fingerprint``. Two fingerprints are compared on the
figures that both have, at least half of those of the known case:

    distance = sqrt(mean min(|f(a) - f(b)| / spread, 4) ** 2)  over those figures,    f(x) = sign(x) sqrt(|x|),

Roots let mild doses be told apart too. ``spread``, one for each figure, is how much it differs between tables that
suffered the same damage (with a tenth of how much it differs at all), so that what tells damages apart on any table
counts most; the limit of 4 keeps one odd figure from deciding. The similarity is

    0.6 ** (distance / reach),

1 for the same figures and 0.6 at ``reach``, the distance within which 19 of 20 known cases have another of their family
on another table. Spreads and reach come with the library. It holds figures of whole tables, no rows and no values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
import numpy.typing as npt

from synthos.results import SignatureMatch
from synthos.verdict.fingerprint import Fingerprint
from synthos.verdict.known import Case, Library, packaged_library
from synthos.verdict.thresholds import Thresholds, default_thresholds

Floats = npt.NDArray[np.float64]
#: Share of a known case's figures that must be measured before a likeness is stated.
LEAST_SHARED = 0.5
#: Spreads that one figure may count at most.
MOST_SPREADS = 4.0
#: Similarity at ``Library.reach``.
AT_REACH = 0.6
#: Cases of a family that say what became of it: at most so many, at most so many times as far as the nearest.
MOST_NEAREST, FURTHEST = 5, 1.5


def rooted(values: Floats) -> Floats:
    """``sign(x) sqrt(|x|)`` of figures, NaN where there is none."""
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def distances(seen: Fingerprint, cases: Sequence[Case], spreads: Mapping[str, float]) -> Floats:
    """Distance to each case, >= 0, shape (cases,); NaN where less than half of a case's figures were measured.

    Figures without a spread are left out: nobody has seen how much they differ by chance.
    """
    names = list(spreads)
    width = np.array([spreads[name] for name in names])
    own = rooted(np.array([seen.get(name, math.nan) for name in names]))
    known = rooted(np.array([[case.figures.get(name, math.nan) for name in names] for case in cases]))
    known = known.reshape(len(cases), len(names))
    apart = np.minimum(np.abs(known - own) / width, MOST_SPREADS)
    shared = np.isfinite(apart)
    enough = shared.sum(axis=1) >= np.maximum(LEAST_SHARED * np.isfinite(known).sum(axis=1), 1)
    squares = np.where(shared, apart, 0.0) ** 2
    return np.asarray(np.where(enough, np.sqrt(squares.sum(axis=1) / np.maximum(shared.sum(axis=1), 1)), np.nan))


def similarity(distance: float, reach: float) -> float:
    """In [0, 1]: 1 for no distance, ``AT_REACH`` at ``reach``."""
    return float(AT_REACH ** (distance / reach))


def nearest_cases(apart: Floats, cases: Sequence[Case]) -> dict[str, list[int]]:
    """The nearest cases of each family by their places in ``cases``, nearest first, and so are the families.

    ``apart`` : distance to each case, NaN where there is none, shape (cases,).
    """
    families: dict[str, list[int]] = {}
    for index in np.argsort(apart, kind="stable"):
        if not np.isfinite(apart[index]):
            break  # they come last
        members = families.setdefault(cases[index].family, [])
        if not members or (len(members) < MOST_NEAREST and apart[index] <= FURTHEST * apart[members[0]]):
            members.append(int(index))
    return families


def match(
    seen: Fingerprint, *, library: Library | None = None, thresholds: Thresholds | None = None
) -> tuple[SignatureMatch, ...]:
    """The families of known cases most like this table, most similar first, each with its nearest case's name.

    Only those with a similarity of ``thresholds.least_similarity`` or more, at most ``most_matches``; empty where the
    table is like none of them, or shares too few figures with all of them, as without a reference.
    """
    library, limits = library or packaged_library(), thresholds or default_thresholds()
    apart = distances(seen, library.cases, library.spreads)
    found = []
    for family, members in nearest_cases(apart, library.cases).items():
        nearest = [library.cases[index] for index in members]
        alike = similarity(float(apart[members[0]]), library.reach)
        if alike < limits.least_similarity:
            break
        harms = [case.harm for case in nearest]
        found.append(
            SignatureMatch(
                name=nearest[0].name,
                family=family,
                similarity=alike,
                description=nearest[0].description,
                outcome=outcome(harms),
                cases=len(harms),
                harm=median(harms),
                harm_range=(min(harms), max(harms)),
            )
        )
    return tuple(found[: limits.most_matches])


def outcome(harms: Sequence[float]) -> str:
    """What became of models trained on tables with these harms, in words. At least one harm is needed.

    >>> outcome([0.02, 0.12, 0.07])
    'models trained on the 3 nearest known cases lost 2% to 12% of what real rows teach, 7% in the middle'
    """
    low, high = _share(min(harms)), _share(max(harms))
    if len(harms) == 1:
        return f"models trained on the one known case lost {low} of what real rows teach"
    nearest = f"models trained on the {len(harms)} nearest known cases lost"
    if low == high:
        return f"{nearest} {low} of what real rows teach, all alike"
    return f"{nearest} {low} to {high} of what real rows teach, {_share(median(harms))} in the middle"


def _share(harm: float) -> str:
    """A harm for people; beyond 100 % models are worse than ones that know no dependence, which is all of it."""
    return f"{min(max(harm, 0.0), 1.0):.0%}"
