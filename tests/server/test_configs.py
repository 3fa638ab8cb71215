"""Everything that the files in configs/ set is a setting, also what they only name in comments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from synthos.server.settings import Settings

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


@pytest.fixture(autouse=True)
def only_the_file_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SYNTHOS_{name.upper()}", raising=False)


def uncommented(path: Path) -> str:
    """The file with the settings in it that stand in comments."""
    return re.sub(r"^( *)# (\w+: \S+)$", r"\1\2", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["service.yaml", "production.yaml"])
def test_every_key_is_a_setting(name: str, tmp_path: Path) -> None:
    Settings.load(CONFIGS / name)
    every = tmp_path / name
    every.write_text(uncommented(CONFIGS / name), encoding="utf-8")
    assert every.read_text() != (CONFIGS / name).read_text()
    Settings.load(every)


def test_the_file_for_one_machine_has_every_setting_that_is_no_secret_and_says_what_holds_anyway() -> None:
    written = yaml.safe_load(uncommented(CONFIGS / "service.yaml"))
    elsewhere = {"database_url", "redis_url", "s3", "jwt_secret", "token_secret"}
    assert set(written) == set(Settings.model_fields) - elsewhere
    assert Settings.load(CONFIGS / "service.yaml").model_dump() == Settings().model_dump()


def test_production_holds_no_secret_and_lets_nobody_in_unasked() -> None:
    found = Settings.load(CONFIGS / "production.yaml")
    assert found.s3 is not None and found.s3.secret_key is None and found.database_url is None
    assert not found.open_registration


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own
def test_the_serve_config_is_one_and_deploys_what_there_is() -> None:
    from ray.serve.schema import ServeDeploySchema

    import serve_app

    written = yaml.safe_load((CONFIGS / "serve.yaml").read_text(encoding="utf-8"))
    application = ServeDeploySchema.model_validate(written).applications[0]
    assert application.import_path == "serve_app:app"
    assert [item.name for item in application.deployments] == [serve_app.Api.name]


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What a service of the compose file sets, with something in place of what its caller sets."""
    return {
        name: re.sub(r"\$\{(\w+):[?-]([^}]*)\}", lambda found: found[2] if "http" in found[2] else "x" * 32, value)
        for name, value in service["environment"].items()
    }


def test_containers_get_settings_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    for name, value in environment(services["service"]).items():
        monkeypatch.setenv(name, value)
    found = Settings.load(CONFIGS / "production.yaml")
    assert found.database.startswith("postgresql+psycopg://synthos:") and found.redis_url is not None
    assert found.s3 is not None and found.s3.bucket == "synthos" and found.s3.secret_key is not None


def test_containers_have_no_default_secrets() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    secrets = re.findall(r"(?:PASSWORD|SECRET\w*): (.*)", text)
    assert len(secrets) >= 5 and all(re.fullmatch(r"\$\{\w+:\?set it\}", value) for value in secrets)
