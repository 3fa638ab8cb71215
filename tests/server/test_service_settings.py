"""What an operator sets: tiers that keep the rest, and files and folders that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthos.errors import ConfigError
from synthos.server.db.migrate import current
from synthos.server.keys import load_keys
from synthos.server.settings import Settings, Tier

USUAL = Settings().tiers


@pytest.mark.parametrize("by", ["environment", "file"])
def test_what_is_not_set_of_a_tier_stays_as_it_is(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("tiers:\n  team:\n    requests_per_minute: 7\n" if by == "file" else "port: 1\n", encoding="ascii")
    if by == "environment":
        monkeypatch.setenv("SYNTHOS_TIERS__TEAM__REQUESTS_PER_MINUTE", "7")
    assert Settings.load(file).tiers == USUAL | {"team": USUAL["team"].model_copy(update={"requests_per_minute": 7})}


def test_whole_tiers_are_taken_as_they_are() -> None:
    assert Settings(tiers={"free": Tier(validations=3)}).tiers == USUAL | {"free": Tier(validations=3)}


@pytest.mark.parametrize("line", ["gold: {validations: 3}", "free: 3", "free: {validation: 3}"])
def test_a_tier_that_is_none_is_told(line: str, tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(f"tiers:\n  {line}\n", encoding="ascii")
    with pytest.raises(ConfigError, match="tiers"):
        Settings.load(file)


@pytest.mark.parametrize(("text", "line"), [("port: [1\n", 2), ("port: 1\n\thost: x\n", 2)])
def test_a_file_that_is_no_yaml_is_told_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    file = tmp_path / "service.yaml"
    file.write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match=rf"service\.yaml: is not YAML from line {line} on"):
        Settings.load(file)


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    settings = Settings(data_folder=tmp_path / "file" / "data")
    with pytest.raises(ConfigError, match="no files can be made there"):
        load_keys(settings)
    with pytest.raises(ConfigError, match="no database can be made there"), current(settings):
        pass
