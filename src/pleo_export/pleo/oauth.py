"""Connecting a company by OAuth 2.0: a code with PKCE, tokens that are replaced, and a connection that can break.

Every refresh ends all earlier tokens at once. So only one process refreshes at a time, the new pair is durable before
it is used, and that a refresh is under way is durable before it is sent. Where its answer was lost (a time-out, a
process that was killed) the old refresh token is tried again, as the refresh may not have happened; if Pleo does not
accept it, the connection is over. That is durable too, and no further call is made until a person connects again.

Whoever holds the tokens alone may lose that hold unnoticed, as when the server that grants it is started again. So nothing
is ever written over a pair that was not read, and a pair that was received counts more than a connection called broken.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Annotated, Protocol, Self

import msgspec
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import (  # type: ignore[import-untyped]
    prepare_grant_uri,
    prepare_token_request,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from pleo_export.crash_points import reach
from pleo_export.pleo import limits
from pleo_export.pleo.addresses import base_url as read_base_url
from pleo_export.pleo.auth import Basic, Nobody, require_sendable
from pleo_export.pleo.errors import (
    AuthorisationDeniedError,
    Broken,
    Facts,
    GrantRefusedError,
    OAuthClientRefusedError,
    PleoError,
    PleoNoAnswerError,
    PleoRefusedError,
    PleoUnreadableAnswerError,
    ReconnectNeededError,
    StateMismatchError,
    TokenUnavailableError,
)
from pleo_export.pleo.retrying import Repeat, Surroundings
from pleo_export.pleo.transport import Call, Timeouts, Transport

_AUTHORISE, _TOKEN = "/oauth/authorize", "/oauth/token"
# The first is the standard's word, the others were seen as well.
_DEAD_GRANTS = ("invalid_grant", "invalid_token", "invalid_refresh_token")
_STATE_CHARACTERS, _VERIFIER_CHARACTERS = 48, 64

Token = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]+\Z", max_length=16384)]


class ClientAuthentication(StrEnum):
    """How this program shows its client secret: Pleo's pages disagree."""

    BASIC = "basic"
    FORM = "form"


@dataclass(frozen=True, kw_only=True)
class OAuthApp:
    """This program as it is registered with Pleo. Raises UnusableSecretError."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    authentication: ClientAuthentication = ClientAuthentication.BASIC

    def __post_init__(self) -> None:
        require_sendable(self.client_id, "OAuth client id")
        require_sendable(self.client_secret, "OAuth client secret")


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """What a connection consists of, and how it stands.

    From `refresh_at` on (None: unknown) a refresh is due; `refreshing`: one was begun, and its outcome is not known
    here; `broken`: no token is of any use.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    refresh_at: datetime | None
    refreshing: bool = False
    broken: Broken | None = None

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.access_token}"

    def encoded(self) -> bytes:
        """Return the pair as it is stored: with its secrets, so encrypt it."""
        return msgspec.json.encode(self)

    @classmethod
    def decoded(cls, stored: bytes) -> Self:
        """Return a stored pair. Raises msgspec.DecodeError."""
        return msgspec.json.decode(stored, type=cls)


class TokenKeeper(Protocol):
    """Remembers the pair of one company."""

    async def load(self) -> TokenPair | None:
        """Return what was kept last, by whichever process."""
        ...

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        """Keep the new pair where the old one still stands; return whether. It is durable on return."""
        ...

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else, in any process, is inside; a process that dies leaves."""
        ...


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Where a person is sent to connect; `state` and `verifier` are kept until they come back."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)


class _Tokens(msgspec.Struct, frozen=True):
    access_token: Token
    refresh_token: Token | None = None
    expires_in: float | None = None


class AuthorisationServer:
    """Pleo's authorisation server, for one registered program. Use as an async context manager.

    `base_url` is scheme and host; http is accepted for this machine only (UnusableBaseUrlError).
    """

    def __init__(self, base_url: str, app: OAuthApp, around: Surroundings | None = None) -> None:
        self._base, self._app = read_base_url(base_url), app
        self._around = around or Surroundings()
        basic = app.authentication is ClientAuthentication.BASIC
        shown = Basic(app.client_id, app.client_secret) if basic else Nobody()
        self._in_form = {} if basic else {"client_id": app.client_id, "client_secret": app.client_secret}
        self._transport = Transport(self._base, shown, self._around, Timeouts(whole=limits.token_seconds_max))

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.__aexit__()

    def now(self) -> datetime:
        """Return the time by which tokens end."""
        return self._around.clock()

    def begin(self) -> Beginning:
        """Return where to send a person who wants to connect a company."""
        state, verifier = generate_token(_STATE_CHARACTERS), generate_token(_VERIFIER_CHARACTERS)
        url = prepare_grant_uri(
            str(self._base).rstrip("/") + _AUTHORISE,
            client_id=self._app.client_id,
            response_type="code",
            redirect_uri=self._app.redirect_uri,
            scope=list(self._app.scopes),
            state=state,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Beginning(url=url, state=state, verifier=verifier)

    async def exchange(self, code: str, verifier: str) -> TokenPair:
        """Turn the code a person brought back into tokens. Never repeated after an unclear answer.

        Raises GrantRefusedError, OAuthClientRefusedError and other PleoErrors.
        """
        asked = {"code": code, "redirect_uri": self._app.redirect_uri, "code_verifier": verifier}
        return await self._ask("authorization_code", asked, refresh_token=None)

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return a new pair. Where Pleo sends no new refresh token, the old one stays.

        Repeated after an unclear answer. Raises GrantRefusedError, OAuthClientRefusedError and other PleoErrors.
        """
        unclear = False

        async def attempt() -> TokenPair:
            nonlocal unclear
            try:
                return await self._ask("refresh_token", {"refresh_token": refresh_token}, refresh_token)
            except (PleoNoAnswerError, PleoUnreadableAnswerError):
                unclear = True
                raise
            except GrantRefusedError as error:
                raise GrantRefusedError(error.facts, after_unclear=unclear) from None

        return await self._transport.retrier.run(attempt, worth=lambda error: error.repeat is Repeat.UNCLEAR)

    async def _ask(self, grant: str, asked: Mapping[str, str], refresh_token: str | None) -> TokenPair:
        asked_at = self.now()
        body = prepare_token_request(grant, **asked, **self._in_form).encode("ascii")
        call = Call(method="POST", path=_TOKEN, body=body, form=True, repeatable=False)
        try:
            return await self._transport.send(call, lambda answer: _pair(answer, asked_at, refresh_token))
        except PleoRefusedError as error:
            refused = GrantRefusedError if error.type in _DEAD_GRANTS else OAuthClientRefusedError
            raise refused(error.facts) from None


class OAuthCredential:
    """The connection of one company, as a credential whose header changes. One instance a company and process."""

    def __init__(self, server: AuthorisationServer, keeper: TokenKeeper) -> None:
        self._server, self._keeper = server, keeper
        self._one_at_a_time = asyncio.Lock()
        self._pair: TokenPair | None = None
        # The refresh token that was used, and what came for it: kept here until it is durable.
        self._received: tuple[str, TokenPair] | None = None

    @property
    def header(self) -> str:
        """The current access token; empty before `refreshed_if_needed` has returned once."""
        return self._pair.header if self._pair else ""

    async def refreshed_if_needed(self, refused: str | None = None) -> None:
        """See to it that `header` can be used now and is another one than `refused`.

        Raises ReconnectNeededError, TokenUnavailableError, OAuthClientRefusedError, and what the keeper raises.
        """
        if self._is_fresh(self._pair, refused):
            return
        async with self._one_at_a_time:
            if not self._is_fresh(self._pair, refused):
                await _to_its_end(self._renew(refused))

    async def _renew(self, refused: str | None) -> None:
        async with self._keeper.exclusively():
            for _ in range(limits.tries_max):
                pair = await self._renewed(refused)
                if pair is not None:
                    self._pair = pair
                    return
        raise TokenUnavailableError(Facts(method="POST", path=_TOKEN, detail="others change the tokens too"))

    async def _renewed(self, refused: str | None) -> TokenPair | None:
        """Return a pair that can be used and is kept; None where somebody else changed what is kept meanwhile."""
        stored = await self._keeper.load()
        if stored is None:
            raise ReconnectNeededError(Broken.ABSENT)
        if self._received is None or self._received[0] != stored.refresh_token:
            # Somebody else may have refreshed, or found the connection broken, while we waited.
            if stored.broken:
                raise ReconnectNeededError(stored.broken)
            if self._is_fresh(stored, refused):
                return stored
            noted = replace(stored, refreshing=True)
            pair = await self._ask(noted, stored) if await self._keeper.replace(stored, noted) else None
            if pair is None:
                return None
            stored, self._received = noted, (stored.refresh_token, pair)
        reach("tokens.answered")
        _, pair = self._received
        if not await self._keeper.replace(stored, pair):
            return None
        reach("tokens.kept")
        self._received = None
        return pair

    async def _ask(self, noted: TokenPair, before: TokenPair) -> TokenPair | None:
        try:
            return await self._server.refresh(noted.refresh_token)
        except GrantRefusedError as error:
            reason = Broken.LOST if before.refreshing or error.after_unclear else Broken.REVOKED
            if await self._keeper.replace(noted, replace(noted, broken=reason)):
                raise ReconnectNeededError(reason) from error
            return None
        except OAuthClientRefusedError:
            raise
        except PleoError as error:
            raise TokenUnavailableError(error.facts) from None

    def _is_fresh(self, pair: TokenPair | None, refused: str | None) -> bool:
        if pair is None or pair.refreshing or pair.header == refused:
            return False
        return pair.refresh_at is None or self._server.now() < pair.refresh_at


def code_from(query: Mapping[str, str], state: str) -> str:
    """Return the code a person brought back to the redirect URI; `state` is that of their Beginning.

    Raises StateMismatchError, AuthorisationDeniedError.
    """
    if not state or not compare_digest(query.get("state", "").encode(), state.encode()):
        raise StateMismatchError
    if "error" in query or not query.get("code"):
        raise AuthorisationDeniedError(query.get("error", "no_code"))
    return query["code"]


def _pair(answer: bytes, asked_at: datetime, old_refresh_token: str | None) -> TokenPair:
    tokens = msgspec.json.decode(answer, type=_Tokens, strict=False)
    refresh_token = tokens.refresh_token or old_refresh_token
    if refresh_token is None:
        raise msgspec.ValidationError
    return TokenPair(
        access_token=tokens.access_token,
        refresh_token=refresh_token,
        refresh_at=None if tokens.expires_in is None else asked_at + _until_refresh(tokens.expires_in),
    )


def _until_refresh(expires_in: float) -> timedelta:
    life = min(max(expires_in, 0.0), limits.token_life_seconds_max)
    return timedelta(seconds=life - min(limits.token_margin_seconds, life / 4))


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Do what would lose tokens if it stopped half-way: when cancelled, it still gets the time of one call."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=limits.token_seconds_max)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
