"""What a worker does with a file that is all there."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from pydantic import HttpUrl

from synthos.errors import CancelledError, InputError
from synthos.progress import Event
from synthos.server.datasets.ingest import ingest
from synthos.server.errors import UnavailableError
from synthos.server.settings import Settings, Tier
from synthos.server.state import Services
from synthos.server.storage.s3 import S3Storage
from tests.s3_server import free_port
from tests.server.conftest import Person
from tests.server.datasets.conftest import Left
from tests.server.datasets.uploading import CSV, PATH, ROWS, TABLE, ready, status_of, swap, uploaded


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


PARQUET = written(TABLE.write_parquet)
FILES = {
    "table.csv": ("csv", CSV),
    "table.csv.gz": ("csv", gzip.compress(CSV)),
    "table.parquet": ("parquet", PARQUET),
    "table.jsonl": ("jsonl", written(TABLE.write_ndjson)),
    "table.arrow": ("arrow", written(TABLE.write_ipc)),
}


@pytest.mark.usefixtures("ground")
@pytest.mark.parametrize("name", FILES)
def test_every_format_becomes_ready(ada: Person, services: Services, name: str, left: Left) -> None:
    kind, content = FILES[name]
    dataset_id = ready(
        services, ada, content, filename=name, file_type=kind, sha256=hashlib.sha256(content).hexdigest()
    )
    shown = ada.client.get(f"{PATH}/{dataset_id}").json()
    assert (shown["row_count"], shown["column_count"], shown["error"]) == (ROWS, 4, None)
    assert left() == [f"datasets/{dataset_id}/data{name.removeprefix('table')}", f"datasets/{dataset_id}/profile.json"]


def test_once_more_does_nothing(ada: Person, services: Services) -> None:
    dataset_id = ready(services, ada)
    before = ada.client.get(f"{PATH}/{dataset_id}").json()
    assert ingest(services, dataset_id) == "ready"
    assert ada.client.get(f"{PATH}/{dataset_id}").json() == before


BAD = {
    "ragged line": ("t.csv", "csv", CSV.replace(b"\n", b"\n1,2,3,4,5,6\n", 1), "line 2"),
    "not UTF-8": ("t.csv", "csv", CSV + b"1,\xff\xfe,2,x\n", f"line {ROWS + 2}"),
    "duplicate columns": ("t.csv", "csv", CSV.replace(b"plan", b"age", 1), "'age'"),
    "too few rows": ("t.csv", "csv", b"a,b\n1,2\n", "has 1 row"),
    "no Parquet": ("t.parquet", "parquet", CSV, "not a sound Parquet file"),
    "cut Parquet": ("t.parquet", "parquet", PARQUET[: len(PARQUET) // 2], "not a sound Parquet file"),
    "broken footer": ("t.parquet", "parquet", PARQUET[:-200] + bytes(150) + PARQUET[-50:], "Parquet"),
    "cut gzip": ("t.csv.gz", "csv", gzip.compress(CSV)[:-20], "gzip"),
    "no JSON": ("t.jsonl", "jsonl", b'{"a": 1}\n{"a": \n', "line 2"),
    "other Arrow": ("t.arrow", "arrow", CSV, "Arrow"),
}


@pytest.mark.usefixtures("ground")
@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_fails_and_says_where(ada: Person, services: Services, case: str) -> None:
    name, kind, content, said = BAD[case]
    dataset_id = uploaded(ada, content, filename=name, file_type=kind)
    errors: list[str] = []
    for _ in range(2):  # another attempt ends alike
        with pytest.raises(InputError, match=said) as failed:
            ingest(services, dataset_id)
        errors.append(str(failed.value))
    shown = ada.client.get(f"{PATH}/{dataset_id}").json()
    assert shown["status"] == "failed" and shown["metadata"] is None
    assert shown["error"]["reason"] == "invalid-input" and shown["error"]["where"].startswith(name)
    assert errors[0] == errors[1] and said in shown["error"]["detail"]
    assert dataset_id not in str(shown["error"]) and "storage" not in str(shown["error"])
    assert ada.client.get(f"{PATH}/{dataset_id}/profile").status_code == 409


INFINITE = TABLE.with_columns(spend=pl.when(pl.int_range(ROWS) == 417).then(float("inf")).otherwise("spend"))
PLACES = {
    "a line too long": ("t.csv", "csv", BAD["ragged line"][2], (2, None, None)),
    "not UTF-8": ("t.csv", "csv", BAD["not UTF-8"][2], (ROWS + 2, None, None)),
    "a cut JSON line": ("t.jsonl", "jsonl", b'{"a": 1}\n{"a": \n', (2, None, None)),
    "a string among numbers": ("t.jsonl", "jsonl", b'{"a": 1}\n' * 9 + b'{"a": "x"}\n', (10, None, "a")),
    "an infinity": ("t.parquet", "parquet", written(INFINITE.write_parquet), (None, 417, "spend")),
    "a list": ("t.parquet", "parquet", written(TABLE.with_columns(tags=[[1]]).write_parquet), (None, None, "tags")),
    "no Parquet": ("t.parquet", "parquet", CSV, (None, None, None)),
}


@pytest.mark.parametrize("case", PLACES)
def test_the_place_of_a_fault_is_told_in_fields_of_its_own(ada: Person, services: Services, case: str) -> None:
    name, kind, content, place = PLACES[case]
    dataset_id = uploaded(ada, content, filename=name, file_type=kind)
    for _ in range(2):  # another attempt knows it too
        with pytest.raises(InputError) as failed:
            ingest(services, dataset_id)
        assert (failed.value.line, failed.value.row, failed.value.column) == place
    told = ada.client.get(f"{PATH}/{dataset_id}").json()["error"]
    assert (told["line"], told["row"], told["column"]) == place and told["where"] == name


@pytest.mark.usefixtures("ground")
def test_a_file_with_another_digest_than_announced_fails(ada: Person, services: Services) -> None:
    dataset_id = uploaded(ada, sha256="0" * 64)
    with pytest.raises(InputError, match=hashlib.sha256(CSV).hexdigest()):
        ingest(services, dataset_id)
    assert status_of(services, dataset_id) == "failed"


def test_a_packed_file_that_unpacks_to_more_than_may_be_sent_fails(
    ada: Person, services: Services, settings: Settings
) -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 500_000)
    dataset_id = uploaded(ada, bomb, filename="t.csv.gz")
    swap(services, settings=settings.model_copy(update={"tiers": {"free": Tier(bytes=1_000_000)}}))
    with pytest.raises(InputError, match="unpacks to more than 1,000,000 bytes"):
        ingest(services, dataset_id)


def test_a_table_of_more_rows_than_may_be_judged_fails_unread(
    ada: Person, services: Services, settings: Settings
) -> None:
    many = written(lambda buffer: pl.select(a=pl.zeros(2_000_000, dtype=pl.Int64)).write_parquet(buffer))
    assert len(many) < 100_000
    dataset_id = uploaded(ada, many, filename="t.parquet", file_type="parquet")
    swap(services, settings=settings.model_copy(update={"tiers": {"free": Tier(rows=1_000_000)}}))
    told: list[Event] = []
    with pytest.raises(InputError, match="has 2,000,000 rows"):
        ingest(services, dataset_id, told.append)
    assert not [event for event in told if event.stage == "scan"]


def test_progress_is_told_from_the_first_stage_on(ada: Person, services: Services) -> None:
    told: list[Event] = []
    ingest(services, uploaded(ada, sha256=hashlib.sha256(CSV).hexdigest()), told.append)
    assert told[0].stage == "verify" and told[-1].stage == "scan"
    assert all(event.done <= event.total for event in told)


def test_a_cancelled_one_can_be_begun_again(ada: Person, services: Services) -> None:
    dataset_id = uploaded(ada)

    def cancel(event: Event) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        ingest(services, dataset_id, cancel)
    assert status_of(services, dataset_id) == "processing"
    assert ingest(services, dataset_id) == "ready"


@pytest.mark.usefixtures("ground")
def test_what_is_deleted_meanwhile_stays_deleted(ada: Person, services: Services, left: Left) -> None:
    dataset_id = uploaded(ada)

    def delete(event: Event) -> None:
        if event.done == event.total:
            assert ada.client.delete(f"{PATH}/{dataset_id}").status_code == 200

    assert ingest(services, dataset_id, delete) == "deleted"
    assert ingest(services, dataset_id) == "deleted"
    assert left() == [] and status_of(services, dataset_id) == "deleted"


@pytest.mark.slow
@pytest.mark.parametrize("digest", [None, hashlib.sha256(CSV).hexdigest()], ids=["read", "checked"])
@pytest.mark.parametrize("ground", ["cloud"])
def test_a_storage_that_is_away_is_no_fault_of_the_file(
    ada: Person, services: Services, settings: Settings, digest: str | None, ground: str
) -> None:
    dataset_id = uploaded(ada, sha256=digest)
    there = services.storage
    assert settings.s3 is not None
    away = settings.s3.model_copy(update={"endpoint": HttpUrl(f"http://127.0.0.1:{free_port()}")})
    swap(services, storage=S3Storage(away, 1))
    with pytest.raises(UnavailableError):
        ingest(services, dataset_id)
    assert status_of(services, dataset_id) == "processing"
    swap(services, storage=there)
    assert ingest(services, dataset_id) == "ready"


def test_a_file_that_is_lost_is_no_fault_of_the_file(ada: Person, services: Services) -> None:
    dataset_id = uploaded(ada)
    path = Path(services.settings.data_folder) / "storage" / "datasets" / dataset_id / "data.csv"
    aside = path.rename(path.with_name("aside"))
    with pytest.raises(UnavailableError):
        ingest(services, dataset_id)
    aside.rename(path)
    assert ingest(services, dataset_id) == "ready"
