"""The user's own cases: added whole or not at all, checked on the way in and out, one sentence where one is off."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from synthos.errors import ConfigError, InputError, SourceError
from synthos.verdict.fingerprint import Fingerprint
from synthos.verdict.known import add, load_library, load_own, own_file, packaged_library, parse_library

FIGURES: Fingerprint = {"new_values": 0.4, "tails": -1.0, "region_noise": 0.0}


def result(folder: Path, name: str = "r.json", **changed: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"signature_figures": FIGURES, "fingerprint": name, "risk_score": 3.0} | changed))
    return path


def test_what_is_added_is_read_again_beside_the_packaged_cases(tmp_path: Path):
    own = tmp_path / "own.json"
    case = add(result(tmp_path), name=" our  GAN ", family="CTGAN", harm=0.3, note="trained on May", path=own)
    assert (case.name, case.family, case.harm, case.description) == ("our GAN", "ctgan", 0.3, "trained on May")
    second = add(result(tmp_path, "s.json"), name="other", family="flow", harm=-0.01, path=own)
    assert load_own(own) == (case, second) and case.figures == FIGURES
    assert load_library(own).cases == (*packaged_library().cases, case, second)
    assert load_library(own).spreads == packaged_library().spreads


def test_by_default_it_stands_in_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert own_file() == tmp_path / "data" / "synthos" / "signatures.json"
    assert load_library() == packaged_library()
    add(result(tmp_path), name="a", family="a", harm=0.0)
    assert load_library().cases[-1].name == "a"
    monkeypatch.setenv("SYNTHOS_SIGNATURES", str(tmp_path / "elsewhere.json"))
    assert own_file() == tmp_path / "elsewhere.json"
    assert load_library() == packaged_library()


def test_figures_of_another_version_are_kept_and_do_no_harm(tmp_path: Path):
    own = tmp_path / "own.json"
    case = add(result(tmp_path, signature_figures=FIGURES | {"later": 1.0}), name="a", family="a", harm=0.1, path=own)
    assert case.figures["later"] == 1.0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"signature_figures": None}, "holds no figures of a validation"),
        ({"signature_figures": {}}, "holds no figures of a validation"),
        ({"signature_figures": {"tails": "high"}}, "holds no figures of a validation"),
        ({"signature_figures": {"tails": 1e9}}, "holds no figures of a validation"),
        ({"fingerprint": 7}, "holds no figures of a validation"),
        ({"signature_figures": {"region_noise": 0.5}}, "without real rows"),
    ],
)
def test_a_result_that_cannot_be_compared_is_refused(tmp_path: Path, changed: dict[str, Any], sentence: str):
    with pytest.raises(ConfigError, match=sentence) as caught:
        add(result(tmp_path, **changed), name="a", family="a", harm=0.1, path=tmp_path / "own.json")
    assert "r.json" in str(caught.value) and not (tmp_path / "own.json").exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"harm": 12.0}, "--harm: the harm is 12; give a share from -1 to 2, 0.12 for 12 %"),
        ({"harm": float("nan")}, "the harm is nan"),
        ({"name": "  "}, "--name: the text is empty"),
        ({"name": "x" * 121}, "--name: the text is empty, too long"),
        ({"family": "a\x07b"}, "--family: the text is empty, too long or not printable"),
        ({"note": "a\x00"}, "--note"),
    ],
)
def test_values_out_of_range_are_refused(tmp_path: Path, values: dict[str, Any], sentence: str):
    given = {"name": "a", "family": "b", "harm": 0.1} | values
    with pytest.raises(ConfigError) as caught:
        add(result(tmp_path), **given, path=tmp_path / "own.json")
    assert sentence in str(caught.value) and not (tmp_path / "own.json").exists()


@pytest.mark.parametrize("text", [b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_result_is_refused(tmp_path: Path, text: bytes):
    path = tmp_path / "r.json"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match="validate --json"):
        add(path, name="a", family="a", harm=0.1, path=tmp_path / "own.json")


def test_a_missing_result_is_a_source_error(tmp_path: Path):
    with pytest.raises(SourceError, match=r"none\.json: cannot read the file \(No such file"):
        add(tmp_path / "none.json", name="a", family="a", harm=0.1, path=tmp_path / "own.json")


def test_of_many_who_add_at_once_none_is_lost(tmp_path: Path):
    own = tmp_path / "own.json"
    results = [result(tmp_path, f"{number}.json") for number in range(24)]

    def add_one(path: Path) -> str:
        return add(path, name=path.stem, family="a", harm=0.1, path=own).name

    with ThreadPoolExecutor(8) as many:
        names = set(many.map(add_one, results))
    assert {case.name for case in load_own(own)} == names and len(names) == len(results)


def test_nothing_comes_in_twice(tmp_path: Path):
    own = tmp_path / "own.json"
    add(result(tmp_path), name="a", family="a", harm=0.1, path=own)
    before = own.read_bytes()
    with pytest.raises(ConfigError, match="this result is there already, as “a”"):
        add(result(tmp_path), name="b", family="a", harm=0.1, path=own)
    with pytest.raises(ConfigError, match="a case is named “a” already"):
        add(result(tmp_path, "s.json"), name="a", family="a", harm=0.1, path=own)
    assert own.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"own.json", ".own.json.lock", "r.json", "s.json"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "format: field required"),
        ('{"format": 2, "cases": []}', "format: input should be 1"),
        ('{"format": 1, "cases": [{"name": "a"}]}', "cases.0.family: field required"),
        ("[]", "not a library of signatures"),
        ("no json", "not valid JSON"),
    ],
)
def test_a_broken_library_is_named_and_left_as_it_is(tmp_path: Path, text: str, fault: str):
    own = tmp_path / "own.json"
    own.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_library(own)
    assert fault in str(caught.value) and str(own) in str(caught.value)
    with pytest.raises(ConfigError):
        add(result(tmp_path), name="a", family="a", harm=0.1, path=own)
    assert own.read_text() == text


def test_a_library_in_no_folder_or_that_is_a_folder_is_an_input_error(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot write there"):
        add(result(tmp_path), name="a", family="a", harm=0.1, path=tmp_path / "none" / "own.json")
    with pytest.raises(InputError, match="cannot read the file"):
        load_library(tmp_path)


def test_a_library_file_gives_each_case_its_pattern_and_leaves_out_what_is_not_known():
    document = {
        "made": "here",
        "reach": 0.5,
        "figures": ["tails", "finer"],
        "spreads": [0.1, 0.2],
        "patterns": {"p": {"name": "P", "family": "f", "description": "what it is"}},
        "cases": [{"pattern": "p", "table": "t", "harm": 0.2, "values": [1.0, None]}],
    }
    (case,) = parse_library(document).cases
    assert (case.name, case.family, case.source, case.figures) == ("P", "f", "t", {"tails": 1.0})
    assert parse_library(document).spreads == {"tails": 0.1, "finer": 0.2}
