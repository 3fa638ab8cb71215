"""Asking other tools: what is asked again, what is not, and what becomes of cases without an answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import peers
from benchmarks.truth import append, read_log

Row = dict[str, Any]
TRUTH = [{"table": table, "key": key} for table in ("bank", "census") for key in ("real", "cart_g1", "cart_g4")]
#: A tool that answers by the length of the path, has an error on one case and dies of another.
TOOL = """
import json, os, sys
for line in sys.stdin:
    case = json.loads(line)["synthetic"]
    if "bank/cart_g1" in case and not os.path.exists(sys.argv[1]):
        sys.exit(7)
    told = {"error": "no"} if "bank/cart_g4" in case and not os.path.exists(sys.argv[1]) else {
        "version": "1", "risks": {"quality": 0.25, "pair trends": 0.5}}
    print(json.dumps(told), flush=True)
"""


@pytest.fixture
def healed(tmp_path: Path) -> Path:
    """The file whose presence lets the tool answer every case."""
    return tmp_path / "healed"


@pytest.fixture
def tool(tmp_path: Path, healed: Path) -> peers.Tool:
    script = tmp_path / "tool.py"
    script.write_text(TOOL)
    return peers.Tool([sys.executable, str(script), str(healed)])


def ask(tool: peers.Tool, log: Path) -> list[tuple[str, str]]:
    asked = [(line["table"], line["key"]) for line in peers.ask_all("sdmetrics", tool, TRUTH, Path("bench"), log)]
    tool.close()
    return asked


def test_every_case_is_asked_once_and_again_only_after_an_error(tool: peers.Tool, healed: Path, tmp_path: Path) -> None:
    log = tmp_path / "sub" / "peers.jsonl"
    assert len(ask(tool, log)) == 6
    lines = list(read_log(log))
    assert [line["error"] for line in lines if "error" in line] == ["the tool's process ended with 7", "no"]
    assert all(line["seconds"] >= 0 for line in lines)
    assert len(peers.answers(log)["sdmetrics"]) == 4
    healed.touch()
    assert ask(tool, log) == [("bank", "cart_g1"), ("bank", "cart_g4")]
    assert ask(tool, log) == []
    assert len(peers.answers(log)["sdmetrics"]) == 6


def test_a_run_that_was_stopped_midway_goes_on(tool: peers.Tool, healed: Path, tmp_path: Path) -> None:
    healed.touch()
    log = tmp_path / "peers.jsonl"
    going = peers.ask_all("sdmetrics", tool, TRUTH, Path("bench"), log)
    next(going), next(going)
    del going
    with log.open("a") as lines:
        lines.write('{"peer": "sdmetrics", "table": "ce')  # the kill came while a line was being written
    assert len(ask(tool, log)) == 4
    assert len(peers.answers(log)["sdmetrics"]) == 6


def test_peers_do_not_answer_for_each_other(tool: peers.Tool, healed: Path, tmp_path: Path) -> None:
    healed.touch()
    log = tmp_path / "peers.jsonl"
    append(log, {"peer": "evidently", "table": "bank", "key": "real", "risks": {"mean drift": 0.1}})
    assert len(ask(tool, log)) == 6


def test_columns_hold_none_where_a_case_is_missing_and_leave_silent_tools_out(tmp_path: Path) -> None:
    log = tmp_path / "peers.jsonl"
    assert peers.columns(log, TRUTH) == {}
    append(log, {"peer": "sdmetrics", "table": "census", "key": "real", "risks": {"quality": 0.1}})
    append(log, {"peer": "sdmetrics", "table": "census", "key": "cart_g4", "risks": {"quality": 0.3}})
    append(log, {"peer": "sdmetrics", "table": "elsewhere", "key": "real", "risks": {"quality": 0.9}})
    append(log, {"peer": "evidently", "table": "census", "key": "real", "error": "broke"})
    assert peers.columns(log, TRUTH) == {"SDMetrics, 1 − quality": [None, None, None, 0.1, None, 0.3]}


def test_every_figure_comes_from_a_tool_that_an_extra_pins() -> None:
    for figure in peers.FIGURES:
        assert any(pin.startswith(f"{figure.peer}==") for pin in peers.pins(peers.EXTRA_OF[figure.peer]))
    assert {figure.peer for figure in peers.FIGURES} == set(peers.EXTRA_OF)


def test_an_unfinished_line_does_not_take_the_next_one_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    append(log, {"a": 1})
    assert log.read_text() == '{"a": 1}\n'
    with log.open("a") as lines:
        lines.write('{"b"')
    append(log, {"c": 3})
    assert list(read_log(log)) == [{"a": 1}, {"c": 3}]
    with pytest.raises(ValueError, match="JSON"):
        append(log, {"d": float("nan")})
    assert [json.loads(line) for line in log.read_text().splitlines()[-1:]] == [{"c": 3}]
