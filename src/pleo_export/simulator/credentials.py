"""Who calls: a client, the company it acts for, and what it may do there."""

from dataclasses import dataclass
from typing import Literal

from pleo_export.simulator.companies import Company
from pleo_export.simulator.vocabulary import Scope

AuthMethod = Literal["OAUTH2", "API_KEY"]
Owner = tuple[str, str]
"""The ids of a client and of a company: what subscriptions and installations belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered program; without a redirect URI it can ask nobody for consent."""

    id: str
    application_id: str
    name: str
    secret: str = ""
    redirect_uris: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    needs_activation: bool = True


@dataclass(frozen=True, slots=True)
class Credential:
    company: Company
    client: Client
    method: AuthMethod
    scopes: frozenset[str] = frozenset(Scope)

    @property
    def owner(self) -> Owner:
        return self.client.id, self.company.id

    @property
    def subject(self) -> str:
        return company_urn(self.company.id)


def company_urn(company_id: str) -> str:
    return f"urn:pleo:company:{company_id}"
