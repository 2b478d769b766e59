"""Links that let somebody choose a password: made by an administrator, or by a service that nobody can sign in to yet."""

import sys
from datetime import datetime, timedelta

from pleo_export.service.page.access.tokens import hashed, new_token
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store

WELCOME = "/welcome"
INVITATION_TIME = timedelta(days=1)
FIRST_TIME = timedelta(hours=1)


def address_of(settings: ServiceSettings, port: int | None = None) -> str:
    """Return where a person reaches the page; `port` is where it listens, unless it is that of the settings."""
    if settings.public_url is not None:
        return settings.public_url.rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 is not listened on
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{port or settings.port}"


async def invite(store: Store, settings: ServiceSettings, name: str, now: datetime) -> str:
    """Return a new link for a user; the one before is good no more. Raises UnknownUserError, DisabledUserError."""
    token = new_token()
    await store.people.invite(name, hashed(token), now + INVITATION_TIME)
    return f"{address_of(settings)}{WELCOME}/{token}"


async def welcome_first(store: Store, settings: ServiceSettings, now: datetime, port: int) -> None:
    """Where nobody can sign in, write a link for the first administrator to the console that runs the service."""
    if await store.people.anybody():
        return
    token = new_token()
    await store.people.invite(None, hashed(token), now + FIRST_TIME)
    # Not to the log, which takes secrets out and may be read by many.
    sys.stderr.write(
        "Nobody can sign in yet. Whoever opens this link within an hour becomes the first administrator:\n"
        f"{address_of(settings, port)}{WELCOME}/{token}\n"
    )
    sys.stderr.flush()
