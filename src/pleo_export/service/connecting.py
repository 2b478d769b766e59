"""Connecting a company by OAuth: from the address a person opens to the tokens that are kept.

Who begins on the command line has the tokens kept at once. Who begins on the page is asked first, in the browser it was begun
in, whether the company is the right one.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Protocol

import msgspec

from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.companies import PleoCompany
from pleo_export.pleo.errors import PleoError
from pleo_export.pleo.installations import Installation, InstallationStatus, company_of
from pleo_export.pleo.oauth import (
    AuthorisationServer,
    ClientAuthentication,
    OAuthApp,
    OAuthCredential,
    TokenKeeper,
    TokenPair,
    code_from,
)
from pleo_export.service.counted import COUNTED
from pleo_export.service.errors import (
    OAuthNotSetUpError,
    OtherBrowserError,
    OtherCompanyError,
    UnknownConnectionError,
)
from pleo_export.service.kinds import CONNECTING, OAUTH
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store
from pleo_export.store.errors import UnknownCompanyError

log = logging.getLogger(__name__)

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
    """What is remembered until the person comes back; `browser` is a hash of what only that browser knows."""

    company_id: str
    verifier: str
    at: datetime
    browser: str | None = None


class Held(msgspec.Struct, frozen=True):
    """Tokens that are not kept before a person says that the company is the right one.

    `company` is what Pleo tells of it, None where it does not tell us. `certain`: Pleo says that the tokens are for the
    company that was meant; else it knows of no installation, and only the first call shows it.
    """

    pair: TokenPair
    at: datetime
    certain: bool
    company: PleoCompany | None


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
    """The two halves of connecting: `begin` gives the address to open, `finish` takes what Pleo sends back.

    With a `browser`, a secret that only the person's browser has, the tokens are held until `keep` or `let_go`.
    """

    def __init__(self, store: Store, sealed: Sealed, server: AuthorisationServer | None) -> None:
        self._store, self._sealed, self._server = store, sealed, server

    @property
    def is_set_up(self) -> bool:
        """Whether the service knows how it is registered with Pleo."""
        return self._server is not None

    async def begin(self, company_id: str, browser: str | None = None) -> str:
        """Return the address that a person with a Pleo login opens. Raises ConnectError, MissingKeyError."""
        if self._server is None:
            raise OAuthNotSetUpError
        beginning = self._server.begin()
        begun = Begun(company_id, beginning.verifier, self._server.now(), browser and _hash(browser))
        place = _place(beginning.state)
        await self._sealed.keep_secret(place, CONNECTING, msgspec.json.encode(begun).decode())
        return beginning.url

    async def finish(
        self,
        query: Mapping[str, str],
        pleo_url: Callable[[str], Awaitable[str]],
        browser: str | None = None,
    ) -> str:
        """Keep or hold the tokens of the company that was connected, and return its id. `pleo_url` is where its Pleo answers.

        Raises ConnectError, ConnectingError, NoCompanyError, PleoError, VaultError, UnknownCompanyError, SettingsError.
        """
        if self._server is None:
            raise OAuthNotSetUpError
        state = query.get("state", "")
        kept = await self._sealed.secret(_place(state), CONNECTING)
        if kept is None:
            raise UnknownConnectionError
        begun = msgspec.json.decode(kept, type=Begun)
        if begun.browser is not None and not compare_digest(begun.browser, _hash(browser or "")):
            raise OtherBrowserError
        # Of several who come back with it at the same moment one finds it there to be dropped.
        mine = await self._store.drop_secrets(_place(state))
        if not mine or self._server.now() - begun.at > CONNECTING_TIME:
            raise UnknownConnectionError
        code, url = code_from(query, state), await pleo_url(begun.company_id)
        given = _Given(await self._server.exchange(code, begun.verifier))
        if begun.browser is None:
            await self._keep(begun.company_id, given, url)
        else:
            await self._hold(begun, given, url)
        return begun.company_id

    async def held(self, company_id: str, browser: str) -> Held | None:
        """Return what is held for this browser, None where nothing is or it is too old. Raises VaultError."""
        held = await self._held(company_id, browser).held()
        if held is None or self._server is None:
            return None
        return None if self._server.now() - held.at > CONNECTING_TIME else held

    async def keep(self, company_id: str, browser: str, pleo_url: str) -> None:
        """Keep the tokens that are held. Raises UnknownConnectionError where none are, and as `finish` does."""
        if await self.held(company_id, browser) is None:
            raise UnknownConnectionError
        await self._keep(company_id, self._held(company_id, browser), pleo_url)
        # Only now: whatever ends this before, the tokens are in one place or the other, and a yes can be said again.
        await self.let_go(company_id, browser)

    async def let_go(self, company_id: str, browser: str) -> None:
        """Forget the tokens that are held."""
        await self._store.drop_secrets(_held_place(company_id, _hash(browser)))

    async def _keep(self, company_id: str, given: TokenKeeper, pleo_url: str) -> None:
        async with self._pleo(pleo_url, given) as pleo:
            installation = await self._installation(pleo, company_id)
        pair = await given.load()
        if pair is None:
            raise UnknownConnectionError  # let go meanwhile
        kept = StoreKeeper(self._store, self._sealed, company_id)
        await kept.keep(pair)
        # Only now, and no reason to let go of them: what they were got for is good once.
        if installation is not None and installation.status != InstallationStatus.ACTIVATED:
            try:
                async with self._pleo(pleo_url, kept) as pleo:
                    await pleo.installation.activate()
            except PleoError as error:
                log.warning("company %s is connected, but Pleo did not activate it: %s", company_id, error)

    def _held(self, company_id: str, browser: str) -> "_HeldKeeper":
        return _HeldKeeper(self._store, self._sealed, _held_place(company_id, _hash(browser)))

    async def _hold(self, begun: Begun, given: "_Given", pleo_url: str) -> None:
        assert begun.browser is not None
        async with self._pleo(pleo_url, given) as pleo:
            certain = await self._installation(pleo, begun.company_id) is not None
            company = await pleo.companies.get(begun.company_id)
        held = Held(given.pair, begun.at, certain, company)
        place = _held_place(begun.company_id, begun.browser)
        await self._sealed.keep_secret(place, CONNECTING, msgspec.json.encode(held).decode())

    async def _installation(self, pleo: PleoClient, company_id: str) -> Installation | None:
        """Return the installation by which Pleo says that the tokens are for the company; it may know of none.

        Raises OtherCompanyError.
        """
        installation = await pleo.installation.get()
        if installation is None:
            return None
        connected = company_of(installation)
        if connected != company_id:
            other = await pleo.companies.get(connected)
            called = other.name if other is not None else await self._called(connected)
            raise OtherCompanyError(await self._called(company_id), called)
        return installation

    async def _called(self, company_id: str) -> str:
        with suppress(UnknownCompanyError):
            return (await self._store.company(company_id)).name or company_id
        return company_id

    def _pleo(self, pleo_url: str, given: TokenKeeper) -> PleoClient:
        assert self._server is not None
        return PleoClient(pleo_url, OAuthCredential(self._server, given))


class _HeldKeeper:
    """Keeps what is held for a browser: a pair that takes the place of another one is held too, before it is used."""

    def __init__(self, store: Store, sealed: Sealed, place: str) -> None:
        self._store, self._sealed, self._place = store, sealed, place

    async def held(self) -> Held | None:
        kept = await self._sealed.secret(self._place, CONNECTING)
        return None if kept is None else msgspec.json.decode(kept, type=Held)

    async def load(self) -> TokenPair | None:
        held = await self.held()
        return None if held is None else held.pair

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        held = await self.held()
        if held is None or held.pair != old:
            return False
        changed = msgspec.json.encode(msgspec.structs.replace(held, pair=new)).decode()
        return await self._sealed.replace_secret(
            self._place, CONNECTING, lambda kept: msgspec.json.decode(kept, type=Held) == held, changed
        )

    def exclusively(self) -> AbstractAsyncContextManager[None]:
        return self._store.exclusively(self._place)


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


def _held_place(company_id: str, browser_hash: str) -> str:
    return f"connected {company_id} {browser_hash}"


def _hash(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()
