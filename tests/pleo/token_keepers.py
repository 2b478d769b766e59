"""A keeper of tokens in a file, safe across processes, and some that go wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from filelock import AsyncFileLock

from pleo_export.pleo.oauth import TokenPair


class FileKeeper:
    """The pair as a file that is replaced whole, with a lock beside it."""

    def __init__(self, path: Path) -> None:
        self.path, self.loads = path, 0

    async def load(self) -> TokenPair | None:
        self.loads += 1
        return TokenPair.decoded(self.path.read_bytes()) if self.path.exists() else None

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        if not self.path.exists() or TokenPair.decoded(self.path.read_bytes()) != old:
            return False
        await self.keep(new)
        return True

    async def keep(self, pair: TokenPair) -> None:
        new = self.path.with_suffix(".new")
        new.write_bytes(pair.encoded())
        new.replace(self.path)

    @asynccontextmanager
    async def exclusively(self) -> AsyncIterator[None]:
        async with AsyncFileLock(self.path.with_suffix(".lock"), poll_interval=0.005):
            yield


class StoreLost(Exception):  # noqa: N818 -- it stands for another's
    """The database is away for a moment."""


class ForgetfulKeeper(FileKeeper):
    """Cannot keep a new pair `failures` times."""

    failures = 1

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        if not new.refreshing and self.failures:
            self.failures -= 1
            raise StoreLost
        return await super().replace(old, new)


class SlowKeeper(FileKeeper):
    """Takes a while to make a new pair durable."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def replace(self, old: TokenPair, new: TokenPair) -> bool:
        if not new.refreshing:
            self.begun.set()
            await self.go_on.wait()
        return await super().replace(old, new)


class UnlockedKeeper(FileKeeper):
    """Keeps nobody out: the server that granted the lock was started again while somebody was inside."""

    @asynccontextmanager
    async def exclusively(self) -> AsyncIterator[None]:
        yield


class ForgetfulUnlockedKeeper(ForgetfulKeeper, UnlockedKeeper):
    """Both at once, as when a database is started again."""


class SlowUnlockedKeeper(SlowKeeper, UnlockedKeeper):
    """Lets others in while it takes its time."""


async def stored(path: Path) -> TokenPair:
    pair = await FileKeeper(path).load()
    assert pair is not None
    return pair


async def store(path: Path, pair: TokenPair, **fields: object) -> None:
    await FileKeeper(path).keep(replace(pair, **fields))  # type: ignore[arg-type]
