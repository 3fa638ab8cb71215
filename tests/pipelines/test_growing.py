"""An autoscaler that starts nodes when a validation asks for them, and ends them when they rest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import synthos
from pipelines.resources import GPUS_COME
from tests.pipelines.growing import growing
from tests.pipelines.simulated import TOO_LONG, still
from tests.pipelines.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_nodes_come_for_a_validation_and_go_after_it(tables: Path, tmp_path: Path):
    """One without a GPU, for dimensions and forests, and one that has one, for models: at first there is neither."""
    table, reference, tiers = tables / "wreck.parquet", tables / "real.parquet", tables / "tiers.yaml"
    out, counts = tmp_path / "result.json", []
    with growing({"cpu": {"CPU": 1}, "gpu": {"CPU": 2, "GPU": 1}}, most=1) as head:
        command = [sys.executable, "-m", "synthos", "validate", str(table), "--reference", str(reference)]
        command += ["--tier-config", str(tiers), "--seed", "3", "--no-cache", "--json", str(out)]
        with Path(tmp_path, "log").open("w") as log:
            environment = {**head.environment, GPUS_COME: "1"}
            validation = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

            def ended() -> bool:
                counts.append(head.nodes())
                return validation.poll() is not None

            assert wait_for(ended, 5 * TOO_LONG)
        assert validation.returncode == 1, Path(tmp_path, "log").read_text()
        assert wait_for(lambda: head.nodes() == 0, TOO_LONG)
    assert max(counts) == 2
    alone = synthos.validate(table, reference, tier_config=tiers, seed=3, cache=False)
    assert still(json.loads(out.read_text())) == still(alone.to_dict())
