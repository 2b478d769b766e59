"""Templates into answers. Everything is escaped; what a browser may load and do is said with every answer."""

import hashlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from pleo_export.simulator.auth import world_of
from pleo_export.simulator.errors import ApiError

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_MARK_LENGTH = 16


def moment(instant: datetime | None) -> str:
    """Return a time as the pages show it, "never" where there is none."""
    return "never" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def money(hundredths: Decimal) -> str:
    """Return an amount that Pleo counts in hundredths, whatever the currency."""
    return f"{hundredths / 100:,.2f}"


def words(name: str) -> str:
    """Return a name of the API as words."""
    return name.replace("_", " ").capitalize()


def turned(request: Request, number: int) -> str:
    """Return the query that shows another sheet of the same list."""
    query = {name: text for name, text in request.query_params.items() if name != "seen"}
    return f"?{urlencode(query | {'sheet': number})}"


_environment = Environment(
    loader=PackageLoader("pleo_export.simulator.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals["turned"] = turned
_environment.filters |= {"moment": moment, "money": money, "words": words}


def render(request: Request, template: str, status: int = 200, /, **shown: Any) -> Response:
    """Return a page. Templates know the `request` and, as `now`, the time on the simulator's clock."""
    now = world_of(request).now()
    text = _environment.get_template(template).render(request=request, now=now, **shown)
    return HTMLResponse(text, status, headers=HEADERS)


def render_live(request: Request, template: str, /, **shown: Any) -> Response:
    """Return a page that asks again by itself for `again`; an empty 204 where it would show what was `seen`.

    What is shown must be plain values and frozen dataclasses, as it is told apart by its text.
    """
    mark = hashlib.sha256(repr(shown).encode()).hexdigest()[:_MARK_LENGTH]
    query = dict(request.query_params)
    if query.pop("seen", None) == mark:
        return Response(status_code=204, headers=HEADERS)
    return render(request, template, again=f"{request.url.path}?{urlencode(query | {'seen': mark})}", **shown)


class PageRoute(APIRoute):
    """Tells a person on a page what the API would tell a program in its envelope."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_for_people(request: Request) -> Response:
            try:
                return await handle(request)
            except ApiError as error:
                return render(request, "refused.html", error.status, reason=error.message)
            except RequestValidationError as error:
                place, reason = error.errors()[0]["loc"][-1], error.errors()[0]["msg"]
                return render(request, "refused.html", 400, reason=f"{place}: {reason}")

        return handle_for_people
