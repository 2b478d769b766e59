"""The page where people look after their own password, second factor and sessions.

Whatever changes one of them asks for the password again, and for a code where there is a second factor. It counts as a sign-in: one that fails
is counted, one that succeeds makes a new session.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from pleo_export.service.page.access import passwords, second_factor, sessions
from pleo_export.service.page.access.errors import (
    AccessError,
    CrossSiteError,
    NotSignedInError,
    RefusedSignInError,
    SignInAgainError,
    TooManyTriesError,
    WeakPasswordError,
    WrongCodeError,
)
from pleo_export.service.page.access.guard import SECOND_FACTOR, Known, Visitor
from pleo_export.service.page.access.refusing import refusing
from pleo_export.service.page.access.signing_in import Proven, sign_in
from pleo_export.service.page.access.tokens import csrf_of, hashed
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import HEADERS, render
from pleo_export.store.proofs import Proof
from pleo_export.store.second_factors import KIND
from pleo_export.vault.errors import DamagedSecretError, VaultError

ACCOUNT = "/account"
AGAIN_WITHIN = timedelta(minutes=5)
OFFER = "second-factor-offer"

Field = Annotated[str, Form()]


class NothingChosenError(AccessError):
    """No session was chosen, or it has ended already."""

    status = 422

    def __init__(self) -> None:
        super().__init__("Choose the sessions that you want to end.")


async def _refused(request: Request, refusal: Exception) -> Response:
    return await _shown(request, request.app.state.page, request.state.visitor, refusal)


router = APIRouter(
    prefix=ACCOUNT,
    max_body_size=FORM_BYTES_MAX,
    route_class=refusing(
        _refused,
        NothingChosenError,
        RefusedSignInError,
        SignInAgainError,
        TooManyTriesError,
        VaultError,
        WeakPasswordError,
    ),
)


@router.get("")
async def account(request: Request, parts: Parts, visitor: Known) -> Response:
    """Show a person's own password, second factor and sessions."""
    return await _shown(request, parts, visitor)


@router.post("/password")
async def change_password(  # noqa: PLR0913, PLR0917 the fields of the form
    request: Request,
    parts: Parts,
    visitor: Known,
    password: Field = "",
    code: Field = "",
    new: Field = "",
    again: Field = "",
) -> Response:
    """Take another password, and end the person's other sessions."""
    if new != again:
        raise WeakPasswordError("The two new passwords are not the same.")
    passwords.require_strong(new, visitor.name)
    proven = await sign_in(parts, request, visitor.name, password, code)
    kept = await passwords.hash_of(new)
    if not await parts.store.people.change_password(proven.user_id, proven.proof, kept):
        raise RefusedSignInError  # what was shown was changed meanwhile
    await parts.store.note_action(visitor.name, None, "changed the password", "other sessions were ended")
    visitor = replace(visitor, strong=visitor.strong or proven.proof.strong)
    proof = proven.proof._replace(password_hash=kept)
    return await _begun_anew(request, parts, visitor, "The password was changed.", proof)


@router.get(SECOND_FACTOR.removeprefix(ACCOUNT))
async def offered(request: Request, parts: Parts, visitor: Known) -> Response:
    """Offer a secret for a second factor to those who sign in with a password and have none."""
    if visitor.has_factor or not visitor.has_password:
        return RedirectResponse(ACCOUNT, 303, headers=HEADERS)
    return _offer(request, parts, visitor, second_factor.new_secret())


@router.post(SECOND_FACTOR.removeprefix(ACCOUNT))
async def confirmed(  # noqa: PLR0913, PLR0917 the fields of the form
    request: Request,
    parts: Parts,
    visitor: Known,
    offer: Field = "",
    password: Field = "",
    code: Field = "",
) -> Response:
    """Let the secret count once a code shows that an app has it, and show the recovery codes this once."""
    secret = _secret_of(parts, visitor, offer)
    try:
        step = second_factor.step_of(secret, code, parts.now())
        if step is None:
            raise WrongCodeError  # noqa: TRY301 told as the others
        proven = await sign_in(parts, request, visitor.name, password, "")
        codes = await _kept(parts, proven, secret, step)
    except (WrongCodeError, RefusedSignInError, TooManyTriesError) as refusal:
        return _offer(request, parts, visitor, secret, refusal)
    await parts.store.note_action(visitor.name, None, "set up a second factor", "other sessions were ended")
    visitor = replace(visitor, strong=True, has_factor=True)
    _, token = await _begin(request, parts, visitor, proven.proof._replace(strong=True), parts.now())
    answer = render(request, "recovery_codes.html", codes=codes)
    sessions.give(answer, token)
    return answer


async def _kept(parts: PageParts, proven: Proven, secret: str, step: int) -> Sequence[str]:
    """Keep a second factor and return its recovery codes. Raises RefusedSignInError."""
    sealed = parts.companies.sealed(proven.user_id, KIND, secret)
    codes = second_factor.new_recovery_codes()
    kept = [second_factor.kept_of(one) for one in codes]
    factors = parts.store.second_factors
    if not await factors.keep(proven.user_id, proven.proof, sealed, step, kept, parts.now()):
        raise RefusedSignInError  # what was shown was changed meanwhile
    return codes


@router.post("/second-factor/remove")
async def remove(
    request: Request, parts: Parts, visitor: Known, password: Field = "", code: Field = ""
) -> Response:
    """Forget the second factor, so that none is asked for or another one is set up."""
    proven = await sign_in(parts, request, visitor.name, password, code)
    if not await parts.store.second_factors.remove(proven.user_id, proven.proof):
        raise RefusedSignInError  # what was shown was changed meanwhile
    await parts.store.note_action(
        visitor.name, None, "removed the second factor", "other sessions were ended"
    )
    visitor = replace(visitor, strong=False, has_factor=False)
    proof = proven.proof._replace(strong=False)
    return await _begun_anew(request, parts, visitor, "The second factor was removed.", proof)


@router.post("/sessions")
async def end_sessions(  # noqa: PLR0913, PLR0917 the fields of the form
    request: Request,
    parts: Parts,
    visitor: Known,
    session: Annotated[list[str] | None, Form()] = None,
    which: Field = "",
    password: Field = "",
    code: Field = "",
) -> Response:
    """End the sessions that were chosen, or all but this one."""
    others = [one.token_hash for one in await sessions.open_of(parts, visitor.user_id)]
    chosen = {*(others if which == "others" else session or [])} - {visitor.session}
    if not chosen:
        raise NothingChosenError
    proof, proven_at = await _proven_again(request, parts, visitor, password, code)
    ended = await parts.store.people.end_sessions(visitor.user_id, chosen)
    await parts.store.note_action(visitor.name, None, "ended sessions", f"{ended} of their own")
    return await _begun_anew(request, parts, visitor, "The sessions were ended.", proof, proven_at)


async def _proven_again(
    request: Request, parts: PageParts, visitor: Visitor, password: str, code: str
) -> tuple[Proof, datetime]:
    """Let those with a password show it; of others the provider has to have said that it looked at them just now."""
    now = parts.now()
    if visitor.has_password:
        return (await sign_in(parts, request, visitor.name, password, code)).proof, now
    known, proven_at = visitor.known, visitor.proven_at
    if known is None or proven_at is None or now - proven_at > AGAIN_WITHIN:
        raise SignInAgainError
    return known, proven_at


async def _begun_anew(  # noqa: PLR0913, PLR0917 whom, by what right, and what is said
    request: Request,
    parts: PageParts,
    visitor: Visitor,
    done: str,
    proof: Proof,
    proven_at: datetime | None = None,
) -> Response:
    """Show the page to a visitor who has identified again, with what was done."""
    visitor, token = await _begin(request, parts, visitor, proof, proven_at or parts.now())
    answer = await _shown(request, parts, visitor, done=done)
    sessions.give(answer, token)
    return answer


async def _begin(
    request: Request, parts: PageParts, visitor: Visitor, proof: Proof, proven_at: datetime
) -> tuple[Visitor, str]:
    """Return the visitor with a new session, for whoever identifies again gets one, and its token."""
    user_id, strong = visitor.user_id, visitor.strong
    token = await sessions.begin(request, parts, user_id, proof, strong=strong, proven_at=proven_at)
    if token is None:
        raise NotSignedInError
    request.state.visitor = replace(visitor, csrf=csrf_of(token), session=hashed(token))
    return request.state.visitor, token


def _secret_of(parts: PageParts, visitor: Visitor, offer: str) -> str:
    """Return the secret that was offered in this session: nobody brings one along."""
    try:
        return parts.companies.opened(visitor.session, OFFER, b64decode(offer, validate=True))
    except (ValueError, DamagedSecretError) as error:
        raise CrossSiteError from error


def _offer(
    request: Request, parts: PageParts, visitor: Visitor, secret: str, refusal: AccessError | None = None
) -> Response:
    import segno  # noqa: PLC0415 rarely needed

    link = second_factor.link_of(secret, visitor.name)
    code = segno.make(link, error="m", micro=False)
    return render(
        request,
        "second_factor.html",
        refusal.status if refusal else 200,
        offer=b64encode(parts.companies.sealed(visitor.session, OFFER, secret)).decode(),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        link=link,
        drawn=Markup(code.svg_inline(scale=4, dark="#000", light="#fff")),  # noqa: S704 drawn by a library, of no text
        refusal=refusal,
    )


async def _shown(
    request: Request,
    parts: PageParts,
    visitor: Visitor,
    refusal: Exception | None = None,
    done: str | None = None,
) -> Response:
    return render(
        request,
        "account.html",
        refusal.status if isinstance(refusal, AccessError) else 503 if refusal else 200,
        own=await sessions.open_of(parts, visitor.user_id),
        codes_left=await parts.store.second_factors.codes_left(visitor.user_id),
        required=parts.settings.requires_second_factor,
        refusal=refusal,
        done=done,
    )
