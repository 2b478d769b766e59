"""Refreshes the tokens in the file argv[2] at the server argv[1] once and prints the access token; argv[3] says how.

`well`: until the end; `noted`: killed when the refresh is noted but not sent; `answered`: killed with the answer in hand.
"""

import asyncio
import sys
from pathlib import Path

from pleo_export.pleo.errors import PleoError
from pleo_export.pleo.oauth import AuthorisationServer, OAuthCredential
from tests.pleo.token_keepers import DyingKeeper, FileKeeper
from tests.pleo.token_server import app


async def main(url: str, path: Path, how: str) -> str:
    keeper = FileKeeper(path) if how == "well" else DyingKeeper(path, once_noted=how == "noted")
    async with AuthorisationServer(url, app()) as server:
        credential = OAuthCredential(server, keeper)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        try:
            await credential.refreshed_if_needed()
        except PleoError as error:
            return f"{type(error).__name__} {getattr(error, 'reason', '')}"
        return credential.header


sys.stdout.write(asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])) + "\n")
