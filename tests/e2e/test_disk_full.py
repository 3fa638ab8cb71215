"""The disk that holds all that the service keeps is full: it says so, loses nothing, and goes on by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from synthos.client import Client
from synthos.errors import RemoteError
from synthos.server.db.database import Database
from synthos.server.settings import MIB
from synthos.server.storage.local import RESERVE_BYTES
from tests.e2e.running import EMAIL, PASSWORD, ended_once, running_service
from tests.e2e.test_platform import Service, until

pytestmark = [pytest.mark.slow, pytest.mark.long]
SIZE = RESERVE_BYTES + 64 * MIB


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small file system of its own."""
    place = tmp_path_factory.mktemp("disk")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("this process may not mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="module")
def service(disk: Path) -> Iterator[Service]:
    with running_service({"SYNTHOS_DATA_FOLDER": str(disk / "data"), "SYNTHOS_HEADROOM": "0"}) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    with Client.login(service.url, EMAIL, PASSWORD) as session:
        yield session


def fill(disk: Path, left: int) -> None:
    """Leave so many bytes free."""
    with (disk / "filler").open("ab") as filler, suppress(OSError):
        while (free := shutil.disk_usage(disk).free - left) > 0:
            filler.write(bytes(min(free, MIB)))
            filler.flush()
            os.fsync(filler.fileno())


def content(client: Client, dataset: str) -> bytes:
    return client._transport.ask("GET", f"/datasets/{dataset}/content").content


def test_without_room_nothing_is_taken_and_nothing_lost_and_with_room_all_goes_on(
    disk: Path, service: Service, client: Client, tables: Path
) -> None:
    files = {name: tables / f"{name}.parquet" for name in ("wreck", "real")}
    named = {name: client.upload(path).id for name, path in files.items()}
    undisturbed = client.validate(named["wreck"], named["real"], quick=True, seed=1).raw["results"]
    fill(disk, left=RESERVE_BYTES // 2)
    with pytest.raises(RemoteError) as refused:
        client.upload(files["real"])
    assert (refused.value.status, refused.value.reason) == (507, "storage-full")
    validation = client.validate(named["wreck"], named["real"], quick=True, seed=1, wait=False).id
    until(lambda: client.validation(validation).status == "running")
    fill(disk, left=0)
    with pytest.raises(RemoteError) as refused:
        client.upload(files["real"])
    assert refused.value.status in (503, 507)
    # Its worker comes so far, and can keep nothing of what it has measured.
    until((disk / "data" / "storage" / "validations" / validation).exists)
    assert {name: content(client, dataset) for name, dataset in named.items()} == {
        name: path.read_bytes() for name, path in files.items()
    }
    (disk / "filler").unlink()
    assert client.wait(validation).raw["results"] == undisturbed
    with closing(Database(f"sqlite:///{disk}/data/synthos.db")) as database:
        assert ended_once(database, validation).attempts == 1
    again = client.upload(files["real"])
    assert content(client, again.id) == files["real"].read_bytes()
    assert service.status() == 200
