"""Keeps other sites' pages from pressing our buttons through somebody's browser."""

from urllib.parse import urlsplit

from fastapi import Request

from pleo_export.simulator.errors import ApiError

_OURS = frozenset({"same-origin", "none"})


class OtherSiteError(ApiError):
    """The button stands on a page of somebody else."""

    status = 403
    type = "OTHER_SITE"

    def __init__(self) -> None:
        super().__init__("This was sent from a page of another site, so nothing was done.")


async def own_site(request: Request) -> None:
    """Raise OtherSiteError for a call that a browser makes for another site; a program is no browser."""
    headers = request.headers
    if (site := headers.get("sec-fetch-site")) is not None:
        foreign = site not in _OURS
    else:
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
    if foreign:
        raise OtherSiteError
