"""What is measured: the cases, in the order of their weight, so that a run that is ended early has the best of them."""

import math
from collections.abc import Iterator, Sequence

import msgspec

from bench.bound import Limits, lower_bound
from bench.world import Conditions

SIZES, LATENCIES_MS, CONCURRENCIES = (100, 1_000, 10_000), (0, 20, 100), (1, 4, 5, 16)
SECONDS_MAX, SECONDS_FOR_ROUNDS, ROUNDS = 130.0, 20.0, 3
FORTNOX_RATE, FORTNOX_BURST = 8.3, 10  # calls a second, and at once
CAPPED_AT = 5
OURS = "pleo-export"


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
    def rounds(self) -> int:
        return ROUNDS if self.bound * self.companies < SECONDS_FOR_ROUNDS else 1

    def __str__(self) -> str:
        limits = f", books take {self.at_once} at once" if self.at_once else ""
        limits += f", {self.rate:g} calls a second" if self.rate else ""
        companies = f"{self.companies} companies with " if self.companies > 1 else ""
        return f"{self.tool}: {companies}{self.items} items, {self.latency_ms} ms, c = {self.concurrency}{limits}"


# The figures of the scorecard; the growth with companies comes from the last ones.
P1 = Case(OURS, 1_000, 20, 5)
P2 = (Case(OURS, 1_000, 100, 5), Case(OURS, 1_000, 100, 16))
P3 = Case(OURS, 1_000, 0, 16)
GROWTH = tuple(Case(OURS, items, 0, 16) for items in SIZES)
CAPPED = Case(OURS, 1_000, 20, 16, at_once=CAPPED_AT)
PACED = Case(OURS, 1_000, 20, 5, rate=FORTNOX_RATE)
PACED_QUICK = Case(OURS, 100, 20, 5, rate=FORTNOX_RATE)
MANY = Case(OURS, 50, 100, 5, companies=200)
SCORED = (P1, *P2, P3, *GROWTH, CAPPED, PACED_QUICK, MANY)


def quick_cases(tools: Sequence[str]) -> Iterator[Case]:
    """Yield what fits into a few minutes: the scorecard without its longest case, and one line of every peer."""
    yield from (case for case in SCORED if OURS in tools)
    for tool in tools:
        yield from (Case(tool, 100, 20, concurrency) for concurrency in (1, 5))


def all_cases(tools: Sequence[str], sequential: Sequence[str]) -> Iterator[Case]:
    """Yield every case once; of `sequential` tools those with one call at a time only."""
    seen: set[Case] = set()
    for case in (*_weighty(tools), *_matrix(tools)):
        if case not in seen and (case.concurrency == 1 or case.tool not in sequential):
            seen.add(case)
            yield case


def _weighty(tools: Sequence[str]) -> Iterator[Case]:
    if OURS in tools:
        yield from SCORED
    for concurrency in (5, 16, 4, 1):
        yield from (Case(tool, 1_000, 20, concurrency) for tool in tools)
    for items in SIZES[:2]:
        yield from (Case(tool, items, 0, concurrency) for tool in tools for concurrency in (1, 16))
    if OURS in tools:
        yield PACED
        yield from (Case(OURS, 50, 100, 5, companies=companies) for companies in (1, 10, 100))


def _matrix(tools: Sequence[str]) -> Iterator[Case]:
    for items in SIZES:
        for latency in LATENCIES_MS:
            for concurrency in CONCURRENCIES:
                yield from (Case(tool, items, latency, concurrency) for tool in tools)
