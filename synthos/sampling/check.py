"""The stratified sample against the full table: does what the dimensions judge look like what it stands for?"""

from __future__ import annotations

import numpy as np

from synthos.sampling.evidence import ArmData
from synthos.stats.divergence import expected_total_variation, total_variation
from synthos.tables.schema import MODELLED_KINDS

#: How often at most a sound sample is flagged in any of its columns.
FALSE_ALARM = 1e-3


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
        full = arm.scan.histogram[offsets[position] : offsets[position + 1]]
        sampled = np.bincount(arm.codes[:, position], minlength=len(full))
        distance = float(total_variation(sampled, full))
        bound = float(expected_total_variation(full, 1 / len(arm.rows) - 1 / arm.total_rows)) + slack
        if distance > bound + 1e-12:
            notes.append(
                f"The sample of '{arm.profile.name}' does not follow the full table in column '{name}': "
                f"total variation distance {distance:.4f}, at most {bound:.4f} expected."
            )
    return tuple(notes)
