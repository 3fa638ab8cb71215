"""The verdict once fixes were tried: where nothing can be done to the table itself, its reasons say so."""

from __future__ import annotations

from dataclasses import replace

from synthos.advice import Advice
from synthos.recommendation.steps import APPLICABLE, NEEDS_REFERENCE
from synthos.results import Verdict

_MOST_TITLES = 3


def say_what_helps(verdict: Verdict, advice: Advice) -> Verdict:
    """``verdict``, and where it asks for fixes that the table itself does not offer, a reason more, after the first."""
    if verdict.decision != "fix_first":
        return verdict
    if any(item.kind in APPLICABLE - NEEDS_REFERENCE for item in advice.recommendations):
        return verdict
    first, *others = verdict.reasons
    return replace(verdict, reasons=(first, _nothing_helps(verdict, advice), *others))


def _nothing_helps(verdict: Verdict, advice: Advice) -> str:
    """What was tried in vain, and what is left to do."""
    tried = [item for item in advice.tried if item.kind not in NEEDS_REFERENCE]
    real = [item for item in advice.recommendations if item.kind in NEEDS_REFERENCE]
    if tried:
        titles = "; ".join(item.title for item in tried[:_MOST_TITLES])
        left = len(tried) - _MOST_TITLES
        titles += f"; and {left} more" if left > 0 else ""
        count = "one fix was" if len(tried) == 1 else f"{len(tried)} fixes were"
        text = f"Nothing can be applied to the table by itself: {count} tried in vain ({titles})"
    else:
        text = "Nothing can be applied to the table by itself: no fix in the catalogue fits what was found"
    gaining = [item.id for item in real if item.expected_gain is not None and item.expected_gain > 0.0]
    if gaining:
        return f"{text}; real rows mixed in do help ({', '.join(gaining)}), and so would a better generator."
    if real:
        ids = ", ".join(item.id for item in real)
        return f"{text}; mend the generator, or mix in real rows ({ids}, whose gain for models is not known)."
    if any(item.kind == "mix_real" for item in advice.tried):
        return f"{text}, and real rows mixed in do not help either: the generator has to be mended."
    if verdict.risk_level == "low":  # it is a fault such as copies that asks for fixes, and real rows undo none
        return f"{text}: mend the generator."
    return f"{text}: mend the generator, or mix in real rows."
