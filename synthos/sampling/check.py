"""The stratified sample against the full table: does what the dimensions judge look like what it stands for?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthos.sampling.evidence import ArmData
from synthos.tables.schema import MODELLED_KINDS

#: How often at most a sound sample is flagged in any of its columns.
FALSE_ALARM = 1e-3


def expected_distance(shares: npt.NDArray[np.float64], rows: int, total: int) -> float:
    """Mean total variation distance of a simple sample of ``rows`` of ``total`` from the table it is drawn from.

    ``E[TV] = sum(sqrt(p (1 - p) (1/n - 1/N) / (2 pi)))``, the mean of a folded normal for each code, with the
    correction for sampling without replacement.
    """
    remaining = max(1 / rows - 1 / total, 0.0)
    return float(np.sqrt(shares * (1 - shares) * remaining / (2 * np.pi)).sum())


def check_sample(arm: ArmData) -> tuple[str, ...]:
    """One sentence for each column whose codes in the sample do not follow the full table's; empty where all do.

    The bound is the expected distance plus ``sqrt(ln(columns / FALSE_ALARM) / (2 n))``: one row moves the distance by
    at most 1/n, so by McDiarmid's inequality a sound sample passes it in fewer than ``FALSE_ALARM`` of all tables.
    The stratified sample is spread more evenly than a simple one, so the bound holds for it the more.
    """
    if not len(arm.rows):
        return ("the sample holds no row",)
    names = [column.name for column in arm.profile.columns if column.kind in MODELLED_KINDS]
    offsets = arm.scan.blocks.offsets
    slack = 0.0 if arm.is_whole else float(np.sqrt(np.log(max(len(names), 1) / FALSE_ALARM) / (2 * len(arm.rows))))
    notes = []
    for position, name in enumerate(names):
        full = arm.scan.histogram[offsets[position] : offsets[position + 1]] / arm.total_rows
        sampled = np.bincount(arm.codes[:, position], minlength=len(full)) / len(arm.rows)
        distance = 0.5 * float(np.abs(sampled - full).sum())
        bound = expected_distance(full, len(arm.rows), arm.total_rows) + slack
        if distance > bound + 1e-12:
            notes.append(
                f"The sample of '{arm.profile.name}' does not follow the full table in column '{name}': "
                f"total variation distance {distance:.4f}, at most {bound:.4f} expected."
            )
    return tuple(notes)
