"""The plan of 18 models, its dial, its configuration file, and the packing."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from synthos.cascade.tiers import TIERS, CascadeConfig, derive, load_config, pack, plan, training_sizes
from synthos.errors import ConfigError, InternalError

PACKAGED = Path(__file__).parents[2] / "configs" / "tiers.yaml"


@pytest.mark.parametrize("rows", [64, 350, 5600, 38_000])
def test_every_plan_crosses_three_tiers_with_six_distinct_sizes(rows: int) -> None:
    specs = plan(CascadeConfig(), rows, "synthetic")
    assert len(set(specs)) == 18
    assert Counter(spec.tier for spec in specs) == dict.fromkeys(TIERS, 6)
    for tier in TIERS:
        sizes = [spec.rows for spec in specs if spec.tier == tier]
        assert sizes == sorted(set(sizes)), "sizes must be distinct and ascending"
        assert sizes[-1] == rows
        assert len({spec.width for spec in specs if spec.tier == tier}) == 1, "size of model must not follow the rows"


def test_sizes_span_one_and_a_half_decades() -> None:
    sizes = training_sizes(CascadeConfig(), 10_000)
    assert sizes[-1] / sizes[0] >= 31


def test_arms_differ_in_nothing_but_their_name() -> None:
    synthetic = plan(CascadeConfig(), 5600, "synthetic")
    reference = plan(CascadeConfig(), 5600, "reference")
    assert tuple(replace(spec, arm="reference") for spec in synthetic) == reference


def test_tiers_grow_and_the_dial_turns_all_of_them() -> None:
    def grown(scale: float) -> list[tuple[int, int, float]]:
        config = CascadeConfig(scale=scale)
        specs = [derive(config, "synthetic", tier, 5, 5600) for tier in TIERS]
        return [(spec.width, spec.depth, spec.cost) for spec in specs]

    small, large = grown(1.0), grown(4.0)
    assert small == sorted(small)
    for (width, depth, cost), (wide, deep, dear) in zip(small, large, strict=True):
        assert wide == 4 * width
        assert deep == depth + 2
        assert dear > cost
    narrow, wide_spec = (derive(CascadeConfig(scale=s), "synthetic", "light", 5, 5600) for s in (1.0, 4.0))
    assert wide_spec.learning_rate < narrow.learning_rate
    assert wide_spec.epochs > narrow.epochs


def test_specs_pickle_and_hash() -> None:
    spec = plan(CascadeConfig(), 500, "reference")[7]
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert spec.name == "medium-2"
    assert {spec: 1}[pickle.loads(pickle.dumps(spec))] == 1


def test_too_few_rows_are_a_bug_of_the_caller() -> None:
    with pytest.raises(InternalError, match="63 training rows"):
        plan(CascadeConfig(), 63, "synthetic")


def test_packaged_configuration_is_the_default() -> None:
    assert load_config(PACKAGED) == CascadeConfig() == load_config(None)


def test_a_configuration_file_turns_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "tiers.yaml"
    file.write_text("scale: 2\nloop_generations: 0\n")
    assert load_config(str(file)) == CascadeConfig(scale=2.0, loop_generations=0)
    file.write_text("")
    assert load_config(file) == CascadeConfig()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sclae: 2", "unknown key 'sclae'"),
        ("scale: fast", "scale has the wrong type"),
        ("scale: true", "scale has the wrong type"),
        ("scale: 0", "scale is 0"),
        ("floor: 0.7", "floor is 0.7"),
        ("precision: float64", "precision is 'float64'"),
        ("loop_generations: 1.5", "loop_generations has the wrong type"),
        ("loop_generations: 11", "loop_generations is 11"),
        ("fractions: [0.5, 1.0]", "six ascending shares"),
        ("fractions: [0.1, 0.2, 0.3, 0.4, 0.5, 1.0]", "one and a half decades"),
        ("fractions: [0.01, 0.3, 0.2, 0.4, 0.5, 1.0]", "six ascending shares"),
        ("- 1", "no mapping"),
        ("scale: [", "not valid YAML"),
    ],
)
def test_bad_configuration_is_told_in_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "tiers.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=words):
        load_config(file)


def test_a_missing_configuration_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        load_config(tmp_path / "absent.yaml")


def test_packing_keeps_every_model_once_and_balances_cost() -> None:
    specs = plan(CascadeConfig(), 5600, "synthetic") + plan(CascadeConfig(), 5600, "reference")
    packed = pack(specs, 2)
    assert Counter(spec for items in packed for spec in items) == Counter(specs)
    loads = [sum(spec.cost for spec in items) for items in packed]
    assert max(loads) / min(loads) < 1.02
    assert packed[0][0].cost == max(spec.cost for spec in specs)


def test_packing_more_workers_than_models_leaves_some_idle() -> None:
    specs = plan(CascadeConfig(), 500, "synthetic")
    assert sum(1 for items in pack(specs, 20) if not items) == 2
    with pytest.raises(InternalError):
        pack(specs, 0)
