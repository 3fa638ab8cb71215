"""What the project promises to installers."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
#: Imported, and named by no line of ours since another of them cannot be without it.
BROUGHT = {
    "markupsafe": "jinja2",
    "aiohttp": "fsspec[http]",
    "botocore": "s3fs",
    "starlette": "fastapi",
    "anyio": "fastapi",
}


def test_the_extras_are_those_that_are_promised() -> None:
    assert set(EXTRAS) == {"dev", "peers", "peers-mostlyai"}


@pytest.mark.parametrize("part", ["core", *EXTRAS])
def test_every_dependency_is_pinned(part: str) -> None:
    wanted = PROJECT["dependencies"] if part == "core" else EXTRAS[part]
    assert wanted
    assert [line for line in wanted if line.count("==") != 1] == []


def _imported(file: Path) -> set[str]:
    """Top-level names of what a module imports when it runs; what only type checkers read is left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", ["synthos", "pipelines"])
def test_what_the_product_imports_is_installed_with_it(package: str) -> None:
    core = {re.split(r"[\[=]", line)[0].replace("_", "-") for line in PROJECT["dependencies"]}
    distributions = packages_distributions()
    names = set().union(*map(_imported, (ROOT / package).rglob("*.py"))) - {"synthos", "pipelines"}
    outside = names - sys.stdlib_module_names
    homes = {name: {home.lower().replace("_", "-") for home in distributions.get(name, ())} for name in outside}
    assert {name for name in outside if not core & homes[name]} <= set(BROUGHT)
