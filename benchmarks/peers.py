"""What other tools say of the tables of a bench, each asked in an environment of its own.

    python -m benchmarks.peers --bench DIR [--tables census bank] [--keys real cart_g4] [--peers sdmetrics evidently]
        [--environments out/peers] [--out out/benchmarks/peers.jsonl]

The peers' requirements exclude the project's own and, in part, each other's. So every extra that names peers is
installed into a virtual environment of its own under ``--environments`` (once, with pip), and every tool answers in a
process of its own there. ``make peers BENCH=DIR`` does the same.

One JSON line is written for each (peer, table, key), {"peer", "table", "key", "version", "risks": {name: float},
"seconds"}, or with "error" in place of the risks; a run that was stopped goes on where it was, and asks again where
there was an error. ``collapse_bench`` only reads this file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks.truth import Row, append, load_truth, read_log

ROOT = Path(__file__).parents[1]
SCORER = Path(__file__).with_name("peer_scores.py")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one tool, as tables and pictures name it."""

    peer: str
    risk: str
    label: str


#: The extra of pyproject.toml that brings each tool.
EXTRA_OF = {"sdmetrics": "peers", "evidently": "peers", "mostlyai-qa": "peers-mostlyai"}
FIGURES = (
    Figure("sdmetrics", "quality", "SDMetrics, 1 − quality"),
    Figure("sdmetrics", "pair trends", "SDMetrics, 1 − pair trends"),
    Figure("evidently", "drifted columns", "Evidently, drifted columns"),
    Figure("evidently", "mean drift", "Evidently, mean drift"),
    Figure("mostlyai-qa", "accuracy", "mostlyai-qa, 1 − accuracy"),
)
Case = tuple[str, str]


def pins(extra: str) -> list[str]:
    """The requirements of an extra of this project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["optional-dependencies"][extra])


def environment(extra: str, folder: Path) -> Path:
    """The Python of the environment that holds the extra's pins, made where it is missing or its pins have changed."""
    home, wanted = folder / extra, "\n".join(pins(extra)) + "\n"
    python, ready = home / "bin" / "python", home / "pins.txt"
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        print(f"setting up {home} for {', '.join(pins(extra))} (once; some minutes)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins(extra)], check=True
        )
        ready.write_text(wanted, encoding="utf-8")
    return python


class Tool:
    """A peer in a process of its own, which answers one case after the other and may die of one."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = command
        self.process: subprocess.Popen[str] | None = None

    def ask(self, question: Mapping[str, str]) -> Row:
        """The tool's answer, ``{"error": ...}`` where it gave none; one that died is started anew for the next case."""
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said, heard = _pipes(self.process)
        try:
            said.write(json.dumps(question) + "\n")
            said.flush()
            line = heard.readline()
        except BrokenPipeError:
            line = ""
        if line:
            found: Row = json.loads(line)
            return found
        return {"error": f"the tool's process ended with {self.close()}"}

    def close(self) -> int:
        """End the process; its exit status."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        for pipe in _pipes(process):
            try:
                pipe.close()
            except BrokenPipeError:
                continue
        return process.wait()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout


def ask_all(peer: str, tool: Tool, truth: Sequence[Row], bench: Path, log: Path) -> Iterator[Row]:
    """Ask for every case that ``log`` holds no answer of, and write each answer down as it comes."""
    known = answers(log).get(peer, {})
    for row in truth:
        table, key = row["table"], row["key"]
        if (table, key) in known:
            continue
        started = time.perf_counter()
        paths = {"synthetic": bench / table / f"{key}.parquet", "reference": bench / table / "reference.parquet"}
        found = tool.ask({name: str(path) for name, path in paths.items()})
        line = {"peer": peer, "table": table, "key": key, **found, "seconds": time.perf_counter() - started}
        append(log, line)
        yield line


def answers(log: Path) -> dict[str, dict[Case, dict[str, float]]]:
    """The risks by peer and (table, key); cases that were not asked, or had an error, are not in it."""
    found: dict[str, dict[Case, dict[str, float]]] = {}
    for line in read_log(log):
        if "risks" in line:
            found.setdefault(line["peer"], {})[line["table"], line["key"]] = line["risks"]
    return found


def columns(log: Path, truth: Sequence[Row]) -> dict[str, list[float | None]]:
    """Every figure of every peer that answered at all, in the bench's order, None where there is no answer."""
    found = answers(log)
    every = {
        figure.label: [found.get(figure.peer, {}).get((row["table"], row["key"]), {}).get(figure.risk) for row in truth]
        for figure in FIGURES
    }
    return {label: risks for label, risks in every.items() if any(risk is not None for risk in risks)}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Ask other tools about a bench of tables whose damage was measured.")
    made.add_argument("--bench", type=Path, required=True, help="folder with one folder a table")
    made.add_argument("--tables", nargs="*", default=[], help="only these tables")
    made.add_argument("--keys", nargs="*", default=[], help="only these synthetic tables")
    made.add_argument("--peers", nargs="*", choices=list(EXTRA_OF), default=list(EXTRA_OF), help="only these tools")
    made.add_argument("--environments", type=Path, default=Path("out/peers"), help="where they are installed")
    made.add_argument("--out", type=Path, default=Path("out/benchmarks/peers.jsonl"))
    return made


def main() -> None:
    options: Any = parser().parse_args()
    truth = load_truth(options.bench, options.tables, options.keys)
    errors = 0
    for peer in options.peers:
        python = environment(EXTRA_OF[peer], options.environments.resolve())
        # -P: the scorer's own folder holds modules whose names hide those that the tools import.
        tool = Tool([str(python), "-P", str(SCORER), peer])
        for line in ask_all(peer, tool, truth, options.bench.resolve(), options.out):
            told = line.get("error") or ", ".join(f"{name} {risk:.4f}" for name, risk in line["risks"].items())
            errors += "error" in line
            print(f"{peer:12s}{line['table']:10s}{line['key']:16s}{line['seconds']:6.1f} s  {told}", flush=True)
        tool.close()
    if errors:
        raise SystemExit(f"{errors} cases have no answer; the same command asks for them again")


if __name__ == "__main__":
    main()
