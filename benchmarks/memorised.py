"""How often copies of reference rows are found, and how often sound rows are accused, at small sizes.

    python -m benchmarks.memorised --bench DIR [DIR ...] --out out/benchmarks/modes/memorised.jsonl [--draws 5]

Of every table of the bench folders so many rows of ``reference``, ``real`` and ``holdout`` are drawn, and judged by
``dimensions.memorisation`` without and with the holdout: fresh real rows, the reference's drawn with replacement, fresh
rows of which a fifth or a twentieth are reference rows, and rows of ``cart_g1`` of which a fifth are. ``cart_g1`` was
made from the whole reference, so that what it copied itself is mostly not among the rows drawn. ``blurred`` is a fifth
of reference rows again, with every number moved by a hundredth of its standard deviation.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.generators import bootstrap
from benchmarks.truth import Row, append, read_log
from synthos.dimensions.memorisation import Memorisation, memorisation
from synthos.sampling.assemble import evidence_from_frames

SIZES = (500, 1_000, 2_000)
BLUR = 0.01


def parts(folder: Path, rows: int, rng: np.random.Generator) -> dict[str, pl.DataFrame] | None:
    """``reference``, ``real``, ``holdout`` and ``cart_g1``, so many random rows each; None where one has too few."""
    tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in ("reference", "real", "holdout", "cart_g1")}
    if any(table.height < rows for table in tables.values()):
        return None
    return {name: table[rng.permutation(table.height)[:rows]] for name, table in tables.items()}


def leaked(base: pl.DataFrame, reference: pl.DataFrame, share: float) -> pl.DataFrame:
    """``base`` with its first rows replaced by reference rows."""
    count = round(share * base.height)
    return pl.concat([reference[:count], base[count:]], how="vertical_relaxed")


def blurred(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every number with normal noise of ``BLUR`` standard deviations of its column."""
    noisy = []
    for column in rows:
        if column.dtype.is_numeric():
            values = column.cast(pl.Float64).to_numpy()
            column = pl.Series(column.name, values + rng.normal(0.0, BLUR * float(np.nanstd(values)), len(values)))
        noisy.append(column)
    return pl.DataFrame(noisy)


def kinds(drawn: dict[str, pl.DataFrame], rng: np.random.Generator) -> Iterator[tuple[str, pl.DataFrame]]:
    """What is judged, with its name."""
    reference, real = drawn["reference"], drawn["real"]
    yield "real", real
    yield "leak5", leaked(real, reference, 0.05)
    yield "leak20", leaked(real, reference, 0.2)
    yield "leak20 in cart", leaked(drawn["cart_g1"], reference, 0.2)
    yield "blurred leak20", leaked(real, blurred(reference, rng), 0.2)
    yield "bootstrap", bootstrap(reference, rng)


def run(benches: Sequence[Path], out: Path, draws: int) -> None:
    """One line a table, size, draw, kind and mode; draws that are there already are left."""
    done = {(row["table"], row["rows"], row["draw"]) for row in read_log(out)}
    for folder in sorted(place.parent for bench in benches for place in bench.glob("*/reference.parquet")):
        for rows in SIZES:
            for draw in range(draws):
                if (folder.name, rows, draw) in done:
                    continue
                rng = np.random.default_rng([zlib.crc32(folder.name.encode()), rows, draw])
                drawn = parts(folder, rows, rng)
                if drawn is None:
                    break
                for row in judge(drawn, rng):
                    append(out, {"table": folder.name, "rows": rows, "draw": draw} | row)


def judge(drawn: dict[str, pl.DataFrame], rng: np.random.Generator) -> Iterator[Row]:
    """The answers on one draw."""
    for kind, synthetic in kinds(drawn, rng):
        for mode in ("reference", "holdout"):
            given = drawn["holdout"] if mode == "holdout" else None
            found = memorisation(evidence_from_frames(synthetic, drawn["reference"], given))
            answer: Row = {"kind": kind, "mode": mode, "flagged": None, "share": None, "interval": None}
            if isinstance(found, Memorisation):
                interval = [found.interval.low, found.interval.high]
                answer |= {"flagged": found.flagged, "share": found.share, "interval": interval}
            yield answer


def summary(rows: Sequence[Row]) -> list[Row]:
    """By kind and mode: answers, how many are flagged, the middle share, and where an interval holds the leak."""
    found = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        for mode in ("reference", "holdout"):
            here = [row for row in rows if row["kind"] == kind and row["mode"] == mode]
            told = [row for row in here if row["flagged"] is not None]
            widths = [row["interval"][1] - row["interval"][0] for row in told]
            found.append(
                {"kind": kind, "mode": mode, "asked": len(here), "told": len(told)}
                | {"flagged": sum(row["flagged"] for row in told)}
                | {"share": float(np.median([row["share"] for row in told])) if told else None}
                | {"width": float(np.median(widths)) if told else None}
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Look for copies in small draws of a bench's tables.")
    parser.add_argument("--bench", type=Path, nargs="+", required=True, help="folders with one folder a table")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines to go on with")
    parser.add_argument("--draws", type=int, default=5, help="draws a table and size")
    options = parser.parse_args()
    run(options.bench, options.out, options.draws)
    for row in summary(list(read_log(options.out))):
        told = "–" if row["share"] is None else f"{row['share']:.3f} ± {row['width'] / 2:.3f}"
        print(f"{row['kind']:16s}{row['mode']:10s} flagged {row['flagged']:4d} of {row['asked']:4d}  share {told}")


if __name__ == "__main__":
    main()
