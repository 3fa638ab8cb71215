"""Everything about the service that an operator may set, from a YAML file and from the environment.

The environment wins over the file: ``SYNTHOS_DATABASE_URL``, ``SYNTHOS_S3__BUCKET``. What is set nowhere is what a
single machine needs: SQLite and files under ``data_folder``, and secrets generated there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource
from yaml import YAMLError

from synthos.errors import ConfigError

MIB, GIB = 2**20, 2**30
TierName = Literal["free", "team", "enterprise"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tier(_Part):
    """What an account of one tier may do: requests a minute; validations, rows and bytes a month (30 days)."""

    requests_per_minute: int = Field(default=100, ge=1)
    validations: int = Field(default=100, ge=0)
    rows: int = Field(default=50_000_000, ge=0)
    bytes: int = Field(default=20 * GIB, ge=0)


class S3(_Part):
    """A bucket of any S3 endpoint. Without keys the usual AWS sources of credentials are asked."""

    bucket: str
    endpoint: HttpUrl | None = None
    #: What clients reach the endpoint by, where that is another address: presigned URLs name it.
    public_endpoint: HttpUrl | None = None
    region: str = "us-east-1"
    prefix: str = ""
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None


def _tiers() -> dict[TierName, Tier]:
    return {
        "free": Tier(),
        "team": Tier(requests_per_minute=600, validations=2_000, rows=5_000_000_000, bytes=500 * GIB),
        "enterprise": Tier(requests_per_minute=6_000, validations=10**6, rows=10**13, bytes=10**15),
    }


def _data_folder() -> Path:
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "synthos" / "server"


class Settings(BaseSettings):
    """The service's settings; immutable.

    Attributes
    ----------
    data_folder : where SQLite, uploads, results and generated secrets lie unless other places are named.
    database_url : ``postgresql+psycopg://…`` or ``sqlite:///…``; by default SQLite under ``data_folder``.
    redis_url : where replicas share rate limits, and documents they have read; by default each counts for itself, which
        is right for one, and reads from the storage.
    s3 : where uploads and results lie; by default files under ``data_folder``.
    jwt_secret, token_secret : at least 32 characters; by default generated into ``data_folder``.
    chunk_bytes : smallest size of an upload's parts but the last (larger files have larger ones); S3 wants 5 MiB.
    log_file : where API replicas append their log lines; by default they go to standard error.
    replicas : processes that answer the API. Where there are several, rate limits want ``redis_url``.
    workers : processes that `synthos serve` starts beside the API, to run jobs.
    lease_seconds : how long a worker that is not heard of keeps its jobs.
    tiers : what accounts of each tier may do; what is not set of them stays as it is.
    headroom : share of processors, memory and GPUs that jobs leave free.
    job_hours : how long an attempt may take.
    job_memory_bytes : how much memory a job and all that it has started may hold, by default all that jobs may have of
        the machine's; one that holds more is killed, and fails. Tasks on other machines are Ray's to watch.
    trusted_proxies : addresses whose X-Forwarded-For is believed; where a proxy stands before Ray's, 127.0.0.1 as well.
    """

    model_config = SettingsConfigDict(
        env_prefix="SYNTHOS_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    data_folder: Path = Field(default_factory=_data_folder)
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    s3: S3 | None = None
    jwt_secret: Annotated[SecretStr, Field(min_length=32)] | None = None
    token_secret: Annotated[SecretStr, Field(min_length=32)] | None = None

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    open_registration: bool = True

    access_token_minutes: int = Field(default=15, ge=1, le=15)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    logins_per_minute: int = Field(default=10, ge=1)
    refreshes_per_minute: int = Field(default=60, ge=1)
    tiers: dict[TierName, Tier] = Field(default_factory=_tiers)

    max_body_bytes: int = Field(default=MIB, ge=1_024)
    max_upload_bytes: int = Field(default=100 * GIB, ge=1, le=5 * 1024 * GIB)
    chunk_bytes: int = Field(default=16 * MIB, ge=5 * MIB, le=GIB)
    upload_hours: int = Field(default=24, ge=1)
    body_seconds: float = Field(default=30.0, gt=0.0)
    call_seconds: float = Field(default=10.0, gt=0.0)

    replicas: int = Field(default=1, ge=1)
    workers: int = Field(default=1, ge=0)
    lease_seconds: float = Field(default=30.0, ge=1.0)
    headroom: float = Field(default=0.2, ge=0.0, lt=1.0)
    job_hours: float = Field(default=12.0, gt=0.0)
    job_memory_bytes: int | None = Field(default=None, ge=GIB // 2)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: Path | None = None

    @field_validator("tiers", mode="before")
    @classmethod
    def _over_the_usual(cls, given: Any) -> Any:
        """What is set of a tier; what is not, and the tiers that are not named, stay as they are."""
        if not isinstance(given, Mapping):
            return given
        whole: dict[str, Any] = {name: tier.model_dump() for name, tier in _tiers().items()}
        for name, tier in given.items():
            whole[name] = {**whole.get(name, {}), **tier} if isinstance(tier, Mapping) else tier
        return whole

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, which wins over the file of ``load``."""
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)

    @classmethod
    def load(cls, path: str | Path | None = None, **given: Any) -> Self:
        """The settings in a YAML file, under those of the environment and those ``given``.

        Raises
        ------
        ConfigError : the file is missing or not YAML, or a setting is unknown or out of its range.
        """
        if path is not None and not Path(path).is_file():
            raise ConfigError("there is no such file", where=str(path), fix="name one of configs/*.yaml")
        place = type(cls.__name__, (cls,), {"model_config": cls.model_config | {"yaml_file": path}})
        try:
            settings: Self = place(**given)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            raise ConfigError(
                f"{name}: {first['msg']}", where=str(path or "settings"), fix="see docs/service.md"
            ) from None
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f" from line {mark.line + 1} on" if mark is not None else ""
            raise ConfigError(f"is not YAML{line}", where=str(path), fix="mend it there, or just above") from None
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot be read ({error})", where=str(path), fix="give a YAML mapping") from None
        return settings

    @property
    def database(self) -> str:
        """The database's address, with its password: never to be logged."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_folder / 'synthos.db'}"
