"""Remember the cause of a failure by its code, what a bookkeeper should know of a recorded item, and which jobs follow a plan.

Items that were rejected before keep their type and reason, and have no code.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("jobs", sa.Column("planned", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("items", sa.Column("failure_code", sa.String))
    op.add_column("items", sa.Column("note", sa.String))
