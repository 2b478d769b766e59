"""Remember second factors, and of each session how and from where it was begun. Everybody signs in anew."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column and the tables; of sessions nobody knows how they were begun."""
    instant = sa.DateTime(timezone=True)
    op.add_column("users", sa.Column("factor_step", sa.BigInteger))
    op.drop_table("sessions")
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String, primary_key=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.user_id"), nullable=False),
        sa.Column("begun_at", instant, nullable=False),
        sa.Column("seen_at", instant, nullable=False),
        sa.Column("strong", sa.Boolean, nullable=False),
        sa.Column("proven_at", instant),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("browser", sa.String, nullable=False),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.String, primary_key=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.user_id"), nullable=False),
    )
