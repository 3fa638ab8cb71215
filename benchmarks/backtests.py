"""How well the cascade predicts: trains the models that back-tests of the scaling law need, and keeps their losses.

    python -m benchmarks.backtests --store DIR --records FILE [--bench DIR] [--minutes 4] [--tables rand]
    python -m benchmarks.laws --records FILE --out docs/scaling.md

A pair is a table and what made its rows: the reference itself ("real"), a generator of ``benchmarks.generators`` that
is fitted on the reference and sampled as far as is asked, or a file of the bench. For each pair the cascade's 18
models are trained up to a largest size, and single models at 10 and at 30 times that size, which are what the law has
to predict. All are judged on the same real rows, a fifth of the reference. Finished models lie in ``--store``
(``synthos.cascade.store.RunStore``; that of a bench run may be given), finished pairs in ``--records``, one line each:
a run that ends, by ``--minutes`` or otherwise, is taken up where it stopped.
"""

from __future__ import annotations

import argparse
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import torch

from benchmarks import generators
from benchmarks.end_to_end import mixed_table
from benchmarks.real_tables import REAL_TABLES
from benchmarks.truth import append, read_log
from synthos.cascade.device import single_thread
from synthos.cascade.run import train_one
from synthos.cascade.store import RunStore
from synthos.cascade.tasks import CascadeData, independent_bits, make_tasks
from synthos.cascade.tiers import SIZES, TIERS, CascadeConfig, ModelSpec, derive, training_sizes
from synthos.results import Arm, Tier
from synthos.sampling.assemble import evidence_from_frames

SEED = 3_011
REFERENCE_ROWS = FITTED_ROWS = 8_000
#: Largest size of the 18 models, and how many times that the predicted models are.
BASE, STEPS = 560, (10, 30)
#: A second design of the 18 at about the same cost: two widths and nine sizes over the same range.
OTHER_TIERS: tuple[Tier, ...] = ("light", "heavy")
OTHER_SIZES = 9
CONFIG = CascadeConfig()


def half_generation(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Rows of a CART synthesiser, every other one replaced by one of a Gaussian copula."""
    return generators.mixture(
        generators.cart_generation(table, rng), generators.copula_generation(table, rng), 0.5, rng
    )


def shuffled_generation(table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Independent columns: there is nothing to learn but the margins, so that a law has little to say."""
    return pl.DataFrame({name: table[name][rng.integers(table.height, size=table.height)] for name in table.columns})


GENERATORS: dict[str, generators.Generator] = {
    "copula": generators.copula_generation,
    "cart": generators.cart_generation,
    "narrow": generators.narrow_generation,
    "half": half_generation,
    "shuffled": shuffled_generation,
}


@dataclass(frozen=True, slots=True)
class Loss:
    """A finished model: ``bits`` a row on the test rows, and the standard error of that over test rows."""

    tier: Tier
    rows: int
    parameters: int
    bits: float
    error: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """Losses of a pair: of the 18 models, of the second design, and of the models that are to be predicted."""

    table: str
    generator: str
    base: int
    independent: float
    models: tuple[Loss, ...]
    other: tuple[Loss, ...]
    targets: tuple[Loss, ...]


def reference_of(table: str, bench: Path | None, rows: int) -> pl.DataFrame:
    """Real rows of ``table``: of the bench's folder, or at most ``rows`` of a packaged table or the made-up "mixed"."""
    if bench is not None and (bench / table / "reference.parquet").exists():
        return pl.read_parquet(bench / table / "reference.parquet")
    if table == "mixed":
        return mixed_table(rows, SEED)
    whole = REAL_TABLES[table].load()
    return whole[np.random.default_rng(SEED).permutation(whole.height)[:rows]]


def sampled(table: str, generator: str, reference: pl.DataFrame, rows: int) -> pl.DataFrame:
    """``rows`` rows of a generator fitted on at most ``FITTED_ROWS`` of ``reference``, or endless "real" ones."""
    if generator == "real":
        return mixed_table(rows, SEED + 1)
    reference = reference[:FITTED_ROWS]
    rng = np.random.default_rng([SEED, zlib.crc32(f"{table} {generator}".encode())])
    # Every draw is a generation of its own from the reference, as many rows as that has.
    draws = (GENERATORS[generator](reference, rng) for _ in range(-(-rows // reference.height)))
    return pl.concat(draws)[:rows]


def data_of(table: str, generator: str, options: argparse.Namespace) -> tuple[CascadeData, Arm]:
    """What the models of a pair train on and are judged on, with the largest size's rows where they can be had."""
    bench, largest = options.bench, options.base * max(options.steps)
    reference = reference_of(table, bench, options.reference_rows)
    if generator == "real" and table != "mixed":
        made: pl.DataFrame = reference
    elif generator in GENERATORS or generator == "real":
        # At most 2,000 are kept to judge on, and equals of judging rows are left out.
        made = sampled(table, generator, reference, min(round(1.15 * largest), largest + 20_000))
    else:
        assert bench is not None
        made = pl.read_parquet(bench / table / f"{generator}.parquet")
    evidence = evidence_from_frames(made, reference)
    assert evidence.reference is not None
    codes = evidence.synthetic.codes
    if made.height > len(codes):  # evidence holds a sample
        codes = evidence.codec.encode(made)
    data = make_tasks(codes, evidence.reference.codes, None, evidence.sizes, evidence.seed)
    return data, "reference" if generator == "real" and table != "mixed" else "synthetic"


def specs_of(base: int, arm: Arm) -> tuple[list[ModelSpec], list[ModelSpec]]:
    """The 18 models up to ``base`` rows, and those of the second design."""
    models = [
        derive(CONFIG, arm, tier, i, rows) for tier in TIERS for i, rows in enumerate(training_sizes(CONFIG, base))
    ]
    steps = np.geomspace(CONFIG.fractions[0] * base, base, OTHER_SIZES).round().astype(int).tolist()
    other = [derive(CONFIG, arm, tier, SIZES + i, rows) for tier in OTHER_TIERS for i, rows in enumerate(steps)]
    return models, other


def measure(table: str, generator: str, store: RunStore, options: argparse.Namespace) -> Record:
    """Train, or look up, all that a pair needs."""
    data, arm = data_of(table, generator, options)
    rows = len(data.synthetic if arm == "synthetic" else data.reference)
    models, second = specs_of(options.base, arm)
    asked = [
        derive(CONFIG, arm, tier, SIZES - 1, options.base * step) for step in options.steps for tier in options.tiers
    ]
    if options.epochs:
        asked = [replace(spec, epochs=options.epochs) for spec in asked]

    def finished(specs: list[ModelSpec]) -> tuple[Loss, ...]:
        runs = [train_one(spec, data, store, torch.device("cpu")).run for spec in specs]
        return tuple(Loss(r.tier, r.rows, r.parameters, r.loss_bits, r.loss_error, r.seconds) for r in runs)

    return Record(
        table,
        generator,
        options.base,
        float(independent_bits(data).mean()),
        finished(models),
        finished(second) if options.other else (),
        finished([spec for spec in asked if spec.rows <= rows]),
    )


def read_records(path: Path) -> list[Record]:
    """The records of a file; none where there is no file."""
    records = []
    for fields in read_log(path):
        for part in ("models", "other", "targets"):
            fields[part] = tuple(Loss(**loss) for loss in fields[part])
        records.append(Record(**fields))
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--tables", nargs="+", default=["mixed", "rand", "fair", "births"])
    parser.add_argument("--cases", nargs="+", default=["real", *GENERATORS])
    parser.add_argument("--base", type=int, default=BASE)
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS))
    parser.add_argument("--tiers", nargs="+", default=["light", "heavy"], help="of the predicted models")
    parser.add_argument("--epochs", type=int, help="passes of the predicted models, where not the usual ones")
    parser.add_argument("--reference-rows", type=int, default=REFERENCE_ROWS)
    parser.add_argument("--other", action="store_true", help="train the second design, too")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no pair after so long")
    options = parser.parse_args()
    single_thread()
    store = RunStore(options.store)
    known = {(r.table, r.generator, r.base) for r in read_records(options.records)}
    started = time.process_time()
    for table in options.tables:
        for case in options.cases:
            if (table, case, options.base) in known:
                continue
            if time.process_time() - started > 60 * options.minutes:
                return
            record = measure(table, case, store, options)
            append(options.records, asdict(record))
            print(
                table,
                case,
                [round(t.bits, 3) for t in record.targets],
                f"{time.process_time() - started:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
