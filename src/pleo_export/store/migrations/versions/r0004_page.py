"""Remember what the page shows: when each step was taken, each expense beside its entry, who may look, who did what."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)
COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the columns and the tables."""
    for name in ("intended_at", "decided_at", "settled_at"):
        op.add_column("items", sa.Column(name, INSTANT))
    for name in ("settled_how", "settled_by"):
        op.add_column("items", sa.Column(name, sa.String))
    op.add_column("companies", sa.Column("waiting_until", INSTANT))
    unfinished = sa.text("closed_at IS NULL AND problem IS NULL")
    op.create_index("jobs_open", "jobs", ["company_id"], sqlite_where=unfinished, postgresql_where=unfinished)
    for name in ("broken_since", "broken_told_at"):
        op.add_column("companies", sa.Column(name, INSTANT))
    op.create_index("items_by_entry", "items", ["accounting_entry_id"])
    _exports()
    _people()
    _telling()


def _exports() -> None:
    op.create_table(
        "steps",
        sa.Column("job_id", sa.String, sa.ForeignKey("jobs.job_id"), primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("taken_at", INSTANT, nullable=False),
    )
    op.create_table(
        "explanations",
        sa.Column("job_id", sa.String, sa.ForeignKey("jobs.job_id"), primary_key=True),
        sa.Column("accounting_entry_id", sa.String, primary_key=True),
        sa.Column("kept_at", INSTANT, nullable=False),
        sa.Column("amount", sa.BigInteger),
        sa.Column("currency", sa.String),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Index("explanations_by_age", "kept_at"),
    )


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("user_id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("password_hash", sa.String),
        sa.Column("issuer", sa.String),
        sa.Column("subject", sa.String),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("disabled_at", INSTANT),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_table(
        "grants",
        sa.Column("user_id", sa.String, sa.ForeignKey("users.user_id"), primary_key=True),
        sa.Column("company_id", sa.String, primary_key=True),
        sa.Column("role", sa.String, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.user_id"), nullable=False),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
    )
    op.create_table(
        "invitations",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.user_id")),
        sa.Column("ends_at", INSTANT, nullable=False),
    )
    op.create_table(
        "failed_sign_ins",
        sa.Column("id", COUNTER, primary_key=True),
        sa.Column("of", sa.String, nullable=False),
        sa.Column("failed_at", INSTANT, nullable=False),
        sa.Index("failed_sign_ins_of", "of", "failed_at"),
    )
    op.create_table(
        "audit",
        sa.Column("id", COUNTER, primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("company_id", sa.String),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("detail", sa.String),
        sa.Index("audit_by_company", "company_id", "at"),
    )


def _telling() -> None:
    op.add_column("jobs", sa.Column("told_at", INSTANT))
    # Nobody is told of what ended before anybody could be.
    op.execute("UPDATE jobs SET told_at = first_seen_at WHERE closed_at IS NOT NULL OR problem IS NOT NULL")
    op.create_index("jobs_untold", "jobs", ["told_at"])
    op.create_table(
        "notifications",
        sa.Column("id", COUNTER, primary_key=True),
        sa.Column("company_id", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", INSTANT),
        sa.Column("sent_at", INSTANT),
        sa.Column("problem", sa.String),
        sa.UniqueConstraint("company_id", "channel", "about"),
        sa.Index("notifications_due", "next_at"),
    )
