"""A company as the service knows it: its settings and its credential, read from the store."""

import time
from collections.abc import Sequence
from pathlib import Path

from pleo_export.compose import credential_for
from pleo_export.config import SETTINGS_FILE, Settings, parse_settings
from pleo_export.pleo.auth import ApiKey, Credential
from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential
from pleo_export.service.connecting import StoreKeeper
from pleo_export.service.kinds import API_KEY, OAUTH, WEBHOOK_SECRETS
from pleo_export.store import Store
from pleo_export.vault import Vault
from pleo_export.vault.errors import MissingKeyError

READ_SECONDS = 5.0


class Companies:
    """Reads companies from the store; what is secret lies there sealed.

    `vault` None: there is no key, and nothing may be sealed. `server` None: OAuth is not set up.
    """

    def __init__(self, store: Store, vault: Vault | None, server: AuthorisationServer | None = None) -> None:
        self._store, self._vault, self._server = store, vault, server
        self._connections: dict[str, OAuthCredential] = {}
        self._webhook_secrets: dict[str | None, tuple[float, tuple[str, Sequence[str]] | None]] = {}

    async def settings(self, company_id: str) -> Settings:
        """Return a company's settings. Raises UnknownCompanyError, and SettingsError where this version refuses them."""
        company = await self._store.company(company_id)
        return parse_settings(company.settings or "", Path(company.folder or ".") / SETTINGS_FILE)

    async def pleo_url(self, company_id: str) -> str:
        """Return where the company's Pleo answers."""
        return (await self.settings(company_id)).pleo.base_url

    async def credential(self, company_id: str, settings: Settings) -> Credential:
        """Return what proves to Pleo who we are: the connection by OAuth, else the key that was given, else as for `run`.

        Raises SettingsError where there is none, VaultError where it cannot be read.
        """
        if self._server is not None and await self.secret(company_id, OAUTH):
            if company_id not in self._connections:
                keeper = StoreKeeper(self._store, self, company_id)
                self._connections[company_id] = OAuthCredential(self._server, keeper)
            return self._connections[company_id]
        key = await self.secret(company_id, API_KEY)
        if key is not None:
            return ApiKey(key)
        return credential_for(settings, SETTINGS_FILE)

    async def secret(self, company_id: str, kind: str) -> str | None:
        """Return a company's secret, or None where none was kept."""
        sealed = await self._store.secret(company_id, kind)
        if sealed is None or self._vault is None:
            return None
        return self._vault.open(sealed, f"{company_id} {kind}").decode()

    async def keep_secret(self, company_id: str, kind: str, secret: str) -> None:
        """Keep a company's secret, sealed. Raises MissingKeyError where there is no key to seal it with."""
        if self._vault is None:
            raise MissingKeyError
        sealed = self._vault.seal(secret.encode(), f"{company_id} {kind}")
        await self._store.keep_secret(company_id, kind, sealed)

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

    async def _read_webhook_secrets(self, company_id: str | None) -> tuple[str, Sequence[str]] | None:
        active = [one.company_id for one in await self._store.companies() if one.in_service]
        if company_id is None and len(active) == 1:
            company_id = active[0]
        if company_id is None or company_id not in active:
            return None
        kept = await self.secret(company_id, WEBHOOK_SECRETS)
        return company_id, (kept or "").split()
