"""Puts the doors into the application."""

from fastapi import FastAPI

from pleo_export.service.page.access import account, doors, provider_doors, users
from pleo_export.service.page.access.guard import answer_refusals
from pleo_export.service.page.parts import PageParts

FORM_BYTES_MAX = 64 * 1024  # nobody need be signed in to send something: so little of it is read


def add_access(app: FastAPI, parts: PageParts) -> None:
    """Let people sign in and out, and be named; and answer those who are not let in."""
    app.state.provider = provider_doors.provider_of(parts)
    for router in (provider_doors.router, doors.router, account.router, users.router):
        app.include_router(router, max_body_size=FORM_BYTES_MAX)
    answer_refusals(app)
