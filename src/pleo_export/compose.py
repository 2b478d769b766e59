"""The composition root: the real parts, put together from the settings."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from pleo_export.accounting.ledger import LedgerConnector
from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.port import Connector
from pleo_export.clock import SystemClock
from pleo_export.config import Secrets, Settings, api_key, odoo_api_key
from pleo_export.documents import fit
from pleo_export.domain.explanation import DAYS_KEPT
from pleo_export.pleo import limits
from pleo_export.pleo.addresses import base_url, is_loopback
from pleo_export.pleo.auth import ApiKey, BearerToken, Credential
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.files import Downloader
from pleo_export.store import Store, sqlite_url
from pleo_export.store.lease import company_lease
from pleo_export.workflow.pace import Pace
from pleo_export.workflow.ports import Notice, Parts, Sources, ignore


def credential_for(settings: Settings, path: Path) -> Credential:
    """Return what proves to Pleo who we are: an access token, else the API key. Raises SettingsError."""
    secrets = Secrets()
    if secrets.access_token is not None:
        return BearerToken(secrets.access_token.get_secret_value())
    return ApiKey(api_key(settings, secrets, path).get_secret_value())


def connector_for(settings: Settings, key: str | None = None) -> Connector:
    """Return the connector to the company's accounting system.

    `key` is what proves to that system who we are, where it was kept elsewhere than the settings say. Raises SettingsError.
    """
    if settings.odoo is not None:
        return OdooConnector(settings.odoo, key or odoo_api_key(settings, Secrets()).get_secret_value())
    assert settings.ledger is not None
    return LedgerConnector(settings.ledger)


def reading(
    settings: Settings, credential: Credential, connector: Connector | None = None
) -> AbstractAsyncContextManager[Sources]:
    """Open what is needed to look without changing anything; `connector` is one of your own. Raises SettingsError."""
    client = PleoClient(settings.pleo.base_url, credential)
    return sources_of(settings, client, connector or connector_for(settings))


@asynccontextmanager
async def sources_of(settings: Settings, client: PleoClient, connector: Connector) -> AsyncIterator[Sources]:
    """Open Pleo, and the accounting system through its connector, which is closed afterwards."""
    clock = SystemClock()
    try:
        async with client as pleo:
            yield Sources(
                company_id=settings.pleo.company_id,
                settings=settings.company,
                pleo=pleo,
                connector=connector,
                clock=clock,
                pace=Pace(clock.sleep, connector.capabilities.concurrency),
            )
    finally:
        await connector.close()


@asynccontextmanager
async def working(
    settings: Settings,
    credential: Credential,
    notify: Callable[[Notice], None] = ignore,
    *,
    connector: Connector | None = None,
) -> AsyncIterator[Parts]:
    """Open everything that exporting needs, and be the company's only worker meanwhile.

    `connector` is one of your own, in the place of the one that the settings name; it is closed afterwards.
    Raises CompanyBusyError where another process is, and StoreError.
    """
    path, company_id = settings.store.path, settings.pleo.company_id
    async with AsyncExitStack() as stack:
        stack.enter_context(company_lease(path, company_id))
        store = await Store.open(sqlite_url(path), SystemClock().now)
        stack.push_async_callback(store.close)
        await store.forget_explanations(SystemClock().now() - timedelta(days=DAYS_KEPT))
        sources = await stack.enter_async_context(reading(settings, credential, connector))
        folder = path.with_name(path.name + ".receipts") / company_id
        yield await stack.enter_async_context(parts_of(settings, sources, store, folder, notify))


@asynccontextmanager
async def parts_of(
    settings: Settings,
    sources: Sources,
    store: Store,
    folder: Path,
    notify: Callable[[Notice], None],
) -> AsyncIterator[Parts]:
    """Open what exporting needs beside the store; `folder` is for what is on its way, and nobody else's."""
    _sweep(folder)
    local = is_loopback(base_url(settings.pleo.base_url).host or "")
    # More on their way than entries would be a connection each that nobody waits for.
    at_once_max = min(sources.connector.capabilities.concurrency, limits.files_at_once_max)
    async with Downloader(folder, at_once_max=at_once_max, allow_private=local) as downloader:
        yield Parts(
            **vars(sources),
            receipts=downloader,
            fit=partial(fit, folder=folder),
            store=store,
            folder=folder,
            draw=random.random,
            notify=notify,
        )


def _sweep(folder: Path) -> None:
    """Remove the downloads of a process that was killed."""
    for left in folder.glob("*"):
        left.unlink()
