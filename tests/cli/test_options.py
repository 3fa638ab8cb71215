"""Commands that validate share one list of options."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthos.cli import options
from synthos.cli.app import app


def listed(command: str) -> list[str]:
    """Long options in the order of the help."""
    text = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout
    return [name for name in re.findall(r"^  (?:-r, )?--([a-z-]+)", text, re.MULTILINE) if name != "help"]


def test_both_commands_offer_every_option_in_one_order() -> None:
    shared = [field.name.replace("_", "-") for kind in (options.Tables, options.Run) for field in fields(kind)][1:]
    assert listed("validate") == shared
    assert listed("gate") == [*shared[:2], "max-risk", *shared[2:]]


@pytest.mark.parametrize("command", ["validate", "gate"])
def test_every_option_arrives_under_its_own_name(command: str) -> None:
    """Each of these would be taken by the run or refused in its own words; the table is looked for last."""
    words = ["--tier-config", "tiers.yaml", "--engine", "local", "--quick", "--seed", "7", "--no-cache"]
    result = CliRunner().invoke(app, [command, "gone.csv", *words])
    assert result.exit_code == 2 and "tiers.yaml" in result.stderr
    result = CliRunner().invoke(app, [command, "gone.csv", "--engine", "local", "--reference", "real.csv"])
    assert result.exit_code == 2 and "gone.csv" in result.stderr
    refused = CliRunner().invoke(app, [command, "gone.csv", "--address", "auto", "--workers", "2"])
    assert refused.exit_code == 2 and "--workers sizes a private instance" in refused.stderr


@pytest.mark.parametrize("command", ["validate", "gate"])
def test_options_that_contradict_or_go_too_far_are_refused_before_the_tables_are_opened(command: str) -> None:
    both = CliRunner().invoke(app, [command, "gone.csv", "--cache", "here", "--no-cache"])
    assert both.exit_code == 2 and "--no-cache keeps none; give one of them" in both.stderr
    for workers, limit in (("0", "1"), ("1025", "1024")):
        many = CliRunner().invoke(app, [command, "gone.csv", "--workers", workers])
        assert many.exit_code == 2 and f"equal to {limit}\n" in many.stderr


def test_fields_become_parameters_where_their_group_stood() -> None:
    heard: list[tuple[object, ...]] = []

    @options.flattened
    def command(tables: options.Tables, *, limit: int = 3, run: options.Run) -> None:
        """What it does."""
        heard.append((tables, limit, run))

    assert command.__doc__ == "What it does."
    command(synthetic="s", reference=None, holdout="h", limit=4, **{f.name: f.default for f in fields(options.Run)})
    assert heard == [(options.Tables("s", None, "h"), 4, options.Run())]
    given = options.Run(json=Path("out.json"), engine=options.Engine.local)
    command(
        synthetic="s",
        reference="r",
        holdout=None,
        limit=1,
        **{field.name: getattr(given, field.name) for field in fields(given)},
    )
    assert heard[1] == (options.Tables("s", "r"), 1, given)
