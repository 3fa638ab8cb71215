"""What another tool says of a synthetic table: runs in that tool's own environment, and knows nothing of this project.

    PYTHON -P benchmarks/peer_scores.py sdmetrics|evidently|mostlyai-qa

Each line on standard input is a JSON object {"synthetic": path, "reference": path}; for each, one line goes to standard
output: {"version": str, "risks": {name: float}}. A risk is the tool's own figure turned so that more
is worse, 0 where it finds no fault; figures are taken as the tool gives them with its defaults, none is tuned. Whatever
the tools themselves print goes to standard error. ``benchmarks/peers.py`` makes the environments and asks.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

Risks = dict[str, float]


def sdmetrics(reference: pd.DataFrame, synthetic: pd.DataFrame) -> Risks:
    """One minus the overall quality score, and one minus its half that looks at pairs of columns; both in [0, 1]."""
    from sdmetrics.reports.single_table import QualityReport

    kinds = {
        name: {"sdtype": "numerical" if pd.api.types.is_numeric_dtype(column) else "categorical"}
        for name, column in reference.items()
    }
    report = QualityReport()
    report.generate(reference, synthetic, {"columns": kinds}, verbose=False)
    parts = report.get_properties().set_index("Property")["Score"]
    return {"quality": 1.0 - report.get_score(), "pair trends": 1.0 - parts["Column Pair Trends"]}


def evidently(reference: pd.DataFrame, synthetic: pd.DataFrame) -> Risks:
    """Share of columns that drifted, in [0, 1], and the mean drift score of the columns, at least 0."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    metrics = Report([DataDriftPreset()]).run(synthetic, reference).dict()["metrics"]
    (share,) = (found["value"]["share"] for found in metrics if "DriftedColumnsCount" in found["metric_name"])
    drifts = [found["value"] for found in metrics if found["metric_name"].startswith("ValueDrift")]
    return {"drifted columns": share, "mean drift": sum(drifts) / len(drifts)}


def mostlyai_qa(reference: pd.DataFrame, synthetic: pd.DataFrame) -> Risks:
    """One minus the overall accuracy, in [0, 1]. Its embeddings, which the accuracy does not ask, see few rows only."""
    from mostlyai import qa

    with tempfile.TemporaryDirectory() as folder:
        _, metrics = qa.report(
            syn_tgt_data=synthetic,
            trn_tgt_data=reference,
            report_path=Path(folder) / "report.html",
            max_sample_size_embeddings=200,
        )
    return {"accuracy": 1.0 - metrics.accuracy.overall}


TOOLS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], Risks]] = {
    "sdmetrics": sdmetrics,
    "evidently": evidently,
    "mostlyai-qa": mostlyai_qa,
}


def answer(tool: str, case: dict[str, str]) -> dict[str, Any]:
    """The tool's risks for one case. Whatever it raises ends this process, and its parent starts another."""
    risks = TOOLS[tool](pd.read_parquet(case["reference"]), pd.read_parquet(case["synthetic"]))
    return {"version": version(tool), "risks": {name: float(risk) for name, risk in risks.items()}}


def main() -> None:
    warnings.simplefilter("ignore")
    os.environ["DO_NOT_TRACK"] = "1"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(answer(sys.argv[1], json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
