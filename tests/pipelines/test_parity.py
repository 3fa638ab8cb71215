"""Ray and one process give the same verdict; nothing stays behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest
import ray

import synthos
from pipelines.scan import SMALL_BYTES
from pipelines.validate import validate as validate_on_ray
from synthos.errors import ConfigError, InputError
from synthos.progress import Event
from synthos.results import CascadeResult, ModelRun
from synthos.validation import Validation
from tests.pipelines.waiting import wait_for


def _without_clocks(validation: Validation) -> Validation:
    """The answer without what may differ between two runs: seconds."""

    def still(run: ModelRun) -> ModelRun:
        return replace(run, seconds=0.0, epochs=tuple(replace(epoch, seconds=0.0) for epoch in run.epochs))

    cascade = validation.cascade
    if isinstance(cascade, CascadeResult):
        cascade = replace(
            cascade,
            models=tuple(map(still, cascade.models)),
            reference_models=tuple(map(still, cascade.reference_models)),
        )
    return replace(validation, cascade=cascade, timings={})


def _ray_processes() -> list[int]:
    """Ids of Ray's daemons that this process started; those of tests beside it are theirs."""
    mine = psutil.Process().children(recursive=True)
    return [process.pid for process in mine if process.name() in ("raylet", "gcs_server")]


@pytest.mark.slow
def test_ray_and_one_process_agree_and_nothing_is_left(tables: Path):
    events: list[Event] = []
    arguments = (tables / "wreck.parquet", tables / "real.parquet")
    options = {"tier_config": tables / "tiers.yaml", "seed": 3, "cache": False}
    on_ray = validate_on_ray(*arguments, **options, workers=2, on_progress=events.append)
    here = synthos.validate(*arguments, **options)
    assert _without_clocks(on_ray) == _without_clocks(here)
    assert not _ray_processes()
    epochs = [event for event in events if event.stage == "cascade" and "epoch" in event.fields]
    assert epochs and {"model", "epoch", "loss"} <= set(epochs[0].fields)


@pytest.mark.slow
def test_an_error_in_a_worker_arrives_as_it_was(tmp_path: Path):
    """A table large enough to be scanned by workers, with an infinity near its end that only a scan can see."""
    values = np.random.default_rng(0).normal(size=SMALL_BYTES // 7)
    pl.DataFrame({"a": values[:1_000], "b": values[1_000:2_000]}).write_parquet(tmp_path / "real.parquet")
    half = len(values) // 2
    values[half - 8] = np.inf
    large = pl.DataFrame({"a": values[:half], "b": values[half : 2 * half]})
    large.write_parquet(tmp_path / "large.parquet", row_group_size=1_000_000)
    assert (tmp_path / "large.parquet").stat().st_size > SMALL_BYTES
    events: list[Event] = []

    def hear(event: Event) -> None:
        """Nothing is scanned here: the scan begins when there are workers."""
        if event.stage == "scan" and event.done == 0:
            assert wait_for(ray.is_initialized, 60.0)
        events.append(event)

    with pytest.raises(InputError, match=rf"large\.parquet.*{half - 8}.*'a'|large\.parquet.*'a'.*{half - 8}"):
        validate_on_ray(tmp_path / "large.parquet", tmp_path / "real.parquet", quick=True, workers=2, on_progress=hear)
    assert any(event.stage == "scan" and 0 < event.done < event.total for event in events), "shards were scanned apart"
    assert not _ray_processes()


def test_an_unreachable_cluster_is_one_clear_sentence(tables: Path):
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1.*--engine local"):
        validate_on_ray(tables / "fresh.parquet", tables / "real.parquet", quick=True, address="127.0.0.1:1")


def test_the_quick_mode_starts_nothing_that_it_does_not_need(tables: Path):
    heard: list[bool] = []
    found = validate_on_ray(
        tables / "wreck.parquet", quick=True, cache=False, on_progress=lambda _: heard.append(bool(_ray_processes()))
    )
    assert "ray_start" not in found.timings and heard and not any(heard)
