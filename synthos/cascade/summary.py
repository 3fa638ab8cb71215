"""From 36 finished models to ``rho``, ``n_eff``, the law, the predictions and the drift of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from synthos.cascade import predictions
from synthos.cascade.curves import LEAST_YARDSTICK, LEVEL, Curves, Floats, equivalents
from synthos.cascade.outcomes import LoopOutcome, RunOutcome
from synthos.cascade.scaling_law import PRIOR_EXPONENT
from synthos.cascade.tasks import CascadeData, independent_bits
from synthos.cascade.tiers import SIZES, TIERS, CascadeConfig
from synthos.errors import InternalError
from synthos.results import Arm, Bound, CascadeResult, Interval, LoopDrift, Tier
from synthos.sampling.seeds import generator
from synthos.stats.bootstrap import percentile_interval

#: Bootstrap copies of the test rows.
RESAMPLES = 400
#: By how much the draw of the training rows moves the loss, in units of what a model that is true would show: variance
#: of the gap between fresh real samples (``benchmarks/LOG.md``).
SCATTER = 2.0


def summarise(
    data: CascadeData,
    runs: Sequence[RunOutcome],
    config: CascadeConfig,
    loop: tuple[LoopOutcome, LoopOutcome] | None,
) -> CascadeResult:
    """Sum up both arms.

    Parameters
    ----------
    runs : the 36 outcomes in any order.
    loop : outcomes of the synthetic and the reference arm; None where the configuration leaves the loop out.

    Raises
    ------
    InternalError : where a model is missing or comes twice, or the loop is missing or was not asked for.
    """
    if (loop is None) != (config.loop_generations == 0):
        raise InternalError("the loop's outcomes do not fit the configuration")
    table = _table(runs)
    rng = generator(data.seed, "summary")
    curves = _curves(data, table, rng)
    rho = curves.rho[-1]
    n_eff, bound = equivalents(curves)
    n_eff = np.round(n_eff)
    ordered = {
        arm: [table[arm, tier, i].run for tier in TIERS for i in range(SIZES)] for arm in ("synthetic", "reference")
    }
    law, forecast = predictions.predict(ordered["synthetic"], ordered["reference"], curves, rng)
    return CascadeResult(
        models=tuple(ordered["synthetic"]),
        reference_models=tuple(ordered["reference"]),
        independent_bits=float(curves.independent[0]),
        law=law,
        rho=float(rho[0]),
        rho_interval=percentile_interval(rho[1:], float(rho[0])),
        n_eff=float(n_eff[0]),
        n_eff_interval=percentile_interval(n_eff[1:], float(n_eff[0])),
        n_eff_bound=bound,
        n_eff_note=_n_eff_note(bound, round(float(n_eff[0])), data),
        predictions=forecast,
        loop=None if loop is None else drift(*loop),
        train_rows=data.rows,
        notes=_notes(data, curves),
    )


def drift(synthetic: LoopOutcome, reference: LoopOutcome) -> LoopDrift:
    """Slope of the loss over generations, synthetic minus reference, by least squares.

    Its interval joins the paired error over test rows with the scatter of both arms' means around their lines.
    """
    if synthetic.arm != "synthetic" or reference.arm != "reference":
        raise InternalError("the loop's arms are swapped")
    s, r = synthetic.row_bits.astype(float), reference.row_bits.astype(float)
    steps = np.arange(len(s)) - (len(s) - 1) / 2
    contrast = steps / (steps**2).sum()
    per_row = contrast @ (s - r)
    slope = float(per_row.mean())
    variance = float(per_row.var(ddof=1)) / len(per_row)
    if len(s) > 2:
        for means in (s.mean(1), r.mean(1)):
            left = means - means.mean() - steps * float(contrast @ means)
            variance += float((left**2).sum()) / (len(s) - 2) * float((contrast**2).sum())
    half = 1.96 * variance**0.5
    return LoopDrift(
        synthetic_bits=tuple(float(v) for v in s.mean(1)),
        reference_bits=tuple(float(v) for v in r.mean(1)),
        slope=slope,
        interval=Interval(low=slope - half, high=slope + half, level=LEVEL),
    )


def _table(runs: Sequence[RunOutcome]) -> dict[tuple[Arm, Tier, int], RunOutcome]:
    table = {(item.run.arm, item.run.tier, item.run.size_index): item for item in runs}
    if len(table) != len(runs) or len(table) != 2 * len(TIERS) * SIZES:
        raise InternalError(f"a cascade has 36 different models, not {len(runs)} of which {len(table)} differ")
    return table


def _curves(data: CascadeData, table: dict[tuple[Arm, Tier, int], RunOutcome], rng: np.random.Generator) -> Curves:
    count = len(data.test)
    weights = np.vstack(
        [np.full(count, 1 / count), rng.multinomial(count, np.full(count, 1 / count), RESAMPLES) / count]
    )

    def mixture(arm: Arm, index: int) -> Floats:
        """Bits of the equal mixture of the tiers: a density again, at least as good as their mean loss."""
        bits = np.stack([table[arm, tier, index].row_bits for tier in TIERS]).astype(float)
        best = bits.min(0)
        mixed: Floats = best - np.log2(np.exp2(best - bits).mean(0))
        return mixed

    synthetic = np.stack([mixture("synthetic", i) for i in range(SIZES)])
    reference = np.stack([mixture("reference", i) for i in range(SIZES)])
    gaps = [
        table["synthetic", tier, SIZES - 1].run.loss_bits - table["reference", tier, SIZES - 1].run.loss_bits
        for tier in TIERS
    ]
    s_means, r_means = synthetic @ weights.T, reference @ weights.T
    rows = np.array([table["synthetic", TIERS[0], i].run.rows for i in range(SIZES)], float)
    drawn = sum(_drawn_rows(rows, curve[:, 0]) for curve in (s_means, r_means))
    noise = float(np.sqrt(np.var(gaps, ddof=1) / len(gaps) + drawn))
    s_means[:, 1:] += noise * rng.standard_normal(s_means[:, 1:].shape)
    return Curves(rows, s_means, r_means, independent_bits(data) @ weights.T, noise)


def _drawn_rows(rows: Floats, bits: Floats) -> float:
    """Variance of the loss at the last size over other draws of as many training rows, in bits squared.

    For n rows, 2n times what the loss lies above its floor, in nats, is chi-squared (Wilks 1938, doi:10.1214/aoms/
    1177732360), so that an excess of E nats has the variance E / n; measured it is ``SCATTER`` times that. E follows
    from the fall between the last two sizes and the usual exponent of the law.
    """
    nats = max(float(bits[-2] - bits[-1]), 0.0) * log(2.0)
    excess = nats / ((rows[-1] / rows[-2]) ** PRIOR_EXPONENT[0] - 1.0)
    return SCATTER * float(excess / rows[-1]) / log(2.0) ** 2


def _n_eff_note(bound: Bound, rows: int, data: CascadeData) -> str:
    if bound == "at_least":
        return f"at least {rows:,} real rows; there are no more to compare with"
    if bound == "fewer_than":
        return f"fewer than {rows:,} real rows, which is what the smallest model was given"
    if len(data.synthetic) > data.rows:
        return f"from {data.rows:,} synthetic rows; more of them may be worth somewhat more"
    return ""


def _notes(data: CascadeData, curves: Curves) -> tuple[str, ...]:
    notes = []
    if not data.copy_proof:
        notes.append(
            "rows repeat so often that equal rows are taken for chance; copies of reference rows could not be set apart"
        )
    learned = curves.independent[0] - curves.reference[-1, 0]
    if learned < LEAST_YARDSTICK * curves.independent[0]:
        notes.append(
            f"the columns hardly depend on each other ({learned:.2f} bits a row can be learned); rho is measured "
            f"against {LEAST_YARDSTICK:.0%} of the independent-columns loss instead"
        )
    if len(data.columns) < data.columns[-1] + 1:
        notes.append(f"{len(data.columns)} evenly spaced columns were modelled")
    return tuple(notes)
