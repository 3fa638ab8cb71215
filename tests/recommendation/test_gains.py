"""A gain is told from chance by random blocks as long as what the fix takes away."""

from __future__ import annotations

import polars as pl
import pytest
from tall_people import KINDS, advice, evidence, height_risk, table

from synthos.errors import AlignmentError
from synthos.recommendation.gains import CONTROL_SHARE, CONTROLS, Score, Workbench
from synthos.recommendation.mending import mixed_types
from synthos.results import NotApplicable
from synthos.sampling.assemble import evidence_from_frames
from synthos.sampling.evidence import Evidence
from synthos.verdict.thresholds import default_thresholds, parse_thresholds


def height_score(item: Evidence) -> Score:
    return Score(height_risk(item))


class Watch:
    """A risk that remembers every table it was asked about."""

    def __init__(self) -> None:
        self.tables: list[pl.DataFrame] = []

    def __call__(self, item: Evidence) -> Score:
        self.tables.append(item.synthetic.frame)
        return height_score(item)

    def heights(self) -> list[int]:
        """Rows of the tables since the last call."""
        seen, self.tables = [frame.height for frame in self.tables], []
        return seen


def bench(frame: pl.DataFrame, watch: Watch, suspects: tuple[tuple[int, int], ...] = ()) -> Workbench:
    made = Workbench(evidence(frame, table(seed=1)), watch, default_thresholds(), suspects)
    assert watch.heights() == [frame.height]
    return made


def test_blocks_are_as_long_as_what_is_removed_and_each_fix_has_its_own() -> None:
    watch = Watch()
    work = bench(table(1_500), watch)
    for start, stop in ((100, 400), (700, 800)):
        gain = work.measure(advice("remove_rows", row_range=(start, stop)))
        rows = stop - start
        assert watch.heights() == [1_500 - rows] * (1 + CONTROLS)
        assert f"random blocks of {rows} others" in gain.note
    gain = work.measure(advice("resort", by=None))
    assert watch.heights() == [1_500, *[round(1_500 * (1 - CONTROL_SHARE))] * CONTROLS]
    assert "random blocks of 150 others" in gain.note


def test_fixes_that_take_no_rows_away_share_their_blocks() -> None:
    watch = Watch()
    work = bench(table(1_500), watch)
    first = work.measure(advice("resort", by=None))
    watch.heights()
    second = work.measure(advice("resort", by="town"))
    assert watch.heights() == [1_500]
    assert first.note.split("; ")[1] == second.note.split("; ")[1]


def test_scattered_rows_count_as_removed() -> None:
    watch = Watch()
    repeated = pl.concat([table(1_200), table(1_200)[:300]])
    gain = bench(repeated, watch).measure(advice("deduplicate", columns=("height",), most_copies=1))
    assert watch.heights() == [1_200] * (1 + CONTROLS)
    assert "random blocks of 300 others" in gain.note


def test_blocks_leave_what_is_suspected_alone() -> None:
    watch = Watch()
    frame = table(1_500).with_row_index("place")
    tall = frame.with_columns(
        pl.when(pl.col("place").is_between(300, 899)).then(pl.col("height") + 30.0).otherwise("height").alias("height")
    ).drop("place")
    work = bench(tall, watch, ((300, 600), (600, 900)))
    gain = work.measure(advice("remove_rows", row_range=(300, 600)))
    assert watch.tables and gain.helps
    guilty = tall["height"][300:900]
    for control in watch.tables[1:]:
        assert guilty.is_in(control["height"].to_list()).all()


def test_a_fix_that_removes_most_rows_is_compared_with_shorter_blocks_and_says_so() -> None:
    watch = Watch()
    gain = bench(table(1_500), watch).measure(advice("remove_rows", row_range=(0, 900)))
    assert watch.heights() == [600, 1_200, 1_200]
    assert "random blocks of 300 others" in gain.note


@pytest.mark.parametrize("rows", [500, 540])
def test_where_no_rows_can_be_spared_there_is_no_control_and_no_zero(rows: int) -> None:
    watch = Watch()
    gain = bench(table(rows), watch).measure(advice("resort", by=None))
    assert watch.heights() == [rows]
    assert "too few rows to show what chance does" in gain.note and "blocks" not in gain.note
    assert gain.points == pytest.approx(0.0, abs=1e-9) and not gain.helps


def test_the_note_says_how_many_blocks_and_on_which_scale() -> None:
    gain = bench(table(1_500), Watch()).measure(advice("resort", by=None))
    assert f"any of {CONTROLS} random blocks of 150 others" in gain.note
    assert "risk without the cascade" in gain.note


def chairs() -> pl.DataFrame:
    """Rows 600 to 1200 stand on chairs, which makes a risk of 60."""
    return table().with_columns(
        pl.when(pl.int_range(3_000).is_between(600, 1_199))
        .then(pl.col("height") + 30)
        .otherwise("height")
        .alias("height")
    )


def test_what_is_low_is_for_the_given_thresholds_to_say() -> None:
    item = evidence(chairs(), table(seed=1))
    for medium, low in ((20, True), (1, False), (99, False)):  # never low, as against low from the start
        settings = {"levels": {"medium": medium, "high": 100}}
        work = Workbench(item, height_score, parse_thresholds(settings, where="here", base=default_thresholds()))
        gain = work.measure(advice("remove_rows", row_range=(600, 1_200)))
        assert gain.points == pytest.approx(55.0, abs=5.0)
        assert work.makes_low(gain) == low, medium


def test_a_part_that_falls_silent_is_no_gain() -> None:
    """Without the rows on chairs the risk falls, only because nobody speaks of correlations any more."""

    def score(item: Evidence) -> Score:
        parts = {"distribution_fidelity", *(["correlation_preservation"] * (item.synthetic.frame.height == 3_000))}
        return Score(height_risk(item), frozenset(parts))

    work = Workbench(evidence(chairs(), table(seed=1)), score, default_thresholds())
    gain = work.measure(advice("remove_rows", row_range=(600, 1_200)))
    assert gain.points is None and not work.makes_low(gain)
    assert gain.note.startswith("not measured") and "correlation preservation" in gain.note
    shuffled = work.measure(advice("resort", by=None))
    assert shuffled.points is not None and "what chance does to it cannot be shown" in shuffled.note


def test_a_part_with_nothing_left_to_judge_is_no_obstacle_unless_its_column_went() -> None:
    def score(item: Evidence) -> Score:
        parts = {"distribution_fidelity", "temporal_stability"}
        if item.synthetic.frame.equals(chairs()):
            return Score(height_risk(item), frozenset(parts))
        return Score(height_risk(item), frozenset({"distribution_fidelity"}), frozenset({"temporal_stability"}))

    work = Workbench(evidence(chairs(), table(seed=1)), score, default_thresholds())
    gain = work.measure(advice("remove_rows", row_range=(600, 1_200)))
    assert gain.points == pytest.approx(55.0, abs=5.0) and gain.helps
    assert "nothing is left for temporal stability to judge" in gain.note
    dropped = work.measure(advice("drop_column", columns=("weight",)))
    assert dropped.points is None and "temporal stability" in dropped.note


def test_what_cannot_be_scored_is_not_measured_and_says_why() -> None:
    def score(item: Evidence) -> Score | NotApplicable:
        whole = item.synthetic.frame.height == 3_000
        return height_score(item) if whole else NotApplicable(reason="nothing can be told from chance")

    item = evidence(chairs(), table(seed=1))
    gain = Workbench(item, score, default_thresholds()).measure(advice("remove_rows", row_range=(600, 1_200)))
    assert gain.points is None and "nothing can be told from chance" in gain.note
    blind = Workbench(item, lambda e: NotApplicable(reason="all dimensions broke"), default_thresholds())
    gain = blind.measure(advice("remove_rows", row_range=(600, 1_200)))
    assert gain.points is None and gain.note == "not measured: all dimensions broke" and not blind.makes_low(gain)


@pytest.mark.parametrize("holdout", [None, table(5_000, seed=2)])
def test_a_holdout_judges_the_sample_the_mended_one_and_the_controls_alike(holdout: pl.DataFrame | None) -> None:
    seen: list[tuple[list[str], pl.DataFrame | None]] = []

    def score(item: Evidence) -> Score:
        seen.append((list(item.columns), None if item.holdout is None else item.holdout.frame))
        return height_score(item)

    work = Workbench(
        evidence_from_frames(table(1_500), table(seed=1), holdout, kinds=KINDS), score, default_thresholds()
    )
    work.measure(advice("remove_rows", row_range=(100, 400)))
    work.measure(advice("drop_column", columns=("weight",)))
    assert len(seen) == 1 + 2 * (1 + CONTROLS)
    first = seen[0][1]
    assert (first is None) == (holdout is None)
    for columns, frame in seen:
        assert (frame is None) == (first is None)
        assert frame is None or (first is not None and frame.equals(first.select(columns)))


def test_types_of_a_mixture_hold_the_values_of_both_tables() -> None:
    own, lender = {"a": pl.Int32(), "b": pl.Date()}, {"a": pl.Float32(), "b": pl.Datetime("us"), "c": pl.String()}
    assert mixed_types(own, lender, "s", "r") == {"a": pl.Float64(), "b": pl.Datetime("us")}
    with pytest.raises(AlignmentError, match=r"r: column a is Float32, and Boolean in s"):
        mixed_types({"a": pl.Boolean()}, lender, "s", "r")
