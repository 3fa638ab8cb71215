"""What both storages do alike."""

from __future__ import annotations

import random
from pathlib import Path
from urllib.error import HTTPError

import pytest

from synthos.errors import InternalError
from synthos.server.errors import ConflictError, InvalidError, NotFoundError
from synthos.server.settings import MIB
from synthos.server.storage.base import Storage
from synthos.tables.sources import open_table
from tests.server.storage.conftest import Begin, send

CHUNK = 5 * MIB
CONTENT = random.Random(5).randbytes(2 * CHUNK + 1_234)
END = len(CONTENT)


def part_of(content: bytes, number: int) -> bytes:
    return content[(number - 1) * CHUNK : number * CHUNK]


def test_objects_are_written_read_and_removed(storage: Storage) -> None:
    storage.put("a/b.json", b"one")
    storage.put("a/b.json", b"two!")
    assert storage.read("a/b.json") == b"two!" and storage.size("a/b.json") == 4
    storage.delete("a/b.json")
    storage.delete("a/b.json")
    for look in (storage.read, storage.size, lambda key: storage.open_range(key, 0, 1)):
        with pytest.raises(NotFoundError):
            look("a/b.json")


@pytest.mark.parametrize("size", [0, 1_234, END + 20 * MIB])
def test_files_are_written_whole(storage: Storage, tmp_path: Path, size: int) -> None:
    content = (CONTENT * 4)[:size]
    (tmp_path / "made").write_bytes(content)
    for _ in range(2):
        storage.put_file("a/made.parquet", tmp_path / "made")
    assert storage.read("a/made.parquet") == content


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (3, 7), (0, END), (5, 5), (END - 1, END)])
def test_ranges_are_cut_exactly(storage: Storage, start: int, stop: int) -> None:
    storage.put("a/big", CONTENT)
    chunks = list(storage.open_range("a/big", start, stop))
    assert b"".join(chunks) == CONTENT[start:stop]
    assert all(len(chunk) <= MIB for chunk in chunks)


def test_a_prefix_is_removed_and_what_is_called_alike_stays(storage: Storage) -> None:
    for key in ("a/1/x", "a/1/y/z", "a/10/x"):
        storage.put(key, b"here")
    storage.delete_prefix("a/1/")
    storage.delete_prefix("a/1/")
    assert storage.read("a/10/x") == b"here"
    for key in ("a/1/x", "a/1/y/z"):
        with pytest.raises(NotFoundError):
            storage.size(key)


def test_parts_in_any_order_become_one_object(storage: Storage, begin: Begin) -> None:
    upload = begin("a/table.csv", len(CONTENT), CHUNK)
    for number in (3, 1):
        send(storage, upload, number, part_of(CONTENT, number))
    assert [(part.number, part.size) for part in storage.parts(upload)] == [(1, CHUNK), (3, 1_234)]
    with pytest.raises(ConflictError, match="of 3 parts these are not there: 2"):
        storage.complete(upload)
    send(storage, upload, 2, part_of(CONTENT, 2))
    storage.complete(upload)
    storage.complete(upload)
    assert storage.size("a/table.csv") == len(CONTENT)
    assert b"".join(storage.open_range("a/table.csv", 0, len(CONTENT))) == CONTENT
    storage.delete_prefix("a/")
    with pytest.raises(NotFoundError):
        storage.size("a/table.csv")


def test_an_upload_is_no_object_until_it_is_complete(storage: Storage, begin: Begin) -> None:
    upload = begin("a/table.csv", 3, CHUNK)
    send(storage, upload, 1, b"abc")
    with pytest.raises(NotFoundError):
        storage.size("a/table.csv")


def test_an_aborted_upload_is_gone(storage: Storage, begin: Begin) -> None:
    upload = begin("a/table.csv", 3, CHUNK)
    send(storage, upload, 1, b"abc")
    storage.abort("a/table.csv")
    storage.abort("a/table.csv")
    for look in (storage.parts, storage.complete):
        with pytest.raises(NotFoundError):
            look(upload)
    with pytest.raises((NotFoundError, HTTPError)):
        send(storage, upload, 1, b"abc")


@pytest.mark.parametrize("content", [b"", b"ab", b"abc"])
def test_a_part_of_another_size_is_refused(storage: Storage, begin: Begin, content: bytes) -> None:
    upload = begin("a/table.csv", 4, CHUNK)
    with pytest.raises((InvalidError, HTTPError)):
        send(storage, upload, 1, content)
    assert storage.parts(upload) == []


@pytest.mark.parametrize("key", ["", "/x", "../x", "a/../../x", "a/./x", "a//x", ".hidden", "a/\0", "a b", "ä"])
def test_keys_that_lead_elsewhere_are_a_bug(storage: Storage, key: str) -> None:
    with pytest.raises(InternalError):
        storage.put(key, b"x")


@pytest.mark.slow  # the libraries that read addresses take long to import
def test_tables_read_what_is_stored(storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    storage.put("a/table.csv", b"x,y\n1,2\n3,4\n")
    readable = storage.source("a/table.csv")
    for name, value in readable.environment.items():
        monkeypatch.setenv(name, value)
    assert open_table(readable.address).rows == 2
    assert all(secret not in repr(readable) for secret in readable.environment.values())


def test_a_storage_that_is_there_answers(storage: Storage) -> None:
    assert storage.answers()
