"""A repair writes the mended table and says what it did to which row, or writes nothing."""

from __future__ import annotations

import json
import resource
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tall_people import advice

from synthos.advice import Recommendation, RecommendationKind
from synthos.errors import AlignmentError, ConfigError, InputError, SourceError
from synthos.flow import select_recommendations
from synthos.progress import Event
from synthos.recommendation.repair import (
    RepairReport,
    chosen_by_default,
    load_judged,
    load_recommendations,
    repair_table,
)
from synthos.recommendation.reweighting import Factor, Weights
from synthos.tables.codec import CategoryBins, NumericBins
from synthos.tables.sources import open_table

ROWS = 1_000


def table(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {"id": np.arange(rows), "town": rng.choice(["Aa", "Bo", "Ce"], rows), "height": rng.normal(170.0, 10.0, rows)}
    )


def stored(frame: pl.DataFrame, folder: Path, name: str = "synthetic.parquet") -> Path:
    """The frame as a file of several shards."""
    path = folder / name
    frame.write_parquet(path, row_group_size=300)
    return path


def repair(
    frame: pl.DataFrame,
    folder: Path,
    *recommendations: Recommendation,
    reference: pl.DataFrame | None = None,
    seed: int = 0,
) -> tuple[pl.DataFrame, pl.DataFrame, RepairReport]:
    """The mended table, its log and the report."""
    lender = None if reference is None else open_table(stored(reference, folder, "reference.parquet"))
    out = folder / "fixed.parquet"
    report = repair_table(open_table(stored(frame, folder)), recommendations, out, reference=lender, seed=seed)
    return pl.read_parquet(out), pl.read_parquet(report.changes), report


def test_rows_of_a_region_are_removed_and_listed(tmp_path: Path) -> None:
    frame = table()
    fixed, log, report = repair(frame, tmp_path, advice("remove_rows", row_range=(250, 650)))
    assert fixed.equals(pl.concat([frame[:250], frame[650:]]))
    assert log["row"].to_list() == list(range(250, 650))
    assert set(log["action"]) == {"removed"}
    assert report.removed == {"remove_rows-1": 400}
    assert (report.rows_before, report.rows_after) == (1_000, 600)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_disk_that_is_full_is_told_and_nothing_is_left(tmp_path: Path, ending: str) -> None:
    source = open_table(stored(table(50_000), tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(ConfigError, match=r"fixed.*: the new table cannot be written .*; free some space"):
            repair_table(source, [advice("remove_rows", row_range=(0, 10))], tmp_path / f"fixed.{ending}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["synthetic.parquet"]


def test_rows_in_two_regions_are_removed_once(tmp_path: Path) -> None:
    first, second = advice("remove_rows", row_range=(100, 300)), advice("remove_rows", 2, row_range=(200, 400))
    fixed, log, report = repair(table(), tmp_path, first, second)
    assert fixed["id"].to_list() == [*range(100), *range(400, 1_000)]
    assert report.removed == {"remove_rows-1": 200, "remove_rows-2": 100}
    assert log["row"].n_unique() == log.height == 300


def test_repeats_are_dropped_across_shards_but_for_the_allowed_copies(tmp_path: Path) -> None:
    frame = table()
    repeated = pl.concat([frame[:500], frame[:100], frame[:50], frame[500:850]]).with_columns(
        pl.Series("id", range(1_000))
    )
    columns = ("town", "height")
    once, log, _ = repair(repeated, tmp_path, advice("deduplicate", columns=columns, most_copies=1))
    assert once["id"].to_list() == [*range(500), *range(650, 1_000)]
    assert log["row"].to_list() == list(range(500, 650))
    twice, _, _ = repair(repeated, tmp_path, advice("deduplicate", columns=columns, most_copies=2))
    assert twice["id"].to_list() == [*range(600), *range(650, 1_000)]


def test_a_repeat_outlives_its_original_where_that_is_removed_anyway(tmp_path: Path) -> None:
    frame = pl.concat([table(500), table(500)])
    removal, drop = advice("remove_rows", row_range=(0, 500)), advice("deduplicate", columns=("town",), most_copies=500)
    fixed, _, report = repair(frame, tmp_path, removal, drop)
    assert fixed.height == 500
    assert report.removed == {"remove_rows-1": 500, "deduplicate-1": 0}


def test_thinning_brings_a_margin_to_its_target(tmp_path: Path) -> None:
    frame = table(8_000)
    bins = CategoryBins(("Aa", "Bo", "Ce"))
    weights = Weights((Factor("town", "category", bins, (1.0, 0.25, 1.0, 0.5, 1.0)),), 1.0)
    fixed, log, report = repair(frame, tmp_path, advice("reweight", columns=("town",), weights=weights.to_json()))
    kept = {town: (fixed["town"] == town).sum() / (frame["town"] == town).sum() for town in ("Aa", "Bo", "Ce")}
    assert kept["Bo"] == 1.0
    assert kept["Aa"] == pytest.approx(0.25, abs=0.04)
    assert kept["Ce"] == pytest.approx(0.5, abs=0.04)
    assert report.removed["reweight-1"] == log.height == 8_000 - fixed.height
    assert fixed["id"].is_sorted()
    assert fixed["id"].n_unique() == fixed.height


def test_thinning_by_a_number_uses_its_bins(tmp_path: Path) -> None:
    weights = Weights((Factor("height", "number", NumericBins((170.0,)), (1.0, 0.0, 1.0, 1.0)),), 1.0)
    fixed, _, _ = repair(table(), tmp_path, advice("reweight", columns=("height",), weights=weights.to_json()))
    assert fixed["height"].min() > 170.0


def test_real_rows_are_mixed_in_evenly_and_listed(tmp_path: Path) -> None:
    frame, real = table(), table(4_000, seed=1).with_columns(pl.col("id") + 10_000)
    fixed, log, report = repair(frame, tmp_path, advice("mix_real", share=0.25), reference=real)
    is_real = fixed["id"] >= 10_000
    assert is_real.mean() == pytest.approx(0.25, abs=0.01)
    quarters = [is_real[start : start + 300].mean() for start in range(0, 1_200, 300)]
    assert quarters == pytest.approx([0.25] * 4, abs=0.07)
    assert fixed.filter(~is_real).equals(frame)
    added = fixed.filter(is_real)["id"]
    assert added.n_unique() == len(added)
    assert sorted((log["reference_row"] + 10_000).to_list()) == sorted(added.to_list())
    assert added.max() > 13_500, "the whole reference has its turn"
    assert report.added == {"mix_real-1": len(added)}


def test_a_reference_that_runs_out_is_said_so(tmp_path: Path) -> None:
    fixed, _, report = repair(table(), tmp_path, advice("mix_real", share=0.5), reference=table(600, seed=1))
    assert fixed.height == 1_600
    assert "ran out of rows" in report.notes[0]


def test_rare_rows_come_back_from_the_reference(tmp_path: Path) -> None:
    frame, real = table().filter(pl.col("town") != "Ce"), table(3_000, seed=1)
    fixed, _, _ = repair(
        frame, tmp_path, advice("regenerate_rare", column="town", labels=("Ce",), per_row=0.1), reference=real
    )
    back = fixed.filter(pl.col("town") == "Ce")
    assert back.height == pytest.approx(0.1 * frame.height, abs=2)
    assert fixed.height == frame.height + back.height


def test_lost_tails_come_back_from_the_reference(tmp_path: Path) -> None:
    frame, real = table().filter(pl.col("height").is_between(160, 180)), table(3_000, seed=1)
    rule = advice("regenerate_rare", column="height", below=155.0, above=185.0, per_row=0.05)
    fixed, log, _ = repair(frame, tmp_path, rule, reference=real)
    beyond = fixed.filter(~pl.col("height").is_between(160, 180))["height"]
    assert len(beyond) == log.height == pytest.approx(0.05 * frame.height, abs=2)
    assert ((beyond < 155) | (beyond > 185)).all()


def test_columns_are_dropped_and_listed(tmp_path: Path) -> None:
    fixed, log, report = repair(table(), tmp_path, advice("drop_column", columns=("height",)))
    assert fixed.equals(table().drop("height"))
    assert log.select("action", "column").rows() == [("dropped_column", "height")]
    assert report.dropped_columns == ("height",)


def test_rows_are_shuffled_without_losing_one(tmp_path: Path) -> None:
    fixed, log, report = repair(table(), tmp_path, advice("resort", by=None))
    assert not fixed["id"].is_sorted()
    assert abs(np.corrcoef(fixed["id"], np.arange(ROWS))[0, 1]) < 0.1
    assert fixed.sort("id").equals(table())
    assert report.reordered
    assert log["action"].to_list() == ["reordered"]


def test_rows_are_sorted_by_a_column_with_nulls_last(tmp_path: Path) -> None:
    frame = table().with_columns(pl.when(pl.col("id") % 97 == 0).then(None).otherwise(pl.col("height")).alias("height"))
    fixed, _, _ = repair(frame, tmp_path, advice("resort", by="height"))
    assert fixed["height"].equals(frame["height"].sort(nulls_last=True))


def test_several_fixes_at_once(tmp_path: Path) -> None:
    frame = pl.concat([table(), table()[:200]])
    fixes = (
        advice("remove_rows", row_range=(0, 100)),
        advice("deduplicate", columns=("town", "height"), most_copies=1),
        advice("mix_real", share=0.1),
        advice("drop_column", columns=("id",)),
        advice("resort", by=None),
    )
    fixed, _, report = repair(frame, tmp_path, *fixes, reference=table(2_000, seed=2))
    # The first hundred rows go; their later copies then are no repeats.
    assert report.removed == {"remove_rows-1": 100, "deduplicate-1": 100}
    assert report.added["mix_real-1"] == pytest.approx(111, abs=2)
    assert fixed.columns == ["town", "height"]
    assert fixed.height == 1_000 + report.added["mix_real-1"]
    assert report.applied == tuple(item.id for item in fixes)


def test_csv_in_and_out(tmp_path: Path) -> None:
    table().write_csv(tmp_path / "synthetic.csv")
    report = repair_table(
        open_table(tmp_path / "synthetic.csv"), [advice("remove_rows", row_range=(0, 10))], tmp_path / "fixed.csv"
    )
    assert pl.read_csv(tmp_path / "fixed.csv")["id"].to_list() == list(range(10, 1_000))
    assert pl.read_csv(report.changes)["row"].to_list() == list(range(10))


def test_the_same_seed_gives_the_same_table(tmp_path: Path) -> None:
    fixes, real = (advice("mix_real", share=0.3), advice("resort", by=None)), table(3_000, seed=1)
    first, _, _ = repair(table(), tmp_path, *fixes, reference=real, seed=5)
    again, _, _ = repair(table(), tmp_path, *fixes, reference=real, seed=5)
    other, _, _ = repair(table(), tmp_path, *fixes, reference=real, seed=6)
    assert first.equals(again)
    assert not first.equals(other)


def test_the_report_speaks_to_people_and_progress_to_the_listener(tmp_path: Path) -> None:
    heard: list[Event] = []
    source = open_table(stored(table(), tmp_path))
    out = tmp_path / "fixed.parquet"
    report = repair_table(source, [advice("remove_rows", row_range=(0, 10))], out, listener=heard.append)
    assert "990 rows from 1,000" in report.lines()[0]
    assert "remove_rows-1: removed 10 rows" in report.lines()[1]
    assert str(out) in report.lines()[-1]
    assert heard[-1].done == heard[-1].total == len(source.shards())


BAD: list[tuple[Recommendation, str]] = [
    (advice("refit_dependence", columns=("town",)), "only where it is generated"),
    (advice("remove_rows", row_range=(5, 5)), "row range"),
    (advice("remove_rows"), "row_range is None"),
    (advice("remove_rows", row_range=(0, 5_000)), "no row would be left"),
    (advice("deduplicate", columns=(), most_copies=1), "list of column names"),
    (advice("deduplicate", columns=("town",), most_copies="one"), "not a number"),
    (advice("reweight", weights="{}"), "weights cannot be read"),
    (
        advice("reweight", weights='{"scale": 1, "factors": [{"column": "town", "labels": ["a"], "weights": [1]}]}'),
        "bins",
    ),
    (advice("mix_real", share=1.0), "0 < share < 1"),
    (advice("mix_real", share=0.5), "there is no reference"),
    (advice("regenerate_rare", column="town", per_row=0.1), "labels"),
    (advice("regenerate_rare", column="town", labels=("Aa",), per_row=0.0), "above 0"),
    (advice("drop_column", columns=("weight",)), "lacks: weight"),
    (advice("drop_column", columns=("id", "town", "height")), "no column would be left"),
    (advice("resort", by="weight"), "lacks: weight"),
]


@pytest.mark.parametrize(
    ("bad", "message"), BAD, ids=lambda item: item.kind if isinstance(item, Recommendation) else ""
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    bad: Recommendation, message: str, tmp_path: Path
) -> None:
    path = stored(table(), tmp_path)
    with pytest.raises(InputError, match=message):
        repair_table(open_table(path), [bad], tmp_path / "fixed.parquet")
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (advice("resort", by=None), advice("resort", 2, by="id")),
        (advice("resort", by="id"), advice("drop_column", columns=("id",))),
        (
            advice("deduplicate", columns=("id",), most_copies=1),
            advice("deduplicate", 2, columns=("id",), most_copies=2),
        ),
    ],
)
def test_fixes_that_exclude_each_other_are_refused(
    first: Recommendation, second: Recommendation, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError):
        repair_table(open_table(stored(table(), tmp_path)), [first, second], tmp_path / "fixed.parquet")


def test_the_output_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    path = stored(table(), tmp_path)
    fix = [advice("remove_rows", row_range=(0, 10))]
    for out, message in (
        (path, "the table that is read"),
        (tmp_path / "fixed.xlsx", "cannot write .xlsx"),
        (tmp_path / "nowhere" / "fixed.parquet", "folder does not exist"),
    ):
        with pytest.raises(ConfigError, match=message):
            repair_table(open_table(path), fix, out)
    with pytest.raises(ConfigError, match="nothing to apply"):
        repair_table(open_table(path), [], tmp_path / "fixed.parquet")
    assert pl.read_parquet(path).equals(table())


def test_a_reference_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    fix = advice("mix_real", share=0.5)
    with pytest.raises(AlignmentError, match="lacks height"):
        repair(table(), tmp_path, fix, reference=table().drop("height"))
    with pytest.raises(AlignmentError, match="do not fit"):
        repair(table(), tmp_path, fix, reference=table().with_columns(pl.col("town").alias("height")))
    assert not (tmp_path / "fixed.parquet").exists()


def test_real_rows_join_a_table_that_stores_whole_numbers_as_fractions(tmp_path: Path) -> None:
    """A damaged column often comes back as another number type; no value may change on the way."""
    frame = table().with_columns(pl.col("height").round().cast(pl.Int64), pl.col("id").cast(pl.Float64))
    fixed, log, _ = repair(frame, tmp_path, advice("mix_real", share=0.5), reference=table(3_000, seed=1))
    assert fixed.schema["height"] == fixed.schema["id"] == pl.Float64
    real = table(3_000, seed=1)["height"].gather(log["reference_row"].sort().to_list())
    assert set(real) <= set(fixed["height"])


def test_an_older_output_is_replaced_only_by_a_finished_one(tmp_path: Path) -> None:
    out = tmp_path / "fixed.parquet"
    repair(table(), tmp_path, advice("remove_rows", row_range=(0, 10)))
    before = out.read_bytes()
    with pytest.raises(ConfigError, match="no row would be left"):
        repair(table(), tmp_path, advice("remove_rows", row_range=(0, 5_000)))
    assert out.read_bytes() == before


def test_recommendations_come_back_from_a_result(tmp_path: Path) -> None:
    items = [advice("remove_rows", row_range=(3, 9)), advice("drop_column", columns=("town", "id"))]
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"risk_score": 12.0, "recommendations": [asdict(item) for item in items]}))
    assert load_recommendations(path) == tuple(items)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[]", "no list of recommendations"),
        ('{"recommendations": {}}', "no list of recommendations"),
        ('{"recommendations": [{"id": "a"}]}', r"recommendations\.0\.kind"),
        ('{"recommendations": [{"kind": "polish"}]}', r"recommendations\.0"),
    ],
)
def test_a_bad_result_is_refused_with_one_sentence(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SourceError if text is None else ConfigError, match=message) as caught:
        load_recommendations(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).count("\n") == 0


def gaining(gain: float | None, kind: RecommendationKind, number: int = 1) -> Recommendation:
    return replace(advice(kind, number), expected_gain=gain)


def test_a_wrong_id_is_answered_with_those_that_can_be_applied() -> None:
    known = (advice("refit_dependence", columns=("town",)), advice("drop_column", columns=("town",)))
    with pytest.raises(ConfigError) as caught:
        select_recommendations(known, ["nope"])
    assert known[1].id in str(caught.value) and known[0].id not in str(caught.value)


def test_only_what_is_measured_to_help_without_real_rows_is_chosen_by_default() -> None:
    items = [
        gaining(3.0, "refit_dependence"),
        gaining(5.0, "mix_real"),
        gaining(2.0, "resort"),
        gaining(None, "remove_rows"),
        gaining(0.0, "drop_column"),
        gaining(-1.0, "deduplicate"),
    ]
    assert [item.kind for item in chosen_by_default(items)] == ["resort"]


def test_weights_are_not_applied_to_a_table_that_loses_rows() -> None:
    items = [gaining(3.0, "remove_rows"), gaining(2.0, "reweight"), gaining(1.0, "drop_column")]
    assert [item.kind for item in chosen_by_default(items)] == ["remove_rows", "drop_column"]
    for alone in (items[1:], [gaining(None, "remove_rows"), *items[1:]]):
        assert [item.kind for item in chosen_by_default(alone)] == ["reweight", "drop_column"]


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        (
            [gaining(None, "remove_rows"), gaining(None, "refit_dependence"), gaining(None, "mix_real", 2)],
            "r.json: gains were not measured; name what to apply with --only: "
            "remove_rows-1, mix_real-2 (with --reference).",
        ),
        (
            [gaining(4.0, "mix_real"), gaining(None, "resort")],
            "r.json: no recommendation without real rows has a measured gain; name what to apply with --only: "
            "mix_real-1 (with --reference), resort-1.",
        ),
        (
            [gaining(None, "refit_dependence")],
            "r.json: there is nothing to apply; what the table needs takes its generator.",
        ),
        ([], "r.json: there is nothing to apply; the verdict's reasons say whether anything else is left to do."),
    ],
)
def test_where_nothing_is_chosen_by_default_the_sentence_names_what_there_is(
    items: list[Recommendation], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        chosen_by_default(items, "r.json")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "does not say which table"),
        ({"profiles": {"reference": {}}}, "does not say which table"),
        ({"profiles": {"synthetic": {"rows": 3}}}, r"profiles\.synthetic\.\w+"),
    ],
)
def test_a_result_that_names_no_table_is_refused(content: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"recommendations": [], **content}))
    with pytest.raises(ConfigError, match=message):
        load_judged(path)
