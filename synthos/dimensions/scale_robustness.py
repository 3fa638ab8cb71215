"""What happens with more rows: does the synthetic table keep teaching, and does it keep showing new things?

Two components:

- ``floor``: ``rho(D)`` of the cascade at the largest size, 0 where training on synthetic rows gives the loss on real
  rows that training on real rows gives, 1 where it gives that of shuffled columns. Its null is 0 with the error that
  the cascade states, its bottom 1.
- ``saturation``: how far the number of distinct cells of three columns falls behind that of real rows, in bits, over
  prefixes of an eighth, a quarter, a half and all of equally many rows. Its bottom is a table that repeats one
  sixteenth of its rows. New cells beyond those of real rows are not judged here: noise makes them, and ``floor`` sees
  it.

``n_eff``, the real rows that all synthetic rows are worth, is shown as a share of the rows trained on; it says the same
as ``rho`` on another axis and is not scored twice. Without a cascade (``--quick``) there is no floor, and the dimension
does not apply.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from synthos.dimensions.base import Dimension, Judged, combine, informative, judged
from synthos.dimensions.copies import GRID
from synthos.dimensions.views import blame, reference_of
from synthos.results import CascadeResult, DimensionResult, NotApplicable
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator
from synthos.stats.calibration import Draws, draw, judge

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

#: Sets of three columns whose cells are counted.
TRIPLES = 12
PREFIXES = (1 / 8, 1 / 4, 1 / 2, 1.0)
#: The bottom repeats one in so many rows.
REPEATED = 16
MOST_ROWS = 5_000


def measure(evidence: Evidence) -> DimensionResult:
    """Score the worse of floor and saturation; 100 where more rows teach and show what more real rows would."""
    cascade = evidence.cascade
    if cascade is None:
        return NotApplicable(reason="needs the cascade; left out by --quick")
    parts = [_floor(cascade), _worth(cascade)]
    names = evidence.columns
    if not names:
        return combine(parts, notes=cascade.notes)
    rng = generator(evidence.seed, "scale_robustness")
    triples = _triples(len(names), rng)
    draws = _saturation(evidence, triples, rng)
    parts.append(
        judged(
            "saturation",
            draws.reduced(lambda side: side.mean(axis=1)).judge(),
            unit="bits",
            meaning="log2 of real over synthetic distinct cells of three columns in equally many rows",
        )
    )
    excess = draws.observed.mean(axis=0) - np.quantile(draws.null, 0.95, axis=0)
    groups = [tuple(names[j] for j in triple) for triple in triples]
    texts = [f"fewer distinct combinations of {', '.join(group)} than real rows have" for group in groups]
    return combine(parts, blame=blame(groups, excess, texts), notes=cascade.notes)


def _floor(cascade: CascadeResult) -> Judged:
    # The interval of rho as draws: its centre need not be rho, and rho's own error is the null's as well.
    interval = cascade.rho_interval
    spread = max(interval.high - interval.low, 0.0) / (2.0 * float(ndtri(0.5 + interval.level / 2.0)))
    scatter = spread * ndtri(GRID)
    return judged(
        "floor",
        judge(cascade.rho + scatter, scatter, 1.0),
        unit="rho",
        meaning="loss on real rows after training on synthetic ones: 0 as after real rows, 1 as after shuffled columns",
    )


def _worth(cascade: CascadeResult) -> Judged:
    return informative(
        "real_row_equivalents",
        cascade.n_eff / cascade.train_rows,
        unit="share of rows",
        meaning=f"real rows that the synthetic rows are worth, per row trained on; {cascade.n_eff_note}".rstrip("; "),
    )


def _triples(width: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Different sets of up to three columns, in order."""
    size = min(3, width)
    drawn = {tuple(sorted(int(j) for j in rng.choice(width, size, replace=False))) for _ in range(4 * TRIPLES)}
    return sorted(drawn)[:: max(1, len(drawn) // TRIPLES)][:TRIPLES]


def _saturation(evidence: Evidence, triples: list[tuple[int, ...]], rng: np.random.Generator) -> Draws:
    reference, synthetic = reference_of(evidence), evidence.synthetic
    codes = np.concatenate([reference.codes, synthetic.codes]).astype(np.int64)
    cells = np.empty((len(codes), len(triples)), np.int64)
    for position, triple in enumerate(triples):
        key = np.zeros(len(codes), np.int64)
        for column in triple:
            key = key * evidence.sizes[column] + codes[:, column]
        cells[:, position] = np.unique(key, return_inverse=True)[1]

    def behind(first: Ids, second: Ids) -> Floats:
        return _growth(first) - _growth(second)

    def repeated(rows: Ids, chance: np.random.Generator) -> Ids:
        return chance.permuted(np.resize(rows[: max(1, len(rows) // REPEATED)], rows.shape), axis=0)

    real = len(reference.codes)
    return draw(behind, cells[:real], cells[real:], rng, wreck=repeated, cap=MOST_ROWS)


def _growth(cells: Ids) -> Floats:
    """Mean log2 of the distinct cells over the prefixes, by set of columns, shape (triples,); rows in random order."""
    totals = np.zeros(cells.shape[1])
    for share in PREFIXES:
        prefix = cells[: max(1, round(share * len(cells)))]
        totals += [np.log2(np.count_nonzero(np.bincount(prefix[:, k]))) for k in range(cells.shape[1])]
    return totals / len(PREFIXES)


DIMENSION = Dimension(
    name="scale_robustness",
    title="Scale robustness",
    question="What happens with more rows?",
    needs_reference=True,
    needs_cascade=True,
    measure=measure,
)
