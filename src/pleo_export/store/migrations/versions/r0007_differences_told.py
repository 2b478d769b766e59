"""Remember which differences people were told of. Of those that stand there already nobody is told anew."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("differences", sa.Column("told_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE differences SET told_at = found_at")
