"""A process that lives inside the simulation: it dies at its time, or freezes and thaws; from then on it has no effects."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any


class DiedError(BaseException):
    """The process is dead. No handler of the program may catch it, and whatever still runs can do nothing any more."""


class Process:
    """One life of the program. `dies_at` and `freezes_at` count the places it gets to, crash points and calls to outside.

    `tell` is told where it happened.
    """

    def __init__(
        self,
        name: str,
        tell: Callable[[str], None],
        *,
        dies_at: int | None = None,
        freezes_at: int | None = None,
    ) -> None:
        self.name, self._tell = name, tell
        self._dies_at, self._freezes_at = dies_at, freezes_at
        self._places = 0
        self._main: asyncio.Task[Any] | None = None
        self.dead = False
        self.frozen = asyncio.Event()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._waiting: list[Callable[[], None]] = []

    async def live(self, main: Coroutine[Any, Any, None]) -> BaseException | None:
        """Run the program to its end; return what it ended with. One that died ends with DiedError."""
        token = _CURRENT.set(self)
        try:
            self._main = asyncio.get_running_loop().create_task(main)
        finally:
            _CURRENT.reset(token)
        await asyncio.wait([self._main])
        if self.dead:
            if not self._main.cancelled():
                self._main.exception()  # whatever a dying program says is of no interest
            return DiedError()
        return self._main.exception()

    def reached(self, place: str) -> None:
        """Note that the program got somewhere. Raises DiedError where that was the last it did."""
        self.must_live()
        self._places += 1
        if self._places == self._freezes_at:
            self._tell(f"{self.name} freezes at {place}")
            self.frozen.set()
            self._thawed.clear()
        if self._places == self._dies_at:
            self.kill(place)
            self.must_live()

    def kill(self, place: str) -> None:
        """Let the process die."""
        self._tell(f"{self.name} dies at {place}")
        self.dead = True
        self._thawed.set()
        if self._main is not None:
            self._main.cancel()

    def must_live(self) -> None:
        """Raise DiedError in a process that is dead."""
        if self.dead:
            raise DiedError

    async def awake(self) -> None:
        """Wait until the process is not frozen. Raises DiedError."""
        await self._thawed.wait()
        self.must_live()

    def waits_with(self, work: Callable[[], None]) -> bool:
        """Take up `work` where the process is frozen, to be done once it thaws; return whether it was."""
        if self._thawed.is_set():
            return False
        self._waiting.append(work)
        return True

    def thaw(self) -> None:
        """Go on where everything stopped."""
        self._tell(f"{self.name} thaws")
        self._thawed.set()
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()


class _Nobody(Process):
    """Whoever runs outside of every process: the stage hands."""

    def __init__(self) -> None:
        self.dead = False
        self.name = "nobody"

    def reached(self, place: str) -> None:
        """Note nothing."""

    def waits_with(self, _work: Callable[[], None]) -> bool:
        """Never freeze."""
        return False

    async def awake(self) -> None:
        """Be awake."""


_CURRENT: ContextVar[Process] = ContextVar("process")
_NOBODY = _Nobody()


def current() -> Process:
    """Return the process that runs now."""
    return _CURRENT.get(_NOBODY)


def reached(place: str) -> None:
    """Note that the process that runs now got to a place."""
    current().reached(place)
