"""The authorisation server: clients, what users allowed them, and tokens that replace each other.

A grant is what one user allowed one client for one company. It has one access token and one refresh token that
work; a refresh replaces both, and what was handed out before is dead at once.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pleo_export.simulator.companies import Company
from pleo_export.simulator.credentials import Client, Credential, company_urn
from pleo_export.simulator.errors import ClientExistsError
from pleo_export.simulator.oauth_errors import InvalidClientError, InvalidGrantError
from pleo_export.simulator.vocabulary import JsonObject

CODE_LIFE = timedelta(minutes=10)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(slots=True)
class TokenSettings:
    """Lives in seconds, for tokens handed out from now on.

    An answer of the token endpoint comes `latency_seconds` after it took effect; of the next `lose_answers` that
    succeed, the connection is cut instead.
    """

    access_token_seconds: int = 900
    refresh_token_seconds: int = 60 * 24 * 3600
    latency_seconds: float = 0
    lose_answers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it was handed out; `until` is when it ends by itself."""

    text: str
    is_refresh: bool
    grant: "Grant"
    issued_at: datetime
    until: datetime


@dataclass(slots=True, eq=False)
class Grant:
    """What a user allowed; without tokens before the code is exchanged, and after the end."""

    client: Client
    company: Company
    scopes: frozenset[str]
    access: Token | None = None
    refresh: Token | None = None
    ended: bool = False

    def end(self) -> None:
        self.access = self.refresh = None
        self.ended = True

    def holds(self, token: Token, now: datetime) -> bool:
        """Whether the token is one of the two that work."""
        return token in {self.access, self.refresh} and now < token.until


@dataclass(slots=True)
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    until: datetime
    used: bool = False


class AuthorizationServer:
    """All clients, grants and tokens; `now` tells the time, `new_id` makes what nobody guesses."""

    def __init__(self, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._now = now
        self._new_id = new_id
        self._clients: dict[str, Client] = {}
        self._grants: list[Grant] = []
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, Token] = {}
        self.settings = TokenSettings()

    def register(self, client: Client) -> None:
        """Make the client known; raises ClientExistsError."""
        if client.id in self._clients:
            raise ClientExistsError
        self._clients[client.id] = client

    def client(self, client_id: str | None) -> Client | None:
        return self._clients.get(client_id or "")

    def authenticate(self, client_id: str, secret: str) -> Client:
        """Return the client that knows its secret, else raise InvalidClientError."""
        client = self._clients.get(client_id)
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise InvalidClientError
        return client

    def allow(
        self, client: Client, company: Company, scopes: frozenset[str], *, redirect_uri: str, challenge: str
    ) -> str:
        """Note what the user allowed; return the code to fetch the first tokens with."""
        grant = Grant(client, company, scopes)
        self._grants.append(grant)
        code = f"code_{self._new_id()}"
        self._codes[code] = _Code(grant, redirect_uri, challenge, self._now() + CODE_LIFE)
        return code

    def exchange(self, client: Client, code: str, redirect_uri: str, verifier: str) -> Grant:
        """Hand out the first tokens for a code; else raise InvalidGrantError.

        A code shown a second time may have been stolen, so then its tokens end as well.
        """
        known = self._codes.get(code)
        if known is None or known.grant.client is not client:
            raise InvalidGrantError("There is no such code.")
        if known.used or known.grant.ended:
            known.grant.end()
            raise InvalidGrantError("The code was used before, or the authorisation has ended.")
        known.used = True
        if self._now() >= known.until:
            raise InvalidGrantError("The code is too old.")
        if known.redirect_uri != redirect_uri:
            raise InvalidGrantError("redirect_uri is not the one the code was sent to.")
        if not _VERIFIER.fullmatch(verifier) or challenge_of(verifier) != known.challenge:
            raise InvalidGrantError("code_verifier does not match the challenge.")
        self._hand_out(known.grant)
        return known.grant

    def refresh(self, client: Client, text: str) -> Grant:
        """Replace both tokens; else raise InvalidGrantError.

        A token that is too old, replaced or not, ends the whole grant.
        """
        token = self._tokens.get(text)
        if token is None or not token.is_refresh or token.grant.client is not client:
            raise InvalidGrantError("There is no such refresh token.")
        grant = token.grant
        if self._now() >= token.until:
            grant.end()
            raise InvalidGrantError("The refresh token is too old; the whole authorisation has ended.")
        if token is not grant.refresh:
            raise InvalidGrantError("The refresh token was used before, or the authorisation has ended.")
        self._hand_out(grant)
        return grant

    def _hand_out(self, grant: Grant) -> None:
        now, settings = self._now(), self.settings
        grant.access, grant.refresh = (
            Token(
                text=f"{kind}_{self._new_id()}",
                is_refresh=kind == "refresh",
                grant=grant,
                issued_at=now,
                until=now + timedelta(seconds=seconds),
            )
            for kind, seconds in (
                ("access", settings.access_token_seconds),
                ("refresh", settings.refresh_token_seconds),
            )
        )
        self._tokens |= {token.text: token for token in (grant.access, grant.refresh)}

    def credential(self, access_token: str) -> Credential | None:
        """Return what an access token that works stands for."""
        token = self._tokens.get(access_token)
        if token is None or token.is_refresh or not token.grant.holds(token, self._now()):
            return None
        return Credential(token.grant.company, token.grant.client, "OAUTH2", token.grant.scopes)

    def describe(self, client: Client, text: str) -> JsonObject:
        """Return what introspection tells; of other clients' tokens only that they are not active."""
        token = self._tokens.get(text)
        if token is None or token.grant.client is not client or not token.grant.holds(token, self._now()):
            return {"active": False}
        return {
            "active": True,
            "sub": token.grant.company.id,
            "exp": int(token.until.timestamp()),
            "iat": int(token.issued_at.timestamp()),
            "client_id": client.id,
            "iss": "pleo.simulator",
            "jti": hashlib.sha256(text.encode()).hexdigest()[:32],
            "token_type": "rt" if token.is_refresh else "at+JWT",
            "urn:pleo:params:oauth:subject_urn": company_urn(token.grant.company.id),
        }

    def revoke(self, company_id: str, client_id: str | None = None) -> None:
        """End what was allowed for a company, to one client or to all."""
        for grant in self._grants:
            if grant.company.id == company_id and client_id in {None, grant.client.id}:
                grant.end()


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge: the Base64url text of the SHA-256, without padding."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
