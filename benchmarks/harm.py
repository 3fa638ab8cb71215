"""What a synthetic table costs the models trained on it: forests taught by it, judged on real rows nobody was shown.

    python -m benchmarks.harm --reference R.parquet --holdout H.parquet S.parquet [S2.parquet ...]
    python -m benchmarks.harm --bench DIR [--tables census ...] [--keys real cart_g4 ...] [--out harm.json]

The utility loss of S is the mean over target columns of (loss(S) − loss(R)) / (loss(constant) − loss(R)), each at most
1.5. loss(T) is that of a random forest which learns the column from all others on T and is judged on the holdout: the
absolute error of numbers, in ranks of the reference, and the Brier score over all categories of the rest. Ranks are
indifferent to units, and one outlier in a million counts as one row. 0: S teaches what real rows teach; 1: no more
than the column's median or frequencies; above 1: it misleads. Target columns are those of which each half of the
reference teaches the other at least 5 %; of more than six a seed chooses six. No synthetic table has a say in that, and
the holdout only this: a column drops out of which the whole reference teaches it less than 1 %.

With --bench the losses of a whole folder are compared with its truth.json: rank correlation and differences by table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from benchmarks.collapse_bench import Row, load_truth

SEED = 8_000
#: Rows of any table that are used; of more, a fixed random sample.
ROWS = 8_000
TARGETS = 6
#: Share of the constant's loss that real rows must take off a column for it to be a target.
TAUGHT = 0.05
#: The most that one column may count, so that one wild column does not drown the others.
CAP = 1.5
#: Text columns with more categories than this are no targets: too few rows speak for each.
MOST_CATEGORIES = 60

Floats: TypeAlias = np.ndarray


@dataclass(frozen=True)
class Forest:
    """Size of the forests; as many columns as the root of their number are tried at each split."""

    trees: int = 24
    leaf: int = 3


@dataclass(frozen=True)
class Harm:
    """``utility_loss``: mean of ``per_column``, each in (-inf, 1.5]; 0 as good as real rows, 1 as bad as a constant."""

    utility_loss: float
    per_column: dict[str, float]


@dataclass
class HarmMeter:
    """Measures tables against one reference and one holdout; what depends on these alone is done once.

    A column is a target where real rows take at least the share ``taught`` off the constant's loss; ``targets`` names
    them instead. Raises ``ValueError`` where no column can be learned or ``measure`` is given a table without the
    reference's columns.
    """

    reference: pl.DataFrame
    holdout: pl.DataFrame
    forest: Forest = field(default_factory=Forest)
    seed: int = SEED
    targets: Sequence[str] = ()
    taught: float = TAUGHT

    def __post_init__(self) -> None:
        self.reference, self.holdout = self._some(self.reference), self._some(self.holdout)
        self._codes = {
            name: _category_codes(self.reference[name])
            for name in self.reference.columns
            if _is_text(self.reference[name])
        }
        self._sorted = {
            name: np.sort(_numbers(self.reference[name].drop_nulls()))
            for name in self.reference.columns
            if name not in self._codes
        }
        self.targets = tuple(self.targets) or self._choose()
        #: Per target: loss of the constant and of the forest on the reference, on the holdout.
        self._losses: dict[str, tuple[float, float]] = {}
        for name in self.targets:
            constant = self._constant_loss(self.reference, self.holdout, name)
            loss = self._loss(self.reference, self.holdout, name)
            if constant - loss > self.taught / 5 * constant:  # else the quotient would be noise over noise
                self._losses[name] = (constant, loss)
        if not self._losses:
            raise ValueError("no column of the reference can be learned from the others")

    def measure(self, synthetic: pl.DataFrame) -> Harm:
        """The utility loss of ``synthetic``, which must have the reference's columns; its own rows alone teach."""
        missing = [name for name in self.reference.columns if name not in synthetic.columns]
        if missing:
            raise ValueError(f"the synthetic table lacks {', '.join(missing)}")
        table = self._some(synthetic.select(self.reference.columns))
        found = {}
        for name, (constant, real) in self._losses.items():
            found[name] = min((self._loss(table, self.holdout, name) - real) / (constant - real), CAP)
        return Harm(float(np.mean(list(found.values()))), found)

    def _some(self, table: pl.DataFrame) -> pl.DataFrame:
        some = table if table.height <= ROWS else table.sample(ROWS, seed=self.seed)
        return some.with_columns(pl.selectors.float().fill_nan(None))

    def _choose(self) -> tuple[str, ...]:
        """Columns that either half of the reference teaches about the other, at most ``TARGETS`` of them."""
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(self.reference.height)
        half, other = self.reference[order[: len(order) // 2]], self.reference[order[len(order) // 2 :]]
        learned = []
        for name in self.reference.columns:
            if name in self._codes and len(self._codes[name]) > MOST_CATEGORIES:
                continue
            if self._teaches(half, other, name) and self._teaches(other, half, name):
                learned.append(name)
        chosen = {learned[i] for i in rng.permutation(len(learned))[:TARGETS]}
        return tuple(name for name in learned if name in chosen)

    def _teaches(self, train: pl.DataFrame, judge: pl.DataFrame, name: str) -> bool:
        constant = self._constant_loss(train, judge, name)
        return constant > 0 and self._loss(train, judge, name) <= (1 - self.taught) * constant

    def _loss(self, train: pl.DataFrame, judge: pl.DataFrame, name: str) -> float:
        """Mean loss on ``judge`` of a forest that learned ``name`` on ``train``; rows that lack it are left out."""
        if name not in self._codes:
            train, judge = train.drop_nulls(name), judge.drop_nulls(name)
        settings: dict[str, Any] = {
            "n_estimators": self.forest.trees,
            "min_samples_leaf": self.forest.leaf,
            "max_features": "sqrt",
            "random_state": self.seed,
        }
        taught, asked = self._features(train, name), self._features(judge, name)
        if name not in self._codes:
            ranks = RandomForestRegressor(**settings).fit(taught, self._ranks(train[name]))
            return float(np.mean(np.abs(ranks.predict(asked) - self._ranks(judge[name]))))
        categories = RandomForestClassifier(**settings).fit(taught, self._coded(train[name]))
        return _brier(categories.predict_proba(asked), categories.classes_, self._coded(judge[name]))

    def _constant_loss(self, train: pl.DataFrame, judge: pl.DataFrame, name: str) -> float:
        if name not in self._codes:
            answer, truth = (self._ranks(table[name].drop_nulls()) for table in (train, judge))
            return float(np.mean(np.abs(truth - np.median(answer))))
        classes, counts = np.unique(self._coded(train[name]), return_counts=True)
        truth = self._coded(judge[name])
        return _brier(np.tile(counts / counts.sum(), (len(truth), 1)), classes, truth)

    def _features(self, table: pl.DataFrame, target: str) -> Floats:
        """All columns but ``target``, shape (rows, columns - 1): numbers as they are, categories by frequency rank."""
        columns = [name for name in self.reference.columns if name != target]
        return np.column_stack(
            [self._coded(table[name]) if name in self._codes else _numbers(table[name]) for name in columns]
        ).astype(np.float32)

    def _ranks(self, column: pl.Series) -> Floats:
        """Place of each value among the reference's, in [0, 1]; ties share the middle of theirs."""
        known, values = self._sorted[column.name], _numbers(column)
        return (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / (2 * len(known))

    def _coded(self, column: pl.Series) -> Floats:
        """Codes of the reference; all categories that it does not hold share the one after."""
        codes = self._codes[column.name]
        return np.array([codes.get(value, len(codes)) for value in column.cast(pl.String)], float)


def _is_text(column: pl.Series) -> bool:
    return not (column.dtype.is_numeric() or column.dtype.is_temporal())


def _category_codes(column: pl.Series) -> dict[str | None, int]:
    """Code of each category by falling frequency; a null is a category of its own."""
    ranked = column.cast(pl.String).value_counts().sort(["count", column.name], descending=[True, False])
    return {value: code for code, value in enumerate(ranked[column.name])}


def _numbers(column: pl.Series) -> Floats:
    if column.dtype.is_temporal():
        column = column.to_physical()
    return column.cast(pl.Float64).to_numpy()


def _brier(chances: Floats, classes: Floats, truth: Floats) -> float:
    """Mean squared distance of ``chances``, shape (rows, classes), from the certain answer; in [0, 2], 0 is best."""
    place = np.searchsorted(classes, truth)
    place[place == len(classes)] = 0
    known = classes[place] == truth
    given = np.where(known, chances[np.arange(len(truth)), place], 0.0)
    # Of the certain answer only one place is 1, so that |p − e|² = |p|² − 2·p[truth] + 1.
    return float(np.mean((chances**2).sum(axis=1) - 2 * given + 1))


def measure_bench(bench: Path, truth: Sequence[Row], *, forest: Forest, same_targets: bool) -> list[Row]:
    """Harm of every case of ``truth``; ``same_targets`` takes the columns that the truth was measured on.

    Prints ours and the truth case by case, then how well they agree on each table.
    """
    rows = []
    for table in dict.fromkeys(row["table"] for row in truth):
        cases = [row for row in truth if row["table"] == table]
        started = time.process_time()
        meter = HarmMeter(
            pl.read_parquet(bench / table / "reference.parquet"),
            pl.read_parquet(bench / table / "holdout.parquet"),
            forest,
            targets=tuple(cases[0]["per_column"]) if same_targets else (),
        )
        for case in cases:
            found = meter.measure(pl.read_parquet(bench / table / f"{case['key']}.parquet"))
            rows.append(
                {"table": table, "key": case["key"], "measured": found.utility_loss, "per_column": found.per_column}
            )
            print(f"  {case['key']:16s}{found.utility_loss:8.3f}{case['utility_loss']:8.3f}", flush=True)
        seconds = time.process_time() - started
        known = np.array([case["utility_loss"] for case in cases])
        ours = np.array([row["measured"] for row in rows if row["table"] == table])
        columns = ", ".join(rows[-1]["per_column"])
        print(f"{table}: {len(cases)} tables, {seconds:.0f} processor seconds, columns {columns}")
        if len(cases) > 2:
            apart = ours - known
            print(
                f"  rank correlation {spearmanr(ours, known).statistic:.3f}, difference: mean {apart.mean():+.4f}, "
                f"absolute {np.abs(apart).mean():.4f}, largest {np.abs(apart).max():.4f}"
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what synthetic tables cost the models trained on them.")
    parser.add_argument("synthetic", type=Path, nargs="*", help="tables to measure, with --reference and --holdout")
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--holdout", type=Path)
    parser.add_argument("--bench", type=Path, help="measure a whole bench folder beside its truth.json instead")
    parser.add_argument("--tables", nargs="*", default=[], help="only these tables of the bench")
    parser.add_argument("--keys", nargs="*", default=[], help="only these synthetic tables of the bench")
    parser.add_argument("--same-targets", action="store_true", help="the columns of truth.json, not our own choice")
    parser.add_argument("--trees", type=int, default=Forest.trees)
    parser.add_argument("--leaf", type=int, default=Forest.leaf)
    parser.add_argument("--out", type=Path, help="write the measured losses to this JSON file")
    options = parser.parse_args()
    forest = Forest(options.trees, options.leaf)
    if options.bench:
        truth = load_truth(options.bench, options.tables, options.keys)
        rows = measure_bench(options.bench, truth, forest=forest, same_targets=options.same_targets)
    elif options.reference and options.holdout and options.synthetic:
        meter = HarmMeter(pl.read_parquet(options.reference), pl.read_parquet(options.holdout), forest)
        rows = []
        for path in options.synthetic:
            found = meter.measure(pl.read_parquet(path))
            rows.append({"table": str(path), "measured": found.utility_loss, "per_column": found.per_column})
            print(f"{found.utility_loss:7.4f}  {path}")
    else:
        parser.error("give either --bench, or --reference, --holdout and the tables to measure")
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
