"""Remember the cause of a failure by its code, and what a bookkeeper should know about a recorded item.

Items that were rejected before keep their type and reason, and have no code.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add both columns."""
    op.add_column("items", sa.Column("failure_code", sa.String))
    op.add_column("items", sa.Column("note", sa.String))
