"""Which rows every model trains on, stops on and is judged on. Nested training sizes, the same in both arms.

Four leaks are closed here. Both arms stop on real rows, because copies inside a table would otherwise sit in its own
training and stopping rows at once. A distinct real row is never split between training and judging. And where rows
are so varied that equal rows are copies rather than chance, rows of *either* arm that equal a test or stop row are
left out of training, so that a generator that memorised its reference is not paid for it. And a row that is repeated
more often than rows of the reference are counts no more often than those: a copy teaches nothing new, and a training
set of so many rows with copies is judged as what it is, a smaller one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthos.cascade.tiers import MINIMUM_TRAIN_ROWS
from synthos.errors import SchemaError, TooFewRowsError
from synthos.results import Arm
from synthos.sampling.seeds import derive, generator

Codes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
TEST_SHARE, TEST_LIMIT = 0.2, 4000
STOP_SHARE, STOP_LIMIT = 0.1, 1000
#: Fewer than these cannot tell when to stop, or how good a model is.
MINIMUM_JUDGE_ROWS = 16
OWN_SHARE, OWN_LIMIT = 0.1, 2000
#: Above this share of repeated rows, equal rows are chance and not copies, and rows are split one by one.
REPEATS_LIMIT = 0.25
#: More columns than this are thinned evenly: one-hot inputs and outputs grow with their codes.
COLUMN_LIMIT = 128
#: Copies of a row beyond what this share of the reference's rows stay within do not count.
COPIES_QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class CascadeData:
    """The arrays of one cascade. All codes are uint8 of shape (rows, columns); it pickles and stays small.

    Attributes
    ----------
    sizes : codes per column; every code of column j is below ``sizes[j]``.
    synthetic, reference : shuffled training rows of the arms; a model on D rows takes the first D.
    synthetic_counted, reference_counted : which of those rows count; the others are copies beyond what chance gives.
    own : held-out synthetic rows, for ``own_bits`` (a model of the reference arm is judged on ``test`` for that).
    stop, test : real rows that neither arm trains on.
    columns : which of the caller's columns were kept, ascending.
    copy_proof : whether rows equal to a test or stop row were left out of both arms' training rows.
    seed : of the models; it comes from the real rows alone, so that the reference arm can be cached.
    """

    sizes: tuple[int, ...]
    synthetic: Codes
    reference: Codes
    synthetic_counted: Mask
    reference_counted: Mask
    own: Codes
    stop: Codes
    test: Codes
    columns: tuple[int, ...]
    copy_proof: bool
    seed: int

    @property
    def rows(self) -> int:
        """The largest training size that both arms can fill."""
        return min(len(self.synthetic), len(self.reference))

    def train(self, arm: Arm, rows: int) -> Codes:
        """The arm's first ``rows`` rows without those that do not count."""
        if arm == "synthetic":
            return self.synthetic[:rows][self.synthetic_counted[:rows]]
        return self.reference[:rows][self.reference_counted[:rows]]

    def held_out(self, arm: Arm) -> Codes:
        """Rows of the arm itself that none of its models saw, shape (n, columns)."""
        return self.own if arm == "synthetic" else self.test

    def fingerprint(self, arm: Arm, rows: int) -> str:
        """Hex digest of all that a model of ``arm`` on ``rows`` rows sees."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr((self.sizes, self.seed, rows, self.test.shape, self.stop.shape)).encode())
        for part in (self.train(arm, rows), self.held_out(arm), self.stop, self.test):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def make_tasks(
    synthetic_codes: Codes,
    reference_codes: Codes,
    holdout_codes: Codes | None,
    sizes: tuple[int, ...],
    seed: int,
) -> CascadeData:
    """Split the tables' codes for the cascade.

    Parameters
    ----------
    synthetic_codes, reference_codes, holdout_codes : from one ``Codec``, shape (rows, columns). Test rows are the
        holdout's where there is one, else a fifth of the reference.
    sizes : ``codec.sizes``.
    seed : which synthetic rows are used; what concerns real rows is seeded by those rows.

    Raises
    ------
    SchemaError : where there is no column.
    TooFewRowsError : where either arm is left with fewer than 64 training rows, or fewer than 16 real rows are left to
        stop or to judge the models on.
    """
    if not sizes:
        raise SchemaError("no column can be modelled", fix="give a table with columns that are not keys")
    columns = _thin(len(sizes))
    synthetic, reference = synthetic_codes[:, columns], reference_codes[:, columns]
    holdout = None if holdout_codes is None else holdout_codes[:, columns]
    kept = tuple(int(sizes[j]) for j in columns)
    names, known = _row_numbers([synthetic, reference] + ([] if holdout is None else [holdout]))
    s_names, r_names = names[0], names[1]
    copy_proof = _repeats(s_names, r_names, known) <= REPEATS_LIMIT

    real_seed = derive("cascade", _digest(reference), "" if holdout is None else _digest(holdout))
    # Numbered among the real rows alone, so that their split does not depend on the synthetic table.
    groups = np.unique(r_names, return_inverse=True)[1] if copy_proof else np.arange(len(r_names))
    test_at, stop_at, train_at = _split(groups, None if holdout is None else len(holdout), real_seed)
    judges, judge_names = (reference, r_names) if holdout is None else (holdout, names[2])

    s_order = generator(seed, real_seed, "synthetic").permutation(len(synthetic))
    own_rows = min(round(OWN_SHARE * len(s_order)), OWN_LIMIT)
    own_at, s_train_at = s_order[:own_rows], s_order[own_rows:]
    judged = np.zeros(known, np.bool_)
    if copy_proof:
        judged[judge_names[test_at]] = True
        judged[r_names[stop_at]] = True
    s_train_at = _unjudged(s_train_at, judged[s_names], "synthetic")
    train_at = _unjudged(train_at, judged[r_names], "reference")
    _check_judges(stop=len(stop_at), judge=len(test_at))
    allowed = int(np.quantile(np.bincount(r_names)[r_names], COPIES_QUANTILE, method="higher"))
    return CascadeData(
        sizes=kept,
        synthetic=np.ascontiguousarray(synthetic[s_train_at]),
        reference=np.ascontiguousarray(reference[train_at]),
        synthetic_counted=_occurrence(s_names[s_train_at]) < allowed,
        reference_counted=_occurrence(r_names[train_at]) < allowed,
        own=np.ascontiguousarray(synthetic[own_at]),
        stop=np.ascontiguousarray(reference[stop_at]),
        test=np.ascontiguousarray(judges[test_at]),
        columns=tuple(int(j) for j in columns),
        copy_proof=bool(copy_proof),
        seed=real_seed,
    )


def _split(groups: Rows, holdout_rows: int | None, seed: int) -> tuple[Rows, Rows, Rows]:
    """Positions of test, stop and training rows. Test rows are the holdout's where there is one; groups stay whole."""
    order = _grouped_order(groups, generator(seed, "split"))
    stop_rows = min(round(STOP_SHARE * len(order)), STOP_LIMIT)
    if holdout_rows is None:
        test_rows = min(round(TEST_SHARE * len(order)), TEST_LIMIT)
        cuts = _cuts(groups[order], (test_rows, test_rows + stop_rows))
        test_at = order[: cuts[0]]
    else:
        cuts = (0, _cuts(groups[order], (stop_rows,))[0])
        test_at = generator(seed, "test").permutation(holdout_rows)[:TEST_LIMIT]
    stop_at, train_at = order[cuts[0] : cuts[1]], order[cuts[1] :]
    # Groups lie side by side in ``order``; nested subsets need them mixed again.
    return test_at, stop_at, train_at[generator(seed, "train").permutation(len(train_at))]


def _unjudged(train_at: Rows, judged: Mask, arm: Arm) -> Rows:
    """Training rows without those that equal a row that judges.

    Raises
    ------
    TooFewRowsError : too few are left; it says whether there were too few, or too many copies among them.
    """
    left = train_at[~judged[train_at]]
    if len(left) >= MINIMUM_TRAIN_ROWS:
        return left
    what, fix = f"only {len(left):,} rows are left to train on", "give at least 500 distinct rows"
    if len(train_at) >= MINIMUM_TRAIN_ROWS:
        what += f", as {len(train_at) - len(left):,} others are copies of the real rows that judge the models"
        # Real rows that judge are set apart from the reference's own, so that only a holdout can repeat those.
        repeated = {
            "synthetic": "a table that does not repeat real rows",
            "reference": "a holdout that is no part of it",
        }
        fix = f"give {repeated[arm]}"
    raise TooFewRowsError(what, where=f"{arm} table", fix=fix)


def _check_judges(**judges: int) -> None:
    """Raises TooFewRowsError where too few real rows are left for a use, named by the argument."""
    for use, rows in judges.items():
        if rows < MINIMUM_JUDGE_ROWS:
            # Copies stay on one side of every split, so that one row repeated often can fill a side alone.
            raise TooFewRowsError(
                f"only {rows} real rows are left to {use} the models on",
                where="reference table",
                fix="give at least 500 distinct rows",
            )


def independent_bits(data: CascadeData) -> npt.NDArray[np.float64]:
    """Bits of every test row under independent columns with the reference's smoothed marginals, shape (test rows,).

    The zero of what can be learned: a model of the columns' joint distribution must stay below its mean.
    """
    train = data.train("reference", data.rows)
    bits = np.zeros(len(data.test))
    for j, size in enumerate(data.sizes):
        counts = np.bincount(train[:, j], minlength=size) + 0.5
        bits -= np.log2(counts / counts.sum())[data.test[:, j]]
    return bits


def _thin(columns: int) -> npt.NDArray[np.int64]:
    if columns <= COLUMN_LIMIT:
        return np.arange(columns)
    return np.linspace(0, columns - 1, COLUMN_LIMIT).round().astype(np.int64)


def _digest(codes: Codes) -> str:
    content = np.ascontiguousarray(codes)
    return hashlib.blake2b(repr(content.shape).encode() + content.tobytes(), digest_size=16).hexdigest()


def _row_numbers(tables: list[Codes]) -> tuple[list[npt.NDArray[np.int64]], int]:
    """Number equal rows alike over all tables; also how many distinct rows there are."""
    stacked = np.ascontiguousarray(np.vstack(tables))
    keys = stacked.view(np.dtype((np.void, stacked.shape[1]))).ravel()
    distinct, numbers = np.unique(keys, return_inverse=True)
    edges = np.cumsum([len(table) for table in tables])[:-1]
    return np.split(numbers.astype(np.int64), edges), len(distinct)


def _repeats(s_names: npt.NDArray[np.int64], r_names: npt.NDArray[np.int64], known: int) -> float:
    """Share of reference rows that repeat by chance, estimated as the smaller of two shares.

    Copies within the reference raise the first share but not the second; a synthetic table copied from the reference
    raises the second but not the first. Chance raises both.
    """
    in_reference = np.bincount(r_names, minlength=known)
    in_synthetic = np.bincount(s_names, minlength=known)
    within = float(np.mean(in_reference[r_names] > 1))
    across = float(np.mean(in_synthetic[r_names] > 0))
    return min(within, across)


def _occurrence(names: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many equal rows stand before each row, shape (n,)."""
    order = np.argsort(names, kind="stable")
    ordered = names[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    lengths = np.diff(np.append(starts, len(names)))
    before = np.empty(len(names), np.int64)
    before[order] = np.arange(len(names)) - np.repeat(starts, lengths)
    return before


def _grouped_order(groups: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Row positions with groups in random order and the members of each group side by side."""
    rank = rng.permutation(int(groups.max()) + 1)[groups]
    return np.argsort(rank, kind="stable")


def _cuts(ordered_groups: npt.NDArray[np.int64], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """``wanted`` positions moved up to the next border between groups."""
    borders = np.append(np.flatnonzero(np.diff(ordered_groups)) + 1, len(ordered_groups))
    at = np.minimum(np.searchsorted(borders, np.array(wanted)), len(borders) - 1)
    return tuple(int(border) for border in borders[at])
