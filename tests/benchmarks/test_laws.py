"""Back-tests read what was trained, and forms are judged by what they were asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import backtests, laws
from benchmarks.backtests import Loss, Record
from synthos.cascade.tiers import CascadeConfig, training_sizes

PARAMETERS = {"light": 20_000, "medium": 50_000, "heavy": 200_000}
SIZES = training_sizes(CascadeConfig(), 6400)


def loss(tier: str, rows: int, bent: float = 0.0) -> Loss:
    bits = 20.0 + (tier == "light") + 60.0 / rows**0.48 + bent * (rows > SIZES[-1])
    return Loss(tier, rows, PARAMETERS[tier], bits, 0.1, 1.0)  # type: ignore[arg-type]


def record(bent: float = 0.0, base: int = 6400) -> Record:
    models = tuple(loss(tier, rows) for tier in PARAMETERS for rows in SIZES)
    targets = tuple(loss("heavy", step * 6400, bent) for step in ((10, 30) if base == 6400 else (1,)))
    return Record("made", "law", base, 31.0, models, models[6:], targets)


def test_the_product_s_law_predicts_what_lies_on_it_and_its_interval_holds() -> None:
    for test in laws.tests_of([record()], ("heavy",)):
        answer = laws.answer(test)
        assert answer.refused is None
        assert abs(answer.error) < 0.01
        assert answer.holds


def test_what_breaks_away_from_the_law_is_missed() -> None:
    answers = [laws.answer(test) for test in laws.tests_of([record(bent=5.0)], ("heavy",))]
    assert [answer.test.step for answer in answers] == [10, 30]
    for answer in answers:
        assert answer.error < -0.1
        assert not answer.holds


@pytest.mark.parametrize("name", [name for name in laws.FORMS if "D^" in name and "no floor" not in name])
def test_every_form_with_a_floor_finds_a_law(name: str) -> None:
    points = laws.points_of(record().models)
    truth = loss("heavy", 64_000).bits
    assert laws.FORMS[name](points, PARAMETERS["heavy"], 64_000.0) == pytest.approx(truth, rel=0.02)


def test_changed_constants_are_put_back() -> None:
    points = laws.points_of(record().models)
    before = laws.stated(points, PARAMETERS["heavy"], 64_000.0)
    assert laws.unguided(points, PARAMETERS["heavy"], 64_000.0) != before
    assert laws.stated(points, PARAMETERS["heavy"], 64_000.0) == before


def test_a_cascade_without_larger_models_is_asked_for_its_own_largest_size() -> None:
    tests = laws.tests_of([record(base=SIZES[-1] + 1)], ("heavy",))
    assert [test.step for test in tests] == [8]
    assert tests[0].points.rows.max() < 0.14 * SIZES[-1]


def test_rho_is_that_of_both_laws() -> None:
    real, worse = record(), record()
    real = replace(real, generator="real")
    worse = replace(
        worse,
        models=tuple(replace(item, bits=item.bits + 1) for item in worse.models),
        targets=tuple(replace(item, bits=item.bits + 1) for item in worse.targets),
    )
    answers = laws.rho_answers([real, worse])
    assert [step for step, *_ in answers] == [10, 30]
    for _, predicted, low, high, measured in answers:
        assert predicted == pytest.approx(measured, abs=0.01)
        assert measured == pytest.approx(0.1, abs=0.02)
        assert low < measured < high


def test_the_page_counts_pairs_and_lists_each_prediction() -> None:
    page = laws.document([record(), record(bent=5.0)], [])
    assert "1 pairs of a table" in page
    assert page.count("| made | law | heavy |") == 4
    assert page.count("| no |") == 2


@pytest.mark.slow
def test_a_run_takes_up_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, store = tmp_path / "records.jsonl", tmp_path / "store"
    small = CascadeConfig(scale=0.12)
    monkeypatch.setattr(backtests, "CONFIG", small)
    arguments = ["backtests", "--store", str(store), "--records", str(records), "--tables", "mixed", "--base", "64"]
    arguments += ["--steps", "2", "--tiers", "light", "--reference-rows", "500", "--cases", "copula"]
    monkeypatch.setattr("sys.argv", arguments)
    backtests.main()
    (first,) = backtests.read_records(records)
    assert len(first.models) == 18
    assert [(item.tier, item.rows) for item in first.targets] == [("light", 128)]
    assert first.targets[0].bits < first.independent + 5

    with records.open("a", encoding="utf-8") as cut_short:
        cut_short.write('{"table": "mi')
    backtests.main()
    assert len(backtests.read_records(records)) == 1, "a finished pair is not trained again"
    records.unlink()
    kept = {path.name: path.stat().st_mtime_ns for path in store.rglob("*.json")}
    backtests.main()
    assert {path.name: path.stat().st_mtime_ns for path in store.rglob("*.json")} == kept, "models come from the store"
