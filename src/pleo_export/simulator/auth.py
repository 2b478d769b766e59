"""Who is calling: an access token, or an API key as user name with an empty password."""

import base64
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBasic, HTTPBearer

from pleo_export.simulator.companies import Company
from pleo_export.simulator.errors import AccessDeniedError, UnauthenticatedError
from pleo_export.simulator.world import World


def world_of(request: Request) -> World:
    world = request.app.state.world
    assert isinstance(world, World)
    return world


def _company_of(header: str, world: World) -> Company | None:
    scheme, _, credential = header.partition(" ")
    if scheme.lower() == "bearer":
        return world.company_with(access_token=credential.strip())
    if scheme.lower() != "basic":
        return None
    try:
        api_key, separator, password = base64.b64decode(credential).decode().partition(":")
    except ValueError:  # not Base64, or not text underneath
        return None
    return world.company_with(api_key=api_key) if separator and not password else None


async def calling_company(request: Request) -> Company:
    """Find the company of the credential; raises UnauthenticatedError."""
    company = _company_of(request.headers.get("authorization", ""), world_of(request))
    if company is None:
        raise UnauthenticatedError
    request.state.company_id = company.id
    return company


def require_own(company: Company, company_id: str | None) -> None:
    """Raise AccessDeniedError when a call names another company than its credential's."""
    if company_id is not None and company_id != company.id:
        raise AccessDeniedError


# Both are only told in the description; the header is read above, once for both.
SCHEMES = [
    Security(HTTPBearer(auto_error=False, scheme_name="bearerAuth")),
    Security(HTTPBasic(auto_error=False, scheme_name="basicAuth")),
]

Caller = Annotated[Company, Depends(calling_company)]
TheWorld = Annotated[World, Depends(world_of)]
