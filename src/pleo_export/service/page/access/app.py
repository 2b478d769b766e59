"""Puts the doors into the application."""

from fastapi import FastAPI

from pleo_export.service.page.access import account, doors, provider_doors, users
from pleo_export.service.page.access.guard import answer_refusals
from pleo_export.service.page.parts import PageParts
from pleo_export.service.web import serve


def add_access(app: FastAPI, parts: PageParts) -> None:
    """Let people sign in and out, and be named; and answer those who are not let in."""
    app.state.provider = provider_doors.provider_of(parts)
    serve(app, provider_doors.router, doors.router, account.router, users.router)
    answer_refusals(app)
