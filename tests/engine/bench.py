"""Engines in this process, with a drain that records itself, on a clock that stands still until a test moves it."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import NamedTuple, Self

from pleo_export.engine import Begun, Engine, EngineStatus, Pace

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE_SECONDS = 20.0
QUICK = Pace(poll=0.02, look=0.05, confirm=0.1, beat=0.1, silence=1.0, sweep=0.1)


class Drained(NamedTuple):
    company: str
    token: int


class StoppedClock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time_passing: float) -> datetime:
        self.now += timedelta(**time_passing)
        return self.now


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail the test where it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "this never became true"
        time.sleep(0.01)


class Gate:
    """A drain that waits in the middle until it is let go."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Semaphore(0), threading.Event()

    def __call__(self, company: str, token: int) -> None:
        self.entered.release()
        assert self.opened.wait(PATIENCE_SECONDS)

    def wait_for_entry(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE_SECONDS)


class Bench:
    """Starts engines and stops them at the end. `drained` is what was drained, in order."""

    def __init__(self, url: str) -> None:
        self.url, self.clock = url, StoppedClock()
        self.drained: list[Drained] = []
        self._engines: list[Engine] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for engine in self._engines:
            engine.stop(PATIENCE_SECONDS)

    def engine(self, *, capacity: int = 8, url: str | None = None) -> Engine:
        """An engine that does not work: it fires."""
        engine = Engine(url or self.url, self.clock, capacity=capacity, pace=QUICK)
        self._engines.append(engine)
        return engine

    def working(
        self, drain: Callable[[str, int], None] = lambda _company, _token: None, *, capacity: int = 8
    ) -> Engine:
        """An engine that works; only one at a time."""
        engine = self.engine(capacity=capacity)

        def recorded(begun: Begun) -> None:
            self.drained.append(Drained(begun.company_id, begun.token))
            drain(begun.company_id, begun.token)

        engine.register(recorded)
        engine.start()
        return engine

    def companies(self) -> list[str]:
        return [drained.company for drained in self.drained]


def wait_until_idle(engine: Engine) -> EngineStatus:
    eventually(lambda: not (engine.status().waiting or engine.status().running))
    return engine.status()


def numbered(count: int) -> Iterator[str]:
    return (f"company-{number}" for number in range(count))
