"""What is measured: the cases, in the order of their weight, so that a run that is ended early has the best of them."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from bench.bound import Limits, lower_bound
from bench.world import Conditions

SIZES, LATENCIES_MS, CONCURRENCIES = (100, 1_000, 10_000), (0, 20, 100), (1, 4, 5, 16)
SECONDS_MAX = 90.0  # of a case of the matrix; what takes longer is left out
ROUNDS, SECONDS_FOR_ROUNDS, SECONDS_FOR_ROUNDS_SCORED = 3, 8.0, 30.0
FORTNOX_RATE, FORTNOX_BURST = 8.3, 10  # calls a second, and at once
CAPPED_AT = 5
OURS, N8N = "pleo-export", "n8n"


class Effort(NamedTuple):
    """What a run takes about: seconds to start and of work an expense, and how often the bound. Only to plan with."""

    start: float
    an_item: float
    bounds: float


EFFORTS = {
    OURS: Effort(1.5, 0.0015, 1.0),
    "requests": Effort(1.0, 0.003, 1.6),
    "httpx": Effort(1.0, 0.004, 1.6),
    "singer": Effort(1.5, 0.003, 1.6),
    "dlt": Effort(2.5, 0.004, 1.6),
    N8N: Effort(6.0, 0.012, 1.6),
}
SEQUENTIAL = ("requests", "singer")


class Case(msgspec.Struct, frozen=True):
    """One tool under some conditions; `concurrency` is what it is told, `at_once` and `rate` what the books take."""

    tool: str
    items: int
    latency_ms: int
    concurrency: int
    companies: int = 1
    at_once: int = 0
    rate: float = 0.0

    @property
    def conditions(self) -> Conditions:
        return Conditions(
            items=self.items,
            companies=self.companies,
            latency=self.latency_ms / 1000,
            at_once=self.at_once,
            rate=self.rate,
            burst=FORTNOX_BURST,
        )

    @property
    def bound(self) -> float:
        """The seconds that the latencies and limits ask for; what happens in one company does not keep another one."""
        at_once = min(self.concurrency, self.at_once or math.inf)
        burst = FORTNOX_BURST if self.rate else 0
        return lower_bound(self.items, Limits(self.latency_ms / 1000, int(at_once), self.rate, burst))

    @property
    def seconds(self) -> float:
        """What a run takes about."""
        start, an_item, bounds = EFFORTS[self.tool]
        return start + bounds * self.bound + self.items * self.companies * an_item

    @property
    def rounds(self) -> int:
        most = SECONDS_FOR_ROUNDS_SCORED if self in SCORED else SECONDS_FOR_ROUNDS
        return ROUNDS if self.seconds < most else 1

    def __str__(self) -> str:
        limits = f", books take {self.at_once} at once" if self.at_once else ""
        limits += f", {self.rate:g} calls a second" if self.rate else ""
        companies = f"{self.companies} companies with " if self.companies > 1 else ""
        return f"{self.tool}: {companies}{self.items} items, {self.latency_ms} ms, c = {self.concurrency}{limits}"


# The figures of the scorecard.
P1 = Case(OURS, 1_000, 20, 5)
P2 = (Case(OURS, 1_000, 100, 5), Case(OURS, 1_000, 100, 16))
P3 = Case(OURS, 1_000, 0, 16)
GROWTH = tuple(Case(OURS, items, 0, 16) for items in SIZES)
CAPPED = Case(OURS, 1_000, 20, 16, at_once=CAPPED_AT)
PACED = Case(OURS, 1_000, 20, 5, rate=FORTNOX_RATE)
PACED_QUICK = Case(OURS, 100, 20, 5, rate=FORTNOX_RATE)
LONG = Case(OURS, 10_000, 100, 16)
MANY = Case(OURS, 50, 100, 5, companies=200)
SCORED = (P1, *P2, P3, *GROWTH, CAPPED, MANY)


def quick_cases(tools: Sequence[str]) -> Iterator[Case]:
    """Yield what fits into a few minutes: the scorecard without its longest case, and one line of every peer."""
    if OURS in tools:
        yield from dict.fromkeys((*SCORED, PACED_QUICK))
    for tool in tools:
        yield from (Case(tool, 100, 20, concurrency) for concurrency in _at_once(tool, 1, 5))


def all_cases(tools: Sequence[str]) -> Iterator[Case]:
    """Yield every case once, less those of the matrix that take too long."""
    yield from dict.fromkeys((*_weighty(tools), *(case for case in _matrix(tools) if not too_long(case))))


def left_out() -> list[Case]:
    """Return what nobody waits for."""
    return [case for case in _matrix([OURS]) if too_long(case) and case != LONG]


def too_long(case: Case) -> bool:
    return case.seconds > SECONDS_MAX


def _weighty(tools: Sequence[str]) -> Iterator[Case]:
    if OURS in tools:
        yield from SCORED
    yield from (case for tool in tools for case in _each(tool, 1_000, 20, 5, 16, 4))
    if OURS in tools:
        yield PACED
        yield LONG
    if N8N in tools:
        yield Case(N8N, 10_000, 0, 16)


def _matrix(tools: Sequence[str]) -> Iterator[Case]:
    """Yield everything of ours; of a peer what shows how it grows."""
    for tool in tools:
        if tool == OURS:
            for items in SIZES:
                for latency in LATENCIES_MS:
                    yield from (Case(tool, items, latency, concurrency) for concurrency in CONCURRENCIES)
            continue
        yield from _each(tool, 1_000, 0, 16)
        yield from _each(tool, 100, 0, 16)
        yield from _each(tool, 100, 20, 5)
        yield from _each(tool, 1_000, 100, 16)
        yield from _each(tool, 10_000, 0, 16)


def _each(tool: str, items: int, latency_ms: int, *concurrencies: int) -> Iterator[Case]:
    yield from (Case(tool, items, latency_ms, concurrency) for concurrency in _at_once(tool, *concurrencies))


def _at_once(tool: str, *concurrencies: int) -> Sequence[int]:
    return (1,) if tool in SEQUENTIAL else concurrencies
