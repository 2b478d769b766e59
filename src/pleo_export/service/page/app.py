"""Puts the page together."""

from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from pleo_export.service.page import actions, connect, diagnostics, live
from pleo_export.service.page.access.app import add_access
from pleo_export.service.page.access.errors import NotHereError
from pleo_export.service.page.access.guard import recognise, refused
from pleo_export.service.page.access.origin import page_above
from pleo_export.service.page.parts import PageParts
from pleo_export.service.page.rendering import ASSETS_AT, Edge
from pleo_export.service.page.views import add_views
from pleo_export.service.web import OURS, serve

ASSETS = Path(__file__).with_name("assets")
# What programs ask; people ask for the rest.
LED_BY_A_BUTTON = "This address is where a button leads. Press it on its page again."
NOT_UNDERSTOOD = "This address, or what was typed into the page, holds something that it cannot hold."
FOR_PROGRAMS = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")


def add_page(app: FastAPI, parts: PageParts) -> None:
    """Let the web part show the page as well."""
    app.state.page = parts
    app.state.live = live.hub_of(parts)
    serve(app, live.router, actions.router, connect.router, diagnostics.router)
    connect.take_callback(app)
    add_access(app, parts)
    app.mount(ASSETS_AT, StaticFiles(directory=ASSETS))
    add_views(app)
    for trouble in OURS:
        app.add_exception_handler(trouble, _unavailable)
    app.add_exception_handler(HTTPException, _not_answered)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_middleware(Edge)


async def _unavailable(request: Request, trouble: Exception) -> Response:
    if request.url.path.startswith(FOR_PROGRAMS):
        return JSONResponse({"detail": str(trouble)}, 503)
    return refused(request, 503, str(trouble))


async def _not_answered(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    if not _asked_by_a_person(request):
        return await http_exception_handler(request, refusal)
    await recognise(request, request.app.state.page)
    if refusal.status_code == HTTPStatus.NOT_FOUND:
        return refused(request, refusal.status_code, str(NotHereError()))
    if refusal.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return refused(request, refusal.status_code, LED_BY_A_BUTTON, page_above(request), "Go to that page")
    return refused(request, refusal.status_code, str(refusal.detail))


async def _not_understood(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, RequestValidationError)
    if not _asked_by_a_person(request):
        return await request_validation_exception_handler(request, refusal)
    await recognise(request, request.app.state.page)
    return refused(request, HTTPStatus.UNPROCESSABLE_ENTITY, NOT_UNDERSTOOD, page_above(request), "Go back")


def _asked_by_a_person(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and not request.url.path.startswith(FOR_PROGRAMS)
