from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthos.server.datasets.formats import ENDINGS, attachment, clean_filename, ending_of
from synthos.tables.sources import FORMATS
from tests.server.conftest import Person
from tests.server.datasets.conftest import Left
from tests.server.datasets.uploading import CSV, PATH, announce

TRICKS = [
    "../../etc/passwd.csv",
    "/etc/table.csv",
    "folder/table.csv",
    "..\\table.csv",
    "C:\\table.csv",
    "..",
    ".",
    ".csv",
    ".hidden.csv",
    "",
    "   ",
    "table\0.csv",
    "table\n.csv",
    "table\x7f.csv",
    "table\u202evsc.exe.csv",
    "table\u200b.csv",
    "table\u2028.csv",
    "t" * 197 + ".csv",
]
LETTERS = 'aZ0 .-_é\u0301ﬁ中👍/\\"%;\0\n\x85\u200d\u202e\ud800'


def test_every_format_that_tables_are_read_in_is_taken() -> None:
    assert ENDINGS.keys() == FORMATS.keys()
    for ending, kind in ENDINGS.items():
        assert FORMATS[ending].__name__ == f"open_{ {'csv': 'delimited'}.get(kind, kind) }"


@pytest.mark.parametrize("name", TRICKS)
def test_names_with_tricks_are_refused(ada: Person, left: Left, name: str) -> None:
    answer = ada.client.post(f"{PATH}/upload", json={"filename": name, "file_type": "csv", "file_size": 5})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == ["body.filename"]
    assert left() == []


@pytest.mark.parametrize(
    ("name", "kind", "field"),
    [
        ("table.csv", "parquet", "body.file_type"),
        ("table.parquet", "csv", "body.file_type"),
        ("table.jsonl.gz", "csv", "body.file_type"),
        ("table.exe", "csv", "body.filename"),
        ("table", "csv", "body.filename"),
        ("table.parquet.gz", "parquet", "body.filename"),
        ("table.csv", "excel", "body.file_type"),
    ],
)
def test_ending_and_type_agree(ada: Person, name: str, kind: str, field: str) -> None:
    answer = ada.client.post(f"{PATH}/upload", json={"filename": name, "file_type": kind, "file_size": 5})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("name", "ending"), [("a.CSV", ".csv"), ("a.csv.GZ", ".csv.gz"), ("a.b.ndjson.zst", ".ndjson.zst")]
)
def test_endings_are_found_whatever_their_case(name: str, ending: str) -> None:
    assert ending_of(name) == ending


def test_names_are_composed_and_trimmed(ada: Person) -> None:
    plan = announce(ada, CSV, filename="  Bu\u0308cher.csv ")
    assert ada.client.get(f"{PATH}/{plan['dataset_id']}").json()["filename"] == "B\u00fccher.csv"


@given(st.text(st.sampled_from(LETTERS), max_size=20))
def test_a_clean_name_stays_clean_and_fits_a_header(name: str) -> None:
    try:
        clean = clean_filename(name)
    except ValueError:
        return
    assert clean_filename(clean) == clean
    assert not any(unicodedata.category(letter) == "Cc" for letter in clean)
    header = attachment(clean)
    assert header.isascii() and header.isprintable() and header.count('"') == 2
