"""What a validation's options ask about training on more rows: the law of one tier, at that many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from synthos.cascade.predictions import predict_at
from synthos.results import CascadeResult, NotApplicable, Tier
from synthos.sampling.seeds import generator
from synthos.validation import Validation

USUAL_TIER: Tier = "heavy"


def predicted(found: Validation, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The prediction that was asked for, as ``scale_predictions`` has them; None where none was.

    Where the cascade was left out or broke, its ``note`` says why, as it does where the law must not be extrapolated.
    """
    rows = options.get("target_rows")
    if rows is None:
        return None
    tier: Tier = options.get("target_model_size") or USUAL_TIER
    cascade = found.cascade
    if isinstance(cascade, CascadeResult):
        said = asdict(predict_at(cascade, rows, tier, rng=generator(found.seed, "target", tier)))
    else:
        why = cascade.reason if isinstance(cascade, NotApplicable) else cascade.error
        unknown = ("loss_bits", "loss_interval", "rho", "rho_interval", "direction")
        said = {"rows": rows, "basis": "refused", **dict.fromkeys(unknown), "note": why}
    return {"model_size": tier, **said}
