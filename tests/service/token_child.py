"""Renews the tokens of the company argv[1] once and prints the access token it has then; argv[2] says how.

`well`: to its end; `noted`: killed when the refresh is noted but not sent; `answered`: killed with the answer in hand.
The service's settings stand in the environment, as for the service itself.
"""

import asyncio
import os
import signal
import sys

from pleo_export.clock import SystemClock
from pleo_export.pleo.errors import ReconnectNeededError
from pleo_export.pleo.oauth import OAuthCredential, TokenPair
from pleo_export.service.companies import Companies
from pleo_export.service.connecting import StoreKeeper, authorisation_server
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import Store
from pleo_export.vault import Vault


class DyingKeeper(StoreKeeper):
    """Its process is killed at a certain moment: once a refresh is noted, or before a new pair is kept."""

    once_noted = False

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        kept = new.refreshing and await super().replace(old, new)
        if new.refreshing is self.once_noted:
            os.kill(os.getpid(), signal.SIGKILL)
        return kept


async def main(company_id: str, how: str) -> str:
    settings = ServiceSettings()
    store = await Store.open(settings.database_url, SystemClock().now)
    server = authorisation_server(settings)
    assert server is not None
    companies = Companies(store, Vault.from_environment(os.environ), server)
    kind = StoreKeeper if how == "well" else DyingKeeper
    keeper = kind(store, companies, company_id)
    DyingKeeper.once_noted = how == "noted"
    known = await keeper.load()
    assert known is not None
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    credential = OAuthCredential(server, keeper)
    async with server:
        try:
            await credential.refreshed_if_needed(known.header)  # as after a 401
        except ReconnectNeededError as error:
            return f"reconnect: {error.reason}"
        finally:
            await store.close()
    return credential.header


sys.stdout.write(asyncio.run(main(*sys.argv[1:3])) + "\n")
