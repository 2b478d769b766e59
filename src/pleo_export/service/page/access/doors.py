"""The pages where people sign in and out, and choose their passwords."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from pleo_export.service.page.access import passwords, sessions
from pleo_export.service.page.access.errors import (
    AccessError,
    LinkGoneError,
    RefusedSignInError,
    TooManyTriesError,
    WeakPasswordError,
)
from pleo_export.service.page.access.guard import SIGN_IN, SignedIn
from pleo_export.service.page.access.invitations import WELCOME
from pleo_export.service.page.access.origin import our_path, require_safe_address, require_same_origin
from pleo_export.service.page.access.signing_in import sign_in
from pleo_export.service.page.access.tokens import hashed
from pleo_export.service.page.parts import PageParts, Parts
from pleo_export.service.page.rendering import HEADERS, render
from pleo_export.store.errors import InvitationGoneError, UserExistsError
from pleo_export.store.people import Invitation

log = logging.getLogger(__name__)

Field = Annotated[str, Form()]


async def door(request: Request, parts: Parts) -> None:
    """Look at what nobody need be signed in for: where it is shown, and where its forms come from."""
    require_safe_address(request, parts.settings)
    if request.method == "POST":
        require_same_origin(request, parts.settings, said=True)


router = APIRouter(dependencies=[Depends(door)])


async def let_in(request: Request, parts: PageParts, user_id: str, name: str, to: str) -> Response:
    """Sign a user in and go on. Raises RefusedSignInError where the user was disabled meanwhile."""
    answer = RedirectResponse(our_path(to), 303, headers=HEADERS)
    if not await sessions.begin(request, answer, parts, user_id):
        raise RefusedSignInError
    await parts.store.note_action(name, None, "signed in")
    return answer


@router.get(SIGN_IN)
async def shown_door(request: Request, next: str = "/") -> Response:  # noqa: A002 its name in the address
    """Ask for name and password."""
    return _door(request, our_path(next))


@router.post(SIGN_IN)
async def opened_door(
    request: Request,
    parts: Parts,
    name: Field = "",
    password: Field = "",
    next: Field = "/",  # noqa: A002 its name in the form
) -> Response:
    """Take name and password."""
    address = request.client.host if request.client else ""
    try:
        user_id, name = await sign_in(parts, name, password, address)
        return await let_in(request, parts, user_id, name, next)
    except (RefusedSignInError, TooManyTriesError) as refusal:
        log.warning("a sign-in from %s was refused: %s", address, type(refusal).__name__)
        return _door(request, our_path(next), refusal)


def _door(request: Request, to: str, refusal: AccessError | None = None) -> Response:
    provider = request.app.state.provider is not None
    status = 200 if refusal is None else refusal.status
    answer = render(request, "sign_in.html", status, next=to, provider=provider, refusal=refusal)
    if isinstance(refusal, TooManyTriesError):
        answer.headers["Retry-After"] = str(refusal.seconds)
    return answer


@router.post("/sign-out")
async def signed_out(request: Request, parts: Parts, visitor: SignedIn) -> Response:
    """End the session."""
    await sessions.end(request, parts)
    await parts.store.note_action(visitor.name, None, "signed out")
    answer = RedirectResponse(SIGN_IN, 303, headers=HEADERS)
    answer.delete_cookie(sessions.COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    return answer


@router.get(WELCOME + "/{token}")
async def welcome(request: Request, parts: Parts, token: str) -> Response:
    """Ask a new user for a password, the first administrator for a name too."""
    return _welcome(request, await _invitation(parts, token))


@router.post(WELCOME + "/{token}")
async def welcomed(  # noqa: PLR0913, PLR0917 the fields of the form
    request: Request, parts: Parts, token: str, name: Field = "", password: Field = "", again: Field = ""
) -> Response:
    """Take the password, and sign the user in."""
    invitation = await _invitation(parts, token)
    try:
        name = invitation.user.name if invitation.user else passwords.read_name(name)
        passwords.require_strong(password, name)
        if password != again:
            raise WeakPasswordError("The two passwords are not the same.")  # noqa: TRY301 told as the others
        user_id = await _accepted(parts, token, name, password)
    except (WeakPasswordError, UserExistsError) as refusal:
        return _welcome(request, invitation, str(refusal))
    await parts.store.note_action(name, None, "chose a password", "by a welcome link")
    return await let_in(request, parts, user_id, name, "/")


async def _accepted(parts: PageParts, token: str, name: str, password: str) -> str:
    kept = await passwords.hash_of(password)
    try:
        return await parts.store.people.accept(hashed(token), kept, parts.now(), name)
    except InvitationGoneError as error:
        raise LinkGoneError from error


async def _invitation(parts: PageParts, token: str) -> Invitation:
    invitation = await parts.store.people.invitation(hashed(token), parts.now())
    if invitation is None:
        raise LinkGoneError
    return invitation


def _welcome(request: Request, invitation: Invitation, refusal: str | None = None) -> Response:
    name = invitation.user.name if invitation.user else None
    return render(request, "welcome.html", 422 if refusal else 200, name=name, refusal=refusal)
