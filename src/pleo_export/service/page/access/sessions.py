"""Who is signed in: a token in the browser's cookie, its hash in the store."""

from datetime import datetime, timedelta

from fastapi import Request, Response

from pleo_export.service.page.access.tokens import hashed, new_token
from pleo_export.service.page.parts import PageParts
from pleo_export.store.people import Session

COOKIE = "__Host-session"
IDLE_MAX = timedelta(minutes=30)
SESSION_MAX = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)  # that a session was seen


async def begin(request: Request, response: Response, parts: PageParts, user_id: str) -> bool:
    """Sign a user in with a new token, and end what this browser had; return whether: not one who is disabled."""
    await end(request, parts)
    token = new_token()
    begun = await parts.store.people.begin_session(user_id, hashed(token), parts.now())
    if begun:
        response.set_cookie(COOKIE, token, secure=True, httponly=True, samesite="lax", path="/")
    return begun


async def end(request: Request, parts: PageParts) -> None:
    """Sign out whoever is signed in here."""
    if token := request.cookies.get(COOKIE):
        await parts.store.people.end_session(hashed(token))


async def used(request: Request, parts: PageParts, token: str) -> Session | None:
    """Return the session of this token, None where it has ended; and note that it was used."""
    session, now = await standing(parts, hashed(token)), parts.now()
    if session is not None and not _by_itself(request) and now - session.seen_at >= NOTED_EVERY:
        await parts.store.people.see_session(hashed(token), now)
    return session


async def standing(parts: PageParts, token_hash: str) -> Session | None:
    """Return the session that is still good."""
    session = await parts.store.people.session(token_hash)
    return None if session is None or _is_over(session, parts.now()) else session


def _is_over(session: Session, now: datetime) -> bool:
    return now - session.begun_at >= SESSION_MAX or now - session.seen_at >= IDLE_MAX


def _by_itself(request: Request) -> bool:
    # A page that is left open asks again and again; nobody need sit before it.
    return request.method == "GET" and request.headers.get("hx-request") == "true"
