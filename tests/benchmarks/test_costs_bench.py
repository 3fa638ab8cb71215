"""How runs become costs, and estimates are judged: on made-up records, no clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.cost_events import loop_seconds, model_seconds, segments
from benchmarks.cost_runs import CHECK, CHECK_RAY, FIT, ON_RAY, table
from benchmarks.estimate import judged, near
from benchmarks.fit_costs import Sample, fit

#: What is heard of a full validation, with the processor seconds at which it is.
EVENTS = [
    ["read", "", 0, 1, 0.0],
    ["read", "", 1, 1, 1.0],
    ["scan", "synthetic t", 0, 1, 1.0],
    ["scan", "synthetic t", 1, 1, 3.0],
    ["sample", "", 1, 1, 3.5],
    ["dimensions", "a", 1, 3, 4.5],
    ["dimensions", "b", 2, 3, 6.5],
    ["utility", "x", 0, 2, 6.5],
    ["utility", "y", 1, 2, 8.5],
    ["utility", "", 2, 2, 10.5],
    ["cascade", "reference light-1, epoch 1/9, loss 3.20", 0, 2, 11.0],
    ["cascade", "reference light-1 done: 3.1 bits a row", 1, 2, 11.5],
    ["cascade", "synthetic heavy-6 done: 3.0 bits a row", 2, 2, 14.5],
    ["dimensions", "", 3, 3, 20.5],
    ["regions", "", 0, 1, 20.5],
    ["regions", "0 regions", 1, 1, 21.0],
    ["verdict", "", 0, 1, 22.0],
    ["verdict", "risk 3", 1, 1, 22.5],
]
RECORD: dict[str, Any] = {"events": EVENTS, "processor": 25.0}


def test_every_second_of_a_run_belongs_to_one_part():
    spent = segments(RECORD)
    assert spent == pytest.approx(
        {
            "read": 1.0,
            "scan": 2.0,
            "profile": 0.5,
            "dimensions": 3.0,
            "forests": 4.0,
            "models": 4.0,
            "loops": 6.0,
            "regions": 0.5,
            "diversity": 1.0,
            "verdict": 0.5,
            "repairs": 2.5,
        }
    )
    assert sum(spent.values()) == pytest.approx(RECORD["processor"])


def test_models_are_timed_one_by_one_and_loops_are_what_follows_them():
    assert model_seconds(RECORD) == [("light", 0, "reference", 1.0), ("heavy", 5, "synthetic", 3.0)]
    assert loop_seconds(RECORD) == 6.0
    assert loop_seconds({"events": EVENTS[:5]}) is None


def test_factors_are_found_again_whatever_the_machines_speed():
    def sample(number: int, speed: float) -> Sample:
        features = {"one": 1.0, "cells": float(number)}
        return Sample("dimensions", f"run{number}", features, speed * (20.0 + 8.0 * number), {"arrays": speed})

    factors, spread = fit([sample(number, 0.05 * (1 + number % 3)) for number in range(1, 8)])
    assert factors == pytest.approx({"one": 20.0, "cells": 8.0}) and spread == pytest.approx(0.0, abs=1e-9)


def test_an_estimate_is_judged_by_work_clock_and_memory():
    parts = [
        {"processor": 40.0, "interval": {"low": 34.0, "high": 46.0}},
        {"processor": 10.0, "interval": {"low": 2.0, "high": 18.0}},
    ]
    said = {"parts": parts, "processor_seconds": 50.0, "seconds": 30.0, "slowdown": 2.0, "memory": {"total": 500.0}}
    here = judged("a", said, {"wall": 60.0, "processor": 41.0, "peak_kb": 1e9 / 1024})
    assert (here.processor, here.free, here.loaded, here.memory) == pytest.approx((50 / 41, 0.5, 1.0, 0.5))
    assert here.inside and not judged("a", said, {"wall": 60.0, "processor": 39.0, "peak_kb": 1e6}).inside
    on_ray = judged("a", said, {"timings": {"total": 120.0}, "processor": 50.0, "peak_mb": 1_000.0})
    assert (on_ray.loaded, on_ray.memory) == (0.5, 0.5)
    assert near([on_ray.processor, on_ray.loaded]) == "1 of 2 within 30 %"


def test_no_table_that_is_judged_was_fitted_on():
    def made(cases: tuple[Any, ...]) -> set[Any]:
        return {replace(case, name="", workers=0) for case in cases}

    assert not made((*CHECK, *CHECK_RAY)) & made((*FIT, *ON_RAY))
    assert len({case.name for case in (*CHECK, *CHECK_RAY, *FIT, *ON_RAY)}) == len((*CHECK, *CHECK_RAY, *FIT, *ON_RAY))


def test_made_tables_have_columns_of_many_kinds():
    frame = table(500, 9, seed=3, damage=0.4)
    assert frame.shape == (500, 9) and len(set(frame.dtypes)) == 4
