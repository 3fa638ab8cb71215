"""Sample validations of every shape a report has to show, as plain values: no tables, no network, no chance."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from synthos.reporting.context import ReportData
from synthos.reporting.material import Material, Overlay, PairMap, RowBin, RowMap
from synthos.results import (
    Arm,
    ArmLaw,
    Blame,
    CascadeResult,
    ColumnProfile,
    Component,
    DimensionResult,
    DiversityMeasure,
    Epoch,
    Failed,
    Interval,
    Law,
    LoopDrift,
    ModelRun,
    NotApplicable,
    Outcome,
    PiiFlag,
    Recommendation,
    Region,
    ScalePrediction,
    Scored,
    SignatureMatch,
    TableProfile,
    Verdict,
)

COLUMNS = ("age", "workclass", "education", "marital", "hours", "gain", "income", "joined", "city", "email")
KINDS = ("integer", "category", "category", "category", "number", "number", "boolean", "datetime", "category", "text")
HOSTILE = "<script>alert('x')</script>"
ROWS = 20_000
TIERS = (("light", 9_000, 64), ("medium", 70_000, 192), ("heavy", 520_000, 512))


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


def verdict() -> Verdict:
    return Verdict(
        risk_score=46.3,
        risk_interval=Interval(low=39.8, high=53.1),
        risk_level="medium",
        decision="fix_first",
        reasons=(
            "Fix first: risk 46 of 100 (95 % interval 40 to 53) is at or above 20 and below 50.",
            "Rare-pattern handling scores 28.7: what is rare in the reference is thinned out, most of all in gain.",
            "Models trained on the table go 18 % of the way from real to shuffled rows.",
        ),
        collapse_type="rare_pattern",
        collapse_probability=0.71,
        probability_interval=Interval(low=0.48, high=0.87),
        probability_note="not yet calibrated: the weights were set by hand, not learned from outcomes",
        outcomes={
            "floor": Outcome(
                value=0.184,
                interval=Interval(low=0.151, high=0.217),
                unit="rho",
                meaning="how much worse real rows are modelled",
            ),
            "rare_loss": Outcome(
                value=0.372,
                interval=Interval(low=0.298, high=0.441),
                unit="share of rare mass",
                meaning="share of the rare mass of the reference that the table has lost",
            ),
            "loop": Outcome(
                value=0.118,
                interval=Interval(low=0.071, high=0.166),
                unit="bits per row and generation",
                meaning="what each further generation loses beyond real rows treated the same way",
            ),
        },
        open_questions=("Whether the table keeps its order cannot be said: the reference has none.",),
    )


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


def regions() -> tuple[Region, ...]:
    return (
        Region(
            row_range=(8_000, 11_000),
            columns=("gain", "hours"),
            issue="tailcut",
            impact=0.62,
            detail="no value above the 99 % quantile of the reference in 3,000 rows",
            boundary_error=80,
        ),
        Region(
            row_range=(10_500, 13_000),
            columns=("income",),
            issue="label_flip",
            impact=0.31,
            detail="one in three",
            boundary_error=210,
        ),
        Region(
            row_range=(16_100, 16_200),
            columns=(),
            issue="duplicates",
            impact=0.97,
            detail="97 of 100 rows",
            boundary_error=5,
        ),
    )


def recommendations() -> tuple[Recommendation, ...]:
    return (
        Recommendation(
            id="remove-8000-11000",
            kind="remove_rows",
            title="Remove rows 8,000 to 10,999",
            reason="the region has lost the upper tail of gain",
            columns=("gain",),
            affected_rows=3_000,
            expected_gain=14.2,
            gain_note="measured: the light tier retrained without them, against five random blocks of the same size",
            parameters={"row_range": (8_000, 11_000)},
            snippet="import polars as pl\n\ntable = pl.read_parquet('synthetic.parquet')\n"
            "keep = pl.int_range(pl.len()).is_between(8_000, 10_999).not_()\n"
            "table.filter(keep).write_parquet('fixed.parquet')",
        ),
        Recommendation(
            id="mix-real",
            kind="mix_real",
            title="Mix in 10 % fresh real rows",
            reason="a floor that more rows of the same generator cannot mend",
            columns=(),
            affected_rows=2_000,
            expected_gain=None,
            gain_note="not measured: no fresh real rows were given",
            parameters={"ratio": 0.1},
            snippet="synthos repair synthetic.parquet --from result.json --reference real.parquet --out fixed.parquet",
        ),
    )


def full() -> ReportData:
    measure = DiversityMeasure(
        synthetic=5.91,
        reference=6.4,
        ratio=0.923,
        interval=Interval(low=0.902, high=0.944),
        unit="bits",
        meaning="entropy of the binned columns, mean over columns",
        strata=(("cluster 1", 0.97), ("cluster 2", 0.71), ("cluster 3", 1.02)),
    )
    return ReportData(
        verdict=verdict(),
        dimensions=dimensions(),
        diversity={
            "spread": replace(measure, ratio=0.984, interval=Interval(low=0.95, high=1.02), strata=()),
            "uniqueness": replace(measure, ratio=0.71, interval=Interval(low=0.66, high=0.76), unit="share of rows"),
            "balance": replace(measure, ratio=1.07, interval=Interval(low=1.01, high=1.12)),
            "completeness": replace(measure, ratio=0.62, interval=Interval(low=0.55, high=0.68)),
            "entropy": measure,
            "effective_number": replace(
                measure, synthetic=212.0, reference=301.0, ratio=0.704, interval=None, unit="rows"
            ),
            "spectral": replace(measure, ratio=2.4, interval=Interval(low=1.8, high=3.0), strata=()),
            "gradient": NotApplicable(reason="no models were trained on the reference"),
        },
        cascade=cascade(),
        regions=regions(),
        recommendations=recommendations(),
        signatures=(
            SignatureMatch(
                name="tail_cut",
                family="planted defect",
                similarity=0.83,
                description="values past a quantile are missing",
                outcome="utility loss of 0.04 to 0.11 on held-out real rows in 6 of 6 cases",
            ),
        ),
        profiles={"synthetic": profile("synthetic.parquet", ROWS), "reference": profile("real.parquet", 20_190)},
        material=Material(overlays=overlays(), pairs=pair_map(), row_map=row_map()),
        notes=("Column “city” is stored as text in one table and as a category in the other.",),
        settings={"quick": False, "engine": "local", "holdout": None, "command": "synthos validate synthetic.parquet"},
        timings={"read": 0.21, "scan": 1.31, "dimensions": 6.4, "cascade": 71.9, "total": 84.2},
        versions={"synthos": "0.1.0", "python": "3.11.9", "polars": "2.1.0", "torch": "2.13.0"},
        seed=7_411_095_287_771_923,
        fingerprint="c0ffee17d9b04c2a8d11",
    )


def quick() -> ReportData:
    absent = NotApplicable(reason="the quick run trains no models, so that this is left open; run without it")
    data = full()
    return replace(
        data,
        cascade=absent,
        dimensions={**data.dimensions, "scale_robustness": absent},
        verdict=replace(data.verdict, outcomes={**data.verdict.outcomes, "floor": absent, "loop": absent}),
        recommendations=data.recommendations[1:],
    )


def reference_free() -> ReportData:
    absent = NotApplicable(reason="there is no reference table to compare with")
    data = quick()
    return replace(
        data,
        dimensions={
            **dict.fromkeys(data.dimensions, absent),
            "diversity_retention": scored(88.0, 9.0),
            "statistical_integrity": scored(97.2, 1.9),
        },
        diversity={
            "entropy": DiversityMeasure(
                synthetic=5.9, reference=None, ratio=None, interval=None, unit="bits", meaning=""
            )
        },
        verdict=replace(
            data.verdict,
            decision="inconclusive",
            outcomes=dict.fromkeys(("floor", "rare_loss", "loop"), absent),
            collapse_type=None,
            risk_interval=Interval(low=12.0, high=100.0),
        ),
        material=replace(data.material, overlays=absent, pairs=absent),
        profiles={"synthetic": data.profiles["synthetic"]},
        signatures=(),
    )


def failed() -> ReportData:
    data = full()
    broken = Failed(error="the worker that measured it died three times (out of memory)")
    return replace(
        data,
        cascade=Failed(error="training stopped: no space left on device"),
        dimensions={**data.dimensions, "correlation_preservation": broken},
        diversity={**data.diversity, "spread": broken},
        verdict=replace(data.verdict, decision="inconclusive", outcomes={**data.verdict.outcomes, "floor": broken}),
    )


def refused() -> ReportData:
    return replace(full(), cascade=cascade("the loss of the synthetic arm rises with more rows in 4 of 6 sizes"))


def approved() -> ReportData:
    data = full()
    healthy = tuple(replace(o, synthetic=o.reference, distance=0.001) for o in overlays())
    flat = PairMap(columns=COLUMNS, change=((0.0,) * 10,) * 10, noise=((0.02,) * 10,) * 10, rows=10_000, left_out=0)
    calm = RowMap(rows=ROWS, bins=tuple(replace(b, excess=0.0, column=None) for b in row_map().bins))
    return replace(
        data,
        verdict=replace(
            data.verdict,
            risk_score=2.4,
            risk_interval=Interval(low=0.0, high=6.8),
            risk_level="low",
            decision="approved",
            reasons=("Approved: risk 2 of 100 (95 % interval 0 to 7) is below 20.",),
            collapse_type=None,
            collapse_probability=0.012,
            probability_interval=Interval(low=0.001, high=0.06),
            open_questions=(),
        ),
        dimensions={name: scored(99.3, 0.7) for name in data.dimensions},
        regions=(),
        recommendations=(),
        signatures=(),
        notes=(),
        material=Material(overlays=healthy, pairs=flat, row_map=calm),
    )


def wide(columns: int = 200) -> ReportData:
    data = full()
    names = tuple(f"measurement_of_something_{k:04d}_{'long' * (k % 5)}" for k in range(columns))
    return replace(
        data,
        dimensions=dimensions(names),
        profiles={name: profile(name, ROWS, names) for name in ("synthetic", "reference", "holdout")},
        material=Material(overlays=overlays(names), pairs=pair_map(names), row_map=row_map()),
        regions=tuple(replace(data.regions[k % 3], row_range=(k * 90, k * 90 + 60 + 40 * (k % 7))) for k in range(150)),
    )


def hostile() -> ReportData:
    """A script in every place that a user's data reaches."""
    data = full()
    names = tuple(f"{HOSTILE}{k}\"'&</title></style>]]>" for k in range(10))
    bad = "<img src=//evil.example/x onerror=alert(1)>"
    shown = tuple(replace(o, labels=tuple(bad + label for label in o.labels)) for o in overlays(names))
    fix = replace(data.recommendations[0], title=bad, reason=bad, columns=names, id=bad, snippet=f"</code></pre>{bad}")
    return replace(
        data,
        dimensions={**dimensions(names), "temporal_stability": Failed(error=bad)},
        profiles={"synthetic": profile(bad, ROWS, names), "reference": profile(bad, ROWS, names)},
        material=Material(overlays=shown, pairs=pair_map(names), row_map=row_map()),
        regions=tuple(replace(r, columns=names, detail=bad) for r in data.regions),
        recommendations=(fix,),
        verdict=replace(data.verdict, reasons=(bad,), open_questions=(bad,)),
        notes=(bad,),
        settings={bad: bad},
        versions={bad: bad},
        fingerprint=bad,
    )


SAMPLES = {
    "full": full,
    "quick": quick,
    "reference_free": reference_free,
    "failed": failed,
    "refused": refused,
    "approved": approved,
    "wide": wide,
    "hostile": hostile,
}
