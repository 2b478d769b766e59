"""Which webhooks were received, as statements."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from pleo_export.store.tables import insert_if_absent, webhooks


def see(connection: Connection, event_ids: Mapping[str, str | None], now: datetime) -> None:
    """Remember webhooks by their ids, with those of their events; the first time counts."""
    # In one order: two processes that remember the same ones never wait for each other.
    rows = [
        {"webhook_id": webhook_id, "event_id": event_id, "received_at": now}
        for webhook_id, event_id in sorted(event_ids.items())
    ]
    connection.execute(insert_if_absent(webhooks), rows)


def seen(connection: Connection, webhook_ids: Collection[str]) -> set[str]:
    """Return which of the webhooks are remembered."""
    these = webhooks.c.webhook_id.in_(webhook_ids)
    return set(connection.execute(select(webhooks.c.webhook_id).where(these)).scalars())


def forget(connection: Connection, before: datetime) -> int:
    """Forget what was received before; return how many."""
    return connection.execute(delete(webhooks).where(webhooks.c.received_at < before)).rowcount
