"""Where models train: a GPU where there is one, else one CPU thread."""

from __future__ import annotations

import torch

from synthos.cascade.tiers import Precision
from synthos.errors import ConfigError


def pick(name: str | None = None) -> torch.device:
    """The device called ``name``; without a name, the first GPU, or the CPU where there is none.

    Raises
    ------
    ConfigError : where a GPU is asked for and PyTorch sees none, or the name means nothing.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r} is unknown", fix="write cpu, cuda or cuda:0") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r} is not supported", fix="write cpu, cuda or cuda:0")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {name!r} was asked for, but PyTorch sees no GPU", fix="write cpu")
    return device


def half(precision: Precision, device: torch.device) -> bool:
    """Whether matrix products run in bfloat16. "auto" says yes on GPUs that have it, no on CPUs."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"


def single_thread() -> None:
    """One thread a process: two models side by side beat one model on two threads, and results repeat exactly."""
    torch.set_num_threads(1)
