"""Puts the page together."""

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from pleo_export.service.page import actions, connect, diagnostics, live
from pleo_export.service.page.access.app import add_access
from pleo_export.service.page.parts import PageParts
from pleo_export.service.page.rendering import ASSETS_AT, Edge, render
from pleo_export.service.page.views import add_views
from pleo_export.service.web import OURS, serve

ASSETS = Path(__file__).with_name("assets")
# What programs ask; people ask for the rest.
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
    app.add_middleware(Edge)


async def _unavailable(request: Request, trouble: Exception) -> Response:
    if request.url.path.startswith(FOR_PROGRAMS):
        return JSONResponse({"detail": str(trouble)}, 503)
    return render(request, "forbidden.html", 503, sentence=str(trouble), status=503)
