"""Who is signed in: a token in the browser's cookie, its hash in the store."""

from datetime import datetime, timedelta

from fastapi import Request, Response

from pleo_export.service.page.access.tokens import hashed, new_token
from pleo_export.service.page.parts import PageParts
from pleo_export.store.people import Identified, OwnSession, Session
from pleo_export.store.proofs import Proof

COOKIE = "__Host-session"
IDLE_MAX = timedelta(minutes=30)
SESSION_MAX = timedelta(hours=12)
NOTED_EVERY = timedelta(minutes=1)  # that a session was seen
# By what is in the text that a browser sends of itself; the first that is there, for many name others too.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


async def begin(  # noqa: PLR0913 whom, how and where
    request: Request,
    parts: PageParts,
    user_id: str,
    proof: Proof,
    *,
    strong: bool,
    proven_at: datetime | None,
) -> str | None:
    """Sign a user in and end what this browser had; return the new token for `give`.

    None for one who is disabled, or where what was shown, the `proof`, stands no more. `strong`: by more than a password.
    `proven_at` is when the user showed it, as far as that is known.
    """
    await end(request, parts)
    token = new_token()
    browser = _called(request.headers.get("user-agent", ""))
    identified = Identified(strong, proven_at, address_of(request), browser)
    begun = await parts.store.people.begin_session(user_id, hashed(token), parts.now(), identified, proof)
    return token if begun else None


def give(response: Response, token: str) -> None:
    """Let the browser keep the token."""
    response.set_cookie(COOKIE, token, secure=True, httponly=True, samesite="lax", path="/")


async def open_of(parts: PageParts, user_id: str) -> list[OwnSession]:
    """Return a user's sessions that are still good."""
    now = parts.now()
    return await parts.store.people.sessions_of(user_id, begun=now - SESSION_MAX, seen=now - IDLE_MAX)


def address_of(request: Request) -> str:
    """Return where a request comes from."""
    return request.client.host if request.client else ""


def _called(user_agent: str) -> str:
    browser = next((name for sign, name in BROWSERS.items() if sign in user_agent), "another browser")
    system = next((f" on {name}" for sign, name in SYSTEMS.items() if sign in user_agent), "")
    return browser + system


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
    # A page that is left open asks again and again, and listens anew; nobody need sit before it.
    asks, listens = request.headers.get("hx-request"), request.headers.get("accept")
    return request.method == "GET" and (asks == "true" or listens == "text/event-stream")
