"""A worker is killed in each stage of a full validation and of a full pipeline: both end once, and as undisturbed.

The service is the one of ``synthos serve`` with its embedded defaults and Ray; the worker that dies was about to go on
from a step that the test names, and the one that takes over is an ordinary one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from typing import Any

import httpx2
import polars as pl
import psutil
import pytest
from websockets.sync.client import connect

from synthos.client import Client
from synthos.client.uploads import send
from synthos.server.db.database import Database
from synthos.server.pipelines.stages import NAMES
from synthos.server.validations.stages import MODELS, planned
from tests.e2e.running import EMAIL, PASSWORD, ended_once, running_service, worker_of
from tests.e2e.test_platform import DEADLINE, Service, until
from tests.pipelines.live import gone

pytestmark = [pytest.mark.slow, pytest.mark.long]
STAYING = (sys.executable, str(Path(__file__).with_name("staying_worker.py")))
SEED = 1
#: Steps at which the worker of a pipeline is killed, by the stage in which they are: what is told of there.
STEPS = {
    "ingest": "ingest/verify",
    "profile": "ingest/scan",
    "validate": "validate/recommendations",
    "repair": "repair/recommendations",
    "reading what was repaired": "repair/scan",
    "revalidate": "revalidate/cascade",
}
Judged = tuple[Any, ...]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    given = {
        "SYNTHOS_LEASE_SECONDS": "5",
        "SYNTHOS_HEADROOM": "0",
        "SYNTHOS_TIERS": '{"team": {"requests_per_minute": 100000}}',
    }
    with running_service(given, workers=0) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    with Client.login(service.url, EMAIL, PASSWORD) as session:
        yield session


@pytest.fixture(scope="module")
def database(service: Service) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{service.folder}/data/synthos.db")) as opened:
        yield opened


@pytest.fixture(scope="module")
def files(real: pl.DataFrame, fresh: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table whose last third has lost its dependence, which a repair removes; and the real one."""
    folder, names = tmp_path_factory.mktemp("sent"), ["age", "income", "region", "plan"]
    tail = fresh.select(names).tail(400)
    shuffled = [tail[name].sample(fraction=1.0, shuffle=True, seed=at) for at, name in enumerate(names)]
    pl.concat([fresh.select(names).head(-400), pl.DataFrame(shuffled)]).write_parquet(folder / "broken.parquet")
    real.select(names).write_parquet(folder / "real.parquet")
    return folder / "broken.parquet", folder / "real.parquet"


@pytest.fixture(scope="module")
def named(service: Service, client: Client, files: tuple[Path, Path]) -> tuple[str, str]:
    with worker_of(service):
        return client.upload(files[0]).id, client.upload(files[1]).id


def begin(service: Service, client: Client, named: tuple[str, str]) -> str:
    """A full validation, which finds nothing that another has learned; its identifier."""
    rmtree(service.folder / "data" / "models", ignore_errors=True)
    return client.validate(*named, seed=SEED, wait=False).id


def begin_pipeline(client: Client, files: tuple[Path, Path]) -> str:
    """A full pipeline of tables that are sent, and that nobody has read; its identifier."""
    names = []
    for path in files:
        content = path.read_bytes()
        asked = {"filename": path.name, "file_type": "parquet", "file_size": len(content)}
        asked |= {"sha256": hashlib.sha256(content).hexdigest()}
        plan = client._transport.ask("POST", "/datasets/upload", json=asked).json()
        send(client._transport, path, plan, lambda done, size: None)
        names.append(plan["dataset_id"])
    return client.run_pipeline(*names, seed=SEED, wait=False).id


def untimed(value: Any) -> Any:
    """A document without what it says of seconds."""
    if isinstance(value, dict):
        return {name: untimed(item) for name, item in value.items() if name not in ("seconds", "timings")}
    return [untimed(item) for item in value] if isinstance(value, list) else value


def document(client: Client, validation: str) -> dict[str, Any]:
    """The whole verdict on it, cascade and recommendations included."""
    found: dict[str, Any] = untimed(json.loads(client.report(validation, "json")))
    assert len(found["cascade"]["models"]) + len(found["cascade"]["reference_models"]) == MODELS
    return found


def outcome(client: Client, pipeline: str) -> Judged:
    """Both verdicts of a pipeline, and what the repair between them did and made."""
    found = client.wait_for_pipeline(pipeline).raw
    assert [stage["status"] for stage in found["stages"]] == ["completed"] * len(NAMES["full"])
    verdicts = [document(client, found[name]) for name in ("validation_id", "revalidation_id")]
    content = client._transport.ask("GET", f"/datasets/{found['repaired_dataset_id']}/content").content
    return (*verdicts, found["repair"], hashlib.sha256(content).hexdigest())


@pytest.fixture(scope="module")
def undisturbed(service: Service, client: Client, named: tuple[str, str]) -> dict[str, Any]:
    with worker_of(service):
        found = document(client, client.wait(begin(service, client, named)).id)
    assert found["recommendations"]
    return found


@pytest.fixture(scope="module")
def undisturbed_pipeline(service: Service, client: Client, files: tuple[Path, Path]) -> Judged:
    with worker_of(service):
        return outcome(client, begin_pipeline(client, files))


def kill_at(service: Service, step: str, place: Path) -> None:
    """Have a worker take what waits, and kill it at this step of it."""
    place.write_text(step, encoding="ascii")
    with worker_of(service, STAYING, STAY_AT=str(place)) as worker:
        until(place.with_suffix(".reached").exists)
        family = psutil.Process(worker.pid).children(recursive=True)
        worker.kill()
        until(gone(family))


@pytest.mark.parametrize("stage", [stage["stage"] for stage in planned("full")])
def test_a_validation_whose_worker_is_killed_in_a_stage_ends_once_and_as_undisturbed(
    service: Service,
    client: Client,
    database: Database,
    named: tuple[str, str],
    undisturbed: dict[str, Any],
    stage: str,
    tmp_path: Path,
) -> None:
    validation = begin(service, client, named)
    kill_at(service, f"/{stage}", tmp_path / "step")
    shown = client.validation(validation)
    assert shown.status == "running"
    with worker_of(service):
        assert client.wait(validation).status == "completed"
    job = ended_once(database, validation)
    assert (job.attempts, job.error) == (2, None)
    assert document(client, validation) == undisturbed


@pytest.mark.parametrize("stage", list(STEPS))
def test_a_pipeline_whose_worker_is_killed_in_a_stage_ends_once_and_as_undisturbed(
    service: Service,
    client: Client,
    database: Database,
    files: tuple[Path, Path],
    undisturbed_pipeline: Judged,
    stage: str,
    tmp_path: Path,
) -> None:
    pipeline = begin_pipeline(client, files)
    kill_at(service, STEPS[stage], tmp_path / "step")
    with worker_of(service):
        found = outcome(client, pipeline)
    job = ended_once(database, pipeline)
    assert (job.attempts, job.error) == (2, None)
    assert found == undisturbed_pipeline


def by_stream(service: Service, key: str, job: str) -> list[dict[str, Any]]:
    """What is told of a job by server-sent events until its end."""
    headers, address = {"X-API-Key": key}, f"{service.url}/api/v1/jobs/{job}/events"
    with httpx2.stream("GET", address, headers=headers, timeout=DEADLINE) as answer:
        return [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: ")]


def by_socket(service: Service, key: str, job: str) -> list[dict[str, Any]]:
    """The same over a WebSocket."""
    address = f"{service.url.replace('http', 'ws', 1)}/api/v1/jobs/{job}/ws"
    with connect(address, additional_headers={"X-API-Key": key}) as socket:
        said = [json.loads(message) for message in socket]
    return [message for message in said if message["event"] != "heartbeat"]


def test_models_and_epochs_of_a_cascade_are_heard_of_while_it_goes_on(
    service: Service, client: Client, named: tuple[str, str]
) -> None:
    key, validation = client.create_api_key("listener"), begin(service, client, named)
    job = client.validation(validation).raw["job_id"]
    with ThreadPoolExecutor(2) as pool:
        listeners = [pool.submit(listen, service, key, job) for listen in (by_stream, by_socket)]
        with worker_of(service):
            streamed, sent = (listener.result(DEADLINE) for listener in listeners)
    assert streamed == sent and streamed[-1]["event"] == "end"
    assert [message["sequence"] for message in streamed] == list(range(1, len(streamed) + 1))
    steps = [message for message in streamed if message["event"] == "progress" and message["stage"] == "cascade"]
    epochs = [step["fields"] for step in steps if "epoch" in step["fields"]]
    assert epochs and all(step["model"] and step["epoch"] >= 1 for step in epochs)
    assert {message["stage"] for message in streamed if message["event"] == "progress"} >= {
        stage["stage"] for stage in planned("full")
    }


def test_a_full_validation_that_is_called_off_is_cancelled_and_its_processes_go(
    service: Service, client: Client, database: Database, named: tuple[str, str]
) -> None:
    validation = begin(service, client, named)
    with worker_of(service) as worker:
        until(lambda: bool(service.parts("ray::stream_")))
        tasks = service.parts("ray::stream_")
        processes = [*psutil.Process(worker.pid).children(recursive=True), *tasks]
        client.cancel(validation)
        until(lambda: client.validation(validation).status == "cancelled")
        until(gone(processes))
        ended_once(database, validation, "cancelled")
        assert worker.poll() is None and not service.parts("ray::stream_")
