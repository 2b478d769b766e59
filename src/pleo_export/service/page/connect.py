"""Connecting a company with Pleo from a button: begun and ended in one browser, and kept only after a yes."""

import asyncio
import logging
from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import Response

from pleo_export.config import SettingsError
from pleo_export.domain.progress import Company
from pleo_export.engine.errors import EngineError
from pleo_export.pleo.errors import ConnectingError, NoCompanyError, PleoError
from pleo_export.service.connecting import CALLBACK, CONNECTING_TIME, Held, StoreKeeper
from pleo_export.service.errors import ConnectError, OAuthNotSetUpError
from pleo_export.service.page.access.guard import Administering, recognise
from pleo_export.service.page.access.tokens import new_token
from pleo_export.service.page.actions import Asked, company_address, gone_to, shown
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import render
from pleo_export.service.web import connected
from pleo_export.store.errors import ContradictionError
from pleo_export.vault.errors import VaultError

COOKIE = "__Host-connecting"
# What keeps a company from being connected, in sentences that may be shown.
TROUBLES = (
    ConnectError,
    ConnectingError,
    ContradictionError,
    NoCompanyError,
    PleoError,
    SettingsError,
    VaultError,
)

log = logging.getLogger(__name__)
router = APIRouter(max_body_size=FORM_BYTES_MAX)


def take_callback(app: FastAPI) -> None:
    """Take those back from Pleo who began here; all others are left to the service's own route."""
    app.add_api_route(CALLBACK, came_back, include_in_schema=False)
    app.router.routes.insert(0, app.router.routes.pop())


async def came_back(request: Request, parts: Parts) -> Response:
    """Take what Pleo sends a person back with. Whoever is signed in is asked on the next page whether it is right."""
    browser = request.cookies.get(COOKIE)
    if browser is None:
        return await connected(request, request.app.state.parts)
    try:
        company_id = await parts.connecting.finish(
            dict(request.query_params), parts.companies.pleo_url, browser
        )
        held = await parts.connecting.held(company_id, browser)
    except TROUBLES as error:
        log.warning("a company was not connected: %s", error)
        await recognise(request, parts)
        refused = Asked(
            title="The company was not connected",
            sentences=(),
            back="/",
            back_to="Companies",
            problem=str(error),
        )
        return shown(request, refused, 400)
    if held is None:
        # Begun on the command line; that it is this browser which comes back says nothing.
        await _fire(parts, company_id)
    return gone_to(f"{company_address(company_id)}/connect" if held else company_address(company_id))


@router.get("/companies/{company_id}/connect")
async def explain(request: Request, parts: Parts, _: Administering, company_id: str) -> Response:
    """Explain how a company is connected, or ask whether the one that was is the right one."""
    company = await parts.store.company(company_id)
    try:
        held = await parts.connecting.held(company_id, request.cookies.get(COOKIE, ""))
        standing, begins = await _standing(parts, company_id)
    except TROUBLES as error:
        return _page(request, company, problem=str(error))
    return _page(request, company, held=held, standing=standing, begins=begins)


@router.post("/companies/{company_id}/connect")
async def begin(request: Request, parts: Parts, visitor: Administering, company_id: str) -> Response:
    """Begin to connect, for this browser only."""
    company, browser = await parts.store.company(company_id), new_token()
    try:
        address = await parts.connecting.begin(company_id, browser)
    except TROUBLES as error:
        return _page(request, company, 409, problem=str(error))
    await parts.store.note_action(visitor.name, company_id, "connect", "begun")
    # A link, not a redirect: where forms may lead to, browsers are told to keep to this site.
    response = _page(request, company, address=address)
    seconds = int(CONNECTING_TIME.total_seconds())
    response.set_cookie(
        COOKIE, browser, max_age=seconds, secure=True, httponly=True, samesite="lax", path="/"
    )
    return response


@router.post("/companies/{company_id}/connect/answer")
async def answer(
    request: Request,
    parts: Parts,
    visitor: Administering,
    company_id: str,
    answer: Annotated[str, Form()] = "",
) -> Response:
    """Keep the connection after a yes; forget it after anything else."""
    company, browser = await parts.store.company(company_id), request.cookies.get(COOKIE, "")
    try:
        if answer == "yes":
            url = await parts.companies.pleo_url(company_id)
            await parts.connecting.keep(company_id, browser, url)
        else:
            await parts.connecting.let_go(company_id, browser)
    except TROUBLES as error:
        return _page(request, company, 409, problem=str(error))
    await parts.store.note_action(
        visitor.name, company_id, "connect", "kept" if answer == "yes" else "not kept"
    )
    if answer == "yes":
        await _fire(parts, company_id)
    response = gone_to(company_address(company_id))
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax", path="/")
    return response


async def _standing(parts: PageParts, company_id: str) -> tuple[str, str | None]:
    """Say how the company is connected now, and what the button is called."""
    if not parts.connecting.is_set_up:
        return str(OAuthNotSetUpError()), None
    pair = await StoreKeeper(parts.store, parts.companies, company_id).load()
    if pair is None:
        return "This company is not connected by OAuth; if it is worked for, then with an API key.", "Connect"
    if pair.broken is not None:
        return "The connection is broken: Pleo accepts none of its tokens any more.", "Reconnect"
    return "This company is connected.", "Connect anew"


async def _fire(parts: PageParts, company_id: str) -> None:
    try:
        await asyncio.to_thread(parts.engine.fire, company_id, "connected")
    except EngineError as error:
        log.warning("company %s is connected, but looked at later: %s", company_id, error)


def _page(  # noqa: PLR0913  what the page may show
    request: Request,
    company: Company,
    status: int = 200,
    *,
    problem: str | None = None,
    address: str | None = None,
    held: Held | None = None,
    standing: str = "",
    begins: str | None = None,
) -> Response:
    return render(
        request,
        "connect.html",
        status,
        company=company,
        back=company_address(company.company_id),
        problem=problem,
        address=address,
        held=held,
        standing=standing,
        begins=begins,
    )
