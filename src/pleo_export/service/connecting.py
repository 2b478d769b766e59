"""Connecting a company by OAuth: from the address a person opens to the tokens that are kept."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from pleo_export.pleo.auth import Credential
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.installations import company_of
from pleo_export.pleo.oauth import (
    AuthorisationServer,
    ClientAuthentication,
    OAuthApp,
    OAuthCredential,
    TokenPair,
    code_from,
)
from pleo_export.service.counted import COUNTED
from pleo_export.service.errors import OAuthNotSetUpError, OtherCompanyError, UnknownConnectionError
from pleo_export.service.kinds import OAUTH
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store

CALLBACK = "/oauth/callback"
CONNECTING_TIME = timedelta(minutes=15)


class Sealed(Protocol):
    """Where secrets are kept (`Companies`)."""

    async def secret(self, company_id: str, kind: str) -> str | None: ...
    async def keep_secret(self, company_id: str, kind: str, secret: str) -> None: ...
    async def replace_secret(
        self, company_id: str, kind: str, is_old: Callable[[str], bool], new: str
    ) -> bool: ...


class StoreKeeper:
    """Keeps the tokens of one company in the store, sealed; only one process is inside at a time."""

    def __init__(self, store: Store, sealed: Sealed, company_id: str) -> None:
        self._store, self._sealed, self._company_id = store, sealed, company_id

    async def load(self) -> TokenPair | None:
        """Return what was kept last."""
        kept = await self._sealed.secret(self._company_id, OAUTH)
        return None if kept is None else _decoded(kept)

    async def keep(self, pair: TokenPair) -> None:
        """Keep the tokens of a connection that was just made, whatever stood before."""
        async with self.exclusively():
            await self._sealed.keep_secret(self._company_id, OAUTH, pair.encoded().decode())

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        """Keep the new pair where the old one still stands; return whether."""
        return await self._sealed.replace_secret(
            self._company_id, OAUTH, lambda kept: _decoded(kept) == old, new.encoded().decode()
        )

    async def drop(self) -> None:
        """Forget the tokens, so that the connection is none."""
        async with self.exclusively():
            await self._store.drop_secrets(self._company_id, OAUTH)

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        """Be the only one to change the tokens of the company."""
        return self._store.exclusively(f"tokens of {self._company_id}")


class Begun(msgspec.Struct, frozen=True):
    """What is remembered until the person comes back."""

    company_id: str
    verifier: str
    at: datetime


def authorisation_server(settings: ServiceSettings) -> AuthorisationServer | None:
    """Return Pleo's authorisation server, None where OAuth is not set up. Raises UnusableSecretError."""
    secret = settings.oauth_client_secret
    if settings.oauth_client_id is None or secret is None or settings.public_url is None:
        return None
    app = OAuthApp(
        client_id=settings.oauth_client_id,
        client_secret=secret.get_secret_value(),
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
        scopes=tuple(settings.oauth_scopes.split()),
        authentication=ClientAuthentication(settings.oauth_client_authentication),
    )
    return AuthorisationServer(settings.oauth_server, app, COUNTED)


class Connecting:
    """The two halves of connecting: `begin` gives the address to open, `finish` takes what Pleo sends back."""

    def __init__(self, store: Store, sealed: Sealed, server: AuthorisationServer | None) -> None:
        self._store, self._sealed, self._server = store, sealed, server

    async def begin(self, company_id: str) -> str:
        """Return the address that a person with a Pleo login opens. Raises ConnectError, MissingKeyError."""
        if self._server is None:
            raise OAuthNotSetUpError
        beginning = self._server.begin()
        begun = Begun(company_id, beginning.verifier, self._server.now())
        await self._sealed.keep_secret(_place(beginning.state), OAUTH, msgspec.json.encode(begun).decode())
        return beginning.url

    async def finish(self, query: Mapping[str, str], pleo_url: Callable[[str], Awaitable[str]]) -> str:
        """Keep the tokens of the company that was connected, and return its id. `pleo_url` is where its Pleo answers.

        Raises ConnectError, ConnectingError, NoCompanyError, PleoError, VaultError, UnknownCompanyError, SettingsError.
        """
        if self._server is None:
            raise OAuthNotSetUpError
        state = query.get("state", "")
        kept = await self._sealed.secret(_place(state), OAUTH)
        if kept is None:
            raise UnknownConnectionError
        await self._store.drop_secrets(_place(state))
        begun = msgspec.json.decode(kept, type=Begun)
        if self._server.now() - begun.at > CONNECTING_TIME:
            raise UnknownConnectionError
        code, url = code_from(query, state), await pleo_url(begun.company_id)
        given = _Given(await self._server.exchange(code, begun.verifier))
        await _require_meant(begun.company_id, OAuthCredential(self._server, given), url)
        await StoreKeeper(self._store, self._sealed, begun.company_id).keep(given.pair)
        return begun.company_id


async def _require_meant(company_id: str, credential: Credential, pleo_url: str) -> None:
    async with PleoClient(pleo_url, credential) as pleo:
        installation = await pleo.installation.get()
        if installation is None:
            return  # Pleo knows of none; the first call for the company shows whether the tokens are right
        connected = company_of(installation)
        if connected != company_id:
            raise OtherCompanyError(company_id, connected)
        await pleo.installation.activate()


class _Given:
    """A pair that is not in the store yet; `pair` is another one after a refresh."""

    def __init__(self, pair: TokenPair) -> None:
        self.pair = pair

    async def load(self) -> TokenPair | None:
        return self.pair

    async def replace(self, _: TokenPair, new: TokenPair) -> bool:
        self.pair = new
        return True

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()


def _decoded(kept: str) -> TokenPair:
    return TokenPair.decoded(kept.encode())


def _place(state: str) -> str:
    return f"connecting {state}"
