"""What a pace learns of systems that take so many calls at once, or in a while, and tell nobody how many."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import NamedTuple, TypeVar

import pytest

from pleo_export.accounting.port import RateLimitedError
from pleo_export.testing.simulation.loop import run
from pleo_export.workflow.pace import ASKED_SECONDS_MAX, TRUSTED_SECONDS, Pace


class Limits(NamedTuple):
    """What a system takes: calls at once; calls a second on average, and saved up; whether it says whole seconds."""

    at_once: int = 1_000
    rate: float = 1e9
    burst: int = 1_000
    whole_seconds: bool = False
    latency: float = 0.02


class Overloaded:
    """Refuses one call in three for a minute, with long waits, whatever the pace; then none."""

    def __init__(self) -> None:
        self._draw = Random(1)

    async def call(self) -> None:
        await asyncio.sleep(0.02)
        if asyncio.get_running_loop().time() < 60 and self._draw.random() < 1 / 3:
            raise RateLimitedError(self._draw.uniform(5, 30))


class System:
    """Refuses what is beyond its limits and says when to come again. `accepted` are the times of what it took."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._draw = limits, Random(1)
        self._under_way, self._left, self._seen = 0, float(limits.burst), 0.0
        self.accepted: list[float] = []
        self.refused: list[float] = []
        self.most_at_once = 0

    async def call(self) -> None:
        trip = self._limits.latency * self._draw.uniform(0.45, 0.55)
        await asyncio.sleep(trip)
        now = asyncio.get_running_loop().time()
        self._left = min(self._limits.burst, self._left + (now - self._seen) * self._limits.rate)
        self._seen = now
        wait = 0.05 if self._under_way >= self._limits.at_once else max(0, 1 - self._left) / self._limits.rate
        if wait > 1e-9:
            self.refused.append(now)
            await asyncio.sleep(trip)
            raise RateLimitedError(-(-wait // 1) if self._limits.whole_seconds else wait)
        self._left -= 1
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        self.accepted.append(now)
        await asyncio.sleep(trip)
        self._under_way -= 1


Called = TypeVar("Called", System, Overloaded)


def called(
    system: Called, calls: int, at_once_max: int, idle: Callable[[int], float] = lambda _: 0.0
) -> Called:
    """Call so many times as fast as the pace allows, each call until it is taken."""

    async def caller(pace: Pace, todo: list[int]) -> None:
        while todo:
            await asyncio.sleep(idle(todo.pop()))
            while True:
                try:
                    async with pace.turn():
                        await system.call()
                    break
                except RateLimitedError:
                    continue

    async def everybody() -> None:
        pace, todo = Pace(asyncio.sleep, at_once_max), list(range(calls))
        await asyncio.gather(*(caller(pace, todo) for _ in range(2 * at_once_max)))

    run(everybody(), Random(0))
    return system


def test_no_more_calls_are_under_way_than_the_connector_names() -> None:
    system = called(System(Limits()), 100, at_once_max=5)
    assert system.most_at_once == 5


def test_all_that_the_connector_names_are_under_way_soon() -> None:
    latency = 0.1
    system = called(System(Limits(latency=latency)), 320, at_once_max=16)
    assert system.most_at_once == 16
    assert system.accepted[-1] <= 1.1 * 320 / 16 * latency


@pytest.mark.parametrize("apart", [0.0, 0.001, 0.002, 0.003])
def test_a_system_that_takes_fewer_at_once_than_named_refuses_a_handful_at_the_beginning(
    apart: float,
) -> None:
    system = System(Limits(at_once=5))
    called(system, 2_000, at_once_max=16, idle=lambda left: apart * max(0, 32 - (2_000 - left)))
    assert len(system.refused) <= 8
    assert max(system.refused) < 0.3
    assert system.accepted[-1] <= 1.05 * 2_000 / 5 * 0.02


@pytest.mark.parametrize("latency", [0.02, 0.3])
@pytest.mark.parametrize("rate", [1.0, 8.3, 50.0])
def test_a_rate_is_learnt_from_few_refusals_and_kept_from_then_on(rate: float, latency: float) -> None:
    calls, burst = 2_000, 10
    system = called(System(Limits(rate=rate, burst=burst, latency=latency)), calls, at_once_max=5)
    learnings = 1 + system.accepted[-1] // TRUSTED_SECONDS
    assert len(system.refused) <= 12 * learnings
    if learnings == 1:
        assert max(system.refused, default=0) < system.accepted[calls // 4]
    assert max((calls - burst) / rate, calls / 5 * latency) / system.accepted[-1] >= 0.97


def test_waits_in_whole_seconds_teach_the_rate_as_well() -> None:
    system = called(System(Limits(rate=8.3, burst=10, whole_seconds=True)), 2_000, at_once_max=5)
    assert len(system.refused) <= 15
    assert 1_990 / 8.3 / system.accepted[-1] >= 0.9


def test_what_passes_while_hardly_anybody_calls_is_not_taken_for_the_rate() -> None:
    system = System(Limits(rate=8.3, burst=10))
    called(system, 600, at_once_max=5, idle=lambda left: 30.0 if 200 <= left < 220 else 0.0)
    last = system.accepted[-150:]
    assert len(last) / (last[-1] - last[0]) >= 0.97 * 8.3


def test_a_system_that_was_overloaded_for_a_while_is_not_taken_for_a_slow_one() -> None:
    seconds = list[float]()

    class Timed(Overloaded):
        async def call(self) -> None:
            await super().call()
            seconds.append(asyncio.get_running_loop().time())

    called(Timed(), 1_000, at_once_max=5)
    assert len(seconds) == 1_000
    assert seconds[-1] < 60 + 30 + 60


def test_a_wait_for_hours_holds_up_nobody_else() -> None:
    async def two() -> float:
        pace = Pace(asyncio.sleep, 5)
        with pytest.raises(RateLimitedError):
            async with pace.turn():
                raise RateLimitedError(ASKED_SECONDS_MAX + 1)
        async with pace.turn():
            return asyncio.get_running_loop().time()

    assert run(two(), Random(0)) < 1
