"""The service as a client sees it, from an empty folder to a verdict: embedded defaults, one worker, Ray."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from synthos.client import Client
from synthos.errors import RemoteError
from tests.e2e.running import EMAIL, PASSWORD, running_service
from tests.e2e.test_platform import Service

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with running_service() as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Client]:
    with Client.login(service.url, EMAIL, PASSWORD) as session:
        yield session


def test_tables_are_sent_judged_and_reported(client: Client, tables: Path, wreck: pl.DataFrame, tmp_path: Path) -> None:
    wreck.write_csv(tmp_path / "wreck.csv")
    synthetic, reference = client.upload(tmp_path / "wreck.csv"), client.upload(tables / "real.parquet")
    assert (synthetic.rows, synthetic.columns) == (wreck.height, wreck.width)
    seen: list[float] = []
    found = client.validate(synthetic, reference, quick=True, on_progress=lambda item: seen.append(item.progress))
    assert found.decision == "rejected" and found.risk_score is not None and found.risk_score > 50.0
    assert seen == sorted(seen) and seen[-1] == 100.0
    assert all(stage["status"] == "completed" for stage in found.raw["stages"])
    page, document = client.report(found.id), json.loads(client.report(found.id, "json"))
    assert b"<svg" in page and document["decision"] == "rejected"
    assert document["settings"]["synthetic"] == "wreck.csv"
    everything = page.decode() + json.dumps(document)
    assert [everything[at.start() - 100 : at.end() + 50] for at in re.finditer("/storage/", everything)] == []


def test_a_bad_table_is_told_with_its_line_and_by_its_own_name(client: Client, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n" + "1,2\n" * 600 + "1,2,3\n", encoding="utf-8")
    with pytest.raises(RemoteError) as caught:
        client.upload(bad)
    assert "bad.csv" in str(caught.value) and "602" in str(caught.value)


def test_the_commands_of_a_shell_do_the_same(
    service: Service, tables: Path, wreck: pl.DataFrame, tmp_path: Path
) -> None:
    wreck.write_csv(tmp_path / "wreck.csv")

    def remote(*words: str, typed: str = "", code: int = 0, said: str = "") -> str:
        """What a command prints, run from a shell whose owner has logged in nowhere before."""
        done = subprocess.run(
            [sys.executable, "-m", "synthos", "remote", *words],
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")},
            input=typed,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code and said in done.stderr, done.stderr
        return done.stdout

    remote("datasets", code=2)
    remote("login", service.url, "--email", EMAIL, typed=PASSWORD + "\n")
    assert (tmp_path / "config" / "synthos" / "remote.json").stat().st_mode & 0o777 == 0o600
    reference = remote("upload", str(tables / "real.parquet"), "--description", "real").strip()
    words = ("validate", str(tmp_path / "wreck.csv"), "--reference", reference, "--quick")
    sent = f"sent {tmp_path / 'wreck.csv'}: ds_"
    validation, verdict, *reasons = remote(*words, code=1, said=sent).splitlines()
    assert verdict.startswith("Rejected: risk") and reasons
    assert remote("watch", validation, code=1).splitlines() == [verdict, *reasons]
    assert json.loads(remote("report", validation, "--format", "json"))["decision"] == "rejected"
    listed = remote("datasets").splitlines()
    assert [line.split()[-1] for line in listed[:2]] == ["wreck.csv", "real.parquet"]
    remote("delete", reference)
    assert reference not in remote("datasets")
    remote("delete", reference, code=2)
