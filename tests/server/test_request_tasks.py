"""Threads that are waited for, and work that outlives whoever asked for it."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient

from synthos.server.tasks import in_thread, threaded, to_the_end


def test_a_cancelled_caller_waits_for_its_thread() -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go.wait(30)
        ended.set()

    async def caller() -> bool:
        task = asyncio.create_task(in_thread(work))
        while not begun.is_set():
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        waited = not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return waited and ended.is_set()

    assert asyncio.run(caller())


def test_a_thread_knows_its_callers_context_and_raises_what_was_raised() -> None:
    name = contextvars.ContextVar("name", default="")

    async def caller() -> str:
        name.set("ada")
        with pytest.raises(KeyError):
            await in_thread({}.__getitem__, "none")
        return await in_thread(name.get)

    assert asyncio.run(caller()) == "ada"


def test_what_is_carried_out_to_the_end_goes_on_without_its_caller() -> None:
    async def caller() -> bool:
        go, ended = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            await go.wait()
            ended.set()

        task = asyncio.create_task(to_the_end(work()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()
        async with asyncio.timeout(30):
            return await ended.wait()

    assert asyncio.run(caller())


def test_an_endpoint_keeps_its_signature_and_runs_in_a_thread_of_ours() -> None:
    def endpoint(at: Annotated[int, Query(ge=1)]) -> dict[str, str]:
        """Says where it runs."""
        return {"thread": threading.current_thread().name, "at": str(at)}

    called = threaded(endpoint)
    assert inspect.iscoroutinefunction(called) and called.__doc__ == endpoint.__doc__
    app = FastAPI()
    app.get("/")(called)
    with TestClient(app) as client:
        found = client.get("/", params={"at": 2}).json()
        assert found["at"] == "2" and found["thread"].startswith("request")
        assert client.get("/", params={"at": 0}).status_code == 422
    assert threaded(called) is called
