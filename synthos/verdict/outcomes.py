"""The three outcomes, always reported apart: floor, rare loss, loop; each with its chance, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping

from synthos.results import CascadeResult, DimensionResult, Failed, Interval, NotApplicable, Outcome, Scored, Utility
from synthos.verdict.calibration import Cascade
from synthos.verdict.chances import RARE_COMPONENT, Chance, RareModel, default_rare_model, error_of, loop_chance

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
#: A table that is already far from real has little left to lose, so that a slope below 0 is no praise.
_STARTS = (
    ", and that does not speak for the table: its first generation already loses {behind:.2f} bits a row more than "
    "that of real rows, and the worse a table starts, the less is left to lose"
)


def outcomes(
    dimensions: Mapping[str, DimensionResult],
    cascade: Cascade,
    utility: Utility | NotApplicable | Failed | None = None,
    *,
    quick: bool,
    floor_chance: Chance | None = None,
    rows: int | None = None,
    rare_model: RareModel | None = None,
) -> dict[str, Outcome | NotApplicable | Failed]:
    """``floor``, ``rare_loss`` (share of mass) and ``loop`` (bits per row and generation), higher is worse.

    The floor is ``rho`` of the cascade, or where that was not trained the utility loss of forests; ``floor_chance`` is
    the verdict's own. ``rows`` are those of the smaller table, for saying when it is unlike all that the chance of a
    rare loss was calibrated on; ``rare_model`` is the packaged one by default.
    """
    rare = _rare_loss(dimensions.get("rare_pattern_handling"), rare_model or default_rare_model(), rows)
    chance = floor_chance or Chance(None, None, "no chance is stated: no forest could be judged on real rows")
    if isinstance(cascade, CascadeResult):
        floor = _with(chance, value=cascade.rho, interval=cascade.rho_interval, unit="rho", meaning=_FLOOR)
        return {"floor": floor, "rare_loss": rare, "loop": _loop(cascade)}
    missing = cascade or NotApplicable(reason=QUICK if quick else NO_MODELS)
    if isinstance(utility, Utility):
        floor = _with(chance, value=utility.loss, interval=utility.interval, unit="utility loss", meaning=_UTILITY)
        return {"floor": floor, "rare_loss": rare, "loop": missing}
    return {"floor": missing, "rare_loss": rare, "loop": missing}


def _with(chance: Chance, *, value: float, interval: Interval, unit: str, meaning: str) -> Outcome:
    return Outcome(
        value=value,
        interval=interval,
        unit=unit,
        meaning=meaning,
        probability=chance.probability,
        probability_interval=chance.interval,
        probability_of=chance.of,
    )


def _loop(cascade: CascadeResult) -> Outcome | NotApplicable:
    loop = cascade.loop
    if loop is None:
        return NotApplicable(reason="the cascade did not refit models on their own output")
    behind = loop.synthetic_bits[0] - loop.reference_bits[0]
    meaning = _LOOP + (_STARTS.format(behind=behind) if loop.slope < 0.0 < behind else "")
    return _with(
        loop_chance(loop), value=loop.slope, interval=loop.interval, unit="bits per row and generation", meaning=meaning
    )


def _rare_loss(result: DimensionResult | None, model: RareModel, rows: int | None) -> Outcome | NotApplicable | Failed:
    if result is None:
        return NotApplicable(reason="rare-pattern handling was not measured")
    if not isinstance(result, Scored):
        return result
    found = {component.name: component for component in result.components}
    if RARE_COMPONENT not in found:
        return NotApplicable(reason="the table has no rare mass that its size can resolve")
    lost = found[RARE_COMPONENT]
    error = error_of(lost)
    if error is None:
        return NotApplicable(reason="the rare mass lost came without a null, so that it has no interval")
    margin = 1.96 * error
    # Chance may leave a sound table with a little more than real: the ends stay on both sides of such a value.
    interval = Interval(
        low=min(lost.value, max(0.0, lost.value - margin)), high=max(lost.value, min(1.0, lost.value + margin))
    )
    chance = model.chance_of(result.components, rows)
    return _with(chance, value=lost.value, interval=interval, unit="share of rare mass", meaning=_RARE)
