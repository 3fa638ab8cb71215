"""Since when a job waits for what is away, how often a validation was run, and indexes of what grows old."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What takes long stands first: the columns lock tables that everybody reads.
    op.create_index(op.f("ix_job_events_at"), "job_events", ["at"])
    op.create_index(op.f("ix_refresh_tokens_expires_at"), "refresh_tokens", ["expires_at"])
    # The next sweep takes along what validations have made of datasets that are deleted.
    op.execute("UPDATE datasets SET expires_at = updated_at WHERE status = 'deleted'")
    op.add_column("jobs", sa.Column("away_since", sa.BigInteger(), nullable=True))
    op.add_column("validations", sa.Column("runs", sa.Integer(), server_default=sa.text("1"), nullable=False))


def downgrade() -> None:
    op.drop_index(op.f("ix_refresh_tokens_expires_at"), table_name="refresh_tokens")
    op.drop_index(op.f("ix_job_events_at"), table_name="job_events")
    op.drop_column("validations", "runs")
    op.drop_column("jobs", "away_since")
