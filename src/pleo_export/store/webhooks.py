"""Which webhooks were received, as statements."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from pleo_export.store.tables import insert_if_absent, webhooks


def see(connection: Connection, webhook_id: str, event_id: str | None, now: datetime) -> None:
    """Remember the webhook; the first time counts."""
    row = {"webhook_id": webhook_id, "event_id": event_id, "received_at": now}
    connection.execute(insert_if_absent(webhooks), row)


def seen(connection: Connection, webhook_id: str) -> bool:
    """Return whether the webhook is remembered."""
    return (
        connection.execute(select(webhooks.c.webhook_id).filter_by(webhook_id=webhook_id)).first() is not None
    )


def forget(connection: Connection, before: datetime) -> int:
    """Forget what was received before; return how many."""
    return connection.execute(delete(webhooks).where(webhooks.c.received_at < before)).rowcount
