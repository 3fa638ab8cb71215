"""Rules that real rows keep, and the rows of the synthetic table that break one.

A rule is a functional dependency or a relation between numbers (``dimensions.dependencies``), found in the reference
rows that the row model learns from; those that the other reference rows do not keep are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.dimensions.dependencies import (
    MOST_BROKEN,
    Relation,
    broken_dependencies,
    find_dependencies,
    find_relations,
)
from synthos.dimensions.raw_values import is_numeric, stacked_values, value_ids
from synthos.sampling.evidence import Evidence
from synthos.sampling.seeds import generator

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

#: Distinct values that a column of a dependency may have.
MOST_VALUES = 2_000
#: Columns that are searched for rules; in a wider table the first ones. Numbers compared with each other.
MOST_COLUMNS, MOST_COMPARED = 64, 24
#: Share of rows that may break an order of two columns.
MOST_CROSSED = 0.001


@dataclass(frozen=True, slots=True)
class Rule:
    """Modelled columns that a rule ties together (indices), and what it says. A rule is ``telling`` if rows with their
    columns shuffled often break it; ages lie below incomes in any case."""

    columns: tuple[int, ...]
    text: str
    telling: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """``broken``: which synthetic rows break which rule, shape (n, rules); ``real_broken`` the same of reference rows
    that no rule was learnt from, shape (m, rules)."""

    rules: tuple[Rule, ...]
    broken: Bools
    real_broken: Bools


def find_rules(evidence: Evidence, sound: Rows | None = None) -> Rules:
    """What holds in every other row of the reference and in the rest of them.

    Without a reference, and with ``sound`` rows of the synthetic table (row numbers), those take its place; without
    either no rule is known.
    """
    names, synthetic, reference = evidence.columns, evidence.synthetic, evidence.reference
    width = min(len(names), MOST_COLUMNS)
    if width < 2 or (reference is None and sound is None):
        return Rules((), np.zeros((len(synthetic.rows), 0), bool), np.zeros((0, 0), bool))
    if reference is not None:
        values = stacked_values(evidence, reference, synthetic)[:, :width]
        known = np.arange(len(reference.rows))
    else:
        values = stacked_values(evidence, synthetic, synthetic)[:, :width]
        known = np.arange(0) if sound is None else sound
    learn, fresh = known[::2], len(known[1::2])
    judge = np.concatenate([known[1::2], np.arange(len(values) - len(synthetic.rows), len(values))])
    rng = generator(evidence.seed, "regions", "rules")
    numbered = [(j, value_ids(values[:, j], MOST_VALUES)) for j in range(width)]
    coded = [(j, ids) for j, ids in numbered if ids is not None]
    rules: list[Rule] = []
    flags: list[Bools] = []
    if len(coded) > 1:
        ids = np.column_stack([ids for _, ids in coded])
        for dependency in find_dependencies(ids[learn], rng):
            given = tuple(coded[i][0] for i in dependency.given)
            implied = coded[dependency.implied][0]
            text = f"{' and '.join(names[j] for j in given)} decide {names[implied]}"
            rules.append(Rule((*given, implied), text))
            flags.append(broken_dependencies(dependency, ids[learn], ids[judge]))
    numeric = np.flatnonzero(is_numeric(evidence)[:width])
    telling = find_relations(values[np.ix_(learn, numeric)], rng)
    others = [order for order in _orders(values[np.ix_(learn, numeric)]) if order not in telling]
    for relation in (*telling, *others):
        columns = tuple(int(numeric[i]) for i in relation.columns)
        sign = {"order": "{} <= {}", "sum": "{} + {} = {}", "product": "{} x {} = {}"}[relation.form]
        rules.append(Rule(columns, sign.format(*(names[j] for j in columns)), relation in telling))
        flags.append(relation.broken(values[np.ix_(judge, numeric)]))
    kept = [i for i, flag in enumerate(flags) if not fresh or flag[:fresh].mean() <= 2 * MOST_BROKEN]
    every = np.column_stack([flags[i] for i in kept]) if kept else np.zeros((len(judge), 0), bool)
    return Rules(tuple(rules[i] for i in kept), every[fresh:], every[:fresh])


def _orders(values: npt.NDArray[np.float64]) -> list[Relation]:
    """Which columns of ``values`` lie below which others in nearly all rows that have both."""
    width = min(values.shape[1], MOST_COMPARED)
    found = []
    for a in range(width):
        for b in range(width):
            both = np.isfinite(values[:, a]) & np.isfinite(values[:, b])
            order = Relation("order", (a, b), 0.0)
            if a != b and both.any() and order.broken(values)[both].mean() <= MOST_CROSSED:
                found.append(order)
    return found
