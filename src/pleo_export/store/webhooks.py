"""Which webhooks were received, as statements."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select

from pleo_export.store.tables import insert_if_absent, webhooks


def see(connection: Connection, webhook_id: str, event_id: str | None, now: datetime) -> None:
    """Remember the webhook; the first time counts."""
    row = {"webhook_id": webhook_id, "event_id": event_id, "received_at": now}
    connection.execute(insert_if_absent(webhooks), row)


def seen(connection: Connection, webhook_ids: Collection[str]) -> set[str]:
    """Return which of the webhooks are remembered."""
    these = webhooks.c.webhook_id.in_(webhook_ids)
    return set(connection.execute(select(webhooks.c.webhook_id).where(these)).scalars())


def forget(connection: Connection, before: datetime) -> int:
    """Forget what was received before; return how many."""
    return connection.execute(delete(webhooks).where(webhooks.c.received_at < before)).rowcount
