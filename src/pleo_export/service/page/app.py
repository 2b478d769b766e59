"""Puts the page together."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from pleo_export.service.page import actions, connect, diagnostics, live
from pleo_export.service.page.access.app import FORM_BYTES_MAX, add_access
from pleo_export.service.page.parts import PageParts
from pleo_export.service.page.views import add_views

ASSETS = Path(__file__).with_name("assets")


def add_page(app: FastAPI, parts: PageParts) -> None:
    """Let the web part show the page as well."""
    app.state.page = parts
    app.state.live = live.hub_of(parts)
    for router in (live.router, actions.router, connect.router, diagnostics.router):
        app.include_router(router, max_body_size=FORM_BYTES_MAX)
    connect.take_callback(app)
    add_access(app, parts)
    app.mount("/assets", StaticFiles(directory=ASSETS))
    add_views(app)
