"""The first schema: companies, jobs and items.

A migration never changes once it is released, so it spells its tables out instead of importing them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the three tables."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "companies",
        sa.Column("company_id", sa.String, primary_key=True),
        sa.Column("first_seen_at", instant, nullable=False),
        sa.Column("last_checked_at", instant),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String, primary_key=True),
        sa.Column("company_id", sa.String, sa.ForeignKey("companies.company_id"), nullable=False),
        sa.Column("first_seen_at", instant, nullable=False),
        sa.Column("started_at", instant),
        sa.Column("closing_event", sa.String),
        sa.Column("closing_reason", sa.String),
        sa.Column("closing_reason_type", sa.String),
        sa.Column("closed_at", instant),
        sa.Column("problem", sa.String),
    )
    op.create_index("jobs_by_company", "jobs", ["company_id", "first_seen_at"])
    op.create_table(
        "items",
        sa.Column("job_id", sa.String, sa.ForeignKey("jobs.job_id"), primary_key=True),
        sa.Column("accounting_entry_id", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("external_id", sa.String),
        sa.Column("external_url", sa.String),
        sa.Column("exported_at", instant),
        sa.Column("posted_on", sa.Date),
        sa.Column("already_there", sa.Boolean, nullable=False),
        sa.Column("failure_type", sa.String),
        sa.Column("failure_reason", sa.String),
        sa.Column("unknown", sa.Boolean, nullable=False),
        sa.Column("reported_at", instant),
        sa.Column("report_problem", sa.String),
    )
