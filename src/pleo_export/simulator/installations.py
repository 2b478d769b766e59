"""Installations: how far a client is set up for a company."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pleo_export.simulator.companies import Company
from pleo_export.simulator.credentials import Client, Credential, Owner, company_urn
from pleo_export.simulator.errors import (
    InstallationExistsError,
    InstallationNotFoundError,
    InstallationStatusError,
    NoInstallationError,
)
from pleo_export.simulator.scalars import timestamp
from pleo_export.simulator.vocabulary import InstallationProblem, InstallationStatus, JsonObject


@dataclass(slots=True, eq=False)
class Installation:
    id: str
    application_id: str
    resource: str
    status: InstallationStatus
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime
    problem: InstallationProblem | None = None

    def activate(self, now: datetime) -> None:
        """Move to ACTIVATED, where it may be already; raises InstallationStatusError for a broken one."""
        if self.status is InstallationStatus.ERROR:
            raise InstallationStatusError(self.status)
        if self.status is not InstallationStatus.ACTIVATED:
            self.status, self.problem, self.updated_at = InstallationStatus.ACTIVATED, None, now

    def as_json(self) -> JsonObject:
        told = {
            "id": self.id,
            "applicationId": self.application_id,
            "resource": self.resource,
            "status": self.status,
            "metadata": self.metadata,
            "createdAt": timestamp(self.created_at),
            "updatedAt": timestamp(self.updated_at),
        }
        return told if self.problem is None else told | {"errorCode": self.problem}


class Installations:
    """At most one for a client and a company."""

    def __init__(self, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._now = now
        self._new_id = new_id
        self._installations: dict[Owner, Installation] = {}

    def of(self, owner: Owner) -> Installation:
        """Return the installation, else NoInstallationError."""
        try:
            return self._installations[owner]
        except KeyError:
            raise NoInstallationError from None

    def appear(self, client: Client, company: Company) -> None:
        """Make the installation that consent brings about; one that exists stays as it is."""
        if (client.id, company.id) not in self._installations:
            waiting = InstallationStatus.AUTHORIZED
            status = waiting if client.needs_activation else InstallationStatus.ACTIVATED
            self._add(client, company.id, status, {})

    def create(
        self, credential: Credential, status: InstallationStatus, metadata: JsonObject
    ) -> Installation:
        """Make an installation at a client's own wish; raises InstallationExistsError."""
        if credential.owner in self._installations:
            raise InstallationExistsError
        return self._add(credential.client, credential.company.id, status, metadata)

    def _add(
        self, client: Client, company_id: str, status: InstallationStatus, metadata: JsonObject
    ) -> Installation:
        now = self._now()
        installation = self._installations[client.id, company_id] = Installation(
            id=self._new_id(),
            application_id=client.application_id,
            resource=company_urn(company_id),
            status=status,
            metadata=metadata,
            created_at=now,
            updated_at=now,
        )
        return installation

    def delete(self, owner: Owner) -> None:
        """Remove the installation; raises InstallationNotFoundError."""
        if self._installations.pop(owner, None) is None:
            raise InstallationNotFoundError

    def delete_all(self, company_id: str) -> None:
        """Remove what every client has installed for the company."""
        for owner in [owner for owner in self._installations if owner[1] == company_id]:
            self.delete(owner)
