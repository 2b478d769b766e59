"""The pages where people sign in and out, and choose their passwords."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from pleo_export.service.page.access import passwords, second_factor, sessions
from pleo_export.service.page.access.errors import (
    AccessError,
    LinkGoneError,
    RefusedSignInError,
    TooManyTriesError,
    WeakPasswordError,
    WrongCodeError,
)
from pleo_export.service.page.access.guard import SIGN_IN, Known
from pleo_export.service.page.access.invitations import WELCOME
from pleo_export.service.page.access.origin import our_path, require_safe_address, require_same_origin
from pleo_export.service.page.access.signing_in import counted, sign_in
from pleo_export.service.page.access.tokens import hashed
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import HEADERS, render
from pleo_export.store.errors import InvitationGoneError, UserExistsError
from pleo_export.store.people import Invitation
from pleo_export.store.proofs import PasswordProof, Proof

Field = Annotated[str, Form()]


async def door(request: Request, parts: Parts) -> None:
    """Look at what nobody need be signed in for: where it is shown, and where its forms come from."""
    require_safe_address(request, parts.settings)
    if request.method == "POST":
        require_same_origin(request, parts.settings, said=True)


router = APIRouter(dependencies=[Depends(door)], max_body_size=FORM_BYTES_MAX)


async def let_in(  # noqa: PLR0913, PLR0917 whom, how and where
    request: Request,
    parts: PageParts,
    user: tuple[str, str],
    to: str,
    proof: Proof,
    proven_at: datetime | None,
) -> Response:
    """Sign a user, by id and name, in and go on.

    Raises RefusedSignInError where the user was disabled meanwhile, or what was shown stands no more.
    """
    user_id, name = user
    token = await sessions.begin(request, parts, user_id, proof, strong=proof.strong, proven_at=proven_at)
    if token is None:
        raise RefusedSignInError
    await parts.store.note_action(name, None, "signed in")
    answer = RedirectResponse(our_path(to), 303, headers=HEADERS)
    sessions.give(answer, token)
    return answer


@router.get(SIGN_IN)
async def shown_door(request: Request, next: str = "/") -> Response:  # noqa: A002 its name in the address
    """Ask for name and password."""
    return _door(request, our_path(next))


@router.post(SIGN_IN)
async def opened_door(  # noqa: PLR0913, PLR0917 the fields of the form
    request: Request,
    parts: Parts,
    name: Field = "",
    password: Field = "",
    code: Field = "",
    next: Field = "/",  # noqa: A002 its name in the form
) -> Response:
    """Take name and password, and the code of whoever has a second factor."""
    try:
        proven = await sign_in(parts, request, name, password, code)
        user = (proven.user_id, proven.name)
        return await let_in(request, parts, user, next, proven.proof, parts.now())
    except (RefusedSignInError, TooManyTriesError) as refusal:
        return _door(request, our_path(next), refusal)


def _door(request: Request, to: str, refusal: AccessError | None = None) -> Response:
    provider = request.app.state.provider is not None
    status = 200 if refusal is None else refusal.status
    answer = render(request, "sign_in.html", status, next=to, provider=provider, refusal=refusal)
    if isinstance(refusal, TooManyTriesError):
        answer.headers["Retry-After"] = str(refusal.seconds)
    return answer


@router.post("/sign-out")
async def signed_out(request: Request, parts: Parts, visitor: Known) -> Response:
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
    request: Request,
    parts: Parts,
    token: str,
    name: Field = "",
    password: Field = "",
    again: Field = "",
    code: Field = "",
) -> Response:
    """Take the password, and sign the user in. A link takes the place of a lost password, never of a second factor."""
    invitation = await _invitation(parts, token)
    try:
        name = invitation.user.name if invitation.user else passwords.read_name(name)
        passwords.require_strong(password, name)
        if password != again:
            raise WeakPasswordError("The two passwords are not the same.")  # noqa: TRY301 told as the others
        strong = await _identified(parts, request, invitation, code)
        user_id, kept = await _accepted(parts, token, name, password)
    except (WeakPasswordError, UserExistsError, WrongCodeError, TooManyTriesError) as refusal:
        return _welcome(request, invitation, refusal)
    await parts.store.note_action(name, None, "chose a password", "by a welcome link")
    return await let_in(request, parts, (user_id, name), "/", PasswordProof(kept, strong), parts.now())


async def _identified(parts: PageParts, request: Request, invitation: Invitation, code: str) -> bool:
    user = invitation.user
    if user is None or not user.has_factor:
        return False
    async with counted(parts, request, user.name):
        return await second_factor.identify(parts, user.user_id, user.name, code)


async def _accepted(parts: PageParts, token: str, name: str, password: str) -> tuple[str, str]:
    kept = await passwords.hash_of(password)
    try:
        return await parts.store.people.accept(hashed(token), kept, parts.now(), name), kept
    except InvitationGoneError as error:
        raise LinkGoneError from error


async def _invitation(parts: PageParts, token: str) -> Invitation:
    invitation = await parts.store.people.invitation(hashed(token), parts.now())
    if invitation is None:
        raise LinkGoneError
    return invitation


def _welcome(request: Request, invitation: Invitation, refusal: Exception | None = None) -> Response:
    status = refusal.status if isinstance(refusal, AccessError) else 422 if refusal else 200
    return render(request, "welcome.html", status, user=invitation.user, refusal=refusal)
