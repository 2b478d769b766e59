"""The installation behind a credential, and what the credential is."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from pleo_export.simulator.answers import problems, reply
from pleo_export.simulator.auth import SCHEMES, Caller, TheWorld, require_own
from pleo_export.simulator.credentials import AuthMethod
from pleo_export.simulator.errors import (
    AccessDeniedError,
    InstallationExistsError,
    InstallationNotFoundError,
    InstallationStatusError,
    InvalidBodyError,
    InvalidParameterError,
    NoInstallationError,
    TooManyCallsError,
    UnauthenticatedError,
    UnreadableBodyError,
)
from pleo_export.simulator.parameters import OptionalId
from pleo_export.simulator.scalars import Omittable, Shape, TimestampText, UuidText
from pleo_export.simulator.vocabulary import InstallationProblem, InstallationStatus

router = APIRouter(
    prefix="/v1",
    tags=["Installations"],
    dependencies=SCHEMES,
    responses=problems(UnauthenticatedError, InvalidParameterError, TooManyCallsError),
)
_BODY_PROBLEMS = (InvalidParameterError, InvalidBodyError, UnreadableBodyError)


class InstallationOrder(Shape):
    status: InstallationStatus = InstallationStatus.AUTHORIZED
    metadata: Omittable[dict[str, Any]] = None


class InstallationChange(Shape):
    status: InstallationStatus
    error_code: Omittable[InstallationProblem] = None
    metadata: Omittable[dict[str, Any]] = None


class Installation(Shape):
    id: UuidText
    application_id: UuidText
    resource: str
    status: InstallationStatus
    error_code: InstallationProblem | None = None
    metadata: dict[str, Any]
    created_at: TimestampText
    updated_at: TimestampText


class CredentialDetails(Shape):
    """`scope` holds names parted by spaces."""

    application_name: str
    auth_method: AuthMethod
    client_id: str
    scope: str
    subject_u_r_n: str


class CredentialData(Shape):
    data: CredentialDetails


@router.get(
    "/installations/me",
    response_model=Installation,
    responses=problems(AccessDeniedError, NoInstallationError, InvalidParameterError),
)
async def read_installation(world: TheWorld, caller: Caller, company_id: OptionalId = None) -> Response:
    require_own(caller.company, company_id)
    return reply(world.installations.of(caller.owner).as_json())


@router.post(
    "/installations/me",
    response_model=Installation,
    responses=problems(InstallationExistsError, *_BODY_PROBLEMS),
)
async def create_installation(world: TheWorld, caller: Caller, order: InstallationOrder) -> Response:
    """Pleo publishes neither the first status nor what a second call does; here it is refused."""
    return reply(world.installations.create(caller, order.status, order.metadata or {}).as_json())


@router.put(
    "/installations/me",
    response_model=Installation,
    responses=problems(NoInstallationError, *_BODY_PROBLEMS),
)
async def change_installation(world: TheWorld, caller: Caller, change: InstallationChange) -> Response:
    """Set the status, whatever it was, and the metadata where they are given."""
    installation = world.installations.of(caller.owner)
    installation.status, installation.problem = change.status, change.error_code
    if change.metadata is not None:
        installation.metadata = change.metadata
    installation.updated_at = world.now()
    return reply(installation.as_json())


@router.delete(
    "/installations/me",
    status_code=204,
    response_class=Response,
    responses=problems(InstallationNotFoundError),
)
async def delete_installation(world: TheWorld, caller: Caller) -> Response:
    """Remove it and end what the user allowed this client, tokens included. An API key goes on working."""
    world.installations.delete(caller.owner)
    world.oauth.revoke(caller.company.id, caller.client.id)
    return Response(status_code=204)


@router.post(
    "/installations/me:activate",
    response_model=Installation,
    responses=problems(NoInstallationError, InstallationStatusError, InvalidParameterError),
)
@router.put(
    "/installations/completions",
    deprecated=True,
    response_model=Installation,
    responses=problems(NoInstallationError, InstallationStatusError, InvalidParameterError),
)
async def activate_installation(world: TheWorld, caller: Caller) -> Response:
    installation = world.installations.of(caller.owner)
    installation.activate(world.now())
    return reply(installation.as_json())


@router.get("/introspect", response_model=CredentialData)
async def describe_credential(caller: Caller) -> Response:
    return reply(
        {
            "data": {
                "applicationName": caller.client.name,
                "authMethod": caller.method,
                "clientId": caller.client.id,
                "scope": " ".join(sorted(caller.scopes)),
                "subjectURN": caller.subject,
            }
        }
    )
