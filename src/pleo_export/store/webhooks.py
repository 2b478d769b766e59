"""Which webhooks were received, as statements."""

from datetime import datetime

from sqlalchemy import Connection, delete

from pleo_export.store.tables import insert_if_absent, webhooks


def see(connection: Connection, webhook_id: str, event_id: str | None, now: datetime) -> bool:
    """Remember the webhook; return whether it is the first time."""
    row = {"webhook_id": webhook_id, "event_id": event_id, "received_at": now}
    return bool(connection.execute(insert_if_absent(webhooks), row).rowcount)


def forget(connection: Connection, before: datetime) -> int:
    """Forget what was received before; return how many."""
    return connection.execute(delete(webhooks).where(webhooks.c.received_at < before)).rowcount
