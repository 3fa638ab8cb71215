"""The tables. What belongs to a company names it in ``company_id``; ``OWNED`` lists these tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from synthos.server.db.types import Instant, Json

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(32), primary_key=True)


def _company() -> Column[str]:
    return Column("company_id", String(32), ForeignKey("companies.id"), nullable=False)


def _user() -> Column[str]:
    return Column("user_id", String(32), ForeignKey("users.id"), nullable=False)


def _where(condition: str) -> dict[str, Any]:
    """An index of only the rows that fulfil ``condition``."""
    return {f"{dialect}_where": text(condition) for dialect in ("sqlite", "postgresql")}


companies = Table(
    "companies",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("tier", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
)

users = Table(
    "users",
    metadata,
    _id(),
    _company(),
    Column("email", String(320), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("full_name", String(200), nullable=False),
    Column("is_admin", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    _id(),
    _company(),
    _user(),
    Column("family_id", String(32), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _company(),
    _user(),
    Column("name", String(100), nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    Index(None, "company_id", "created_at"),
)

datasets = Table(
    "datasets",
    metadata,
    _id(),
    _company(),
    _user(),
    Column("filename", String(255), nullable=False),
    Column("file_type", String(16), nullable=False),
    Column("file_size", BigInteger, nullable=False),
    Column("description", String(2_000)),
    Column("sha256", String(64)),
    Column("status", String(16), nullable=False),  # uploading, processing, ready, failed, expired, deleted
    Column("chunk_bytes", Integer, nullable=False),
    Column("upload_id", String(1_024)),  # of the storage; None until it expects the parts
    Column("job_id", String(32)),
    Column("row_count", BigInteger),
    Column("column_count", Integer),
    Column("metadata", Json),
    Column("error", Json),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("completed_at", Instant),  # when all its bytes were there
    Column("expires_at", Instant),  # when bytes may go: of an upload that is not complete, or of what is deleted
    Index(None, "company_id", "created_at"),
    Index(None, "status", "expires_at"),
)

validations = Table(
    "validations",
    metadata,
    _id(),
    _company(),
    _user(),
    Column("dataset_id", String(32), ForeignKey("datasets.id"), nullable=False),
    Column("reference_id", String(32), ForeignKey("datasets.id")),
    Column("holdout_id", String(32), ForeignKey("datasets.id")),
    Column("kind", String(8), nullable=False),  # quick, full
    Column("options", Json, nullable=False),
    Column("status", String(16), nullable=False),  # queued, running, completed, failed, cancelled
    Column("progress", Float, nullable=False),  # percent
    Column("current_stage", String(32)),
    Column("stages", Json, nullable=False),
    Column("results", Json),
    Column("risk_score", Float),
    Column("risk_level", String(8)),
    Column("decision", String(16)),
    Column("rows", BigInteger),
    Column("error", Json),
    Column("job_id", String(32)),
    Column("runs", Integer, nullable=False, server_default=text("1")),  # times that it was asked for
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("completed_at", Instant),
    Index(None, "company_id", "created_at"),
    Index(None, "dataset_id", "status"),
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _company(),
    _user(),
    Column("kind", String(16), nullable=False),  # ingest, validation, pipeline
    Column("subject", String(32), nullable=False),  # what the job is about: a dataset, a validation, a pipeline
    Column("payload", Json, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("status", String(16), nullable=False),  # queued, running, succeeded, failed, cancelled
    Column("attempts", Integer, nullable=False),
    Column("most_attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease", String(32)),  # of the attempt that runs; nobody else may write
    Column("lease_until", Instant),
    Column("worker", String(200)),
    Column("cancel_asked_at", Instant),
    Column("away_since", Instant),  # when an attempt first found away what it needs, and every one since
    Column("error", Json),
    Column("trace_id", String(32)),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    # Whose turn it is: by user, and, where there are many users, by age.
    Index("ix_jobs_turn", "priority", "user_id", "created_at", **_where("status = 'queued'")),
    Index("ix_jobs_age", "priority", "created_at", "user_id", "due_at", **_where("status = 'queued'")),
    Index("ix_jobs_running", "user_id", **_where("status = 'running'")),
    Index(None, "company_id", "created_at"),
    Index(None, "subject"),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id"), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    _company(),
    Column("at", Instant, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", Json, nullable=False),
    Index(None, "at"),
)

stage_results = Table(
    "stage_results",
    metadata,
    Column("fingerprint", String(64), primary_key=True),  # of the inputs' contents
    Column("stage", String(32), primary_key=True),
    Column("parameters", String(64), primary_key=True),  # their digest
    Column("company_id", String(32), ForeignKey("companies.id"), primary_key=True),
    Column("job_id", String(32), ForeignKey("jobs.id"), nullable=False, index=True),  # that made it; goes when it ends
    Column("location", String(1_024), nullable=False),
    Column("created_at", Instant, nullable=False),
)

#: Processes that run jobs. One that has not been heard of for long is gone.
workers = Table(
    "workers",
    metadata,
    _id(),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("capacity", Integer, nullable=False),  # jobs at once
    Column("resources", Json, nullable=False),  # of its host, when it beat
    Column("started_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
)

pipelines = Table(
    "pipelines",
    metadata,
    _id(),
    _company(),
    _user(),
    Column("kind", String(16), nullable=False),  # validation, full
    Column("dataset_id", String(32), ForeignKey("datasets.id"), nullable=False),
    Column("reference_id", String(32), ForeignKey("datasets.id")),
    Column("holdout_id", String(32), ForeignKey("datasets.id")),
    Column("validation_kind", String(8), nullable=False),  # quick, full
    Column("options", Json, nullable=False),
    Column("status", String(16), nullable=False),  # queued, running, completed, failed, cancelled
    Column("progress", Float, nullable=False),  # percent
    Column("current_stage", String(32)),
    Column("stages", Json, nullable=False),
    Column("validation_id", String(32), ForeignKey("validations.id"), nullable=False),
    Column("repaired_id", String(32), ForeignKey("datasets.id")),
    Column("revalidation_id", String(32), ForeignKey("validations.id")),
    Column("repair", Json),  # what was done to the table, or why nothing was
    Column("error", Json),
    Column("job_id", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("completed_at", Instant),
    Index(None, "company_id", "created_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", String(64), primary_key=True),  # a user, or the digest of an address where nobody is logged in
    Column("key", String(255), primary_key=True),
    Column("route", String(255), nullable=False),
    Column("body_digest", String(64), nullable=False),
    Column("status", Integer),  # None while the first request is in flight
    Column("headers", Json),
    Column("body", Text),
    Column("created_at", Instant, nullable=False, index=True),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("company_id", String(32), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("user_id", String(32)),
    Column("action", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("details", Json, nullable=False),
    Column("request_id", String(64)),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("company_id", "digest"),
)

#: The newest link of each company's chain; taking it orders the company's writers.
audit_heads = Table(
    "audit_heads",
    metadata,
    Column("company_id", String(32), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

#: Tables of which a company may see its own rows only.
OWNED = tuple(
    table
    for table in metadata.sorted_tables
    if "company_id" in table.columns and table not in (users, audit_log, audit_heads)
)
