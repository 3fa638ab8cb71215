"""Uploads that break off and go on, and validations that are waited for. The worker works while the client waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from synthos.client import Client
from synthos.client.transport import ATTEMPTS
from synthos.errors import InputError, RemoteError, SourceError
from synthos.server.datasets.ingest import ingest
from synthos.server.db.tables import datasets, validations
from synthos.server.pagination import USUAL
from synthos.server.state import Services
from synthos.server.validations import places
from tests.client.conftest import Unreliable
from tests.server import rows
from tests.server.conftest import Person
from tests.server.datasets.uploading import CSV, ROWS


class LosesParts(Unreliable):
    """Lets no part through from this number on, until it is mended."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first_lost: int | None = first

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        _, _, number = request.url.path.rpartition("/parts/")
        if number.isdecimal() and self.first_lost is not None and int(number) >= self.first_lost:
            self.asked.append(f"lost {number}")
            raise httpx2.ConnectError("the network is gone")
        return super().handle_request(request)

    def sent(self) -> list[str]:
        """Numbers of the parts that came through, in order."""
        return [path.rpartition("/")[2] for path in self.asked if path.startswith("PUT")]


@pytest.fixture
def working(services: Services) -> Callable[[float], None]:
    """A wait in which the worker reads every table that is complete."""

    def work(seconds: float) -> None:
        with services.database.read(None) as unit:
            waiting = [row.id for row in unit.all(datasets.select()) if row.status == "processing"]
        for name in waiting:
            try:
                ingest(services, name)
            except InputError:
                continue

    return work


@pytest.fixture
def client(url: str, ada: Person, working: Callable[[float], None]) -> Any:
    with Client.login(url, ada.email, ada.password, sleep=working) as made:
        yield made


def written(folder: Path, content: bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_table_is_sent_read_and_shown(client: Client, tmp_path: Path) -> None:
    sent: list[tuple[int, int]] = []
    found = client.upload(
        written(tmp_path, CSV), description="people", on_sent=lambda done, size: sent.append((done, size))
    )
    assert (found.status, found.rows, found.columns, found.raw["description"]) == ("ready", ROWS, 4, "people")
    assert sent[0] == (0, len(CSV)) and sent[-1] == (len(CSV), len(CSV))
    assert client.dataset(found.id) == found
    client.delete_dataset(found.id)
    with pytest.raises(RemoteError) as gone:
        client.dataset(found.id)
    assert gone.value.status == 404


def test_all_datasets_are_listed_page_after_page(client: Client, services: Services, ada: Person) -> None:
    mine = [rows.dataset(services, ada) for _ in range(USUAL + 1)]
    assert sorted(found.id for found in client.datasets()) == sorted(mine)


def test_what_is_wrong_with_a_table_is_told_with_its_place(client: Client, tmp_path: Path) -> None:
    bad = CSV.replace(b"\n", b"\n1,2,3,4,5,6\n", 1)
    with pytest.raises(RemoteError, match=r"table\.csv") as caught:
        client.upload(written(tmp_path, bad))
    assert caught.value.reason == "invalid-input" and "line 2" in str(caught.value)
    assert (caught.value.line, caught.value.row, caught.value.column) == (2, None, None)


@pytest.mark.slow
def test_an_upload_that_broke_off_goes_on_where_it_was(
    url: str, ada: Person, tmp_path: Path, services: Services, working: Callable[[float], None]
) -> None:
    # Once all of it is there its second line is at fault, which is found out at once.
    path = written(tmp_path, b"a,b\n1,2,3\n" + b"1,2\n" * (services.settings.chunk_bytes // 2))
    network = LosesParts(2)
    with Client.login(url, ada.email, ada.password, transport=network, sleep=lambda seconds: None) as client:
        with pytest.raises(RemoteError, match="no answer"):
            client.upload(path)
        assert network.sent() == ["1"] and network.asked.count("lost 2") == ATTEMPTS
        (dataset_id,) = [item["dataset_id"] for item in ada.client.get("/api/v1/datasets").json()["items"]]
        network.first_lost = None
        client._sleep = working
        seen: list[int] = []
        with pytest.raises(RemoteError, match="line 2"):
            client.upload(path, resume=dataset_id, on_sent=lambda done, size: seen.append(done))
    parts = -(-path.stat().st_size // services.settings.chunk_bytes)
    assert sorted(network.sent(), key=int) == [str(number) for number in range(1, parts + 1)] and parts >= 2
    assert seen[0] == services.settings.chunk_bytes and seen[-1] == path.stat().st_size


@pytest.mark.slow
def test_an_upload_that_is_interrupted_ends_soon_and_goes_on_later(
    client: Client, ada: Person, tmp_path: Path, services: Services
) -> None:
    path = written(tmp_path, b"a,b\n1,2,3\n" + b"1,2\n" * (2 * services.settings.chunk_bytes))

    def interrupt(done: int, size: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.upload(path, on_sent=interrupt)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("upload")] == []
    (item,) = ada.client.get("/api/v1/datasets").json()["items"]
    there = [part["size"] for part in ada.client.get(f"/api/v1/datasets/{item['dataset_id']}/upload").json()["parts"]]
    assert 0 < sum(there) < path.stat().st_size
    with pytest.raises(RemoteError, match="line 2"):
        client.upload(path, resume=item["dataset_id"])


def test_a_file_that_shrinks_while_it_is_sent_is_told(client: Client, tmp_path: Path) -> None:
    path = written(tmp_path, CSV)

    def shrink(done: int, size: int) -> None:
        path.write_bytes(CSV[:10])

    with pytest.raises(SourceError, match="became shorter"):
        client.upload(path, on_sent=shrink)


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_a_validation_is_waited_for_until_it_ends(services: Services, url: str, ada: Person, end: str) -> None:
    def work(seconds: float) -> None:
        error = {"reason": "invalid-input", "detail": "too few rows", "where": "a.csv", "fix": "give more"}
        values: dict[str, Any] = {"status": end, "progress": 100.0, "error": error if end == "failed" else None}
        if end == "completed":
            values |= {"results": {"decision": "approved", "risk_score": 12.5}}
        with services.database.write(None) as unit:
            unit.run(validations.update().values(values))

    table = rows.dataset(services, ada)
    seen: list[str] = []
    with Client.login(url, ada.email, ada.password, sleep=work) as client:
        if end == "completed":
            found = client.validate(table, table, quick=True, seed=3, on_progress=lambda one: seen.append(one.status))
            assert (found.decision, found.risk_score, found.raw["options"]["seed"]) == ("approved", 12.5, 3)
            assert seen == ["queued", "completed"]
            services.storage.put(places.page(found.id), b"<p>report")
            assert client.report(found.id) == b"<p>report"
        else:
            with pytest.raises(RemoteError, match="too few rows" if end == "failed" else "cancelled") as caught:
                client.validate(table)
            assert caught.value.reason == ("invalid-input" if end == "failed" else "cancelled")


def test_a_validation_is_called_off(services: Services, client: Client, ada: Person) -> None:
    made = client.validate(rows.dataset(services, ada), wait=False, express=True)
    assert (made.status, made.decision, made.raw["options"]["priority"]) == ("queued", None, "express")
    client.cancel(made.id)
    assert client.validation(made.id).status == "cancelled"
