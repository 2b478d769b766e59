"""The two ways through the OpenID provider: out to it, and back with what it says."""

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Cookie, Depends, Request, Response
from fastapi.responses import RedirectResponse

from pleo_export.service.page.access.doors import door, let_in
from pleo_export.service.page.access.errors import NotHereError, RefusedSignInError
from pleo_export.service.page.access.guard import SIGN_IN
from pleo_export.service.page.access.origin import our_path
from pleo_export.service.page.access.provider import (
    BadIdTokenError,
    Beginning,
    OtherAccountError,
    Person,
    Provider,
    ProviderRefusedError,
    UnknownPersonError,
)
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import HEADERS
from pleo_export.store.errors import UnknownUserError
from pleo_export.store.people import User
from pleo_export.store.proofs import ProviderProof

COOKIE = "__Host-signing-in"
BEGUN_TIME = timedelta(minutes=10)

log = logging.getLogger(__name__)

router = APIRouter(prefix=SIGN_IN, dependencies=[Depends(door)], max_body_size=FORM_BYTES_MAX)


def provider_of(parts: PageParts) -> Provider | None:
    """Return the provider that was configured, None where there is none."""
    settings = parts.settings
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    shown = None if secret is None else secret.get_secret_value()
    return Provider(settings.oidc_issuer, settings.oidc_client_id, shown, parts.now)


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotHereError
    return provider


Configured = Annotated[Provider, Depends(_provider)]


@router.get("/provider")
async def out(
    request: Request,
    parts: Parts,
    provider: Configured,
    next: str = "/",  # noqa: A002 its name in the address
    again: bool = False,  # noqa: FBT001, FBT002 of the address
) -> Response:
    """Send a person to the provider; with `again` it asks also whom it knows already."""
    address, begun = await provider.begin(_redirect_uri(request, parts), our_path(next), again=again)
    answer = RedirectResponse(address, 303, headers=HEADERS)
    kept = urlsafe_b64encode(msgspec.json.encode(begun)).decode()
    age = int(BEGUN_TIME.total_seconds())
    answer.set_cookie(COOKIE, kept, max_age=age, secure=True, httponly=True, samesite="lax", path="/")
    return answer


@router.get("/callback")
async def back(
    request: Request,
    parts: Parts,
    provider: Configured,
    kept: Annotated[str, Cookie(alias=COOKIE)] = "",
) -> Response:
    """Sign in whom the provider vouches for."""
    begun = _begun(kept)
    try:
        person = await provider.finish(request.query_params, begun, _redirect_uri(request, parts))
    except BadIdTokenError as error:
        log.warning("an ID token was refused: %s", error.detail)
        raise
    user = await _user(parts, person)
    try:
        # How strongly the provider asks is for the provider to be told; see docs/explanation/security.md.
        proof = ProviderProof(person.issuer, person.subject)
        to = begun.to if begun else "/"
        answer = await let_in(request, parts, (user.user_id, user.name), to, proof, person.proven_at)
    except RefusedSignInError as error:
        raise ProviderRefusedError from error
    answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    return answer


async def _user(parts: PageParts, person: Person) -> User:
    """Return the user whom the provider knows, or whom an administrator added by the e-mail address it has verified."""
    people = parts.store.people
    known = await people.known_to(person.issuer, person.subject)
    if known is not None:
        return known
    try:
        named = await people.named((person.email or "").lower())
    except UnknownUserError as error:
        raise UnknownPersonError from error
    if await people.identify(named.user_id, person.issuer, person.subject):
        return named
    raise UnknownPersonError if named.disabled_at else OtherAccountError


def _begun(kept: str) -> Beginning | None:
    try:
        return msgspec.json.decode(urlsafe_b64decode(kept), type=Beginning)
    except ValueError:  # of either decoder
        return None


def _redirect_uri(request: Request, parts: PageParts) -> str:
    # Without a public address the page is seen on this machine only.
    public = parts.settings.public_url
    base = public.rstrip("/") if public else f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}{SIGN_IN}/callback"
