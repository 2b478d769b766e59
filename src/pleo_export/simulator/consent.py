"""Asking a user for consent: what a client asks for, and who answers in the user's place."""

from dataclasses import dataclass
from html import escape
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BaseModel

from pleo_export.simulator.companies import Company
from pleo_export.simulator.credentials import Client, company_urn
from pleo_export.simulator.oauth_errors import (
    ConsentError,
    ConsentRefusedError,
    InvalidConsentRequestError,
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedResponseError,
)

Decision = Literal["ask", "allow", "deny"]
_CHALLENGE_LENGTH = 43


@dataclass(slots=True)
class ConsentSettings:
    """Who answers: `ask` shows a page, `allow` and `deny` are the user's answer already, for `company_id`."""

    decision: Decision = "ask"
    company_id: str | None = None


class ConsentRequest(BaseModel):
    """Query of the authorisation endpoint. All of it may be missing, as a client is told so in its own way."""

    response_type: str | None = None
    client_id: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    state: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    urn_pleo_params_oauth_subject: str | None = None

    def asker(self, client: Client | None) -> tuple[Client, str]:
        """Return who asks and where the browser goes afterwards; raises InvalidRequestError where neither is known."""
        if client is None:
            raise InvalidRequestError("There is no such client.")
        if self.redirect_uri is None or self.redirect_uri not in client.redirect_uris:
            raise InvalidRequestError(
                "redirect_uri is not registered for this client, character by character."
            )
        return client, self.redirect_uri

    def scopes(self, client: Client) -> frozenset[str]:
        """Return what is asked for; raises a ConsentError where the request is not in order."""
        if self.response_type != "code":
            raise UnsupportedResponseError
        if not self.state:
            raise InvalidConsentRequestError("state is missing.")
        if self.code_challenge_method != "S256" or len(self.code_challenge or "") != _CHALLENGE_LENGTH:
            raise InvalidConsentRequestError("code_challenge must be there, with code_challenge_method S256.")
        wanted = frozenset((self.scope or "").split())
        if not wanted or not wanted <= client.scopes:
            raise InvalidScopeError
        return wanted

    def answered(self, way_back: str, **answer: str) -> str:
        """Return the address that brings the answer to the client."""
        parts = urlsplit(way_back)
        state = {} if self.state is None else {"state": self.state}
        query = [*parse_qsl(parts.query, keep_blank_values=True), *(answer | state).items()]
        return urlunsplit(parts._replace(query=urlencode(query)))

    def refused(self, way_back: str, problem: ConsentError) -> str:
        return self.answered(way_back, error=problem.error, error_description=problem.description)


def chosen(form: dict[str, str]) -> str:
    """Return the id of the company for which the user allowed it; raises ConsentRefusedError."""
    if form.get("decision") != "allow":
        raise ConsentRefusedError
    return form.get("company_id", "")


def page(client: Client, request: ConsentRequest, companies: list[Company]) -> str:
    """Write the page on which a user chooses a company and presses Allow or Deny."""
    options = "".join(
        f'<option value="{company.id}"'
        f"{' selected' * (company_urn(company.id) == request.urn_pleo_params_oauth_subject)}>"
        f"{escape(company.name)}</option>"
        for company in companies
    )
    return (
        f"<!DOCTYPE html><html lang=en><title>Simulated Pleo</title><h1>Connect {escape(client.name)}</h1>"
        f"<p>It asks for: {escape(request.scope or '')}</p><form method=post>"
        f"<p><label>Company <select name=company_id>{options}</select></label></p>"
        "<button name=decision value=allow>Allow</button> <button name=decision value=deny>Deny</button></form>"
    )
