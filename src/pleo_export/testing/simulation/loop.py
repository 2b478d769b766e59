"""An event loop in which no time passes while anybody works, and none is waited for while everybody sleeps."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from pleo_export.testing.simulation.process import current

T = TypeVar("T")
EXECUTOR_SECONDS_MAX = 0.005


class StuckError(RuntimeError):
    """Everybody waits for something that nobody will do: the program hangs."""

    def __init__(self) -> None:
        super().__init__("Every task waits, and nothing is due that could wake one: the program hangs.")


class VirtualLoop(asyncio.BaseEventLoop):
    """Jumps to the next timer whenever nothing is ready.

    What is given to a thread runs in the loop itself, a random moment later, so that whoever may come in between does.
    """

    def __init__(self, draw: Random) -> None:
        super().__init__()
        self._selector = self  # the base class asks it for events, of which there are none
        self._draw, self._now = draw, 0.0
        self._busy_until: dict[object, float] = {}

    def time(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._now

    def select(self, timeout: float | None) -> list[object]:
        """Let the time pass until the next timer."""
        if timeout is None:
            raise StuckError
        self._now += timeout
        return []

    def _process_events(self, _events: object) -> None:
        """Do nothing: there are no sockets."""

    def _write_to_self(self) -> None:
        """Do nothing: there are no threads."""

    def run_in_executor(  # type: ignore[override]  # narrower: only the types of what runs
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run `func` as if the one thread of an executor did, unless its process dies before."""
        process, future = current(), self.create_future()

        def work() -> None:
            if future.cancelled() or process.waits_with(work):
                return
            try:
                process.must_live()
                future.set_result(func(*args))
            except BaseException as error:  # noqa: BLE001 as of a thread, it is the caller's
                future.set_exception(error)

        begins = max(self._now, self._busy_until.get(executor, 0.0))
        self._busy_until[executor] = begins + self._draw.uniform(0, EXECUTOR_SECONDS_MAX)
        self.call_at(self._busy_until[executor], work)
        return future


def run(main: Coroutine[Any, Any, T], draw: Random) -> T:
    """Run `main` to its end in virtual time. Raises StuckError where it hangs."""
    loop = VirtualLoop(draw)
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
