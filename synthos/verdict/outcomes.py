"""The three outcomes, always reported apart: floor, rare loss, loop."""

from __future__ import annotations

from collections.abc import Mapping

from synthos.results import CascadeResult, DimensionResult, Failed, Interval, NotApplicable, Outcome, Scored, Utility
from synthos.verdict.calibration import Cascade

#: The component of ``rare_pattern_handling`` that the second outcome is read from.
RARE_COMPONENT = "rare_mass_lost"
QUICK = "the quick mode trains no density models; validate again without it, and with a reference table"
NO_MODELS = "no models were trained"
_FLOOR = (
    "how much worse real rows are modelled after training on this table, at the largest size trained on: "
    "0 as good as real rows, 1 as bad as shuffled columns"
)
_UTILITY = (
    "how much worse forests predict real rows after training on this table: 0 as well as after real rows, 1 no better "
    "than a constant"
)
_RARE = "share of the rare mass of the reference that the table has lost"
_LOOP = (
    "how much more each further generation, trained on its own output, loses than real rows treated the same way; "
    "below 0 it loses less"
)


def outcomes(
    dimensions: Mapping[str, DimensionResult],
    cascade: Cascade,
    utility: Utility | NotApplicable | Failed | None = None,
    *,
    quick: bool,
) -> dict[str, Outcome | NotApplicable | Failed]:
    """``floor``, ``rare_loss`` (share of mass) and ``loop`` (bits per row and generation), higher is worse.

    The floor is ``rho`` of the cascade, or where that was not trained the utility loss of forests.
    """
    rare = _rare_loss(dimensions.get("rare_pattern_handling"))
    if isinstance(cascade, CascadeResult):
        return {"floor": _floor(cascade), "rare_loss": rare, "loop": _loop(cascade)}
    if isinstance(utility, Utility):
        floor = Outcome(value=utility.loss, interval=utility.interval, unit="utility loss", meaning=_UTILITY)
        missing = cascade or NotApplicable(reason=QUICK if quick else NO_MODELS)
        return {"floor": floor, "rare_loss": rare, "loop": missing}
    missing = cascade or NotApplicable(reason=QUICK if quick else NO_MODELS)
    return {"floor": missing, "rare_loss": rare, "loop": missing}


def _floor(cascade: CascadeResult) -> Outcome:
    return Outcome(value=cascade.rho, interval=cascade.rho_interval, unit="rho", meaning=_FLOOR)


def _loop(cascade: CascadeResult) -> Outcome | NotApplicable:
    loop = cascade.loop
    if loop is None:
        return NotApplicable(reason="the cascade did not refit models on their own output")
    return Outcome(value=loop.slope, interval=loop.interval, unit="bits per row and generation", meaning=_LOOP)


def _rare_loss(result: DimensionResult | None) -> Outcome | NotApplicable | Failed:
    if result is None:
        return NotApplicable(reason="rare-pattern handling was not measured")
    if not isinstance(result, Scored):
        return result
    found = [component for component in result.components if component.name == RARE_COMPONENT]
    if not found:
        return NotApplicable(reason="the table has no rare mass that its size can resolve")
    lost = found[0]
    if lost.null_q95 is None or lost.null_median is None:
        return NotApplicable(reason="the rare mass lost came without a null, so that it has no interval")
    # What real halves of the same size differ by is the figure's own error: its 95 % point is 1.645 standard errors.
    error = 1.96 / 1.645 * max(lost.null_q95 - lost.null_median, 0.0)
    # Chance may leave a sound table with a little more than real: the ends stay on both sides of such a value.
    interval = Interval(
        low=min(lost.value, max(0.0, lost.value - error)), high=max(lost.value, min(1.0, lost.value + error))
    )
    return Outcome(value=lost.value, interval=interval, unit="share of rare mass", meaning=_RARE)
