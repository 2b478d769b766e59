"""Puts the page together."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from pleo_export.service.page.parts import PageParts

ASSETS = Path(__file__).with_name("assets")


def add_page(app: FastAPI, parts: PageParts) -> None:
    """Let the web part show the page as well."""
    app.state.page = parts
    app.mount("/assets", StaticFiles(directory=ASSETS))
