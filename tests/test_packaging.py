"""What the project promises to installers."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_the_extras_are_those_that_are_promised() -> None:
    assert set(EXTRAS) == {"serve", "dev", "peers"}


@pytest.mark.parametrize("part", ["core", *EXTRAS])
def test_every_dependency_is_pinned(part: str) -> None:
    wanted = PROJECT["dependencies"] if part == "core" else EXTRAS[part]
    assert wanted
    assert [line for line in wanted if line.count("==") != 1] == []
