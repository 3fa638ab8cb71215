"""Answers of dimensions and cascade built by hand, for the tests of the verdict."""

from __future__ import annotations

from synthos.results import (
    DIMENSIONS,
    Blame,
    CascadeResult,
    ColumnUtility,
    Component,
    DimensionResult,
    Interval,
    Law,
    LoopDrift,
    Scored,
    Utility,
)

ROWS = {"synthetic": 8_000, "reference": 8_000}


def scored(
    score: float, margin: float = 1.0, *, columns: tuple[str, ...] = ("age",), components: tuple[Component, ...] = ()
) -> Scored:
    interval = Interval(low=max(0.0, score - margin), high=min(100.0, score + margin))
    return Scored(
        score=score,
        interval=interval,
        resolved=interval.high - interval.low <= 20.0,
        components=components,
        blame=(Blame(columns=columns, share=0.6, detail="shifted"),),
    )


def sound(**changed: DimensionResult) -> dict[str, DimensionResult]:
    """Eight answers like those of a fresh real sample, some of them changed."""
    dimensions: dict[str, DimensionResult] = {name: scored(99.0) for name in DIMENSIONS}
    assert set(changed) <= set(dimensions)
    return dimensions | changed


def rare_mass(value: float, null_q95: float | None = 0.03) -> Component:
    return Component(
        name="rare_mass_lost",
        value=value,
        unit="share",
        meaning="rare mass lost",
        null_median=None if null_q95 is None else 0.01,
        null_q95=null_q95,
    )


def lost(loss: float, error: float = 0.01) -> Utility:
    """What forests lost, with a standard error of ``error``."""
    columns = tuple(
        ColumnUtility(
            column=f"c{at}",
            metric="brier",
            constant_loss=0.8,
            real_loss=0.4,
            synthetic_loss=0.4 + 0.4 * loss,
            learnable=0.5,
            apparent=loss,
            hidden=0.0,
            loss=loss,
        )
        for at in range(12)
    )
    return Utility(
        loss=loss,
        interval=Interval(low=loss - 1.96 * error, high=loss + 1.96 * error),
        hidden=0.0,
        columns=columns,
        judged_on="reference",
        rows=8_000,
        judges=8_000,
        copied=0.0,
    )


def cascade(rho: float = 0.0, margin: float = 0.02, *, loop: bool = True, refused: str | None = None) -> CascadeResult:
    """A cascade without its models: what the verdict reads of it."""
    return CascadeResult(
        models=(),
        reference_models=(),
        independent_bits=30.0,
        law=Law(form="none", synthetic=None, reference=None, backtest_error=None, refused=refused),
        rho=rho,
        rho_interval=Interval(low=rho - margin, high=rho + margin),
        n_eff=1_234.0,
        n_eff_interval=Interval(low=900.0, high=1_500.0),
        n_eff_bound="exact",
        n_eff_note="",
        predictions=(),
        loop=LoopDrift(
            synthetic_bits=(20.0, 21.0), reference_bits=(20.0, 20.4), slope=0.6, interval=Interval(low=0.2, high=1.0)
        )
        if loop
        else None,
        train_rows=6_000,
    )
