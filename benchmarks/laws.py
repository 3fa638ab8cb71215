"""Compares forms of the scaling law, and designs of the 18 models, on the losses that ``benchmarks.backtests`` keeps.

    python -m benchmarks.laws --records FILE [FILE ...] --out docs/scaling.md

Every form sees the models up to the largest size of a cascade and says the loss at many times that size; the models
that were trained there judge it. Nothing is trained here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.backtests import Loss, Record, read_records
from synthos.cascade import scaling_law
from synthos.cascade.curves import LEAST_YARDSTICK
from synthos.cascade.predictions import together
from synthos.cascade.scaling_law import Points, fit_law, refusal
from synthos.stats.bootstrap import percentile_interval

Floats = npt.NDArray[np.float64]
Form = Callable[[Points, float, float], float]
#: From so few rows no cascade is planned; sizes of a record that are shares of a larger one end here.
STEPS_BACK = (8, 16)
_EXPONENTS = np.round(np.arange(0.24, 1.21, 0.04), 2)
WITHIN = 0.03


@dataclass(frozen=True, slots=True)
class Test:
    """One prediction to make: the models that are known, the one that is asked for, and where it comes from."""

    table: str
    generator: str
    points: Points
    asked: Loss

    @property
    def step(self) -> int:
        return round(self.asked.rows / float(self.points.rows.max()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the product says of a test, in bits a row; ``refused`` is the reason where it must not be said."""

    test: Test
    predicted: float
    low: float
    high: float
    refused: str | None

    @property
    def error(self) -> float:
        """Predicted minus measured, relative to measured."""
        return self.predicted / self.test.asked.bits - 1

    @property
    def holds(self) -> bool:
        return self.low <= self.test.asked.bits <= self.high


def points_of(losses: Sequence[Loss]) -> Points:
    columns = ([float(getattr(loss, name)) for loss in losses] for name in ("parameters", "rows", "bits"))
    return Points(*(np.array(column) for column in columns))


def tests_of(records: Sequence[Record], tiers: Sequence[str], part: str = "models") -> list[Test]:
    """Predictions beyond the cascade; of a record that trained nothing beyond, its own largest size from small ones."""
    tests = []
    for record in records:
        points = points_of(getattr(record, part))
        for asked in record.targets:
            if asked.tier not in tiers or asked.parameters not in points.parameters:
                continue
            if asked.rows > record.base:
                tests.append(Test(record.table, record.generator, points, asked))
                continue
            for step in STEPS_BACK:
                known = points.take(points.rows <= 1.05 * asked.rows / step)
                # The back-test within the law needs a size more than the law.
                if len(np.unique(known.rows)) > 2:
                    tests.append(Test(record.table, record.generator, known, asked))
    return tests


def answer(test: Test) -> Answer:
    """As the product would answer."""
    fit = fit_law(test.points, np.random.default_rng(0), parameters=test.asked.parameters)
    values = fit.predict(float(test.asked.rows))
    interval = percentile_interval(values[1:], float(values[0]))
    return Answer(test, float(values[0]), interval.low, interval.high, refusal(fit, test.points))


def rho_answers(records: Sequence[Record]) -> list[tuple[int, float, float, float, float]]:
    """(step, predicted, low, high, measured) of rho, for tables whose real rows were trained on to the same sizes."""
    independent = {(record.table, record.base): record.independent for record in records}
    tests = [(record.base, test) for record in records for test in tests_of([record], ("heavy",))]
    real = {(base, t.table, t.step): t for base, t in tests if t.generator == "real"}
    found = []
    for base, test in tests:
        other = real.get((base, test.table, test.step))
        if other is None or other is test or answer(test).refused or answer(other).refused:
            continue
        parameters, rows, zero = test.asked.parameters, float(test.asked.rows), independent[test.table, base]
        s, shared, apart = (
            fit_law(points, np.random.default_rng(seed), parameters=parameters).predict(rows)
            for points, seed in ((test.points, 0), (other.points, 0), (other.points, 1))
        )
        least = LEAST_YARDSTICK * zero
        r = together(shared, apart)
        rho = (s - r) / np.maximum(zero - r, least)
        interval = percentile_interval(rho[1:], float(rho[0]))
        measured = (test.asked.bits - other.asked.bits) / max(zero - other.asked.bits, least)
        found.append((test.step, float(rho[0]), interval.low, interval.high, measured))
    return found


def coverage_of_rho(records: Sequence[Record]) -> list[str]:
    answers = rho_answers(records)
    lines = [
        "| step | predictions | mean error | 90 % | inside the 95 % interval | half width, median |",
        "|---|---|---|---|---|---|",
    ]
    for step in sorted({item[0] for item in answers}):
        _, said, low, high, measured = np.array([item for item in answers if item[0] == step]).T
        errors = np.abs(said - measured)
        inside = (low <= measured) & (measured <= high)
        lines.append(
            f"| {step}x | {len(said)} | {errors.mean():.2f} | {np.quantile(errors, 0.9):.2f} | {inside.mean():.0%} | "
            f"{np.median(high - low) / 2:.2f} |"
        )
    return lines


# --- the forms ---------------------------------------------------------------------------------------------------


def stated(points: Points, parameters: float, rows: float) -> float:
    """The product's law."""
    return float(fit_law(points, np.random.default_rng(0), parameters=parameters).predict(rows)[0])


@contextmanager
def _changed(**values: object) -> Iterator[None]:
    """The product's law with other constants, while the block runs."""
    before = {name: getattr(scaling_law, name) for name in values}
    try:
        for name, value in values.items():
            setattr(scaling_law, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(scaling_law, name, value)


def unguided(points: Points, parameters: float, rows: float) -> float:
    with _changed(PRIOR_EXPONENT=(0.45, 100.0)):
        return stated(points, parameters, rows)


def unweighted(points: Points, parameters: float, rows: float) -> float:
    with _changed(_WEIGHT=0.0):
        return stated(points, parameters, rows)


def with_model_size(points: Points, parameters: float, rows: float) -> float:
    """``E + A/N^a + B/D^b`` for all tiers (Hoffmann et al. 2022); coefficients at or above zero."""
    n, d = points.parameters / points.parameters.min(), points.rows / points.rows.min()
    n_asked, d_asked = parameters / points.parameters.min(), rows / points.rows.min()
    candidates = [
        (np.stack([np.ones_like(d), d**-b, n**-a], 1), np.array([1.0, d_asked**-b, n_asked**-a]))
        for b in _EXPONENTS
        for a in (0.2, 0.4, 0.7, 1.0)
    ] + [(np.stack([np.ones_like(d), d**-b], 1), np.array([1.0, d_asked**-b])) for b in _EXPONENTS]
    return _best(candidates, points, points.bits)


def one_tier(points: Points, parameters: float, rows: float, exponents: Floats = _EXPONENTS) -> float:
    """``E + B/D^b`` from the asked tier alone."""
    tier = points.take(points.parameters == parameters)
    d, asked = tier.rows / tier.rows.min(), rows / tier.rows.min()
    candidates = [(np.stack([np.ones_like(d), d**-b], 1), np.array([1.0, asked**-b])) for b in exponents]
    return _best(candidates, tier, tier.bits)


def square_root(points: Points, parameters: float, rows: float) -> float:
    """``E + B/D^0.5`` from the asked tier alone."""
    return one_tier(points, parameters, rows, np.array([0.5]))


def bent(points: Points, parameters: float, rows: float) -> float:
    """``E + B/(D + d)^b`` from the asked tier alone: a start that is flatter than a power law."""
    tier = points.take(points.parameters == parameters)
    candidates = [
        (np.stack([np.ones_like(tier.rows), (tier.rows + d) ** -b], 1), np.array([1.0, (rows + d) ** -b]))
        for b in _EXPONENTS
        for d in tier.rows.min() * np.array([0.0, 1.0, 3.0, 10.0])
    ]
    return _best(candidates, tier, tier.bits)


def no_floor(points: Points, parameters: float, rows: float) -> float:
    """``B/D^b`` from the asked tier alone: a line in log-log."""
    tier = points.take(points.parameters == parameters)
    line = (np.stack([np.ones_like(tier.rows), -np.log(tier.rows)], 1), np.array([1.0, -np.log(rows)]))
    return float(np.exp(_best([line], tier, np.log(tier.bits), positive=False)))


def last_loss(points: Points, parameters: float, rows: float) -> float:
    """The loss at the largest size, as if nothing more could be learned."""
    return float(points.bits[(points.parameters == parameters) & (points.rows == points.rows.max())].mean())


def _best(candidates: Sequence[tuple[Floats, Floats]], points: Points, y: Floats, *, positive: bool = True) -> float:
    """The prediction of the candidate (terms of the points, of what is asked) that fits best."""
    weights = (points.rows / points.rows.max()) ** 0.25
    fits = []
    for terms, asked in candidates:
        found = np.linalg.lstsq(terms * weights[:, None], y * weights, rcond=None)[0]
        if not positive or (found >= 0).all():
            fits.append((float((((terms @ found) - y) ** 2 * weights**2).sum()), float(asked @ found)))
    return min(fits)[1] if fits else float(y[points.rows == points.rows.max()].mean())


FORMS: dict[str, Form] = {
    "`E_t + B_t/D^b`, one b, prior (kept)": stated,
    "the same, b without a prior": unguided,
    "the same, all sizes weigh alike": unweighted,
    "`E + A/N^a + B/D^b`, all tiers (before)": with_model_size,
    "`E + B/D^b`, one tier": one_tier,
    "`E + B/D^0.5`, one tier": square_root,
    "`E + B/(D + d)^b`, one tier": bent,
    "`B/D^b`, one tier, no floor": no_floor,
    "the largest size's loss": last_loss,
}


# --- the document ------------------------------------------------------------------------------------------------


def figures(errors: Sequence[float]) -> str:
    e = np.abs(errors)
    return f"{e.mean():.1%} | {np.quantile(e, 0.9):.1%} | {e.max():.1%} | {(e <= WITHIN).mean():.0%}"


def compare_forms(tests: Sequence[Test]) -> list[str]:
    lines = ["| form | step | predictions | mean error | 90 % | worst | within 3 % |", "|---|---|---|---|---|---|---|"]
    for step in sorted({test.step for test in tests}):
        asked = [test for test in tests if test.step == step]
        for name, form in FORMS.items():
            errors = [form(t.points, t.asked.parameters, float(t.asked.rows)) / t.asked.bits - 1 for t in asked]
            lines.append(f"| {name} | {step}x | {len(asked)} | {figures(errors)} |")
    return lines


def compare_designs(records: Sequence[Record]) -> list[str]:
    both = [record for record in records if record.other]
    lines = [
        "| design | seconds a cascade | step | predictions | mean error | 90 % | worst | within 3 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for part, name in (("models", "3 widths x 6 sizes (kept)"), ("other", "2 widths x 9 sizes")):
        seconds = np.median([sum(loss.seconds for loss in getattr(record, part)) for record in both])
        tests = tests_of(both, ("heavy",), part)
        for step in sorted({test.step for test in tests}):
            errors = [answer(test).error for test in tests if test.step == step]
            lines.append(f"| {name} | {seconds:.0f} | {step}x | {len(errors)} | {figures(errors)} |")
    return lines


def coverage(answers: Sequence[Answer]) -> list[str]:
    lines = [
        "| step | predictions | refused | stated | mean error | 90 % | worst | within 3 % | inside the 95 % interval | "
        "half width, median |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for step in sorted({item.test.step for item in answers}):
        of_step = [item for item in answers if item.test.step == step]
        said = [item for item in of_step if item.refused is None]
        if not said:
            lines.append(f"| {step}x | {len(of_step)} | {len(of_step)} | 0 | | | | | | |")
            continue
        width = np.median([(item.high - item.low) / 2 / item.test.asked.bits for item in said])
        lines.append(
            f"| {step}x | {len(of_step)} | {len(of_step) - len(said)} | {len(said)} | "
            f"{figures([item.error for item in said])} | {np.mean([item.holds for item in said]):.0%} | {width:.1%} |"
        )
    return lines


def listed(answers: Sequence[Answer]) -> list[str]:
    lines = [
        "| table | rows made by | tier | from, at most | at | predicted | interval | measured | error | inside |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for item in answers:
        test = item.test
        start = f"| {test.table} | {test.generator} | {test.asked.tier} | {test.points.rows.max():,.0f} | "
        start += f"{test.asked.rows:,} | "
        if item.refused:
            lines.append(f"{start}refused | {item.refused} | {test.asked.bits:.2f} | {item.error:+.1%} | |")
            continue
        lines.append(
            f"{start}{item.predicted:.2f} | {item.low:.2f} to {item.high:.2f} | {test.asked.bits:.2f} | "
            f"{item.error:+.1%} | {'yes' if item.holds else 'no'} |"
        )
    return lines


TEMPLATE = """# What the cascade predicts, and how well

Written by `python -m benchmarks.laws` from models trained by `python -m benchmarks.backtests`; do not edit. The loss
is in bits a row on real rows that no model saw. Errors are relative to the measured loss; "90 %" is the error that nine
of ten predictions stay within. Predictions are those of the heavy tier unless a table says otherwise.

The law is `L(D) = E + B/D^b`, with a floor and a coefficient for each tier and one exponent for all 18 models of an arm
([why](decisions/{decision})). The product states an interval of 95 %. It refuses where the loss does not fall with more
rows, where the largest size, predicted from the smaller ones, is missed by more than 3 %, and where the interval at ten
times the largest size is wider than ±5 %. Errors of refused predictions are not in the figures, but in the list below.

## Back-tests

A cascade of 18 models up to {bases} rows, and single models at many times that size, which the law has to predict.
{pairs} pairs of a table and what made its rows; "real" is the table itself.

{coverage}

The prior of the exponent, the weight of sizes, the width of the interval and its limit (five numbers) were chosen on
the first 18 pairs of the list and on the cascades below; the other pairs were trained afterwards, and nothing was
changed for them. Those alone:

{later}

## Within finished cascades

The 18 models of a bench's tables, where the law of the small sizes is asked for the largest one. Only three sizes are
left at 8 times: the product never predicts from so few.

{within}

## rho

The same for `rho`, where the real rows of a table were trained on to the same sizes, and neither arm is refused. The
two arms' errors go together (correlation 0.6, chosen here).

{rho}

## Forms of the law

{forms}

Within finished cascades:

{forms_within}

## Designs of the 18 models

At about the same cost, the same tables as far as both were trained. The product's law for both.

{designs}

## Real training at a million rows

Rows of the made-up table `mixed`, and generators fitted on 8,000 of its rows and sampled to more than a million; the
light tier, three passes over the rows (the sizes below have nine).

{million}

## Every back-test

{listed}
"""
DECISION = "0010-one-exponent-with-a-prior.md"


#: The law's constants were chosen on so many pairs, the first of the records.
CHOSEN_ON = 18


def _pair(test: Test) -> tuple[str, str]:
    return test.table, test.generator


def document(records: Sequence[Record], million: Sequence[Record]) -> str:
    """The page, in Markdown."""
    heavy = tests_of(records, ("heavy",))
    beyond = [test for test in heavy if test.asked.rows > test.points.rows.max() and test.step not in STEPS_BACK]
    inside = [test for test in heavy if test.step in STEPS_BACK]
    answers = [answer(test) for test in beyond]
    known = list(dict.fromkeys(_pair(test) for test in beyond))[:CHOSEN_ON]
    bases = sorted({record.base for record in records if any(loss.rows > record.base for loss in record.targets)})
    return TEMPLATE.format(
        decision=DECISION,
        bases=" or ".join(f"{base:,}" for base in bases),
        pairs=len({_pair(test) for test in beyond}),
        coverage="\n".join(coverage(answers)),
        later="\n".join(coverage([item for item in answers if _pair(item.test) not in known])),
        within="\n".join(coverage([answer(test) for test in inside])) if inside else "None was given.",
        rho="\n".join(coverage_of_rho(records)),
        forms="\n".join(compare_forms(beyond)),
        forms_within="\n".join(compare_forms(inside)) if inside else "None was given.",
        designs="\n".join(compare_designs(records)),
        million="\n".join(listed([answer(test) for test in tests_of(million, ("light", "heavy"))])),
        listed="\n".join(listed(answers)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=Path, nargs="+", required=True)
    parser.add_argument("--million", type=Path, nargs="*", default=[], help="records of runs at a million rows")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    records, million = (
        [r for path in paths for r in read_records(path)] for paths in (options.records, options.million)
    )
    options.out.write_text(document(records, million), encoding="utf-8")
    print(options.out)


if __name__ == "__main__":
    main()
