"""Holds the name argv[2] in the store whose URL is argv[1], says so, and goes on until it is killed."""

import asyncio
import sys
from datetime import UTC, datetime

from pleo_export.store import Store


async def main(url: str, name: str) -> None:
    store = await Store.open(url, lambda: datetime.now(UTC))
    async with store.exclusively(name):
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:3]))
