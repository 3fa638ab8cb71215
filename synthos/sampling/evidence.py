"""What the dimensions, the cascade and the localisation judge: samples, codes and full-table scans of each arm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from synthos.profiling.scan import Scan
from synthos.results import CascadeResult, TableProfile
from synthos.tables.codec import Codec, Codes
from synthos.tables.schema import Schema


@dataclass(frozen=True, slots=True)
class ArmData:
    """One table as the statistics see it.

    Attributes
    ----------
    frame : the sampled rows in table order, columns in schema order, null for missing; the whole table where small.
    codes : ``codec.encode(frame)``, shape (n, modelled columns).
    rows : position of each sampled row in the full table, counted from 0, ascending, shape (n,).
    scan : the mergeable state of the full table, finished.
    """

    frame: pl.DataFrame
    codes: Codes
    rows: npt.NDArray[np.int64]
    scan: Scan
    profile: TableProfile

    @property
    def total_rows(self) -> int:
        """Rows of the full table that were read."""
        return self.profile.rows

    @property
    def extent(self) -> int:
        """Rows of the full table with those that could not be read: the end of its last row."""
        return self.profile.rows + sum(item.rows or 0 for item in self.profile.unread)

    @property
    def is_whole(self) -> bool:
        """True where the sample is the whole table."""
        return len(self.rows) == self.profile.rows


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a dimension may look at. ``seed`` comes from the fingerprints, never from a clock."""

    schema: Schema
    codec: Codec
    synthetic: ArmData
    reference: ArmData | None
    holdout: ArmData | None
    seed: int
    cascade: CascadeResult | None = None

    def with_cascade(self, cascade: CascadeResult) -> Evidence:
        """The same evidence for the dimensions that read the cascade."""
        return replace(self, cascade=cascade)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the modelled columns; column j of every code matrix is ``columns[j]``."""
        return tuple(column.name for column in self.schema.modelled)

    def is_personal(self, name: str) -> bool:
        """Whether any table's column of that name looks personal, so that none of its values may be quoted."""
        arms = (self.synthetic, self.reference, self.holdout)
        return any(c.pii for arm in arms if arm is not None for c in arm.profile.columns if c.name == name)

    def label(self, index: int, code: int) -> str:
        """What a code of modelled column ``index`` stands for, for people; a personal value is not shown."""
        return "a personal value" if self.is_personal(self.columns[index]) else self.codec.label(index, code)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Codes of each modelled column: those of column j are 0 to ``sizes[j] - 1``."""
        return self.codec.sizes
