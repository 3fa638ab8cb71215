"""What the processes of the service are born into."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthos.errors import ConfigError
from synthos.server.parts import DASHBOARD, environment, parts
from synthos.server.platform import platform
from synthos.server.settings import S3, Settings
from tests.s3_server import ACCESS_KEY, SECRET_KEY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    return made


def test_whoever_reads_tables_is_told_where_the_bucket_is(tmp_path: Path, folder: Path, s3: S3) -> None:
    made = environment(Settings(data_folder=tmp_path / "data", s3=s3), None, folder, 8000)
    assert made["AWS_ENDPOINT_URL_S3"] == str(s3.endpoint)
    assert (made["AWS_ACCESS_KEY_ID"], made["AWS_SECRET_ACCESS_KEY"]) == (ACCESS_KEY, SECRET_KEY)


def test_what_is_temporary_lies_in_the_folder_and_is_shared_with_nobody(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    made = environment(Settings(data_folder=tmp_path / "data"), None, folder, 8000)
    assert "AWS_ENDPOINT_URL_S3" not in made
    places = [value for name, value in made.items() if name in ("TMPDIR", "RAY_TMPDIR") or "HAPROXY" in name]
    assert sum(not value.isdecimal() for value in places) == 7
    assert all(value.isdecimal() or value.startswith(str(folder)) for value in places)
    assert (folder / "ray-token").stat().st_mode & 0o777 == 0o600


def test_a_bucket_that_is_not_there_is_told_before_anything_starts(tmp_path: Path, folder: Path, s3: S3) -> None:
    settings = Settings(data_folder=tmp_path / "data", s3=s3.model_copy(update={"bucket": "nobodys"}))
    with pytest.raises(ConfigError, match="storage does not answer"), platform(settings, None, folder):
        pass


def test_replicas_of_services_on_different_ports_share_none(tmp_path: Path, folder: Path) -> None:
    def ports(port: int) -> set[int]:
        (tmp_path / str(port)).mkdir()
        made = environment(Settings(data_folder=tmp_path / "data"), None, tmp_path / str(port), port)
        first, last = (int(made[f"RAY_SERVE_DIRECT_INGRESS_{end}_HTTP_PORT"]) for end in ("MIN", "MAX"))
        return set(range(first, last + 1))

    assert len(ports(8000)) == 100 and not ports(8001) & ports(8099)


def test_services_of_one_machine_share_no_port_of_serves_proxies(tmp_path: Path) -> None:
    # Serve's own numbers are the same for every service: of a fallback, that another one's requests reach it.
    def ports(port: int) -> list[str]:
        (tmp_path / str(port)).mkdir()
        made = environment(Settings(data_folder=tmp_path / "data"), None, tmp_path / str(port), port)
        names = ("FALLBACK_PROXY_HTTP", "FALLBACK_PROXY_GRPC", "HAPROXY_METRICS", "HAPROXY_STATS")
        return [made[f"RAY_SERVE_{name}_PORT"] for name in names]

    assert all(one != other for one, other in zip(ports(8000), ports(8001), strict=True))


def test_only_what_lives_in_ray_dies_with_it(tmp_path: Path, folder: Path) -> None:
    made = parts(
        Settings(data_folder=tmp_path, workers=2),
        folder,
        {"RAY_ADDRESS": "127.0.0.1:6000", DASHBOARD: "http://127.0.0.1:6001"},
    )
    assert [(part.name, part.needs, part.dies_too) for part in made] == [
        ("ray", None, False),
        ("api", "ray", True),
        ("worker-1", "ray", False),
        ("worker-2", "ray", False),
    ]
