"""The types of what to do about a table: what is recommended, what it promises, and what was tried and left out.

Data only, as in ``results``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from synthos.results import Interval, Json

RecommendationKind = Literal[
    "remove_rows", "deduplicate", "reweight", "mix_real", "regenerate_rare", "refit_dependence", "resort", "drop_column"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What forests foretell of a fix: the utility loss of the table as it is and once mended, at the same rows a table.

    ``before`` and ``after`` are the loss to expect on real rows that nobody was shown (0 as good as real rows, 1 as bad
    as a constant), as measured, not drawn towards 0 by their errors as ``Verdict.expected_loss`` is. ``drop`` is the
    interval of ``before - after``. ``beside`` are the ids of the fixes that were in place already, before and after.
    """

    before: float
    after: float
    drop: Interval
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One thing to do.

    ``expected_gain`` is what it takes off the verdict's risk, in points (higher is better): the share of the risk that
    forests trained on the mended sample foretell (``prediction``). Where no forest could be judged on real rows, it is
    in points of the risk that likeness alone gives. None where it was not measured; ``gain_note`` says how it was had.
    ``parameters`` is what ``repair`` reads; ``snippet`` runs as it stands.
    """

    id: str
    kind: RecommendationKind
    title: str
    reason: str
    columns: tuple[str, ...]
    affected_rows: int
    expected_gain: float | None
    gain_note: str
    parameters: dict[str, Json | tuple[int, int] | tuple[str, ...]]
    snippet: str
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A fix that was tried on a sample and is not recommended, since it did not help.

    ``reason`` is what spoke for it, ``measured`` what its trial gave, ``why`` the rule by which it was left out.
    ``drop`` is the interval of the utility loss that forests would lose less by it (above 0 is better); None where
    forests had no say.
    """

    id: str
    kind: RecommendationKind
    title: str
    reason: str
    columns: tuple[str, ...]
    affected_rows: int
    measured: str
    why: str
    drop: Interval | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """All that is recommended, best first, and what was tried in vain, in the order of the trials."""

    recommendations: tuple[Recommendation, ...] = ()
    tried: tuple[Tried, ...] = ()
