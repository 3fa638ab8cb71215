"""How many times a second a validation is shown, and how fast: `GET /api/v1/validations/{id}`, from the database.

    python -m benchmarks.api_load [--seconds 60] [--connections 64] [--replicas 2] [--database URL] [--out FILE.json]

In one run, on this machine: a service of its own (SQLite unless ``--database`` names a PostgreSQL), asked with an
access token; asked with an API key, which is looked up each time; asked while a full validation runs. Then, without
Ray, the same application on one bare uvicorn; its handler alone, without what stands before it; and an application that
does nothing, which says how much the asking side can. At last a Serve application that does nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import numpy as np
import polars as pl
from fastapi import FastAPI
from starlette.responses import Response

from benchmarks.http_load import load
from benchmarks.service import EMAIL, PASSWORD, Running, service
from synthos.server import problems
from synthos.server.app import ROOT
from synthos.server.platform import free_port
from synthos.server.settings import Settings
from synthos.server.state import build
from synthos.server.validations import endpoints

ROWS, COLUMNS = 20_000, 10
#: As long as the answer of a service that shows a validation, about.
NOTHING = b"x" * 4_000


def table(rows: int, seed: int) -> pl.DataFrame:
    """Columns that follow from each other, with noise: half numbers, half categories."""
    random = np.random.default_rng(seed)
    base = random.normal(size=(rows, COLUMNS // 2))
    numbers = base @ random.normal(size=(COLUMNS // 2, COLUMNS // 2)) + 0.3 * random.normal(size=base.shape)
    words = {f"c{at}": np.floor(2 * base[:, at]).clip(-4, 4).astype(int).astype(str) for at in range(COLUMNS // 2)}
    return pl.DataFrame({f"n{at}": numbers[:, at] for at in range(COLUMNS // 2)} | words)


def shown(running: Running) -> tuple[str, str, str]:
    """A completed quick validation of two tables, and the tables."""
    ids = []
    for name, seed in (("synthetic", 1), ("reference", 2)):
        path = running.folder / f"{name}.parquet"
        table(ROWS, seed).write_parquet(path)
        ids.append(running.client.upload(path).id)
    return running.client.validate(*ids, quick=True).id, ids[0], ids[1]


def access_token(url: str) -> str:
    """A fresh one: they live for fifteen minutes."""
    asked = {"email": EMAIL, "password": PASSWORD}
    return str(httpx2.post(f"{url}{ROOT}/auth/login", json=asked, timeout=30.0).json()["access_token"])


def while_busy(running: Running, url: str, tables: tuple[str, str], asked: argparse.Namespace) -> dict[str, Any]:
    """The same while a full validation trains its models."""
    job = running.client.validate(*tables, wait=False)
    while running.client.validation(job.id).progress < 5.0:
        time.sleep(0.2)
    found = measure(url, bearer(running.url), asked)
    state = running.client.validation(job.id)
    running.client.cancel(job.id)
    return found | {"validation_then": {"status": state.status, "progress": state.progress}}


def bearer(url: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token(url)}"}


def measure(url: str, headers: Mapping[str, str], asked: argparse.Namespace) -> dict[str, Any]:
    before = os.getloadavg()[0]
    return load(url, headers, asked.connections, asked.seconds).as_json() | {"load_before": round(before, 1)}


def same_handler() -> FastAPI:
    """The route with its authentication and its read; no limits, logs, metrics or headers before it."""
    app = FastAPI()
    app.state.services = build(Settings.load(os.environ["SYNTHOS_CONFIG"]))
    problems.install(app)
    app.include_router(endpoints.router, prefix=ROOT)
    return app


def nothing() -> Response:
    """An application that answers the same to everything."""
    return Response(NOTHING, media_type="application/json")


async def _nothing() -> Response:
    return nothing()


@contextmanager
def bare(factory: str, config: Path) -> Iterator[str]:
    """One uvicorn process with an application; its address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port)]
    quiet = ["--log-level", "error", "--no-access-log"]
    environment = {**os.environ, "SYNTHOS_CONFIG": str(config)}
    process = subprocess.Popen([*command, *quiet], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield _answering(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def bare_serve() -> Iterator[str]:
    """A Serve application of one replica that does nothing, set up as `synthos serve` sets it up."""
    port = free_port()
    with TemporaryDirectory(prefix="sb-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        fast = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
        environment = {**os.environ, **fast, "RAY_TMPDIR": folder}
        command = [sys.executable, "-m", "benchmarks.api_load", "--serve-nothing", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield _answering(f"http://127.0.0.1:{port}", 200)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(180)  # Serve's controller alone may take half a minute


def serve_nothing(port: int) -> None:
    """The process of ``bare_serve``."""
    import ray
    from ray import serve

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    app = FastAPI()
    app.get("/")(_nothing)
    serve.run(serve.deployment(max_ongoing_requests=256)(serve.ingress(app)(type("Nothing", (), {}))).bind())
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    serve.shutdown()
    ray.shutdown()


def _answering(url: str, status: int | None = None) -> str:
    """``url`` once it answers, with ``status`` where one is named: Serve says 404 until it has its application."""
    for _ in range(1_200):
        try:
            if status in (None, httpx2.get(url, timeout=5.0).status_code):
                return url
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--database", help="of a PostgreSQL, which must be empty")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve-nothing", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve_nothing:
        serve_nothing(asked.serve_nothing)
        return
    given: dict[str, Any] = {"replicas": asked.replicas}
    if asked.database:
        given["database_url"] = asked.database
    found: dict[str, Any] = {"connections": asked.connections, "seconds": asked.seconds, **given}
    with service(**given) as running:
        found["start_seconds"] = round(running.start_seconds, 1)
        validation, *tables = shown(running)
        path = f"{ROOT}/validations/{validation}"
        found["answer_bytes"] = len(httpx2.get(f"{running.url}{path}", headers=bearer(running.url)).content)
        found["alone"] = _told("alone", measure(f"{running.url}{path}", bearer(running.url), asked))
        key = {"X-API-Key": running.client.create_api_key("bench")}
        found["api_key"] = _told("api_key", measure(f"{running.url}{path}", key, asked))
        busy = while_busy(running, f"{running.url}{path}", (tables[0], tables[1]), asked)
        found["busy"] = _told("busy", busy)
        token, config = bearer(running.url), running.folder / "service.yaml"
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(60)
        for name, factory, asking in (
            ("same_application", "serve_app:build", path),
            ("same_handler", "benchmarks.api_load:same_handler", path),
            ("uvicorn_nothing", "benchmarks.api_load:nothing", "/"),
        ):
            with bare(factory, config) as url:
                found[name] = _told(name, measure(f"{url}{asking}", token, asked))
    with bare_serve() as url:
        found["serve_nothing"] = _told("serve_nothing", measure(f"{url}/", {}, asked))
    for name in ("same_application", "same_handler", "serve_nothing"):
        found[f"ratio_to_{name}"] = round(found["alone"]["per_second"] / found[name]["per_second"], 2)
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _told(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    print(f"{name:17} {json.dumps(figures)}", flush=True)
    return figures


if __name__ == "__main__":
    main()
