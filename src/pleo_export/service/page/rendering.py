"""Templates into answers. Everything is escaped; what a browser may load and do is said with every answer."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

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
}


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
