"""What an operator sets of a tier, and what stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthos.errors import ConfigError
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
