"""Limits: packaged values, overrides, and one clear sentence for each thing that can be wrong with a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from synthos.errors import ConfigError
from synthos.verdict import thresholds
from synthos.verdict.thresholds import default_thresholds, load_thresholds, parse_thresholds

EXAMPLE = Path(__file__).parents[2] / "configs" / "thresholds.yaml"


def write(folder: Path, text: str) -> Path:
    path = folder / "limits.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_levels_turn_at_20_and_50() -> None:
    limits = default_thresholds()
    assert [limits.level(risk) for risk in (0.0, 19.999, 20.0, 49.999, 50.0, 100.0)] == [
        "low",
        "low",
        "medium",
        "medium",
        "high",
        "high",
    ]


def test_the_example_in_configs_holds_the_packaged_values() -> None:
    packaged = Path(thresholds.__file__).with_name("thresholds.yaml")
    assert yaml.safe_load(EXAMPLE.read_text()) == yaml.safe_load(packaged.read_text())
    assert load_thresholds(EXAMPLE) == default_thresholds()


def test_no_file_means_the_packaged_values() -> None:
    assert load_thresholds() is default_thresholds()


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    changed = load_thresholds(write(tmp_path, "levels: {medium: 15}\nprobability:\n  logit_margin: 2\n"))
    expected = asdict(default_thresholds()) | {"medium": 15.0, "logit_margin": 2.0}
    assert asdict(changed) == expected
    assert changed.level(16.0) == "medium"


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load_thresholds(write(tmp_path, "")) == default_thresholds()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("levels: {medium: 15", "not valid YAML"),
        ("level: {medium: 15}", "unknown section 'level'"),
        ("levels: {middle: 15}", "unknown setting levels.middle"),
        ("levels: {medium: fifteen}", "give a number between 0 and 100"),
        ("levels: {medium: true}", "levels.medium is True"),
        ("levels: {medium: 101}", "levels.medium is 101"),
        ("levels: {medium: .nan}", "levels.medium is nan"),
        ("levels: {medium: 50}", "must be below levels.high"),
        ("levels: 15", "levels must hold names and values"),
        ("- 15", "the file must hold names and values"),
        ("reasons: {most_named: 2.5}", "give a whole number between 1 and 8"),
        ("reasons: {most_named: [2]}", "reasons.most_named is [2]"),
        ("probability: {logit_margin: [0.9, 0.1]}", "logit_margin is [0.9, 0.1]"),
        ("signatures: {least_similarity: -0.1}", "signatures.least_similarity is -0.1"),
        ("levels: {medium: 15}\nlevels: {medium: \ufffe}", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_thresholds(write(tmp_path, text))
    message = str(caught.value)
    assert words in message
    assert "limits.yaml" in message
    assert message.endswith(".") and "\n" not in message


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_bytes(b"levels: {medium: \xff\xfe}")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_thresholds(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the thresholds"):
        load_thresholds(tmp_path / "none.yaml")


def test_without_a_base_nothing_may_be_missing() -> None:
    with pytest.raises(ConfigError, match="high is missing"):
        parse_thresholds({"levels": {"medium": 20}}, where="here")
