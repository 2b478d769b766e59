"""Templates into answers. Everything is escaped; what a browser may load and do is said with every answer."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pleo_export.service.page import words

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    # Browsers take no notice of it where they came by plain http, as on this machine.
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}

# Where they are and are named stays the same from one version to the next: a browser asks whether they are still good.
ASSETS_AT = "/assets"
ASSET_HEADERS = {**HEADERS, "Cache-Control": "no-cache"}


class Edge:
    """What every request passes first. Addresses no database takes lead nowhere; every answer says what a browser may do.

    Also the answers that do not say so themselves: assets, refusals of the framework, routes beside the page.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = ASSET_HEADERS if scope["path"].startswith(f"{ASSETS_AT}/") else HEADERS

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in said.items():
                    headers.setdefault(name, value)
            await send(message)

        holds_nul = "\0" in scope["path"] or b"%00" in scope["query_string"]
        app = PlainTextResponse("There is nothing here.", 404) if holds_nul else self._app
        await app(scope, receive, sent)


def moment(instant: datetime | None) -> str:
    """Return a time as the page shows it, "never" where there is none."""
    return "never" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def amount(value: Decimal) -> str:
    """Return a number of money with its thousands apart."""
    return f"{value:,}"


_environment = Environment(
    loader=PackageLoader("pleo_export.service.page"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "moment": moment,
    "amount": amount,
    "money": words.money,
    "percent": words.percent,
    "lasting": words.lasting,
    "web_address": words.web_address,
}


def render(request: Request, template: str, status: int = 200, /, **shown: Any) -> HTMLResponse:
    """Return a page. Templates know the `request`, and as `visitor` who is signed in, None where nobody is."""
    visitor = getattr(request.state, "visitor", None)
    text = _environment.get_template(template).render(request=request, visitor=visitor, **shown)
    return HTMLResponse(text, status, headers=HEADERS)
