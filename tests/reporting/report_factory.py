"""Sample validations of every shape a report has to show, as plain values: no tables, no network, no chance."""

from __future__ import annotations

from dataclasses import replace

from report_findings import recommendations, regions, tried, verdict
from report_models import cascade
from report_parts import COLUMNS, ROWS, dimensions, memorisation, overlays, pair_map, profile, row_map, scored, utility

from synthos.dimensions.memorisation import NO_REFERENCE
from synthos.reporting.context import ReportData
from synthos.reporting.material import Material, PairMap, RowMap
from synthos.results import DiversityMeasure, Failed, Interval, NotApplicable, SignatureMatch

HOSTILE = "<script>alert('x')</script>"


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
        utility=utility(),
        memorisation=memorisation(),
        regions=regions(),
        recommendations=recommendations(),
        tried=tried(),
        signatures=(
            SignatureMatch(
                name="tail_cut",
                family="planted defect",
                similarity=0.83,
                description="values past a quantile are missing",
                outcome="utility loss of 0.04 to 0.11 on held-out real rows in 6 of 6 cases",
                cases=6,
                harm=0.07,
                harm_range=(0.04, 0.11),
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
    absent = NotApplicable(reason="the quick mode trains no density models; validate again without it")
    data = full()
    return replace(
        data,
        cascade=absent,
        dimensions={**data.dimensions, "scale_robustness": absent},
        verdict=replace(data.verdict, outcomes={**data.verdict.outcomes, "floor": absent, "loop": absent}),
        recommendations=data.recommendations[1:],
        tried=(),
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
        utility=absent,
        memorisation=NO_REFERENCE,
        profiles={"synthetic": data.profiles["synthetic"]},
        signatures=(),
    )


def failed() -> ReportData:
    data = full()
    broken = Failed(error="the worker that measured it died three times (out of memory)")
    return replace(
        data,
        cascade=Failed(error="training stopped: no space left on device"),
        utility=broken,
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
        tried=(),
        signatures=(),
        notes=(),
        utility=utility(loss=0.004),
        material=Material(overlays=healthy, pairs=flat, row_map=calm),
    )


def wide(columns: int = 200) -> ReportData:
    data = full()
    names = tuple(f"measurement_of_something_{k:04d}_{'long' * (k % 5)}" for k in range(columns))
    return replace(
        data,
        dimensions=dimensions(names),
        utility=utility(names[:14]),
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
    vain = replace(data.tried[0], title=bad, reason=bad, columns=names, id=bad, measured=bad, why=bad)
    return replace(
        data,
        utility=utility(names),
        dimensions={**dimensions(names), "temporal_stability": Failed(error=bad)},
        profiles={"synthetic": profile(bad, ROWS, names), "reference": profile(bad, ROWS, names)},
        material=Material(overlays=shown, pairs=pair_map(names), row_map=row_map()),
        regions=tuple(replace(r, columns=names, detail=bad) for r in data.regions),
        recommendations=(fix,),
        tried=(vain,),
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
