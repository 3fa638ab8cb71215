"""Finished models are kept whole, found again, and never trusted when damaged; progress is told as it happens."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from cascade_tables import SIZES, chain

from synthos.cascade.outcomes import RunOutcome
from synthos.cascade.run import ARMS, all_specs, loop_one, run_cascade, train_one
from synthos.cascade.store import RunStore
from synthos.cascade.tasks import CascadeData, make_tasks
from synthos.cascade.tiers import CascadeConfig, plan
from synthos.errors import SourceError
from synthos.progress import Event
from synthos.results import CascadeResult, Epoch

CPU = torch.device("cpu")
TINY = CascadeConfig(scale=0.1, loop_generations=1)


@pytest.fixture(scope="module")
def data() -> CascadeData:
    return make_tasks(chain(500, 2), chain(500, 1), None, SIZES, 5)


@dataclass
class Finished:
    """A cascade run once, with its store and all it told."""

    folder: Path
    result: CascadeResult
    heard: list[Event]


@pytest.fixture(scope="module")
def finished(data: CascadeData, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    torch.set_num_threads(1)
    folder, heard = tmp_path_factory.mktemp("store"), []
    result = run_cascade(data, TINY, store=RunStore(folder), device=CPU, listener=heard.append)
    return Finished(folder, result, heard)


def stripped(result: CascadeResult) -> tuple[object, ...]:
    """What a result says, without how long it took."""
    losses = tuple(run.loss_bits for run in (*result.models, *result.reference_models))
    return losses, result.rho, result.rho_interval, result.n_eff, result.law, result.predictions, result.loop


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


@pytest.mark.slow
def test_a_stored_model_comes_back_as_it_was(tmp_path: Path, data: CascadeData) -> None:
    store, spec = RunStore(tmp_path), plan(TINY, data.rows, "synthetic")[2]
    assert store.model(spec, data) is None
    made = train_one(spec, data, store, CPU)
    found = store.model(spec, data)
    assert found is not None
    assert found.run == made.run
    assert np.array_equal(found.row_bits, made.row_bits)
    again = train_one(spec, data, store, CPU, on_epoch=_fails_if_called)
    assert again.run == made.run
    assert pickle.loads(pickle.dumps(made)).run == made.run


def _fails_if_called(epoch: Epoch) -> None:
    raise AssertionError("a stored model must not be trained again")


def test_another_spec_other_rows_or_another_device_find_nothing(tmp_path: Path, data: CascadeData) -> None:
    store = RunStore(tmp_path)
    specs = plan(TINY, data.rows, "synthetic")
    train_one(specs[0], data, store, CPU)
    assert store.model(specs[1], data) is None
    assert store.model(specs[0], data, "cuda") is None
    other = make_tasks(chain(500, 3), chain(500, 1), None, SIZES, 5)
    assert store.model(specs[0], other) is None


@pytest.mark.parametrize("damage", ["", "{", '{"run": {}}', '{"run": 1, "row_bits": "AAAA"}', "[]"])
def test_a_damaged_entry_counts_as_absent_and_is_told(tmp_path: Path, data: CascadeData, damage: str) -> None:
    heard: list[Event] = []
    store, spec = RunStore(tmp_path, heard.append), plan(TINY, data.rows, "synthetic")[0]
    made = train_one(spec, data, store, CPU)
    (file,) = files(tmp_path)
    file.write_text(damage)
    assert train_one(spec, data, store, CPU).run.loss_bits == made.run.loss_bits
    assert ["light-1 cannot be read" in event.message for event in heard] == [True]
    assert store.model(spec, data) is not None, "the entry is written anew"


def test_losses_that_are_not_finite_are_not_believed(tmp_path: Path, data: CascadeData) -> None:
    store, spec = RunStore(tmp_path), plan(TINY, data.rows, "synthetic")[0]
    made = train_one(spec, data, None, CPU)
    store.keep_model(spec, data, RunOutcome(made.run, np.full(4, np.nan, np.float32)))
    assert store.model(spec, data) is None


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path: Path, data: CascadeData) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SourceError, match="cannot be stored"):
        train_one(plan(TINY, data.rows, "synthetic")[0], data, RunStore(blocked), CPU)


def test_writers_of_the_same_result_do_not_meet(tmp_path: Path, data: CascadeData) -> None:
    store, spec = RunStore(tmp_path), plan(TINY, data.rows, "synthetic")[0]
    outcome = train_one(spec, data, None, CPU)
    with ThreadPoolExecutor(8) as pool:
        for written in [pool.submit(store.keep_model, spec, data, outcome) for _ in range(64)]:
            written.result()
    found = store.model(spec, data)
    assert found is not None and found.run == outcome.run
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_write_that_fails_leaves_no_part_behind(tmp_path: Path, data: CascadeData) -> None:
    store, spec = RunStore(tmp_path), plan(TINY, data.rows, "synthetic")[0]
    outcome = train_one(spec, data, None, CPU)
    store.keep_model(spec, data, outcome)
    (place,) = (path for path in tmp_path.rglob("*.json"))
    place.unlink()
    (place / "in the way").mkdir(parents=True)
    with pytest.raises(SourceError, match="cannot be stored"):
        store.keep_model(spec, data, outcome)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was_and_ends_the_same(
    tmp_path: Path, data: CascadeData, finished: Finished
) -> None:
    store = RunStore(tmp_path)

    def kill(event: Event) -> None:
        if event.done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cascade(data, TINY, store=store, device=CPU, listener=kill)
    assert len(files(tmp_path)) == 20
    heard: list[Event] = []
    resumed = run_cascade(data, TINY, store=store, device=CPU, listener=heard.append)
    assert stripped(resumed) == stripped(finished.result)
    assert len({(e.fields["arm"], e.fields["model"]) for e in heard if "epoch" in e.fields}) == 16
    assert len(files(tmp_path)) == 36 + 2
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.slow
def test_the_real_arm_is_trained_once_for_many_synthetic_tables(finished: Finished) -> None:
    heard: list[Event] = []
    other = make_tasks(chain(500, 8), chain(500, 1), None, SIZES, 6)
    run_cascade(other, TINY, store=RunStore(finished.folder), device=CPU, listener=heard.append)
    assert {event.fields["arm"] for event in heard if "epoch" in event.fields} == {"synthetic"}


@pytest.mark.slow
def test_progress_tells_every_epoch_and_every_model(finished: Finished) -> None:
    result, heard = finished.result, finished.heard
    epochs = [event for event in heard if "epoch" in event.fields]
    models = [event for event in heard if "epoch" not in event.fields]
    assert [event.done for event in models] == list(range(1, 37))
    assert {event.total for event in heard} == {36}
    assert {event.stage for event in heard} == {"cascade"}
    assert len(epochs) == sum(len(run.epochs) for run in (*result.models, *result.reference_models))
    assert epochs[0].fields.keys() >= {"model", "arm", "epoch", "loss"}


def test_specs_come_small_first_and_both_arms(data: CascadeData) -> None:
    specs = all_specs(CascadeConfig(), data.rows)
    assert len(specs) == 36
    assert {spec.arm for spec in specs} == set(ARMS)
    assert [spec.cost for spec in specs] == sorted(spec.cost for spec in specs)


def test_the_loop_is_stored_too(tmp_path: Path, data: CascadeData) -> None:
    store = RunStore(tmp_path)
    made = loop_one("reference", data, TINY, store, CPU)
    found = store.loop("reference", data, TINY)
    assert found is not None
    assert np.array_equal(found.row_bits, made.row_bits)
    assert made.row_bits.shape == (2, len(data.test))
    assert store.loop("synthetic", data, TINY) is None
