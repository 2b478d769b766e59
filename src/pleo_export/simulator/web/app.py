"""Puts the web app into the simulator."""

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from pleo_export.simulator.web import actions, pages, traffic

_ASSETS = Path(__file__).with_name("assets")


def add_web(app: FastAPI) -> None:
    """Show the web app at `/`, outside the description of the API."""
    for router in (pages.router, pages.of_company, traffic.router, actions.router):
        app.router.routes.extend(router.routes)
    app.mount("/assets", StaticFiles(directory=_ASSETS))
