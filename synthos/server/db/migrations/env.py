"""Alembic's entry: runs the versions on the connection that ``migrate`` brings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from synthos.server.db.tables import metadata

#: Any number: processes that migrate one PostgreSQL database side by side take this lock in turn.
LOCK = 7_316_204_995

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
