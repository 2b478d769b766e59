"""What goes wrong in one run, all of it from its seed: how often, what, until when; and who dies when."""

from collections import Counter
from enum import StrEnum
from random import Random
from typing import TypeVar

import msgspec


class Http(StrEnum):
    """What can happen to a call to Pleo."""

    REFUSED = "connection refused"
    LOST_BEFORE = "connection lost before it arrived"
    TIMED_OUT_BEFORE = "no answer, and it never arrived"
    LIMITED = "told to wait"
    FAILED_BEFORE = "server error without effect"
    LOST_AFTER = "connection lost after its effect"
    TIMED_OUT_AFTER = "no answer after its effect"
    FAILED_AFTER = "server error after its effect"
    TRUNCATED = "answer cut in the middle"
    NOT_JSON = "a web page in place of the answer"
    REPEATED = "an element of the page twice"
    STALE_CURSOR = "the cursor leads back"


class Rpc(StrEnum):
    """What can happen to a call to the accounting system."""

    REFUSED = "not reached"
    LIMITED = "told to wait"
    LOST_BEFORE = "no answer, and it never arrived"
    LOST_AFTER = "no answer after its effect"
    LATE = "no answer, and its effect comes later"
    BROKEN = "the connector fails by a fault of its own"


Fault = TypeVar("Fault", Http, Rpc)

HTTP_WAITS = ("0", "1", "2.5", "17", "120", "-3", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT", "1e9")
HTTP_WAIT_SECONDS_MAX = 300.0  # the longest that our client lets itself be asked for
RPC_WAITS = (0.5, 3.0, 20.0, 400.0)


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """How bad it gets. Chances are for each call; `only` limits them to one kind of fault."""

    http: float = 0.0
    rpc: float = 0.0
    only: Http | Rpc | None = None
    calm_at: float = 0.0
    lives: tuple[int, ...] = ()  # how far each of the first processes gets before it dies
    freezes_at: int | None = None


def forecast(draw: Random) -> Forecast:
    """Draw the weather of a run."""
    kind = draw.choice(("clear", "drizzle", "storm", "one kind", "one kind"))
    http, rpc = {"clear": (0.0, 0.0), "drizzle": (0.02, 0.05), "storm": (0.12, 0.2)}.get(kind, (0.0, 0.0))
    only: Http | Rpc | None = None
    if kind == "one kind":
        only = draw.choice((*Http, *Rpc))
        chance = draw.choice((0.1, 0.4))
        http, rpc = (chance, 0.0) if isinstance(only, Http) else (0.0, chance)
    deaths = draw.choice((0, 0, 1, 1, 2, 4))
    return Forecast(
        http=http,
        rpc=rpc,
        only=only,
        calm_at=draw.uniform(20, 200),
        lives=tuple(draw.randint(1, draw.choice((20, 80, 160))) for _ in range(deaths)),
        freezes_at=draw.choice((None,) * 9 + (draw.randint(5, 100),)),
    )


class Weather:
    """Deals out the faults. `now` tells the time; counts what struck."""

    def __init__(self, draw: Random, forecast: Forecast) -> None:
        self._draw, self.forecast = draw, forecast
        self.struck = Counter[str]()
        self.longest_wait = 0.0

    def http(self, now: float, choices: tuple[Http, ...]) -> Http | None:
        """Draw what happens to a call to Pleo."""
        return self._strike(now, self.forecast.http, choices)

    def rpc(self, now: float, choices: tuple[Rpc, ...]) -> Rpc | None:
        """Draw what happens to a call to the accounting system."""
        return self._strike(now, self.forecast.rpc, choices)

    def latency(self) -> float:
        """Draw how long a way takes, in seconds."""
        usual, slow = self._draw.expovariate(30), self._draw.uniform(0.1, 2)
        return self._draw.choice((usual,) * 9 + (slow,))

    def uniform(self, low: float, high: float) -> float:
        """Draw a number."""
        return self._draw.uniform(low, high)

    def http_wait(self) -> str:
        """Draw a Retry-After header."""
        text = self._draw.choice(HTTP_WAITS)
        plain = text.replace(".", "", 1).isdigit()
        self.longest_wait = max(self.longest_wait, min(float(text), HTTP_WAIT_SECONDS_MAX) if plain else 0)
        return text

    def rpc_wait(self) -> float:
        """Draw how long the accounting system asks to wait, in seconds."""
        seconds = self._draw.choice(RPC_WAITS)
        self.longest_wait = max(self.longest_wait, seconds)
        return seconds

    def _strike(self, now: float, chance: float, choices: tuple[Fault, ...]) -> Fault | None:
        if not chance or now >= self.forecast.calm_at or self._draw.random() >= chance:
            return None
        only = self.forecast.only
        fitting = [one for one in choices if only in {None, one}]
        if not fitting:
            return None
        fault = self._draw.choice(fitting)
        self.struck[fault.name] += 1
        return fault
