"""The installation behind a credential: which company it is for, and whether the integration is in use there."""

import re
from enum import StrEnum

import msgspec

from pleo_export.domain.item import PleoModel
from pleo_export.pleo.errors import NoCompanyError, PleoRefusedError
from pleo_export.pleo.paging import single
from pleo_export.pleo.transport import Call, Transport

_PATH = "/v1/installations/me"
# Pleo publishes 400 only for a credential without an installation; 404 would be the usual answer.
_NONE = (400, 404)
_GONE = 404
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class InstallationStatus(StrEnum):
    """Where an installation stands."""

    AUTHORIZED = "AUTHORIZED"
    PENDING_INTEGRATION = "PENDING_INTEGRATION"
    ACTIVATED = "ACTIVATED"
    INACTIVE = "INACTIVE"
    ERROR = "ERROR"


class InstallationErrorCode(StrEnum):
    """Why an installation is broken."""

    NOT_ENTITLED = "NOT_ENTITLED"
    AUTH_ERROR = "AUTH_ERROR"


class Installation(PleoModel, frozen=True):
    """An installation. `resource` is the URN of its company or organisation; unknown statuses stay as text."""

    id: str
    resource: str
    status: str
    error_code: str | None = None


class Introspection(PleoModel, frozen=True):
    """What a credential is: `auth_method` is OAUTH2, API_KEY or NONE; `scope` is separated by blanks."""

    auth_method: str
    client_id: str
    scope: str
    application_name: str | None = None
    subject: str | None = msgspec.field(default=None, name="subjectURN")


class Installations:
    """The calls about the installation of one credential. Every failure is a PleoError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, company_id: str | None = None) -> Installation | None:
        """Return the installation, or None. A credential of an organisation names the company it asks about."""
        query = () if company_id is None else (("company_id", company_id),)
        try:
            return await self._transport.send(Call(method="GET", path=_PATH, query=query), _installation)
        except PleoRefusedError as error:
            if error.status in _NONE:
                return None
            raise

    async def register(self, status: InstallationStatus) -> Installation:
        """Make an installation, as integrations with an API key do. Never repeated after an unclear answer."""
        call = Call(method="POST", path=_PATH, body=_body(status, None), repeatable=False)
        return await self._transport.send(call, _installation)

    async def update(
        self, status: InstallationStatus, error_code: InstallationErrorCode | None = None
    ) -> Installation:
        """Tell Pleo how the integration is doing."""
        call = Call(method="PUT", path=_PATH, body=_body(status, error_code))
        return await self._transport.send(call, _installation)

    async def activate(self) -> Installation:
        """Tell Pleo that the integration is ready; saying so twice is harmless."""
        return await self._transport.send(Call(method="POST", path=f"{_PATH}:activate"), _installation)

    async def remove(self) -> None:
        """Disconnect: Pleo revokes every token of the installation. One that is gone already is fine."""
        try:
            await self._transport.send(Call(method="DELETE", path=_PATH), lambda _: None)
        except PleoRefusedError as error:
            if error.status != _GONE:
                raise

    async def introspect(self) -> Introspection:
        """Return what Pleo takes the credential for."""
        return await self._transport.send(Call(method="GET", path="/v1/introspect"), single(_introspection))


def company_of(installation: Installation) -> str:
    """Return the id of the company an installation is for. Raises NoCompanyError where it is for no single company."""
    found = re.fullmatch(f"urn:pleo:company:({_UUID})", installation.resource)
    if found is None:
        raise NoCompanyError
    return found[1].lower()


def _body(status: InstallationStatus, error_code: InstallationErrorCode | None) -> bytes:
    said = {"status": status} if error_code is None else {"status": status, "errorCode": error_code}
    return msgspec.json.encode(said)


def _installation(body: bytes) -> Installation:
    return msgspec.json.decode(body, type=Installation)


def _introspection(body: bytes) -> Introspection:
    return msgspec.json.decode(body, type=Introspection)
