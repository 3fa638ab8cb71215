"""A validation's JSON document (``synthos/validation.schema.json``) in the terms of the HTTP contract.

Pure: dictionaries in, dictionaries out. What the document does not know is null, never a number in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]
#: A dimension below this score counts as affected.
SOUND = 90.0
#: Sizes for which the contract asks what a model of that many rows would be worth.
SIZES = ("1000000", "10000000", "100000000", "1000000000")


def results_of(document: Document) -> Document:
    """The figures that ``GET /validations/{id}`` shows."""
    return {
        "risk_score": document["risk_score"],
        "risk_bound": document["risk_bound"],
        "risk_level": document["risk_level"],
        "interval": document["risk_interval"],
        "collapse_probability": document["collapse_probability"],
        "collapse_probability_interval": document["collapse_probability_interval"],
        "collapse_probability_note": document["collapse_probability_note"],
        "expected_loss": document["expected_loss"],
        "rho": document["rho"],
        "n_eff": document["n_eff"],
        "n_eff_bound": document["n_eff_bound"],
        "dimensions": {name: _dimension(answer) for name, answer in document["dimensions"].items()},
        "diversity": document["diversity"],
        "scale_predictions": {size: document["scale_predictions"].get(size) for size in SIZES},
        "decision": document["decision"],
        "reasons": document["reasons"],
        "open_questions": document["open_questions"],
        "memorisation": document["memorisation"],
        "warranty_eligible": document["decision"] == "approved" and document["risk_bound"] == "exact",
        "fingerprint": document["fingerprint"],
        "seed": document["seed"],
        "versions": document["versions"],
    }


def collapse_of(document: Document) -> Document:
    """What ``/collapse-details`` shows. ``severity`` is the risk's level, null where that is not known."""
    affected = [
        {"dimension": name, "score": answer["score"]}
        for name, answer in document["dimensions"].items()
        if answer.get("score") is not None and answer["score"] < SOUND
    ]
    return {
        "collapse_detected": document["decision"] in ("rejected", "fix_first"),
        "collapse_type": document["collapse_type"],
        "severity": document["risk_level"],
        "affected_dimensions": sorted(affected, key=lambda item: item["score"]),
        "problematic_regions": [_region(number, found) for number, found in enumerate(document["regions"], start=1)],
        "root_causes": document["reasons"],
        "signatures": document["signatures"],
    }


def recommendations_of(document: Document) -> Document:
    """What ``/recommendations`` shows, best first. An improvement that was not measured is null, with why."""
    risk = document["risk_score"]
    items = [_recommendation(item, risk) for item in document["recommendations"]]
    return {
        "recommendations": items,
        "combined_impact": _combined(risk, document["recommendations"]),
        "tried": document["tried"],
    }


def cascade_of(document: Document) -> Document:
    """What ``/cascade`` shows: the 18 models on the synthetic rows, and the law fitted to them."""
    cascade = document["cascade"]
    return {
        "status": cascade["status"],
        "reason": cascade["reason"],
        "models": [_model(model) for model in cascade["models"]],
        "reference_models": [_model(model) for model in cascade["reference_models"]],
        "law": cascade["law"],
        "rho": document["rho"],
        "rho_interval": cascade["rho_interval"],
        "n_eff": document["n_eff"],
        "n_eff_interval": cascade["n_eff_interval"],
        "independent_bits": cascade["independent_bits"],
        "train_rows": cascade["train_rows"],
        "loop": cascade["loop"],
        "notes": cascade["notes"],
    }


def diversity_score(document: Document) -> float | None:
    """The score of the dimension diversity retention, 0 to 100; None where it has none."""
    score: float | None = document["dimensions"]["diversity_retention"].get("score")
    return score


def _dimension(answer: Document) -> Document:
    """One of the eight: a score with its interval, or why there is none."""
    return {
        "score": answer.get("score"),
        "interval": answer.get("interval"),
        "reason": answer.get("reason") or answer.get("error"),
    }


def _region(number: int, region: Document) -> Document:
    return {
        "region_id": f"region-{number}",
        "row_range": region["row_range"],
        "issue": region["issue"],
        "impact_score": region["impact"],
        "affected_columns": region["columns"],
        "detail": region["detail"],
        "boundary_error": region["boundary_error"],
    }


def _recommendation(item: Document, risk: float) -> Document:
    return {
        "recommendation_id": item["id"],
        "kind": item["kind"],
        "title": item["title"],
        "reason": item["reason"],
        "columns": item["columns"],
        "impact": _impact(risk, item["expected_gain"]) | {"note": item["gain_note"]},
        "implementation": {
            "method": item["kind"],
            "affected_rows": item["affected_rows"],
            "parameters": item["parameters"],
            "snippet": item["snippet"],
        },
    }


def _impact(risk: float, gain: float | None) -> Document:
    return {
        "current_risk_score": risk,
        "expected_risk_score": None if gain is None else max(0.0, risk - gain),
        "improvement": gain,
    }


def _combined(risk: float, items: Sequence[Document]) -> Document:
    """The fixes that were measured one on top of the other, whose gains add up; where none were, the best alone."""
    chains = [{item["id"], *(item["prediction"] or {}).get("beside", ())} for item in items]
    together = max(chains, key=len, default=set())
    gains = [item["expected_gain"] for item in items if item["id"] in together and item["expected_gain"] is not None]
    return _impact(risk, min(sum(gains), risk) if gains else None)


def _model(model: Document) -> Document:
    """One model; the loss curve is that of its stop rows, epoch by epoch."""
    return {
        "tier": model["tier"],
        "size": model["size_index"] + 1,
        "rows": model["rows"],
        "parameters": model["parameters"],
        "width": model["width"],
        "depth": model["depth"],
        "loss_bits": model["loss_bits"],
        "loss_error": model["loss_error"],
        "loss_curve": [
            {"epoch": epoch["epoch"], "train_bits": epoch["train_bits"], "stop_bits": epoch["stop_bits"]}
            for epoch in model["epochs"]
        ],
        "gradient": {
            "noise_scale": model["gradient_noise_scale"],
            "norms": [epoch["gradient_norm"] for epoch in model["epochs"]],
        },
        "spectral": {"effective_rank": model["effective_rank"]},
        "converged": model["converged"],
        "seconds": model["seconds"],
        "device": model["device"],
    }
