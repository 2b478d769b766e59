"""Tells what is to be told from a store, in a process of its own that is killed meanwhile: FILE SECRET."""

import asyncio
import sys
from pathlib import Path

from pydantic import SecretStr

from pleo_export.clock import SystemClock
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.telling.telling import Telling
from pleo_export.store import Store, sqlite_url


async def tell(file: Path, secret: str) -> None:
    store = await Store.open(sqlite_url(file), SystemClock().now)
    settings = ServiceSettings(public_url="https://books.example", notify_secret=SecretStr(secret))
    await Telling(settings, store, SystemClock()).look()
    await store.close()


if __name__ == "__main__":
    asyncio.run(tell(Path(sys.argv[1]), sys.argv[2]))
