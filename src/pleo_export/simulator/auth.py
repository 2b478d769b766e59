"""Who is calling: an access token, or an API key as user name with an empty password; and what it may do."""

import base64
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBasic, HTTPBearer, SecurityScopes

from pleo_export.simulator.companies import Company
from pleo_export.simulator.credentials import Credential
from pleo_export.simulator.errors import AccessDeniedError, ScopeMissingError, UnauthenticatedError
from pleo_export.simulator.vocabulary import Scope
from pleo_export.simulator.world import World


def world_of(request: Request) -> World:
    world = request.app.state.world
    assert isinstance(world, World)
    return world


def basic_pair(header: str) -> tuple[str, str] | None:
    """Return user name and password of Basic credentials, None where the header holds something else."""
    scheme, _, text = header.partition(" ")
    try:
        user, separator, password = base64.b64decode(text).decode().partition(":")
    except ValueError:  # not Base64, or not text underneath
        return None
    return (user, password) if scheme.lower() == "basic" and separator else None


def _credential_of(header: str, world: World) -> Credential | None:
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer":
        return world.credential(access_token=token.strip())
    pair = basic_pair(header)
    return world.credential(api_key=pair[0]) if pair and not pair[1] else None


async def calling_credential(request: Request, needed: SecurityScopes) -> Credential:
    """Find the credential; raises UnauthenticatedError, TooManyCallsError and ScopeMissingError, in this order."""
    world = world_of(request)
    credential = _credential_of(request.headers.get("authorization", ""), world)
    if credential is None:
        raise UnauthenticatedError
    request.state.company_id = credential.company.id
    world.rate_limit.count(credential.owner, world.settings.calls_per_minute, world.now())
    if missing := set(needed.scopes) - credential.scopes:
        raise ScopeMissingError(missing)
    return credential


Caller = Annotated[Credential, Security(calling_credential)]


async def _the_world(request: Request) -> World:
    # FastAPI runs in a thread of its own whatever is no coroutine.
    return world_of(request)


TheWorld = Annotated[World, Depends(_the_world)]


async def calling_company(credential: Caller) -> Company:
    return credential.company


JobReader = Annotated[Company, Security(calling_company, scopes=[Scope.JOBS_READ])]
JobWriter = Annotated[Company, Security(calling_company, scopes=[Scope.JOBS_WRITE])]
ItemReader = Annotated[Company, Security(calling_company, scopes=[Scope.ITEMS_READ])]


def require_own(company: Company, company_id: str | None) -> None:
    """Raise AccessDeniedError when a call names another company than its credential's."""
    if company_id is not None and company_id != company.id:
        raise AccessDeniedError


# Both are only told in the description; the header is read above, once for both.
SCHEMES = [
    Security(HTTPBearer(auto_error=False, scheme_name="bearerAuth")),
    Security(HTTPBasic(auto_error=False, scheme_name="basicAuth")),
]
