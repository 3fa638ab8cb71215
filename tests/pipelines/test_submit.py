"""A pipeline that is carried out by the process that asks for it, as ``ray job submit`` starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import structlog

from pipelines import submit
from synthos.server.db.tables import datasets, jobs, pipelines, workers
from synthos.server.settings import Settings
from tests.pipelines.live import REAL, TOO_LONG, Live, family_of, gone, live
from tests.pipelines.test_cluster import RAY, cluster
from tests.pipelines.waiting import wait_for

__all__ = ["cluster"]
COMMAND = ("-m", "pipelines.submit", "--user", "ada@example.com")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Live]:
    with live(Settings(data_folder=tmp_path / "data", lease_seconds=3.0)) as made:
        yield made


@pytest.fixture
def _logs() -> Iterator[None]:
    """The command sets up the logs of its process, which is that of all tests here."""
    yield
    structlog.reset_defaults()


def settings_of(service: Live) -> dict[str, str]:
    return {
        "SYNTHOS_DATA_FOLDER": str(service.settings.data_folder),
        "SYNTHOS_LEASE_SECONDS": "3",
        "SYNTHOS_LOG_LEVEL": "warning",
    }


def tables_of(tables: Path) -> list[str]:
    return [str(tables / "wreck.parquet"), "--reference", str(tables / "real.parquet"), "--quick"]


@pytest.mark.usefixtures("_logs")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ds_none", "--user", "nobody@example.com"], "no such account"),
        (["ds_none", "--user", "ada@example.com"], "no such dataset"),
        (["nothing.csv", "--user", "ada@example.com"], "nothing.csv"),
        (["ds_none", "--user", "ada@example.com", "--quick", "--repair"], "full"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    service: Live, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    for name, value in settings_of(service).items():
        monkeypatch.setenv(name, value)
    assert submit.main(arguments) == submit.REFUSED
    assert said in capsys.readouterr().err
    assert [service.all(table) for table in (jobs, pipelines, datasets)] == [[], [], []]


@pytest.mark.usefixtures("_logs")
def test_a_database_that_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SYNTHOS_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("SYNTHOS_DATABASE_URL", "postgresql+psycopg://ada:secret@127.0.0.1:1/none")
    assert submit.main(["ds_none", "--user", "ada@example.com"]) == submit.FAILED
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: the database does not answer") and "secret" not in said


@pytest.mark.slow
@pytest.mark.long
def test_a_job_of_the_cluster_is_one_of_the_service(service: Live, cluster: dict[str, str], tables: Path) -> None:
    shown = submitted(service, cluster, tables)
    assert shown.returncode == 0 and "rejected, risk" in shown.stdout, f"{shown.stdout}{shown.stderr}"
    (job,), (row,) = service.all(jobs), service.all(pipelines)
    client = service.ada.client
    assert client.get("/api/v1/jobs").json()["items"][0]["job_id"] == job.id and job.status == "succeeded"
    assert client.get(f"/api/v1/pipelines/{row.id}").json()["results"]["decision"] == "rejected"
    assert client.get(f"/api/v1/validations/{row.validation_id}").json()["status"] == "completed"
    assert client.get(f"/api/v1/datasets/{row.dataset_id}").json()["filename"] == "wreck.parquet"
    assert job.id in shown.stdout and service.all(workers) == []


def submitted(service: Live, cluster: dict[str, str], tables: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The command, sent by `ray job submit` with ``options`` as soon as the cluster takes jobs."""
    sent = [RAY, "job", "submit", "--address", cluster["RAY_API_SERVER_ADDRESS"], *options]
    sent += ["--runtime-env-json", json.dumps({"env_vars": settings_of(service)}), "--", sys.executable]
    shown = subprocess.CompletedProcess[str]([], 1)

    def taken() -> bool:
        nonlocal shown
        command = [*sent, *COMMAND, *tables_of(tables)]
        shown = subprocess.run(command, env=cluster, capture_output=True, text=True, check=False)
        return "No available agent" not in shown.stderr

    assert wait_for(taken, TOO_LONG)
    return shown


@pytest.mark.slow
@pytest.mark.long
def test_a_job_that_is_stopped_on_the_cluster_is_cancelled(
    service: Live, cluster: dict[str, str], tables: Path
) -> None:
    shown = submitted(service, cluster, tables, "--no-wait", "--submission-id", "to-be-stopped")
    assert shown.returncode == 0, f"{shown.stdout}{shown.stderr}"
    assert wait_for(lambda: len(service.all(jobs)) == 1, TOO_LONG)
    (job,) = service.all(jobs)
    assert service.steps(job.id, "dimensions")
    lease = service.job(job.id).lease
    stop = [RAY, "job", "stop", "--address", cluster["RAY_API_SERVER_ADDRESS"], "to-be-stopped"]
    stopped = subprocess.run(stop, env=cluster, capture_output=True, text=True, check=False)
    assert stopped.returncode == 0, f"{stopped.stdout}{stopped.stderr}"
    assert service.reaches(job.id, "cancelled")
    (row,) = service.all(pipelines)
    assert row.status == "cancelled"
    assert wait_for(lambda: not _mentioned(lease), TOO_LONG)


def _mentioned(word: str) -> bool:
    """Whether a process has it in its command line."""
    return any(word in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


def begun(service: Live, tables: Path) -> subprocess.Popen[bytes]:
    """The command, whose job is at work."""
    environment = {**os.environ, **settings_of(service)}
    process = subprocess.Popen([sys.executable, *COMMAND, *tables_of(tables)], env=environment)
    assert wait_for(lambda: len(service.all(jobs)) == 1, TOO_LONG)
    assert service.steps(service.all(jobs)[0].id, "dimensions")
    return process


@pytest.mark.slow
@pytest.mark.long
def test_it_is_called_off_where_it_is_told_to_stop(service: Live, tables: Path) -> None:
    process = begun(service, tables)
    family = family_of(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(TOO_LONG) == submit.CANCELLED
    assert wait_for(gone(family), TOO_LONG)
    (job,), (row,) = service.all(jobs), service.all(pipelines)
    assert (job.status, row.status) == ("cancelled", "cancelled")


@pytest.mark.slow
@pytest.mark.long
def test_a_worker_goes_on_where_it_was_killed(service: Live, tables: Path) -> None:
    process = begun(service, tables)
    family = family_of(process.pid)
    process.kill()
    process.wait()
    assert wait_for(gone(family), TOO_LONG)
    (job,) = service.all(jobs)
    with service.worker(REAL):
        assert service.reaches(job.id, "succeeded")
    (row,) = service.all(pipelines)
    assert row.status == "completed" and service.job(job.id).attempts == 2
