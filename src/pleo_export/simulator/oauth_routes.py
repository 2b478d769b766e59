"""The calls of the authorisation server, which the real Pleo serves from a host of its own."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pleo_export.simulator.answers import Declared, reply
from pleo_export.simulator.auth import TheWorld, basic_pair
from pleo_export.simulator.consent import ConsentRequest, chosen, page
from pleo_export.simulator.credentials import Client
from pleo_export.simulator.errors import CompanyNotFoundError
from pleo_export.simulator.forms import described, read_form
from pleo_export.simulator.oauth import Grant
from pleo_export.simulator.oauth_errors import (
    ConsentError,
    InvalidClientError,
    InvalidRequestError,
    UnsupportedGrantError,
)
from pleo_export.simulator.vocabulary import JsonObject
from pleo_export.simulator.world import World

router = APIRouter(prefix="/oauth", tags=["OAuth"])


class OAuthProblem(BaseModel):
    """What the authorisation server says in place of the error envelope."""

    error: str
    error_description: str | None = None


class Tokens(BaseModel):
    """`expires_in` is the life of the access token in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str
    scope: str


_BAD_REQUEST: Declared = {400: {"model": OAuthProblem}}
_PROBLEMS: Declared = _BAD_REQUEST | {401: {"model": OAuthProblem}}
_CONSENT: Declared = _BAD_REQUEST | {
    200: {"description": "The page for the user.", "content": {"text/html": {}}},
    302: {"description": "To the client, with `code` or `error`."},
}
_TEXT: JsonObject = {"type": "string"}
_TOKEN_BODY = described(
    {
        "grant_type": {"enum": ["authorization_code", "refresh_token"]},
        **dict.fromkeys(
            ("code", "redirect_uri", "code_verifier", "refresh_token", "client_id", "client_secret"), _TEXT
        ),
    },
    required=["grant_type"],
)
_INTROSPECTION_BODY = described({"token": _TEXT, "token_type_hint": _TEXT}, required=["token"])
_CONSENT_BODY = described({"decision": _TEXT, "company_id": _TEXT}, required=["decision"])


@router.get("/authorize", response_class=Response, responses=_CONSENT)
async def ask_for_consent(world: TheWorld, wanted: Annotated[ConsentRequest, Query()]) -> Response:
    """Show the user what a client asks for, or let the settings answer in the user's place."""
    settings = world.consent
    if settings.decision != "ask":
        return _decide(
            world, wanted, {"decision": settings.decision, "company_id": settings.company_id or ""}
        )
    client, way_back = wanted.asker(world.oauth.client(wanted.client_id))
    try:
        wanted.scopes(client)
    except ConsentError as problem:
        return RedirectResponse(wanted.refused(way_back, problem), 302)
    return HTMLResponse(page(client, wanted, world.companies()))


@router.post(
    "/authorize",
    status_code=302,
    response_class=Response,
    responses=_BAD_REQUEST,
    openapi_extra=_CONSENT_BODY,
)
async def answer_consent(
    request: Request, world: TheWorld, wanted: Annotated[ConsentRequest, Query()]
) -> Response:
    """Take the user's answer: a button on the page was pressed."""
    return _decide(world, wanted, await read_form(request))


def _decide(world: World, wanted: ConsentRequest, form: dict[str, str]) -> Response:
    client, way_back = wanted.asker(world.oauth.client(wanted.client_id))
    try:
        scopes = wanted.scopes(client)
        company = world.company(chosen(form))
    except ConsentError as problem:
        return RedirectResponse(wanted.refused(way_back, problem), 302)
    except CompanyNotFoundError as error:
        raise InvalidRequestError(error.message) from error
    code = world.oauth.allow(
        client, company, scopes, redirect_uri=way_back, challenge=wanted.code_challenge or ""
    )
    world.installations.appear(client, company)
    return RedirectResponse(wanted.answered(way_back, code=code), 302)


@router.post("/token", response_model=Tokens, responses=_PROBLEMS, openapi_extra=_TOKEN_BODY)
async def hand_out_tokens(request: Request, world: TheWorld) -> Response:
    """Exchange a code or a refresh token; the client shows its secret as Basic credentials or in the form."""
    form = await read_form(request)
    client = _client(request, world, form)
    grant = _grant(world, client, form)
    request.state.company_id = grant.company.id
    answer = reply(_tokens(world, grant))
    answer.headers["cache-control"] = "no-store"
    settings = world.oauth.settings
    lost, settings.lose_answers = settings.lose_answers > 0, max(0, settings.lose_answers - 1)
    await asyncio.sleep(settings.latency_seconds)
    if lost:
        request.state.cut()
    return answer


def _client(request: Request, world: World, form: dict[str, str]) -> Client:
    if "authorization" in request.headers:
        return _client_with_basic(request, world)
    return world.oauth.authenticate(form.get("client_id", ""), form.get("client_secret", ""))


def _client_with_basic(request: Request, world: World) -> Client:
    pair = basic_pair(request.headers.get("authorization", ""))
    if pair is None:
        raise InvalidClientError
    return world.oauth.authenticate(*pair)


def _grant(world: World, client: Client, form: dict[str, str]) -> Grant:
    match form.get("grant_type"):
        case "authorization_code":
            code, redirect_uri, verifier = _needed(form, "code", "redirect_uri", "code_verifier")
            return world.oauth.exchange(client, code, redirect_uri, verifier)
        case "refresh_token":
            (token,) = _needed(form, "refresh_token")
            return world.oauth.refresh(client, token)
        case _:
            raise UnsupportedGrantError


def _needed(form: dict[str, str], *names: str) -> list[str]:
    if missing := [name for name in names if not form.get(name)]:
        raise InvalidRequestError(f"{missing[0]} is missing.")
    return [form[name] for name in names]


def _tokens(world: World, grant: Grant) -> JsonObject:
    assert grant.access is not None
    assert grant.refresh is not None
    return {
        "access_token": grant.access.text,
        "refresh_token": grant.refresh.text,
        "expires_in": world.oauth.settings.access_token_seconds,
        "token_type": "Bearer",
        "scope": " ".join(sorted(grant.scopes)),
    }


@router.post("/token/introspect", responses=_PROBLEMS, openapi_extra=_INTROSPECTION_BODY)
async def introspect_token(request: Request, world: TheWorld) -> JsonObject:
    """Tell the client that obtained a token whether it works, and whom it acts for."""
    client = _client_with_basic(request, world)
    (token,) = _needed(await read_form(request), "token")
    told = world.oauth.describe(client, token)
    return told | {"aud": str(request.base_url).rstrip("/")} if told["active"] else told
