"""The installation behind a credential: which company it is for, and whether the integration is in use there."""

import re
from enum import StrEnum

import msgspec

from pleo_export.domain.item import PleoModel
from pleo_export.pleo.errors import NoCompanyError, PleoRefusedError
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


class Installation(PleoModel, frozen=True):
    """An installation. `resource` is the URN of its company or organisation; unknown statuses stay as text."""

    id: str
    resource: str
    status: str
    error_code: str | None = None


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

    async def ensure(self) -> Installation:
        """See to it that there is an installation in use, as whoever has an API key has to; return it.

        Doing it again changes nothing. One that Pleo does not let be activated is returned as it stands.
        """
        found = await self.get() or await self.register(InstallationStatus.AUTHORIZED)
        if found.status == InstallationStatus.ACTIVATED:
            return found
        try:
            return await self.activate()
        except PleoRefusedError:
            return found

    async def register(self, status: InstallationStatus) -> Installation:
        """Make an installation, as integrations with an API key do. Never repeated after an unclear answer."""
        call = Call(method="POST", path=_PATH, body=msgspec.json.encode({"status": status}), repeatable=False)
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


def company_of(installation: Installation) -> str:
    """Return the id of the company an installation is for. Raises NoCompanyError where it is for no single company."""
    found = re.fullmatch(f"urn:pleo:company:({_UUID})", installation.resource)
    if found is None:
        raise NoCompanyError
    return found[1].lower()


def _installation(body: bytes) -> Installation:
    return msgspec.json.decode(body, type=Installation)
