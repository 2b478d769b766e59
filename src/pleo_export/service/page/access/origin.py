"""Where a request comes from, and where a browser may be sent."""

import re
from urllib.parse import SplitResult, urlsplit

from fastapi import Request
from starlette.routing import Match, Route

from pleo_export.service.page.access.errors import CrossSiteError, InsecureAddressError
from pleo_export.service.settings import ServiceSettings

# A path on this site. Browsers read a backslash as a slash, and leave line breaks and tabs out.
_OUR_PATH = re.compile(r"\A/(?![/\\])[!-\[\]-~]*\Z")
_THIS_MACHINE = re.compile(r"\A(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?\Z", re.IGNORECASE)
# Whoever comes by a link or an address typed in comes from nowhere.
_OURS = ("same-origin", "none")


def require_safe_address(request: Request, settings: ServiceSettings) -> None:
    """Let the page be seen over https, or on this machine only. Raises InsecureAddressError."""
    public = settings.public_url or ""
    host = request.headers.get("host", "")
    if not public.lower().startswith("https://") and not _THIS_MACHINE.match(host):
        raise InsecureAddressError


def require_same_origin(request: Request, settings: ServiceSettings, *, said: bool = False) -> None:
    """Refuse what another site lets a browser send, or what no form of ours sends. With `said` the browser has to say where it is from.

    Raises CrossSiteError.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign_site = site is not None and site not in _OURS
    foreign_origin = origin is not None and not _is_ours(origin, request, settings)
    # Ours never send that; what it carries may be in any encoding, also one that no text can be kept in.
    foreign_form = request.headers.get("content-type", "").lower().lstrip().startswith("multipart/")
    if foreign_site or foreign_origin or foreign_form or (said and site is None and origin is None):
        raise CrossSiteError


def our_path(path: str | None) -> str:
    """Return a path on this site to go on to, the first page where it is anything else."""
    return path if path is not None and _OUR_PATH.match(path) else "/"


def page_above(request: Request) -> str:
    """Return the nearest page above an address that shows none: the one with the button that led there."""
    path = request.url.path
    while path:
        path = path.rpartition("/")[0]
        scope = {**request.scope, "path": path, "method": "GET"}
        if any(isinstance(one, Route) and one.matches(scope)[0] is Match.FULL for one in request.app.routes):
            return our_path(path)
    return "/"


def split(address: str) -> SplitResult:
    """Take apart an address that anybody may have sent; one that is none is empty."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _is_ours(origin: str, request: Request, settings: ServiceSettings) -> bool:
    # A proxy may hide the scheme or the host from us; then the public address tells them.
    here = request.headers.get("host", "")
    netloc = split(origin).netloc.lower()
    public = split(settings.public_url or "").netloc.lower()
    return bool(netloc) and netloc in (here.lower(), public)
