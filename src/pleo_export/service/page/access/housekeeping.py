"""Forgets what is good for nothing any more."""

from datetime import datetime

from pleo_export.service.page.access.sessions import IDLE_MAX, SESSION_MAX
from pleo_export.service.page.access.signing_in import FAILURES_COUNT_FOR
from pleo_export.store import Store


async def sweep(store: Store, now: datetime) -> None:
    """Forget sessions that are over, sign-ins that count no more, and links that have ended."""
    await store.people.sweep(
        begun=now - SESSION_MAX, seen=now - IDLE_MAX, failed=now - FAILURES_COUNT_FOR, now=now
    )
