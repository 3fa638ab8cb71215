"""The types of everything a validation answers. Data only: the lowest layer after errors, standard library only.

Every class is a frozen dataclass of plain values, so that it pickles, compares and turns into JSON as it stands.
A figure that could not be had is ``None`` beside a reason, or a ``NotApplicable`` or ``Failed`` in its place; it is
never a default, and NaN and infinities never appear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

RiskLevel = Literal["low", "medium", "high"]
Decision = Literal["approved", "fix_first", "rejected", "inconclusive"]
CollapseType = Literal["distribution", "correlation", "rare_pattern", "temporal", "semantic", "integrity"]
Arm = Literal["synthetic", "reference"]
Tier = Literal["light", "medium", "heavy"]
Kind = Literal["integer", "number", "category", "boolean", "datetime", "text", "key"]
Issue = Literal[
    "duplicates",
    "copied",
    "shuffled",
    "mode",
    "tailcut",
    "noise",
    "drift",
    "nulls",
    "label_flip",
    "rule_break",
    "shift",
]
#: What a figure stands for: itself, or the end of a range that reaches upwards or downwards from it.
Bound = Literal["exact", "at_least", "fewer_than"]
Json = str | int | float | bool | None

DIMENSIONS = (
    "distribution_fidelity",
    "correlation_preservation",
    "diversity_retention",
    "rare_pattern_handling",
    "temporal_stability",
    "semantic_coherence",
    "scale_robustness",
    "statistical_integrity",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided interval; ``level`` is the coverage it claims."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """The question makes no sense for this input, and why."""

    reason: str
    status: Literal["not_applicable"] = "not_applicable"
    score: None = None
    interval: None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The part broke; a required part that failed makes the verdict inconclusive."""

    error: str
    status: Literal["failed"] = "failed"
    score: None = None
    interval: None = None


# --- dimensions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One statistic behind a score.

    Attributes
    ----------
    value : the statistic between synthetic and reference, in ``unit``; higher is worse.
    null_median, null_q95 : the same statistic between disjoint real halves of matched size; None where the null is
        a closed form or does not exist (then ``meaning`` says so).
    wreck : the same on the standard wreck (columns shuffled independently, or the dimension's own bottom).
    score : this component alone on the 0-100 scale (100 = like real), or None where it only informs.
    """

    name: str
    value: float
    unit: str
    meaning: str
    null_median: float | None = None
    null_q95: float | None = None
    wreck: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Columns that carry a loss. ``share`` is their part of the dimension's excess, in [0, 1]."""

    columns: tuple[str, ...]
    share: float
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A dimension that was measured. ``score`` is 0-100, higher is better; a fresh real sample scores about 100.

    ``resolved`` is False where the interval is wider than +-10: the score is then shown, not trusted.
    """

    score: float
    interval: Interval
    resolved: bool
    components: tuple[Component, ...]
    blame: tuple[Blame, ...] = ()
    notes: tuple[str, ...] = ()
    status: Literal["scored"] = "scored"


DimensionResult = Scored | NotApplicable | Failed


# --- profile, diversity, utility --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiFlag:
    """A column that looks personal. ``share`` of its non-null sampled values match; ``evidence`` never quotes one."""

    type: str
    share: float
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column over the full table. Numbers in the column's own units; datetimes as seconds since 1970 UTC.

    ``dtype`` is the polars type as which the column was read: one that holds the values of all tables judged together.
    ``distinct_error`` is the relative standard error of ``distinct`` (0 = exact); ``quantiles`` maps probability
    (as text, "0.5") to value with rank error ``quantile_error``; ``top`` holds heavy hitters as (value, rows). Where
    ``pii`` is not empty no value is shown: moments, extremes, quantiles and ``top`` are then empty (of text, whose
    figures are lengths, ``top`` alone).
    """

    name: str
    kind: Kind
    dtype: str
    rows: int
    nulls: int
    distinct: int
    distinct_error: float
    mean: float | None = None
    std: float | None = None
    minimum: Json = None
    maximum: Json = None
    quantiles: dict[str, float] = field(default_factory=dict)
    quantile_error: float = 0.0
    top: tuple[tuple[Json, int], ...] = ()
    pii: tuple[PiiFlag, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Rows of a table that could not be read, and were left out because that was asked for.

    ``first_row`` counts from 0, ``rows`` is how many there are; both are None of a file that could not even be opened,
    and whose rows are not counted.
    """

    file: str
    first_row: int | None
    rows: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """One table after one pass. ``duplicate_share`` = 1 - distinct rows / rows, with its standard error.

    ``rows`` are those that were read; ``unread`` says which were not. ``quality_score`` is 0-100, higher is better,
    with the parts that made it in ``quality_parts``.
    """

    name: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    duplicate_share: float
    duplicate_error: float
    quality_score: float
    quality_parts: dict[str, float]
    fingerprint: str
    bytes: int | None = None
    notes: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiversityMeasure:
    """One measure of variety. ``ratio`` = synthetic / reference; 1 is as varied as real, below 1 is less."""

    synthetic: float
    reference: float | None
    ratio: float | None
    interval: Interval | None
    unit: str
    meaning: str
    strata: tuple[tuple[str, float], ...] = ()


#: spread, uniqueness, balance, completeness, entropy, effective_number, spectral, gradient
DiversityReport = dict[str, DiversityMeasure | NotApplicable | Failed]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnUtility:
    """How well forests trained on the synthetic table predict one column of real rows from the others.

    Losses are per real row: the squared error of a number's rank among the reference's values (ranks in [0, 1]), or the
    Brier score of labels (in [0, 2]).
    ``learnable`` = 1 - real_loss / constant_loss is what real rows teach, in (0, 1]. ``apparent`` =
    (synthetic_loss - real_loss) / (constant_loss - real_loss); ``hidden`` >= 0 is what knowing the judging rows by
    heart took off it; ``loss`` = apparent + hidden, 0 as good as real rows, 1 as bad as a constant, capped at 1.5.
    """

    column: str
    metric: Literal["brier", "squared_error"]
    constant_loss: float
    real_loss: float
    synthetic_loss: float
    learnable: float
    apparent: float
    hidden: float
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """Train on synthetic, test on real: what forests lose when synthetic rows stand in for as many real ones.

    ``loss`` is the mean of the columns' losses, each weighted by the root of what real rows take off its error beyond
    8 % (a column below counts nothing): 0 as good as real rows, 1 as bad as knowing only the mean or the label shares.
    ``hidden`` is the part of it that shows only after rows known by heart are discounted. ``rows`` were trained on in
    each arm, ``judges`` judged; beside these, the share ``copied`` of the rows that could have judged stands in the
    synthetic table word for word and was not asked.
    """

    loss: float
    interval: Interval
    hidden: float
    columns: tuple[ColumnUtility, ...]
    judged_on: Literal["reference", "holdout"]
    rows: int
    judges: int
    copied: float
    notes: tuple[str, ...] = ()


# --- cascade ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass over the training rows. Losses in bits per row."""

    epoch: int
    train_bits: float
    stop_bits: float
    gradient_norm: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun:
    """One trained model of the cascade.

    ``loss_bits`` is the cross-entropy on real test rows in bits per row (``loss_error`` its standard error);
    ``own_bits`` the same on held-out rows of the arm it was trained on. ``effective_rank`` of its last hidden layer is
    in [1, width]; None where that layer is the same for every row.
    """

    arm: Arm
    tier: Tier
    size_index: int
    rows: int
    width: int
    depth: int
    parameters: int
    loss_bits: float
    loss_error: float
    own_bits: float
    epochs: tuple[Epoch, ...]
    gradient_noise_scale: float | None
    effective_rank: float | None
    converged: bool
    seconds: float
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLaw:
    """``L(N, D) = E + A / N^a + B / D^b`` in bits per row; ``error`` is the residual standard error of the fit."""

    floor: float
    model_coefficient: float
    model_exponent: float
    data_coefficient: float
    data_exponent: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The scaling law of both arms, or why there is none. ``backtest_error`` is the relative error of predicting the
    largest size from the smaller ones."""

    form: str
    synthetic: ArmLaw | None
    reference: ArmLaw | None
    backtest_error: float | None
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePrediction:
    """What training at ``rows`` rows would give. Beyond 100 times the largest run only the floor and the direction
    are stated (``basis`` = "floor"); ``basis`` = "refused" carries the reason in ``note``."""

    rows: int
    basis: Literal["extrapolated", "floor", "refused"]
    loss_bits: float | None
    loss_interval: Interval | None
    rho: float | None
    rho_interval: Interval | None
    direction: Literal["closing", "level", "widening"] | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopDrift:
    """Refitting a light model on its own output: loss on real rows by generation, bits per row, both arms.

    ``slope`` is synthetic minus real control, bits per row and generation.
    """

    synthetic_bits: tuple[float, ...]
    reference_bits: tuple[float, ...]
    slope: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeResult:
    """The 18 models on the synthetic table, the 18 on the reference, and what follows from them.

    ``rho`` = (L_S->real - L_R->real) / (L_indep - L_R->real) at the largest common size: 0 as good as real, 1 as bad
    as shuffled columns. ``n_eff`` is the number of real rows whose model is as good as the one trained on all of S;
    ``n_eff_bound`` says where it is only a bound ("at_least" as many as all real rows there are, "fewer_than" the
    smallest model was given), and ``n_eff_note`` why, or what else to know of it.
    """

    models: tuple[ModelRun, ...]
    reference_models: tuple[ModelRun, ...]
    independent_bits: float
    law: Law
    rho: float
    rho_interval: Interval
    n_eff: float
    n_eff_interval: Interval
    n_eff_bound: Bound
    n_eff_note: str
    predictions: tuple[ScalePrediction, ...]
    loop: LoopDrift | None
    train_rows: int
    notes: tuple[str, ...] = ()


# --- verdict, regions, recommendations --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One of the three outcomes (floor, rare_loss, loop). ``value`` in ``unit``; higher is worse.

    ``probability`` in [0, 1] is the chance of what ``probability_of`` says, and that says so where the chance is not
    calibrated. It is None where there is no chance to state, and ``probability_of`` then says why. Its interval is None
    where nothing beyond the figure's own error is known of it.
    """

    value: float
    interval: Interval
    unit: str
    meaning: str
    probability: float | None = None
    probability_interval: Interval | None = None
    probability_of: str = "no chance is stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer. ``risk_score`` 0-100, higher is worse: low < 20 <= medium < 50 <= high.

    Without a reference, or where a required part gave no answer, the score is a lower bound (``risk_bound`` is then
    "at_least"): what was not seen can only add to it. Its interval then ends at 100, and ``risk_level`` is None where
    the score alone would be low. ``collapse_type`` is None at low risk, and where no dimension shows why the risk is
    not low. ``expected_loss`` is the utility loss to expect on real rows that nobody was shown (0 as good as real rows,
    1 as bad as a constant); None where no forest could be judged on real rows. ``collapse_probability`` and its
    interval are None without a reference: what was lost leaves no trace in the table itself.
    """

    risk_score: float
    risk_interval: Interval
    risk_level: RiskLevel | None
    decision: Decision
    reasons: tuple[str, ...]
    collapse_type: CollapseType | None
    collapse_probability: float | None
    probability_interval: Interval | None
    probability_note: str
    outcomes: dict[str, Outcome | NotApplicable | Failed]
    open_questions: tuple[str, ...]
    risk_bound: Literal["exact", "at_least"] = "exact"
    expected_loss: float | None = None
    expected_loss_interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Rows ``[row_range[0], row_range[1])`` of the synthetic table, counted from 0, that differ from the rest.

    ``impact`` in [0, 1] is the share of the region's rows that the excess amounts to; ``boundary_error`` is the
    resolution of the row range, in rows.
    """

    row_range: tuple[int, int]
    columns: tuple[str, ...]
    issue: Issue
    impact: float
    detail: str
    boundary_error: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureMatch:
    """A known collapse that this one resembles.

    Attributes
    ----------
    name : the nearest known case, for people; ``family`` is the kind of collapse, under which cases are sorted.
    similarity : in [0, 1]; 1 for the same figures, 0.6 as far apart as the same kind of collapse usually is at most
        between two tables (19 of 20 known cases have one of their own kind on another table within that).
    outcome : what became of the ``cases`` nearest cases of the family, in words.
    harm, harm_range : middle, least and greatest share of what real rows teach that models trained on those lost, as
        measured: 0 none, 1 all, below 0 by chance, beyond 1 where models were worse than ones that know nothing.
    """

    name: str
    family: str
    similarity: float
    description: str
    outcome: str
    cases: int
    harm: float
    harm_range: tuple[float, float]
