"""Puts the web app into the simulator."""

from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from pleo_export.simulator.web import actions, pages, traffic

_ASSETS = Path(__file__).with_name("assets")


def add_web(app: FastAPI) -> None:
    """Show the web app at `/`, outside the description of the API."""
    app.include_router(pages.router)
    app.include_router(pages.of_company)
    app.include_router(traffic.router)
    app.include_router(actions.router)
    app.mount("/assets", StaticFiles(directory=_ASSETS))
