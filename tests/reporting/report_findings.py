"""What a sample validation concludes: verdict, regions, recommendations."""

from __future__ import annotations

from synthos.advice import Recommendation, Tried
from synthos.results import Interval, Outcome, Region, Verdict


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
        expected_loss=0.236,
        expected_loss_interval=Interval(low=0.148, high=0.362),
        collapse_probability=0.71,
        probability_interval=Interval(low=0.48, high=0.87),
        probability_note="not yet calibrated: the weights were set by hand, not learned from outcomes",
        outcomes={
            "floor": Outcome(
                value=0.184,
                interval=Interval(low=0.151, high=0.217),
                unit="rho",
                meaning="how much worse real rows are modelled",
                probability=0.71,
                probability_interval=Interval(low=0.48, high=0.87),
                probability_of="chance that a model trained on this table loses more than 10 % of what real rows teach",
            ),
            "rare_loss": Outcome(
                value=0.372,
                interval=Interval(low=0.298, high=0.441),
                unit="share of rare mass",
                meaning="share of the rare mass of the reference that the table has lost",
                probability=0.98,
                probability_interval=Interval(low=0.93, high=0.99),
                probability_of="chance that more than 10 % of the rare mass of real rows is gone",
            ),
            "loop": Outcome(
                value=0.118,
                interval=Interval(low=0.071, high=0.166),
                unit="bits per row and generation",
                meaning="what each further generation loses beyond real rows treated the same way",
                probability=0.96,
                probability_of="chance that the loss grows faster than that of real rows; not calibrated",
            ),
        },
        open_questions=("Whether the table keeps its order cannot be said: the reference has none.",),
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


def tried() -> tuple[Tried, ...]:
    return (
        Tried(
            id="reweight-1",
            kind="reweight",
            title="Thin rows to the reference's proportions of city",
            reason="9 % of the rows would have to change their city to match the reference",
            columns=("city",),
            affected_rows=4_100,
            measured="forests lose 0.236 before and 0.241 after (-0.021 to +0.011 less)",
            why="models would not clearly lose less",
            drop=Interval(low=-0.021, high=0.011),
        ),
    )
