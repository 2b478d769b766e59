"""What the views share: pages of long lists, and the part of a page that is fetched anew when something has changed."""

from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from pleo_export.service.page.rendering import render
from pleo_export.store.views import Window

PAGES_MAX = 1_000_000

Number = Annotated[int, Query(alias="page", ge=1, le=PAGES_MAX)]


class Paging(msgspec.Struct, frozen=True):
    """Which page of a list is shown, how long pages are, and how long the list is."""

    number: int
    size: int
    total: int

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // self.size))


def window(number: int, size: int) -> Window:
    """Return which rows stand on a page."""
    return Window(size, (number - 1) * size)


def address(request: Request, **changed: str | int) -> str:
    """Return the address of this page with other parameters."""
    url = request.url.remove_query_params("part").include_query_params(**changed)
    return f"{url.path}?{url.query}"


def is_part(request: Request) -> bool:
    """Whether only the part that lives is asked for."""
    return request.query_params.get("part") == "live"


def page_or_part(request: Request, name: str, now: str, **shown: Any) -> HTMLResponse:
    """Return the page `name`, or the part of it that lives where only that is asked for; `now` says how things stand."""
    part = is_part(request)
    return render(
        request,
        f"_{name}.html" if part else f"{name}.html",
        fragment=part,
        now=now,
        live=address(request, part="live"),
        address=lambda **changed: address(request, **changed),
        **shown,
    )
