"""Who a request is from, and what that visitor may do. Every route of the page asks here before anything else happens."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.datastructures import UploadFile

from pleo_export.service.page.access import sessions
from pleo_export.service.page.access.errors import (
    AccessError,
    CrossSiteError,
    InsecureAddressError,
    NotAllowedError,
    NotHereError,
    NotSignedInError,
    SecondFactorNeededError,
)
from pleo_export.service.page.access.origin import (
    our_path,
    page_above,
    require_safe_address,
    require_same_origin,
    split,
)
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import csrf_of, hashed, same
from pleo_export.service.page.parts import PageParts, Parts
from pleo_export.service.page.rendering import HEADERS, render
from pleo_export.store.errors import StoreError, UnknownCompanyError
from pleo_export.store.people import Session
from pleo_export.store.proofs import ProviderProof
from pleo_export.store.tables import EVERY_COMPANY

log = logging.getLogger(__name__)

SIGN_IN = "/sign-in"
SECOND_FACTOR = "/account/second-factor"
_READING = ("GET", "HEAD")
_CALLED = {
    Role.VIEWER: "a viewer",
    Role.OPERATOR: "an operator",
    Role.ADMINISTRATOR: "an administrator",
}


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody who is signed in. `csrf` goes into each form; `session` is the hash of the session's token.

    `known` is how the OpenID provider knows them; `strong` and `proven_at` are how the session was begun (see `Identified`).
    """

    user_id: str
    name: str
    csrf: str = field(repr=False)
    session: str = field(repr=False)
    roles: Mapping[str, Role]
    has_password: bool
    has_factor: bool
    known: ProviderProof | None
    strong: bool
    proven_at: datetime | None

    def role_in(self, company_id: str) -> Role | None:
        """Return the visitor's role in a company: the wider of that for the company and that for all."""
        held = [self.roles[key] for key in (company_id, EVERY_COMPANY) if key in self.roles]
        return max(held, key=list(Role).index, default=None)

    def may(self, role: Role, company_id: str) -> bool:
        """Whether the visitor may do in the company what the role may."""
        own = self.role_in(company_id)
        return own is not None and own.covers(role)

    @property
    def owns(self) -> bool:
        """Whether the visitor administers every company, and so names users."""
        return self.may(Role.ADMINISTRATOR, EVERY_COMPANY)


async def _known(request: Request, parts: Parts) -> Visitor:
    require_safe_address(request, parts.settings)
    token = request.cookies.get(sessions.COOKIE)
    session = await sessions.used(request, parts, token) if token else None
    if token is None or session is None:
        raise NotSignedInError
    visitor = _visitor(session, token)
    request.state.visitor = visitor
    if request.method not in _READING:
        require_same_origin(request, parts.settings)
        if not same(await _sent_token(request), visitor.csrf):
            raise CrossSiteError
    return visitor


# Whoever is signed in, in whatever way: for what concerns nobody else.
Known = Annotated[Visitor, Depends(_known)]


async def recognise(request: Request, parts: PageParts) -> None:
    """Let the page show who is signed in, if somebody is; nobody is kept out."""
    with suppress(AccessError, StoreError):
        await _known(request, parts)


async def _signed_in(parts: Parts, visitor: Known) -> Visitor:
    if parts.settings.requires_second_factor and not visitor.strong:
        raise SecondFactorNeededError
    return visitor


SignedIn = Annotated[Visitor, Depends(_signed_in)]


def _needing(role: Role) -> Callable[..., Awaitable[Visitor]]:
    async def check(company_id: str, visitor: SignedIn, parts: Parts) -> Visitor:
        if visitor.role_in(company_id) is None or not await _is_served(parts, company_id):
            raise NotHereError
        if not visitor.may(role, company_id):
            raise NotAllowedError(_CALLED[role])
        return visitor

    return check


async def _owning(visitor: SignedIn) -> Visitor:
    if not visitor.owns:
        raise NotAllowedError("an administrator of every company")
    return visitor


Viewing = Annotated[Visitor, Depends(_needing(Role.VIEWER))]
Operating = Annotated[Visitor, Depends(_needing(Role.OPERATOR))]
Administering = Annotated[Visitor, Depends(_needing(Role.ADMINISTRATOR))]
Owning = Annotated[Visitor, Depends(_owning)]


async def still_signed_in(parts: PageParts, visitor: Visitor) -> bool:
    """Whether the visitor's session lasts; asking does not make it last longer. For answers that go on and on."""
    return await sessions.standing(parts, visitor.session) is not None


def answer_refusals(app: FastAPI) -> None:
    """Let the application answer those who are not let in."""
    app.add_exception_handler(AccessError, _refused)


def _visitor(session: Session, token: str) -> Visitor:
    user, identified = session.user, session.identified
    known = None
    if user.issuer is not None and user.subject is not None:
        known = ProviderProof(user.issuer, user.subject)
    return Visitor(
        user_id=user.user_id,
        name=user.name,
        csrf=csrf_of(token),
        session=hashed(token),
        roles={company_id: Role(role) for company_id, role in user.roles.items()},
        has_password=user.has_password,
        has_factor=user.has_factor,
        known=known,
        strong=identified.strong,
        proven_at=identified.proven_at,
    )


async def _sent_token(request: Request) -> str:
    if sent := request.headers.get("x-csrf-token"):
        return sent
    sent_field = (await request.form()).get("csrf", "")
    return "" if isinstance(sent_field, UploadFile) else sent_field


async def _is_served(parts: PageParts, company_id: str) -> bool:
    if "\0" in company_id:
        return False  # no database takes it
    try:
        return (await parts.store.company(company_id)).in_service
    except UnknownCompanyError:
        return False


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, AccessError)
    if isinstance(refusal, InsecureAddressError):
        return PlainTextResponse(str(refusal), refusal.status, headers=HEADERS)
    if isinstance(refusal, NotSignedInError):
        return _elsewhere(request, refusal, _sign_in_for(request), "Sign in")
    if isinstance(refusal, SecondFactorNeededError):
        return _elsewhere(request, refusal, SECOND_FACTOR, "Set up a second factor")
    if isinstance(refusal, NotAllowedError | CrossSiteError | NotHereError):
        # Which page, not its address: that may hold what somebody has typed.
        page = getattr(request.scope.get("route"), "path", "?")
        log.warning("%s of %s was refused: %s", request.method, page, type(refusal).__name__)
    return refused(request, refusal.status, str(refusal))


def refused(
    request: Request, status: int, sentence: str, to: str = "/", to_say: str = "Go to the companies"
) -> Response:
    """Return a page that says why something is not shown or done, with a link to what helps."""
    return render(request, "forbidden.html", status, sentence=sentence, status=status, to=to, to_say=to_say)


def _elsewhere(request: Request, refusal: AccessError, to: str, to_say: str) -> Response:
    """Lead to the page that helps; what was to be changed is not."""
    if _is_part(request):
        return PlainTextResponse(str(refusal), refusal.status, headers={**HEADERS, "HX-Redirect": to})
    if request.method in _READING:
        return RedirectResponse(to, 303, headers=HEADERS)
    return refused(request, refusal.status, f"{refusal} Nothing was changed.", to, to_say)


def _is_part(request: Request) -> bool:
    # The part of a page that asks is no place to sign in: the whole page goes there.
    return request.headers.get("hx-request") == "true"


def _sign_in_for(request: Request) -> str:
    shown = split(request.headers.get("hx-current-url", "")) if _is_part(request) else request.url
    wanted = our_path(f"{shown.path}?{shown.query}" if shown.query else shown.path)
    if request.method not in _READING:
        wanted = page_above(request)
    return SIGN_IN if wanted == "/" else f"{SIGN_IN}?next={quote(wanted, safe='/')}"
