"""Opens what the service keeps: the store with its companies, and the engine."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import NamedTuple

from pleo_export.clock import SystemClock
from pleo_export.engine.engine import Engine
from pleo_export.service.companies import Companies
from pleo_export.service.connecting import Connecting, authorisation_server
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store, sqlite_path
from pleo_export.vault import Vault
from pleo_export.vault.errors import MissingKeyError


class Opened(NamedTuple):
    """What is open: the store, the companies in it, and the way to connect one."""

    store: Store
    companies: Companies
    connecting: Connecting


def engine_url(database_url: str) -> str:
    """Return where the engine keeps its own tables: a file beside the store's, or the same PostgreSQL database."""
    path = sqlite_path(database_url)
    return database_url if path is None else f"sqlite:///{path}.engine.db"


def vault_of(environment: Mapping[str, str]) -> Vault | None:
    """Return the vault with the configured keys, None where there are none. Raises UnusableKeyError."""
    try:
        return Vault.from_environment(environment)
    except MissingKeyError:
        return None


@asynccontextmanager
async def opened(settings: ServiceSettings) -> AsyncIterator[Opened]:
    """Open the store with its companies. Raises StoreError, UnusableKeyError, UnusableSecretError."""
    async with AsyncExitStack() as stack:
        store = await Store.open(settings.database_url, SystemClock().now)
        stack.push_async_callback(store.close)
        server = authorisation_server(settings)
        if server is not None:
            await stack.enter_async_context(server)
        companies = Companies(store, vault_of(os.environ), server)
        yield Opened(store, companies, Connecting(store, companies, server))


@contextmanager
def opened_engine(settings: ServiceSettings) -> Iterator[Engine]:
    """Open the engine for firing and looking. Raises EngineError at its first use."""
    engine = Engine(engine_url(settings.database_url), SystemClock().now, capacity=settings.companies_at_once)
    try:
        yield engine
    finally:
        engine.close()
