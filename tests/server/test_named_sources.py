"""The service reads what was uploaded to it, and nothing else: no request makes it fetch from an address."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from synthos.server.app import create_app
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services
from synthos.server.validations.documents import Document
from tests.server.conftest import Person
from tests.server.datasets.uploading import CSV, PATH, ready
from tests.server.routes import operations, resolved, settle

#: Fields that are kept or compared as they are.
FREE_TEXT = {"description", "company_name", "full_name", "name", "password", "refresh_token"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    tiers = settings.tiers | {"free": Tier(requests_per_minute=10**6)}
    return settings.model_copy(update={"tiers": tiers, "logins_per_minute": 10**6, "refreshes_per_minute": 10**6})


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Would notice who connects to it."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def addresses(port: int) -> list[str]:
    return [
        f"http://127.0.0.1:{port}/table.csv",
        f"s3://127.0.0.1:{port}/table.csv",
        f"s3://bucket/table.csv?endpoint_url=http://127.0.0.1:{port}",
        "http://169.254.169.254/latest/meta-data/table.csv",
        "file:///etc/passwd",
        "/etc/passwd",
    ]


@pytest.mark.slow
def test_no_field_of_any_request_names_a_source(
    services: Services, ada: Person, listener: socket.socket, quick_document: Document
) -> None:
    ids = settle(services, ada, quick_document)
    tried = 0
    for operation in operations(create_app(services=services).openapi()):
        body = operation.body
        if body is None:
            continue
        whole = resolved(operation.about["requestBody"]["content"]["application/json"]["schema"], operation.schemas)
        for field in whole["properties"]:
            for address in addresses(listener.getsockname()[1]):
                filled = {name: ids.get(str(value).strip("{}"), value) for name, value in body.items()}
                answer = operation.ask(ada.client, ids, json=filled | {field: address})
                tried += 1
                assert answer.status_code in (401, 404, 409, 422) or field in FREE_TEXT, (operation, field, answer.text)
    for operation in operations(create_app(services=services).openapi()):
        for place in operation.places:
            for address in addresses(listener.getsockname()[1]):
                answer = operation.ask(ada.client, ids | {place: address.replace("/", "%2F")})
                tried += 1
                assert answer.status_code in (404, 405, 422), (operation, place, answer.text)
    assert tried > 100
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_table_that_names_addresses_is_not_followed(services: Services, ada: Person, listener: socket.socket) -> None:
    address = addresses(listener.getsockname()[1])[0]
    content = CSV.replace(b"basic", address.encode())
    shown = ada.client.get(f"{PATH}/{ready(services, ada, content)}").json()
    assert shown["status"] == "ready"
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_bytes_are_given_back_as_they_came_and_opened_by_nothing(services: Services, ada: Person) -> None:
    """Cells that spreadsheets would take for formulas are the client's own; a browser saves them, and does not show."""
    cells = [b"=1+1", b"+1", b"-1", b"@SUM(1)", b"\t=1", b'=HYPERLINK("http://evil.example")']
    content = CSV + b"".join(b'1,"' + cell.replace(b'"', b'""') + b'",1,x\n' for cell in cells)
    answer = ada.client.get(f"{PATH}/{ready(services, ada, content)}/content")
    assert answer.content == content and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment") and answer.headers["X-Content-Type-Options"]


def test_the_service_writes_no_tables_that_spreadsheets_open(services: Services) -> None:
    """One that does has to take care of cells that begin like formulas."""
    kinds: set[Any] = set()
    for operation in operations(create_app(services=services).openapi()):
        for answer in operation.about["responses"].values():
            kinds |= set(answer.get("content", {}))
    assert kinds <= {
        *("application/json", "application/problem+json", "application/octet-stream", "application/pdf"),
        *("text/html", "text/event-stream", "text/plain"),
    }
