"""What users import, and the JSON form that they read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import polars as pl
import pytest

import synthos
from synthos.results import CascadeResult
from synthos.validation import SCHEMA_FILE, Validation, json_schema

TOP_LEVEL = {
    "risk_score",
    "risk_bound",
    "risk_level",
    "decision",
    "collapse_type",
    "collapse_probability",
    "rho",
    "n_eff",
    "n_eff_bound",
    "dimensions",
    "diversity",
    "scale_predictions",
    "regions",
    "recommendations",
    "tried",
    "signatures",
    "cascade",
    "timings",
    "versions",
    "fingerprint",
}


@pytest.fixture(scope="module")
def validation(wreck: pl.DataFrame, real: pl.DataFrame, tables: Path) -> Validation:
    return synthos.validate(wreck, real, tier_config=tables / "tiers.yaml", cache=False)


def test_every_public_name_is_there_and_no_other_is_promised():
    assert synthos.__all__ == sorted(synthos.__all__, key=lambda name: (name[0].islower(), name))
    assert all(getattr(synthos, name) is not None for name in synthos.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        synthos.nothing  # noqa: B018


def test_importing_the_package_loads_neither_polars_nor_torch_nor_ray():
    code = "import sys, synthos; print(sorted({'polars', 'torch', 'ray'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_function_is_callable_after_its_module_was_imported():
    code = "import synthos.flow, synthos; assert callable(synthos.validate)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_committed_schema_is_the_current_one():
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema(), "run `make schema`"


@pytest.mark.slow
def test_a_result_has_the_promised_fields_and_fits_the_schema(validation: Validation):
    document = validation.to_dict()
    jsonschema.Draft202012Validator(json_schema()).validate(document)
    assert set(document) >= TOP_LEVEL
    assert len(document["cascade"]["models"]) == 18
    assert {"1000000", "10000000", "100000000", "1000000000"} <= set(document["scale_predictions"])
    assert len(document["dimensions"]) == 8
    json.dumps(document, allow_nan=False)


def test_a_table_that_looks_sound_by_itself_has_no_level_in_the_json(real: pl.DataFrame):
    document = synthos.validate(real, quick=True).to_dict()
    jsonschema.Draft202012Validator(json_schema()).validate(document)
    assert document["risk_score"] < 20 and document["risk_bound"] == "at_least"
    assert document["risk_level"] is document["n_eff"] is document["n_eff_bound"] is None


@pytest.mark.slow
def test_bounds_stand_beside_their_figures(validation: Validation):
    document = validation.to_dict()
    assert document["risk_bound"] == "exact" and document["risk_level"] in ("medium", "high")
    assert document["n_eff"] is not None
    assert isinstance(validation.cascade, CascadeResult)
    assert document["n_eff_bound"] == validation.n_eff_bound == validation.cascade.n_eff_bound


@pytest.mark.slow
def test_a_schema_violation_is_noticed(validation: Validation):
    document = validation.to_dict()
    document["risk_level"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(document)


@pytest.mark.slow
def test_shuffled_columns_are_not_approved(validation: Validation):
    assert validation.decision != "approved"
    assert validation.rho is not None and validation.rho > 0.3


@pytest.mark.slow
def test_a_notebook_shows_a_card(validation: Validation):
    card = validation._repr_html_()
    assert f"{validation.risk_score:.0f}" in card and "<script" not in card


@pytest.mark.slow
def test_report_and_json_are_written_whole(validation: Validation, tmp_path: Path):
    report, result = validation.report(tmp_path / "r.html"), validation.to_json(tmp_path / "r.json")
    assert report.read_text().lstrip().lower().startswith("<!doctype html>")
    assert json.loads(result.read_text()) == validation.to_dict()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]


@pytest.mark.slow
def test_a_report_into_a_missing_folder_is_refused_and_leaves_nothing(validation: Validation, tmp_path):  # type: ignore[no-untyped-def]
    with pytest.raises(synthos.InputError, match="cannot write there"):
        validation.report(tmp_path / "missing" / "r.html")
    assert list(tmp_path.iterdir()) == []
