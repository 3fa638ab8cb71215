"""A cascade of sample runs, as plain values: no training, no chance."""

from __future__ import annotations

import math

from report_parts import ROWS, around, wobble

from synthos.results import Arm, ArmLaw, CascadeResult, Epoch, Interval, Law, LoopDrift, ModelRun, ScalePrediction

TIERS = (("light", 9_000, 64), ("medium", 70_000, 192), ("heavy", 520_000, 512))


def _loss(arm: Arm, parameters: float, rows: float) -> float:
    floor, amount = (20.62, 95.0) if arm == "synthetic" else (20.05, 88.0)
    return floor + 12.0 / parameters**0.35 + amount / rows**0.55


def _run(arm: Arm, tier: int, size: int) -> ModelRun:
    name, parameters, width = TIERS[tier]
    rows = round(ROWS * 0.8 / 2 ** (5 - size))
    loss = _loss(arm, parameters, rows) + 0.02 * wobble(tier, size, arm == "synthetic")
    epochs = tuple(
        Epoch(
            epoch=k,
            train_bits=loss + 4 / (k + 1),
            stop_bits=loss + 4.2 / (k + 1),
            gradient_norm=1 / (k + 1),
            seconds=0.1,
        )
        for k in range(12)
    )
    return ModelRun(
        arm=arm,
        tier=name,  # type: ignore[arg-type]
        size_index=size,
        rows=rows,
        width=width,
        depth=2,
        parameters=parameters,
        loss_bits=loss,
        loss_error=0.03,
        own_bits=loss - (0.9 if arm == "synthetic" else 0.0),
        epochs=epochs,
        gradient_noise_scale=230.0 + tier,
        effective_rank=11.4 + tier,
        converged=size > 0,
        seconds=0.8 * (tier + 1) * (size + 1),
        device="cpu",
    )


def cascade(refused: str | None = None) -> CascadeResult:
    runs = {arm: tuple(_run(arm, t, s) for t in range(3) for s in range(6)) for arm in ("synthetic", "reference")}
    laws = {
        arm: ArmLaw(
            floor=20.62 if arm == "synthetic" else 20.05,
            model_coefficient=12.0,
            model_exponent=0.35,
            data_coefficient=95.0 if arm == "synthetic" else 88.0,
            data_exponent=0.55,
            error=0.03,
        )
        for arm in runs
    }
    predictions = []
    for rows in (10**6, 10**7, 10**8, 10**9):
        loss = _loss("synthetic", 520_000, rows)
        far = rows > 100 * 16_000
        predictions.append(
            ScalePrediction(
                rows=rows,
                basis="refused" if refused else "floor" if far else "extrapolated",
                loss_bits=None if refused else loss,
                loss_interval=None if refused else around(loss, 0.09 + 0.03 * math.log10(rows / 16_000)),
                rho=None if refused else 0.171,
                rho_interval=None if refused else around(0.171, 0.05),
                direction=None if refused else "level",
                note=refused or ("past 100 times the largest run only floor and direction are stated" if far else ""),
            )
        )
    return CascadeResult(
        models=runs["synthetic"],
        reference_models=runs["reference"],
        independent_bits=23.4,
        law=Law(
            form="L(N, D) = E + A/N^a + B/D^b",
            synthetic=None if refused else laws["synthetic"],
            reference=None if refused else laws["reference"],
            backtest_error=None if refused else 0.011,
            refused=refused,
        ),
        rho=0.184,
        rho_interval=Interval(low=0.151, high=0.217),
        n_eff=1_430.0,
        n_eff_interval=Interval(low=1_090.0, high=1_880.0),
        n_eff_bound="exact",
        n_eff_note="between two trained sizes",
        predictions=tuple(predictions),
        loop=LoopDrift(
            synthetic_bits=(20.9, 21.12, 21.35),
            reference_bits=(20.3, 20.41, 20.5),
            slope=0.118,
            interval=Interval(low=0.071, high=0.166),
        ),
        train_rows=16_000,
    )
