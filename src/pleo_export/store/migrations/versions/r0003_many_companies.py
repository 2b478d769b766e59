"""Remember companies that are in service, who works for them, the webhooks received, and secrets.

Companies that were only seen before stay as they are: none of them is in service until it is added.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and the tables."""
    instant = sa.DateTime(timezone=True)
    for name in ("name", "settings", "folder", "trouble"):
        op.add_column("companies", sa.Column(name, sa.String))
    for name in ("added_at", "paused_at", "trouble_since"):
        op.add_column("companies", sa.Column(name, instant))
    op.create_table(
        "leases",
        sa.Column("company_id", sa.String, primary_key=True),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("taken_at", instant, nullable=False),
    )
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.String, primary_key=True),
        sa.Column("event_id", sa.String),
        sa.Column("received_at", instant, nullable=False),
    )
    op.create_table(
        "secrets",
        sa.Column("company_id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
    )
