from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from synthos.server.ingress import UNWATCHED, Unwatched
from synthos.server.parts import environment
from synthos.server.settings import Settings


@pytest.mark.parametrize(
    "given", [[], [(UNWATCHED, b"?0")], [(b"accept", b"*/*"), (UNWATCHED, b"?0"), (UNWATCHED, b"")]]
)
def test_no_request_is_read_ahead_whatever_its_client_says(given: list[tuple[bytes, bytes]]) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is read or sent")

    asyncio.run(Unwatched(app)({"type": "http", "headers": given}, nothing, nothing))
    others = [(name, value) for name, value in given if name != UNWATCHED]
    assert seen[0]["headers"] == [*others, (UNWATCHED, b"?1")]


def test_ray_is_told_of_a_function_that_is_there(tmp_path: Path) -> None:
    told = environment(Settings(data_folder=tmp_path / "data"), None, tmp_path, 8_000)
    module, _, name = told["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"].rpartition(".")
    assert [middleware.cls for middleware in getattr(import_module(module), name)()] == [Unwatched]
