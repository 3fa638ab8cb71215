"""Ray and one process give the same verdict; nothing stays behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import synthos
from pipelines.scan import SMALL_BYTES
from pipelines.validate import validate as validate_on_ray
from synthos.errors import ConfigError, InputError
from synthos.progress import Event
from synthos.results import CascadeResult, ModelRun
from synthos.validation import Validation


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
def test_an_error_in_a_worker_arrives_as_it_was(tables: Path, tmp_path: Path):
    """A table large enough to be scanned by workers, with a ragged line near its end."""
    large = tmp_path / "large.csv"
    filler = "x" * 20_000
    with large.open("w") as file:
        file.write("a,b,note\n")
        file.writelines(f"{i},{i % 7},{filler}\n" for i in range(4_000))
        file.write("4000,1\n")
        file.writelines(f"{i},{i % 7},{filler}\n" for i in range(4_001, 4_020))
    assert large.stat().st_size > SMALL_BYTES
    with pytest.raises(InputError, match=r"large\.csv.*line 4002"):
        validate_on_ray(large, tables / "real.parquet", quick=True, workers=2)
    assert not _ray_processes()


def test_an_unreachable_cluster_is_one_clear_sentence(tables: Path):
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1.*--engine local"):
        validate_on_ray(tables / "fresh.parquet", tables / "real.parquet", quick=True, address="127.0.0.1:1")
