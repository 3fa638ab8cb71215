"""Plain words for the names that results use."""

from __future__ import annotations

from synthos.advice import RecommendationKind
from synthos.results import CollapseType, Decision, RiskLevel
from synthos.verdict.issue_words import ISSUES

__all__ = [
    "APPROVED_ALTHOUGH",
    "COLLAPSE_TYPES",
    "DECISIONS",
    "DIMENSIONS",
    "GAINS",
    "ISSUES",
    "KINDS",
    "LEVELS",
    "OUTCOMES",
    "UNKNOWN_LEVEL",
    "dimension",
    "humane",
    "level",
]

DIMENSIONS: dict[str, tuple[str, str]] = {
    "distribution_fidelity": ("Distribution fidelity", "each column taken alone"),
    "correlation_preservation": ("Correlation preservation", "how columns depend on each other"),
    "diversity_retention": ("Diversity retention", "how much variety is left"),
    "rare_pattern_handling": ("Rare-pattern handling", "rare categories, combinations and tails"),
    "temporal_stability": ("Temporal stability", "order and time"),
    "semantic_coherence": ("Semantic coherence", "whether rows make sense"),
    "scale_robustness": ("Scale robustness", "what happens with more rows"),
    "statistical_integrity": ("Statistical integrity", "whether the table itself is sound"),
}

#: Advice where a table is approved although something is named that is not as in real rows.
APPROVED_ALTHOUGH = "The risk is low, although not everything is as in real rows: see what is named below."

DECISIONS: dict[Decision, tuple[str, str]] = {
    "approved": ("Approved", "Nothing that was measured speaks against training on this table."),
    "fix_first": ("Fix first", "Mend what is listed below, then validate again."),
    "rejected": ("Rejected", "Do not train on this table."),
    "inconclusive": ("Inconclusive", "The evidence does not carry a decision; see what could not be judged."),
}

LEVELS: dict[RiskLevel, str] = {"low": "low risk", "medium": "medium risk", "high": "high risk"}
UNKNOWN_LEVEL = "level of risk not known"

OUTCOMES: dict[str, tuple[str, str]] = {
    "floor": ("Floor", "Does it teach less than real rows?"),
    "rare_loss": ("Rare loss", "Is what is rare in the real table gone?"),
    "loop": ("Loop", "Would retraining on its own output drift further?"),
}

COLLAPSE_TYPES: dict[CollapseType, str] = {
    "distribution": "single columns drift",
    "correlation": "columns come apart",
    "rare_pattern": "rare patterns vanish",
    "temporal": "order and time are lost",
    "semantic": "rows stop making sense",
    "integrity": "the table itself is damaged",
}

#: What the gain of a recommendation is counted in.
GAINS = "gains in points of the risk, 0 to 100"

KINDS: dict[RecommendationKind, str] = {
    "remove_rows": "remove rows",
    "deduplicate": "deduplicate",
    "reweight": "re-weight",
    "mix_real": "mix in real rows",
    "regenerate_rare": "regenerate rare bands",
    "refit_dependence": "re-fit dependence",
    "resort": "re-sort",
    "drop_column": "drop a column",
}


def humane(name: str) -> str:
    """A machine name as words.

    >>> humane("effective_number")
    'Effective number'
    """
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def level(name: RiskLevel | None) -> str:
    """The risk level in words; None where it is not known."""
    return UNKNOWN_LEVEL if name is None else LEVELS[name]


def dimension(name: str) -> str:
    """The dimension's title; the name as words where it is not one of the eight."""
    return DIMENSIONS[name][0] if name in DIMENSIONS else humane(name)
