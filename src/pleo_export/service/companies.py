"""A company as the service knows it: its settings and its credential, read from the store."""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aiolimiter import AsyncLimiter

from pleo_export.compose import credential_for
from pleo_export.config import SETTINGS_FILE, NoKeyError, Settings, parse_settings
from pleo_export.domain.progress import Company
from pleo_export.pleo.auth import ApiKey, Credential
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential
from pleo_export.pleo.transport import rate_limiter
from pleo_export.service.connecting import StoreKeeper
from pleo_export.service.errors import NotConnectedError, OAuthNotSetUpError
from pleo_export.service.kinds import API_KEY, OAUTH, WEBHOOK_SECRETS
from pleo_export.store import Store
from pleo_export.store.errors import UnknownCompanyError
from pleo_export.vault import Vault
from pleo_export.vault.errors import MissingKeyError

READ_SECONDS = 5.0


def settings_of(company: Company) -> Settings:
    """Return the settings of a company that was read. Raises SettingsError where this version refuses them."""
    return parse_settings(company.settings or "", Path(company.folder or ".") / SETTINGS_FILE)


class Companies:
    """Reads companies from the store; what is secret lies there sealed.

    `vault` None: there is no key, and nothing may be sealed. `server` None: OAuth is not set up.
    """

    def __init__(self, store: Store, vault: Vault | None, server: AuthorisationServer | None = None) -> None:
        self._store, self._vault, self._server = store, vault, server
        self._connections: dict[str, OAuthCredential] = {}
        self._limiters: dict[str, AsyncLimiter] = {}
        self._webhook_secrets: dict[str | None, tuple[float, tuple[str, Sequence[str]] | None]] = {}

    async def settings(self, company_id: str) -> Settings:
        """Return a company's settings. Raises UnknownCompanyError, and SettingsError where this version refuses them."""
        return settings_of(await self._store.company_in_service(company_id))

    async def pleo_url(self, company_id: str) -> str:
        """Return where the company's Pleo answers."""
        return (await self.settings(company_id)).pleo.base_url

    async def credential(self, company_id: str, settings: Settings) -> Credential:
        """Return what proves to Pleo who we are: the connection by OAuth, else the key that was given, else as for `run`.

        Raises NotConnectedError where there is none, VaultError, OAuthNotSetUpError and SettingsError where it cannot be used.
        """
        connection = await self.connection(company_id)
        if connection is not None:
            return connection
        key = await self.secret(company_id, API_KEY)
        if key is not None:
            return ApiKey(key)
        try:
            return credential_for(settings, SETTINGS_FILE)
        except NoKeyError:
            raise NotConnectedError(company_id) from None

    async def connection(self, company_id: str) -> OAuthCredential | None:
        """Return a company's connection by OAuth, None where it has none. Raises VaultError, OAuthNotSetUpError."""
        if await self.secret(company_id, OAUTH) is None:
            return None
        if self._server is None:
            raise OAuthNotSetUpError
        if company_id not in self._connections:
            keeper = StoreKeeper(self._store, self, company_id)
            self._connections[company_id] = OAuthCredential(self._server, keeper)
        return self._connections[company_id]

    def limiter(self, company_id: str, settings: Settings, credential: Credential) -> AsyncLimiter:
        """Return what limits the calls of a credential: one for all that is done with it here, for whichever company."""
        # A connection by OAuth is one company's, and its header changes.
        who = company_id if isinstance(credential, OAuthCredential) else credential.header
        key = hashlib.sha256(f"{settings.pleo.base_url} {who}".encode()).hexdigest()
        return self._limiters.setdefault(key, rate_limiter())

    async def disconnect(self, company_id: str) -> bool:
        """End a company's connection by OAuth, in Pleo too; return whether there was one.

        It is forgotten here whatever Pleo says to it; only where this is stopped on the way it is kept. Raises PleoError, VaultError, OAuthNotSetUpError, SettingsError where Pleo was not told.
        """
        try:
            connection = await self.connection(company_id)
            if connection is None:
                return False
            async with PleoClient(await self.pleo_url(company_id), connection) as pleo:
                await pleo.installation.remove()
        except Exception:
            await StoreKeeper(self._store, self, company_id).drop()
            raise
        await StoreKeeper(self._store, self, company_id).drop()
        return True

    async def secret(self, company_id: str, kind: str) -> str | None:
        """Return a company's secret, or None where none was kept. Raises VaultError where it cannot be read."""
        sealed = await self._store.secret(company_id, kind)
        return None if sealed is None else self.opened(company_id, kind, sealed)

    async def keep_secret(self, company_id: str, kind: str, secret: str) -> None:
        """Keep a company's secret, sealed. Raises MissingKeyError where there is no key to seal it with."""
        await self._store.keep_secret(company_id, kind, self.sealed(company_id, kind, secret))

    async def drop_secret(self, company_id: str, kind: str) -> None:
        """Forget a company's secret; one that is not there is fine."""
        await self._store.drop_secrets(company_id, kind)

    async def replace_secret(
        self, company_id: str, kind: str, is_old: Callable[[str], bool], new: str
    ) -> bool:
        """Keep a new secret where the one that stands is the old one; return whether. Raises VaultError."""
        standing = await self._store.secret(company_id, kind)
        if standing is None or not is_old(self.opened(company_id, kind, standing)):
            return False
        sealed = self.sealed(company_id, kind, new)
        return await self._store.replace_secret(company_id, kind, old=standing, new=sealed)

    def sealed(self, company_id: str, kind: str, secret: str) -> bytes:
        """Return a company's secret as the store may hold it. Raises MissingKeyError."""
        if self._vault is None:
            raise MissingKeyError
        return self._vault.seal(secret.encode(), f"{company_id} {kind}")

    def opened(self, company_id: str, kind: str, sealed: bytes) -> str:
        """Return what `sealed` was given. Raises MissingKeyError, and VaultError where it cannot be read."""
        if self._vault is None:
            raise MissingKeyError
        return self._vault.open(sealed, f"{company_id} {kind}").decode()

    async def webhook_secrets(self, company_id: str | None) -> tuple[str, Sequence[str]] | None:
        """Return the company a webhook is for and its secrets, newest first; None where it is nobody's.

        A webhook whose address names no company belongs to the only one there is. What was read counts for some seconds.
        """
        read = self._webhook_secrets.get(company_id)
        if read is None or time.monotonic() - read[0] > READ_SECONDS:
            read = time.monotonic(), await self._read_webhook_secrets(company_id)
            if read[1] is not None:  # nobody fills the memory with companies that are not ours
                self._webhook_secrets[company_id] = read
        return read[1]

    async def _in_service(self, company_id: str) -> bool:
        try:
            return (await self._store.company(company_id)).in_service
        except UnknownCompanyError:
            return False

    async def _read_webhook_secrets(self, company_id: str | None) -> tuple[str, Sequence[str]] | None:
        # Whoever asks may be anybody: one row is looked at, however many companies there are.
        company_id = company_id or await self._store.only_company()
        if company_id is None or not await self._in_service(company_id):
            return None
        kept = await self.secret(company_id, WEBHOOK_SECRETS)
        return company_id, (kept or "").split()
