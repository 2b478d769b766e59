"""Who may write for a company: whoever took its lease with the largest token. Tokens only grow, over restarts too."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, update

from pleo_export.store.errors import FencedError
from pleo_export.store.tables import insert_if_absent, leases


class Fence(NamedTuple):
    """What a write must still hold when it is committed."""

    company_id: str
    token: int


HELD = {
    "sqlite": "SELECT 1 FROM leases WHERE company_id = ? AND token = ?",
    "postgresql": "SELECT 1 FROM leases WHERE company_id = %s AND token = %s",
}
# Nobody can take the lease between this look and the commit. In SQLite one writes at a time anyway.
KEPT = {**HELD, "postgresql": f"{HELD['postgresql']} FOR SHARE"}


def look(connection: Connection, fence: Fence) -> None:
    """Raise FencedError unless the lease is held with this token now."""
    _require(connection, HELD, fence)


def check(connection: Connection, fence: Fence) -> None:
    """Raise FencedError unless the lease is held with this token, and keep it so until the transaction ends."""
    _require(connection, KEPT, fence)


def _require(connection: Connection, question: Mapping[str, str], fence: Fence) -> None:
    # The driver's own cursor: this stands before every write, and SQLAlchemy would make it cost as much again.
    held = connection.connection.cursor()
    held.execute(question[connection.dialect.name], fence)
    if held.fetchone() is None:
        raise FencedError(fence.company_id, fence.token)


def take(connection: Connection, fence: Fence, holder: str, now: datetime) -> None:
    """Take the company's lease. Raises FencedError unless the token is larger than every one before."""
    facts = {"token": fence.token, "holder": holder, "taken_at": now}
    # The insertion first: it waits for another one that is under way, and the update then sees its token.
    if connection.execute(insert_if_absent(leases), {"company_id": fence.company_id, **facts}).rowcount:
        return
    older = (leases.c.company_id == fence.company_id, leases.c.token < fence.token)
    if not connection.execute(update(leases).where(*older).values(facts)).rowcount:
        raise FencedError(fence.company_id, fence.token)
