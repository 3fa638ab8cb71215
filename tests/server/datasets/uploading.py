"""What clients do to upload a file."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable
from typing import Any

import polars as pl
from sqlalchemy import select

from synthos.server.datasets.ingest import ingest
from synthos.server.db.tables import datasets
from synthos.server.state import Services
from tests.server.conftest import Person

PATH = "/api/v1/datasets"
ROWS = 600
TABLE = pl.DataFrame(
    {
        "age": [18 + (7 * row) % 60 for row in range(ROWS)],
        "plan": ["basic" if row % 3 else "gold" for row in range(ROWS)],
        "spend": [None if row % 4 == 0 else row / 7 for row in range(ROWS)],
        "mail": [f"person{row % 50}@example.com" for row in range(ROWS)],
    }
)
CSV = TABLE.write_csv().encode()


def announce(person: Person, content: bytes, **fields: Any) -> dict[str, Any]:
    asked = {"filename": "table.csv", "file_type": "csv", "file_size": len(content), **fields}
    answer = person.client.post(f"{PATH}/upload", json=asked)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def part_of(plan: dict[str, Any], content: bytes, number: int) -> bytes:
    return content[(number - 1) * plan["chunk_size"] : number * plan["chunk_size"]]


def send(person: Person, plan: dict[str, Any], content: bytes, numbers: Iterable[int] | None = None) -> None:
    """Those parts, or all of them, by the way that the plan tells."""
    addresses = {part["part_number"]: part["url"] for part in plan["upload_urls"]}
    for number in numbers or range(1, plan["parts_total"] + 1):
        part = part_of(plan, content, number)
        if plan["upload_method"] == "parts":
            answer = person.client.put(plan["upload_url"].format(part_number=number), content=part)
            assert answer.status_code == 200, answer.text
        else:
            with urllib.request.urlopen(urllib.request.Request(addresses[number], part, method="PUT")):
                pass


def uploaded(person: Person, content: bytes = CSV, **fields: Any) -> str:
    """A dataset all of whose bytes are there, and which nobody has read yet; its id."""
    plan = announce(person, content, **fields)
    send(person, plan, content)
    answer = person.client.post(f"{PATH}/{plan['dataset_id']}/complete")
    assert answer.status_code == 200, answer.text
    return str(plan["dataset_id"])


def ready(services: Services, person: Person, content: bytes = CSV, **fields: Any) -> str:
    """A dataset that a worker has read; its id."""
    dataset_id = uploaded(person, content, **fields)
    assert ingest(services, dataset_id) == "ready"
    return dataset_id


def status_of(services: Services, dataset_id: str) -> str:
    with services.database.read(None) as work:
        row = work.one(select(datasets.c.status).where(datasets.c.id == dataset_id))
    assert row is not None
    return str(row.status)


def swap(services: Services, **parts: Any) -> None:
    """Parts of a running service become others: its settings change, its storage goes away."""
    for name, part in parts.items():
        object.__setattr__(services, name, part)
