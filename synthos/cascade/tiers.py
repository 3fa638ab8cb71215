"""Which models are trained: three tiers of model size crossed with six sizes of training data, from one dial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from synthos.errors import ConfigError, InternalError
from synthos.results import Arm, Tier

Precision = Literal["auto", "float32", "bfloat16"]
TIERS: tuple[Tier, ...] = ("light", "medium", "heavy")
#: Share of one GPU that a model of each tier takes, where there are GPUs.
GPU_SHARE: dict[Tier, float] = {"light": 0.25, "medium": 0.5, "heavy": 1.0}
SIZES = 6
DECADES = 1.5
#: Fewer training rows than this cannot give six distinct sizes that mean anything.
MINIMUM_TRAIN_ROWS = 64
#: Rows of every generation of the loop; the drift per generation is the larger the fewer they are.
LOOP_ROWS = 4000

_MULTIPLE: dict[Tier, float] = {"light": 1.0, "medium": 2.0, "heavy": 10 / 3}
_DEPTH: dict[Tier, int] = {"light": 1, "medium": 2, "heavy": 3}
_DROPOUT: dict[Tier, float] = {"light": 0.0, "medium": 0.2, "heavy": 0.3}
_BASE_WIDTH = 96
_BASE_RATE = 1e-2


def _default_fractions() -> tuple[float, ...]:
    return tuple(round(10 ** (-DECADES * (1 - i / (SIZES - 1))), 4) for i in range(SIZES))


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeConfig:
    """What a user may turn.

    Attributes
    ----------
    scale : the one dial, > 0. Widths grow with it, depth by one per doubling, the learning rate falls as 1/sqrt(width),
        epochs grow as its square root. 1 fits two CPU cores.
    fractions : six training sizes as ascending shares of the largest common one; the last is 1, the first <= 10^-1.5.
    floor : share of a uniform distribution mixed into every conditional when a model is judged, in (0, 0.5).
    precision : "auto" is bfloat16 on GPUs that have it and float32 elsewhere.
    loop_generations : generations of a light model refitted on its own output; 0 leaves the loop out.

    Raises
    ------
    ConfigError : where a value is out of its range.
    """

    scale: float = 1.0
    fractions: tuple[float, ...] = _default_fractions()
    floor: float = 0.02
    precision: Precision = "auto"
    loop_generations: int = 3

    def __post_init__(self) -> None:
        if not 0.1 <= self.scale <= 64:
            raise ConfigError(f"scale is {self.scale}", where="cascade configuration", fix="choose one from 0.1 to 64")
        ascending = all(a < b for a, b in zip(self.fractions, self.fractions[1:], strict=False))
        if len(self.fractions) != SIZES or not ascending or self.fractions[0] <= 0 or self.fractions[-1] != 1.0:
            raise ConfigError(
                "fractions are not six ascending shares that end in 1",
                where="cascade configuration",
                fix="give six numbers in (0, 1], the last of them 1.0",
            )
        if self.fractions[0] > 10**-DECADES * 1.001:
            raise ConfigError(
                "fractions span less than one and a half decades",
                where="cascade configuration",
                fix="make the first at most 0.0316",
            )
        if not 0 < self.floor < 0.5:
            raise ConfigError(f"floor is {self.floor}", where="cascade configuration", fix="choose one in (0, 0.5)")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ConfigError(
                f"precision is {self.precision!r}",
                where="cascade configuration",
                fix="write auto, float32 or bfloat16",
            )
        if not 0 <= self.loop_generations <= 10:
            raise ConfigError(
                f"loop_generations is {self.loop_generations}",
                where="cascade configuration",
                fix="choose one from 0 to 10",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model to train: everything that decides its result beside the data. Hashable, picklable.

    Attributes
    ----------
    rows : training rows, the first so many of the arm's shuffled rows.
    width, depth : hidden units per layer, hidden layers.
    learning_rate, batch, epochs, patience : of AdamW with linear decay to zero; training ends early after ``patience``
        epochs without a better loss on the stop rows.
    dropout : share of last-layer hidden units dropped while training.
    floor, precision : as in ``CascadeConfig``.
    """

    arm: Arm
    tier: Tier
    size_index: int
    rows: int
    width: int
    depth: int
    learning_rate: float
    batch: int
    epochs: int
    patience: int
    dropout: float
    floor: float
    precision: Precision

    @property
    def name(self) -> str:
        """Short name within the arm, such as ``light-3`` (sizes counted from 1)."""
        return f"{self.tier}-{self.size_index + 1}"

    @property
    def cost(self) -> float:
        """Relative training time, for packing: steps times (fixed overhead + arithmetic), in units of 10^6.

        The arithmetic assumes some 250 codes, a typical table; only ratios between models matter.
        """
        steps = self.epochs * math.ceil(self.rows / self.batch)
        parameters = 2 * 250 * self.width + (self.depth - 1) * self.width**2 + 250**2
        # 2e7: what a step costs whatever its size (optimiser, masks, the evaluation of the stop rows), measured on CPU.
        return steps * (2e7 * self.depth + 3.0 * self.batch * parameters) / 1e6


def load_config(path: str | Path | None) -> CascadeConfig:
    """The configuration in a YAML file; the defaults where ``path`` is None.

    Raises
    ------
    ConfigError : file missing or not YAML, unknown key, value of the wrong type or out of range.
    """
    if path is None:
        return CascadeConfig()
    # Imported here because training must run on a machine that has nothing but numpy and torch.
    import yaml

    where = str(path)
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read ({error})", where=where, fix="give a readable YAML file") from error
    except yaml.YAMLError as error:
        raise ConfigError("is not valid YAML", where=where, fix="compare it with configs/tiers.yaml") from error
    if content is None:
        return CascadeConfig()
    if not isinstance(content, dict):
        raise ConfigError("holds no mapping of keys", where=where, fix="compare it with configs/tiers.yaml")
    known = [field.name for field in fields(CascadeConfig)]
    unknown = sorted(str(key) for key in content if key not in known)
    if unknown:
        raise ConfigError(f"unknown key {unknown[0]!r}", where=where, fix=f"use only {', '.join(known)}")
    values: dict[str, Any] = {key: _typed(key, value, where) for key, value in content.items()}
    return CascadeConfig(**values)


def _typed(key: str, value: object, where: str) -> object:
    """``value`` as the type that ``CascadeConfig`` declares for ``key``; booleans are no numbers."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key in ("scale", "floor") and number:
        return float(value)  # type: ignore[arg-type]
    if key == "precision" and isinstance(value, str):
        return value
    if key == "loop_generations" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if (
        key == "fractions"
        and isinstance(value, list)
        and all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    ):
        return tuple(float(item) for item in value)
    raise ConfigError(f"{key} has the wrong type", where=where, fix="compare it with configs/tiers.yaml")


def training_sizes(config: CascadeConfig, rows: int) -> tuple[int, ...]:
    """Six distinct ascending training sizes, the last of them ``rows``.

    Raises
    ------
    InternalError : where ``rows`` is below ``MINIMUM_TRAIN_ROWS``; callers check that first.
    """
    if rows < MINIMUM_TRAIN_ROWS:
        raise InternalError(f"{rows} training rows are too few for a cascade ({MINIMUM_TRAIN_ROWS} needed)")
    sizes: list[int] = []
    for fraction in config.fractions:
        sizes.append(max(round(fraction * rows), 2 if not sizes else sizes[-1] + 1))
    return tuple(sizes)


def plan(config: CascadeConfig, rows: int, arm: Arm) -> tuple[ModelSpec, ...]:
    """The 18 models of one arm, tier by tier and size by size; ``rows`` is the largest common training size."""
    return tuple(
        derive(config, arm, tier, index, size)
        for tier in TIERS
        for index, size in enumerate(training_sizes(config, rows))
    )


def derive(config: CascadeConfig, arm: Arm, tier: Tier, size_index: int, rows: int) -> ModelSpec:
    """All hyperparameters of one model from the dial, its tier and its rows; the arm changes none of them."""
    width = max(16, 8 * round(_BASE_WIDTH * _MULTIPLE[tier] * config.scale / 8))
    depth = _DEPTH[tier] + max(0, round(math.log2(config.scale)))
    largest = 256 if config.scale <= 2 else 1024
    batch = min(max(16, 2 ** round(math.log2(max(rows, 30) / 30))), largest)
    epochs = max(4, round(9 * math.sqrt(config.scale)))
    return ModelSpec(
        arm=arm,
        tier=tier,
        size_index=size_index,
        rows=rows,
        width=width,
        depth=depth,
        learning_rate=_BASE_RATE * math.sqrt(_BASE_WIDTH / width),
        batch=batch,
        epochs=epochs,
        patience=4,
        dropout=_DROPOUT[tier],
        floor=config.floor,
        precision=config.precision,
    )


def loop_spec(config: CascadeConfig, rows: int, arm: Arm) -> ModelSpec:
    """The light model of the loop; ``rows`` is the largest common training size."""
    return replace(derive(config, arm, "light", SIZES - 1, min(rows, LOOP_ROWS)), patience=3)


def pack(specs: Sequence[ModelSpec], workers: int) -> tuple[tuple[ModelSpec, ...], ...]:
    """Spread models over workers by longest processing time first (Graham 1969: at most 4/3 of the best makespan).

    Returns ``workers`` tuples, each with its dearest model first; a tuple is empty where models are fewer.
    """
    if workers < 1:
        raise InternalError(f"cannot pack models on {workers} workers")
    loads = [0.0] * workers
    bins: list[list[ModelSpec]] = [[] for _ in range(workers)]
    for spec in sorted(specs, key=lambda item: (-item.cost, item.arm, item.name)):
        lightest = loads.index(min(loads))
        loads[lightest] += spec.cost
        bins[lightest].append(spec)
    return tuple(tuple(items) for items in bins)
