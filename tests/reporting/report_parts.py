"""Parts of sample validations, as plain values: no tables, no network, no chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from synthos.dimensions.memorisation import Copies, Memorisation
from synthos.reporting.material import Overlay, PairMap, RowBin, RowMap
from synthos.results import (
    Blame,
    ColumnProfile,
    ColumnUtility,
    Component,
    DimensionResult,
    Interval,
    NotApplicable,
    PiiFlag,
    Scored,
    TableProfile,
    Utility,
)

COLUMNS = ("age", "workclass", "education", "marital", "hours", "gain", "income", "joined", "city", "email")
KINDS = ("integer", "category", "category", "category", "number", "number", "boolean", "datetime", "category", "text")
ROWS = 20_000


def around(value: float, reach: float, low: float = -math.inf, high: float = math.inf) -> Interval:
    return Interval(low=max(low, value - reach), high=min(high, value + reach))


def wobble(*parts: float) -> float:
    """A number in [-1, 1] that looks random and is the same everywhere."""
    return math.sin(sum((k + 1) * 12.9898 * part for k, part in enumerate(parts)) * 43.7585)


def scored(score: float, reach: float, columns: tuple[str, ...] = (), *, notes: tuple[str, ...] = ()) -> Scored:
    component = Component(
        name="excess_divergence",
        value=(100 - score) / 400,
        unit="bits",
        meaning="Jensen-Shannon divergence beyond what real halves differ by, mean over columns",
        null_median=0.0011,
        null_q95=0.0017,
        wreck=0.25,
        score=score,
    )
    tenth = replace(component, name="worst_tenth", value=component.value * 2.4, meaning="the same in the worst tenth")
    shares = [0.5 / 2**k for k in range(len(columns))]
    return Scored(
        score=score,
        interval=around(score, reach, 0, 100),
        resolved=reach <= 10,
        components=(component, tenth),
        blame=tuple(
            Blame(columns=(name,), share=share, detail=f"0.{k + 2} bits apart where chance explains 0.0{k + 1}")
            for k, (name, share) in enumerate(zip(columns, shares, strict=True))
        ),
        notes=notes,
    )


def dimensions(columns: tuple[str, ...] = COLUMNS) -> dict[str, DimensionResult]:
    return {
        "distribution_fidelity": scored(83.4, 2.1, columns[4:6]),
        "correlation_preservation": scored(41.2, 3.8, (columns[2], columns[6], columns[0], columns[3])),
        "diversity_retention": scored(72.9, 4.4),
        "rare_pattern_handling": scored(28.7, 6.1, (columns[5], columns[8])),
        "temporal_stability": NotApplicable(reason="the rows of the reference are exchangeable: no order, no time"),
        "semantic_coherence": scored(64.0, 14.5, (columns[2],), notes=("only 3 functional dependencies were found",)),
        "scale_robustness": scored(55.3, 7.7),
        "statistical_integrity": scored(99.6, 0.4),
    }


def overlays(columns: tuple[str, ...] = COLUMNS) -> tuple[Overlay, ...]:
    found = []
    for k, name in enumerate(columns[:8]):
        count = (24, 3, 16, 7)[k % 4]
        raw = [1 + 0.6 * wobble(k, j) if k % 2 else 1.0 for j in range(count)]
        real = [v / sum(raw) for v in raw]
        shifted = [v * (1 + (0.7 - 0.08 * k) * math.cos(j / count * 3.1)) for j, v in enumerate(real)]
        labels = tuple(f"{j * 5} – {j * 5 + 5}" if k % 2 == 0 else f"{name} value {j}" for j in range(count))
        found.append(
            Overlay(
                name=name,
                kind=KINDS[k],  # type: ignore[arg-type]
                labels=("null", *labels[1:]) if k == 2 else labels,
                reference=tuple(real),
                synthetic=tuple(v / sum(shifted) for v in shifted),
                distance=0.092 / (k + 1) ** 1.6,
                noise=0.0041,
            )
        )
    return tuple(found)


def pair_map(columns: tuple[str, ...] = COLUMNS) -> PairMap:
    shown = columns[:40]
    size = len(shown)
    change = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i):
            change[i][j] = change[j][i] = round(0.2 * wobble(i, j) * abs(wobble(j, i + 3)) ** 3 - 0.01, 5)
    return PairMap(
        columns=shown,
        change=tuple(map(tuple, change)),
        noise=((0.021,) * size,) * size,
        rows=10_000,
        left_out=len(columns) - size,
    )


def row_map(rows: int = ROWS) -> RowMap:
    edges = [round(rows * k / 120) for k in range(121)]
    bins = [
        RowBin(
            start=a,
            stop=b,
            excess=round(0.22 + 0.04 * wobble(a), 4)
            if 0.4 <= a / rows < 0.55
            else 0.03
            if 0.8 <= a / rows < 0.83
            else 0.0,
            column="gain" if a / rows >= 0.4 else None,
        )
        for a, b in pairwise(edges)
    ]
    return RowMap(rows=rows, bins=tuple(bins))


def profile(name: str, rows: int, columns: tuple[str, ...] = COLUMNS) -> TableProfile:
    found = []
    for k, column in enumerate(columns):
        kind = KINDS[k % len(KINDS)]
        numeric = kind in ("integer", "number", "datetime", "text")
        base = 1.6e9 if kind == "datetime" else 10.0
        found.append(
            ColumnProfile(
                name=column,
                kind=kind,  # type: ignore[arg-type]
                dtype={"integer": "Int64", "number": "Float64", "datetime": "Datetime(us)"}.get(kind, "String"),
                rows=rows,
                nulls=rows // 50 if k == 2 else 0,
                distinct=73 + 9 * k if k != 9 else 19_120,
                distinct_error=0.02 if k == 9 else 0.0,
                mean=base * 3.86 if numeric else None,
                std=base * 1.37 if numeric else None,
                minimum=base if numeric else None,
                maximum=base * 9 if numeric and kind != "datetime" else base + 9e7 if numeric else None,
                quantiles={"0.5": base * 3.7} if numeric else {},
                quantile_error=0.005,
                top=() if numeric else (("Private", rows // 2), ("Self-emp", rows // 9), ("State-gov", rows // 30)),
                pii=(PiiFlag(type="email", share=0.997, evidence="matches the pattern of an address"),)
                if k == 9
                else (),
                notes=("96 % of the values are 0",) if k == 5 else (),
            )
        )
    return TableProfile(
        name=name,
        rows=rows,
        columns=tuple(found),
        duplicate_share=0.0123,
        duplicate_error=0.0008,
        quality_score=93.2,
        quality_parts={"completeness": 99.8, "uniqueness": 98.7, "validity": 96.0},
        fingerprint="b2:9f3c51d07ae84b6f",
        bytes=1_840_220,
    )


def memorisation() -> Memorisation:
    """A fifth of the rows copied, judged among the reference's rows."""
    exact = Copies(
        seen=0.207, usual=0.002, share=0.205, interval=around(0.205, 0.006), surely=0.195, rows=ROWS, real_rows=20_190
    )
    near = replace(exact, seen=0.221, usual=0.011, share=0.212, interval=around(0.212, 0.019), surely=0.18, rows=2_000)
    return Memorisation(share=0.205, interval=exact.interval, flagged=True, against="reference", exact=exact, near=near)


def utility(names: Sequence[str] = COLUMNS, loss: float = 0.21) -> Utility:
    """What forests lost in predicting ``names``, the first most."""
    columns = tuple(
        ColumnUtility(
            column=name,
            metric="brier" if at % 2 else "squared_error",
            constant_loss=1.0,
            real_loss=0.4,
            synthetic_loss=0.4 + 0.6 * loss * 1.8 / (1 + at),
            learnable=0.6,
            apparent=loss * 1.8 / (1 + at),
            hidden=0.06 if at == 0 else 0.0,
            loss=loss * 1.8 / (1 + at) + (0.06 if at == 0 else 0.0),
        )
        for at, name in enumerate(names)
    )
    return Utility(
        loss=loss,
        interval=Interval(low=loss - 0.03, high=loss + 0.03),
        hidden=0.004,
        columns=columns,
        judged_on="reference",
        rows=8_000,
        judges=8_000,
        copied=0.0,
        notes=("2 of 12 columns cannot be predicted from the others and were left out",),
    )
