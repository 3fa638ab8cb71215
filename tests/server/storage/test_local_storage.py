from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthos.server.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    StorageFullError,
    TooLargeError,
    UnavailableError,
)
from synthos.server.storage.base import Part, Upload
from synthos.server.storage.local import LocalStorage
from synthos.server.storage.local_part import LocalPart
from tests.server.storage.conftest import send

KEY = "datasets/one/data.csv"


@pytest.fixture
def local(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "storage")


@pytest.fixture
def upload(local: LocalStorage) -> Upload:
    return Upload(KEY, local.begin(KEY, 10), 10, 4)


@pytest.fixture
def opened(local: LocalStorage, upload: Upload) -> Callable[[int], LocalPart]:
    return lambda number: local.open_part(upload, number)


Opened = Callable[[int], LocalPart]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_room_is_taken_at_the_start(local: LocalStorage, upload: Upload, tmp_path: Path) -> None:
    assert (tmp_path / "storage" / f"{KEY}.partial").stat().st_size == 10


class Overtaken(LocalStorage):
    """Storage whose upload another process completes, just as this one looks at the parts."""

    def __init__(self, root: Path, after: bool) -> None:
        super().__init__(root)
        self._other, self._after = LocalStorage(root), after

    def parts(self, upload: Upload) -> list[Part]:
        found = super().parts(upload) if self._after else []
        self._other.complete(upload)
        return found or super().parts(upload)


@pytest.mark.parametrize("after", [False, True], ids=["before the parts are seen", "before the rename"])
def test_completing_beside_another_process_is_no_error(
    local: LocalStorage, upload: Upload, tmp_path: Path, after: bool
) -> None:
    for number, content in ((1, b"abcd"), (2, b"efgh"), (3, b"ij")):
        send(local, upload, number, content)
    Overtaken(tmp_path / "storage", after).complete(upload)
    assert files(tmp_path / "storage") == {KEY} and local.read(KEY) == b"abcdefghij"


def test_completing_leaves_the_object_alone(local: LocalStorage, upload: Upload, tmp_path: Path) -> None:
    for number, content in ((1, b"abcd"), (2, b"efgh"), (3, b"ij")):
        send(local, upload, number, content)
    local.complete(upload)
    assert files(tmp_path / "storage") == {KEY} and local.read(KEY) == b"abcdefghij"


def test_a_part_that_breaks_off_is_not_there(local: LocalStorage, upload: Upload, opened: Opened) -> None:
    writer = opened(1)
    writer.write(b"abcd")
    writer.close()
    assert local.parts(upload) == []
    send(local, upload, 1, b"wxyz")
    assert [part.number for part in local.parts(upload)] == [1]


def test_a_part_with_another_digest_is_not_kept(local: LocalStorage, upload: Upload, opened: Opened) -> None:
    writer = opened(1)
    writer.write(b"abcd")
    with pytest.raises(InvalidError, match="has the SHA-256"):
        writer.finish(hashlib.sha256(b"abce").hexdigest())
    writer.close()
    assert local.parts(upload) == []


def test_a_part_ends_where_it_ends(upload: Upload, opened: Opened) -> None:
    writer = opened(3)
    writer.write(b"i")
    with pytest.raises(TooLargeError, match="part 3 has 2 bytes"):
        writer.write(b"jk")
    writer.close()


def test_a_part_that_is_there_is_never_written_again(local: LocalStorage, upload: Upload) -> None:
    first = send(local, upload, 1, b"abcd")
    assert send(local, upload, 1, b"abcd") == first
    with pytest.raises(ConflictError, match="with other bytes"):
        send(local, upload, 1, b"abXX")
    send(local, upload, 2, b"efgh")
    send(local, upload, 3, b"ij")
    local.complete(upload)
    assert local.read(KEY) == b"abcdefghij"


def test_two_cannot_write_one_part(local: LocalStorage, upload: Upload, opened: Opened) -> None:
    first = opened(1)
    with pytest.raises(ConflictError, match="another request is sending part 1"):
        opened(1)
    other = opened(2)  # parts beside it go on
    first.close()
    other.close()
    opened(1).close()


def test_a_record_that_is_cut_off_counts_as_none(local: LocalStorage, upload: Upload, tmp_path: Path) -> None:
    send(local, upload, 1, b"abcd")
    record = tmp_path / "storage" / f"{KEY}.parts" / "1"
    record.write_bytes(record.read_bytes()[:40])
    assert local.parts(upload) == []
    assert send(local, upload, 1, b"abcd") is not None
    assert [part.number for part in local.parts(upload)] == [1]


def test_an_upload_that_was_renamed_before_a_crash_is_complete(
    local: LocalStorage, upload: Upload, tmp_path: Path
) -> None:
    for number, content in ((1, b"abcd"), (2, b"efgh"), (3, b"ij")):
        send(local, upload, number, content)
    path = tmp_path / "storage" / KEY
    path.with_name(f"{path.name}.partial").rename(path)
    local.complete(upload)
    assert files(tmp_path / "storage") == {KEY}


def test_writing_into_an_upload_that_has_ended_finds_nothing(local: LocalStorage, upload: Upload) -> None:
    local.abort(KEY)
    with pytest.raises(NotFoundError, match="no such upload"):
        local.open_part(upload, 1)


@pytest.mark.slow
@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_whatever_order_and_pieces_parts_come_in(tmp_path: Path, data: st.DataObject) -> None:
    content = data.draw(st.binary(min_size=1, max_size=60))
    upload = Upload("u/t", "partial", len(content), data.draw(st.integers(1, 20)))
    local = LocalStorage(tmp_path / "any")
    local.delete_prefix("u/")
    local.begin(upload.key, upload.size)
    for number in data.draw(st.permutations(range(1, upload.count + 1))):
        whole = content[upload.offset(number) :][: upload.part_size(number)]
        cut = data.draw(st.integers(0, len(whole)))
        writer = local.open_part(upload, number)
        writer.write(whole[:cut])
        writer.write(whole[cut:])
        writer.finish(hashlib.sha256(whole).hexdigest())
        writer.close()
    local.complete(upload)
    assert local.read("u/t") == content


def test_more_than_the_disk_holds_is_refused_and_leaves_nothing(local: LocalStorage, tmp_path: Path) -> None:
    with pytest.raises(StorageFullError):
        local.begin(KEY, shutil.disk_usage(tmp_path).free)
    assert files(tmp_path / "storage") == set()


LIMITED = """
import resource, sys
from pathlib import Path
from synthos.server.errors import StorageFullError
from synthos.server.storage.local import LocalStorage
local = LocalStorage(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
for write in (lambda: local.begin("a/b", 2_000), lambda: local.put("c/d", b"x" * 2_000)):
    try:
        write()
    except StorageFullError:
        pass
    else:
        sys.exit("it was written")
local.put("e/f", b"x" * 900)
"""


@pytest.mark.slow
def test_a_file_that_finds_no_room_is_not_left_half_written(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == {"e/f"}


def test_a_folder_that_cannot_be_used_is_said_to_be_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError):
        LocalStorage(tmp_path / "file" / "storage")


def test_a_folder_that_is_gone_does_not_answer(local: LocalStorage, tmp_path: Path) -> None:
    (tmp_path / "storage").rename(tmp_path / "elsewhere")
    assert not local.answers()


def test_only_the_owner_can_read_what_is_stored(local: LocalStorage, upload: Upload, tmp_path: Path) -> None:
    local.put("a/b", b"secret")
    send(local, upload, 1, b"abcd")
    root = tmp_path / "storage"
    assert all(path.stat().st_mode & 0o077 == 0 for path in (root, *root.rglob("*")) if path == root or path.is_file())
