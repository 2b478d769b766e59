"""Remember where Pleo, our memory and the accounting system differ, and of which jobs our memory may be older than they are."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns and the table."""
    instant = sa.DateTime(timezone=True)
    op.add_column("jobs", sa.Column("doubt", sa.String))
    op.add_column("jobs", sa.Column("reconciled_at", instant))
    op.create_table(
        "differences",
        sa.Column("company_id", sa.String, primary_key=True),
        sa.Column("job_id", sa.String, primary_key=True),
        sa.Column("accounting_entry_id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("sentence", sa.String, nullable=False),
        sa.Column("remedy", sa.String, nullable=False),
        sa.Column("found_at", instant, nullable=False),
    )
