"""Do the fixes that are recommended keep what they promise? Before, predicted and after, measured on rows nobody saw.

    python -m benchmarks.repairs --bench DIR [--tables census ...] [--keys noise_60 ...]
        [--out out/benchmarks/repairs.jsonl] [--write docs/fixes.md]

Each case is validated in this process, without the cascade but with the gains of its recommendations. Every
recommendation that has a prediction is carried out, and so is the default choice of ``repair``. Of the table before and
after two things are measured on the bench's holdout, which no part of the validation is shown: the loss that was
foretold, by the product's own forests and all columns that real rows teach, and, independently, the harm u of
``benchmarks.harm``: other forests, other columns, absolute errors instead of squared ones. u is measured twice, with
other forests and other rows of a large table; how far the two differ is the measurement's error.

A case that ``--out`` holds is not run again. ``--write`` writes the figures of all cases there as a document.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.harm import SEED, HarmMeter
from benchmarks.repairs_document import figures, lines, write
from benchmarks.truth import Row, append, load_truth, read_log
from synthos import stages
from synthos.advice import Recommendation
from synthos.dimensions.registry import evaluate
from synthos.errors import ConfigError
from synthos.localization.regions import find_regions
from synthos.recommendation.repair import chosen_by_default, repair_table
from synthos.recommendation.trial import with_table
from synthos.results import DIMENSIONS, NotApplicable, Utility
from synthos.tables.sources import open_table
from synthos.utility.design import targets
from synthos.utility.forests import TREES
from synthos.utility.measure import join, learn_columns, measure_column, teach_all, weigh_all
from synthos.validation import Validation

KEYS = (
    "noise_60",
    "shuffled_30",
    "shuffled_60",
    "duplicates_60",
    "mode_60",
    "tailcut_60",
    "drift_60",
    "ctgan_mix75",
    "copula_mix75",
)
#: Times that a harm is measured.
MEASURED = 2
DEFAULT = "default choice"


def validate(synthetic: Path, reference: Path, cache: Path | None = None) -> tuple[Validation, float]:
    """The product's verdict and recommendations without the cascade, and the processor seconds the latter took.

    What the reference settles is kept in ``cache``.
    """
    job = stages.prepare(synthetic, reference)
    evidence = stages.gather_evidence(job, {role: stages.scan_table(job, role) for role in job.sources})
    left_out = NotApplicable(reason="this benchmark leaves the cascade out")
    findings = stages.Findings(
        dimensions={name: evaluate(name, evidence) for name in DIMENSIONS},
        cascade=left_out,
        utility=join({name: measure_column(name, TREES, cache, evidence) for name in targets(evidence)}, evidence),
        diversity={},
        regions=find_regions(evidence),
    )
    started = time.process_time()
    answer = stages.conclude(job, evidence, findings, stages.Stopwatch(), stages.measured_here(cache))
    return answer, time.process_time() - started


class LossMeter:
    """The product's own loss of ``synthetic`` and of what was made of it, on real rows that nobody was shown."""

    def __init__(self, synthetic: Path, reference: Path, holdout: Path, cache: Path | None) -> None:
        job = stages.prepare(synthetic, reference, holdout)
        self._evidence = stages.gather_evidence(job, {role: stages.scan_table(job, role) for role in job.sources})
        self._sides = learn_columns(cache, targets(self._evidence), TREES, self._evidence)

    def measure(self, table: pl.DataFrame) -> float | None:
        """The loss, 0 as good as real rows and 1 as bad as a constant; None where there is nothing to learn."""
        changed = with_table(self._evidence, table)
        found = join(weigh_all(self._sides, teach_all(self._sides, changed)), changed)
        return found.loss if isinstance(found, Utility) else None


@dataclass
class Measurer:
    """The harm of tables of one reference, each measured ``MEASURED`` times; an answer is kept by its ``name``."""

    reference: pl.DataFrame
    holdout: pl.DataFrame
    known: dict[tuple[str, ...], list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = HarmMeter(self.reference, self.holdout)
        others = [
            HarmMeter(self.reference, self.holdout, seed=SEED + more, targets=first.targets)
            for more in range(1, MEASURED)
        ]
        self._meters = [first, *others]

    def measure(self, name: tuple[str, ...], table: pl.DataFrame) -> list[float]:
        if name not in self.known:
            self.known[name] = [meter.measure(table).utility_loss for meter in self._meters]
        return self.known[name]


def predicted_by(chosen: Sequence[Recommendation], ids: Sequence[str]) -> tuple[float, float, float, float] | None:
    """Loss before and after the fixes ``ids`` and the ends of its drop; None where that is not one prediction.

    Fixes that were measured one on top of the other are one: their drops add up.
    """
    by_id = {item.id: item for item in chosen}
    found = [by_id[name].prediction for name in ids]
    steps = sorted((item for item in found if item is not None), key=lambda item: len(item.beside))
    if not steps or any(len(item.beside) != place for place, item in enumerate(steps)):
        return None
    halves = [(item.drop.high - item.drop.low) / 2 for item in steps]
    drop, half = steps[0].before - steps[-1].after, float(np.hypot.reduce(halves))
    return steps[0].before, steps[-1].after, drop - half, drop + half


def sets_to_try(found: Sequence[Recommendation]) -> dict[str, tuple[str, ...]]:
    """The fixes of each trial, by its name: every recommendation with a prediction, and the default choice."""
    tried = {
        item.id: (*item.prediction.beside, item.id)
        for item in found
        if item.prediction is not None and item.kind != "drop_column"
    }
    with suppress(ConfigError):  # nothing helps without real rows
        tried[DEFAULT] = tuple(item.id for item in chosen_by_default(found) if item.kind != "drop_column")
    return {name: ids for name, ids in tried.items() if ids}


def try_fixes(folder: Path, case: Row, measurer: Measurer, cache: Path | None = None) -> list[Row]:
    """Validate one table, mend it in every way that is recommended, and measure what came of it."""
    path, reference = folder / f"{case['key']}.parquet", folder / "reference.parquet"
    answer, seconds = validate(path, reference, cache)
    common = {
        "table": case["table"],
        "key": case["key"],
        "truth": case["utility_loss"],
        "risk": answer.risk_score,
        "decision": answer.decision,
        "reasons": answer.verdict.reasons[:2],
        "seconds": seconds,
        "notes": {item.id: item.gain_note for item in answer.recommendations},
        "vain": [asdict(item) for item in answer.tried],
    }
    found = answer.recommendations
    whole = pl.read_parquet(path)
    sets = sets_to_try(found)
    losses = LossMeter(path, reference, folder / "holdout.parquet", cache) if sets else None
    own = losses.measure(whole) if losses is not None else None
    before = measurer.measure((case["key"],), whole)
    rows: list[Row] = []
    for name, ids in sets.items():
        same = next((row for row in rows if sorted(row["ids"]) == sorted(ids)), None)
        if same is not None:
            rows.append({**same, "fix": name})
            continue
        chosen = [item for item in found if item.id in ids]
        with tempfile.TemporaryDirectory() as place:
            out = Path(place) / "mended.parquet"
            repair_table(open_table(path), chosen, out, reference=open_table(reference))
            mended = pl.read_parquet(out)
        after = measurer.measure((case["key"], *sorted(ids)), mended)
        promise = predicted_by(found, ids)
        rows.append(
            {
                **common,
                "fix": name,
                "ids": ids,
                "kinds": [item.kind for item in chosen],
                "rows": [whole.height, mended.height],
                "before": before,
                "after": after,
                "own": [own, losses.measure(mended) if losses is not None else None],
                "predicted": promise,
            }
        )
    return rows or [{**common, "fix": None, "before": before}]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what recommended fixes bring, and what they promised.")
    parser.add_argument("--bench", type=Path, required=True, help="folder with one folder a table")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables")
    parser.add_argument("--keys", nargs="*", default=list(KEYS), help="only these synthetic tables")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks/repairs.jsonl"))
    parser.add_argument("--cache", type=Path, help="folder where what the references settle is kept")
    parser.add_argument("--write", type=Path, help="document to write")
    options = parser.parse_args()
    done = {(row["table"], row["key"]) for row in read_log(options.out)}
    measurers: dict[str, Measurer] = {}
    for case in load_truth(options.bench, options.tables, options.keys):
        if (case["table"], case["key"]) in done:
            continue
        folder = options.bench / case["table"]
        if case["table"] not in measurers:
            reference, holdout = (pl.read_parquet(folder / f"{name}.parquet") for name in ("reference", "holdout"))
            measurers[case["table"]] = Measurer(reference, holdout)
        for row in try_fixes(folder, case, measurers[case["table"]], options.cache):
            append(options.out, row)
    rows = list(read_log(options.out))
    print("\n".join(lines(rows)))
    for name, value in figures(rows).items():
        print(f"{name:70s} {value}")
    if options.write:
        write(rows, options.write)


if __name__ == "__main__":
    main()
