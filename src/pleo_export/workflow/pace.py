"""How fast an accounting system is called: as many calls at once as its connector names, and less where it refuses.

Nobody tells us how many calls a system takes at once, or in a minute; its refusals do, each with the seconds after which a
call is welcome (HTTP 429 with Retry-After, RFC 6585). Where some of those under way are refused, so many were too many at
once, unless as many have passed before. Otherwise they came too fast: of two such moments, the calls that were taken between
them and the time from one welcome to the next are the rate.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from pleo_export.accounting.port import RateLimitedError

AT_ONCE_FIRST = 8  # of a system that is said to take more: what it really takes is learnt on the way there
PASSED_FOR_ONE_MORE = 2
TRUSTED_WAITS, TRUSTED_CALLS = 5, 8  # a rate that was measured over less may be wrong by too much
TRUSTED_SECONDS = 600.0  # who else uses up what may be called changes
CAUTION = 1.005  # of a measured interval that is trusted
HASTE = 0.9  # of any other, and less with every call that passes
INTERVAL_SECONDS_MAX = 5.0
ASKED_SECONDS_MAX = 300.0  # a longer wait asked for (a daily limit) is told to the bookkeeper instead
QUIET_SECONDS_MAX = 1.0


class Pace:
    """Lets calls through, in the order in which they came: at most `at_once_max` together, and none before it is welcome.

    Time is the event loop's, in seconds: no clock that is set anew makes anybody wait.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[None]], at_once_max: int) -> None:
        self._sleep, self._at_once_max = sleep, at_once_max
        self._door, self._room = asyncio.Lock(), asyncio.Event()
        self._welcome = self._quiet_since = 0.0
        self._under_way = 0
        # How many at once: now, at most, and as far as it is known to be taken; and how many have passed since the
        # first of them was changed.
        self._at_once, self._ceiling, self._proven = min(at_once_max, AT_ONCE_FIRST), at_once_max, 0
        self._passed = 0
        # How many were under way at most since the last refusal, and how many have passed since they were so many.
        self._crowd = self._passed_since = 0
        # Refusals of calls that were made before the first of them was known are one.
        self._refusal = self._refused = self._refused_of = 0
        # How fast: the interval between calls, and those sent since the measurement began.
        self._interval = self._trusted_until = 0.0
        self._measured_since: float | None = None
        self._sent = self._measured_after = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for the moment at which a call may be made, and learn from what becomes of it in the body."""
        self._notice_quiet()
        async with self._door:
            await self._let_in()
            self._under_way += 1
            if self._under_way > self._crowd:
                self._crowd, self._passed_since = self._under_way, 0
            self._sent += 1
            sent_after = self._refusal
        try:
            yield
        except RateLimitedError as refused:
            if refused.seconds <= ASKED_SECONDS_MAX:
                self._learn(refused.seconds, sent_after)
            raise
        finally:
            self._under_way -= 1
            self._quiet_since = _now()
            self._room.set()
        self._has_passed()

    def _notice_quiet(self) -> None:
        """Break a measurement off where nobody called for a while: what passed then is not what may pass."""
        if self._measured_since is None or self._door.locked() or self._under_way:
            return
        if _now() - max(self._quiet_since, self._welcome) > QUIET_SECONDS_MAX:
            self._measured_since = None

    async def _let_in(self) -> None:
        while True:
            if self._under_way >= self._at_once:
                self._room.clear()
                await self._room.wait()
            elif (wait := self._welcome - _now()) > 0:
                awaited = self._welcome
                await self._sleep(wait)
                if self._welcome == awaited:
                    self._welcome = min(awaited, _now())  # it has come, whatever the sleep says of the time
            else:
                break
        if self._interval:
            # Who comes a little late is followed a little early.
            self._welcome = max(self._welcome + self._interval, _now())

    def _has_passed(self) -> None:
        self._passed += 1
        self._passed_since += 1
        if self._passed_since >= self._crowd:
            self._proven = max(self._proven, self._crowd)
        if self._at_once < self._ceiling and self._passed == PASSED_FOR_ONE_MORE:
            self._at_once, self._passed = self._at_once + 1, 0
        if self._interval and _now() >= self._trusted_until:
            self._interval *= HASTE

    def _learn(self, wait: float, sent_after: int) -> None:
        """Slow down: a call was refused, and another one is welcome after `wait`."""
        if sent_after == self._refusal:
            self._refusal, self._refused, self._refused_of = self._refusal + 1, 0, self._crowd
            self._crowd = self._passed_since = 0
        self._refused += 1
        welcome = _now() + wait
        self._welcome = max(self._welcome, welcome)
        taken = self._refused_of - self._refused
        if taken and self._refused_of > self._proven and not self._interval:
            self._ceiling = min(self._ceiling, taken)
        elif self._measured_since is None:
            self._measured_since, self._measured_after, self._sent = welcome, self._refusal, 0
            self._ceiling = self._at_once_max
        else:
            self._sent -= sent_after >= self._measured_after
            if self._sent:
                self._measure(welcome - self._measured_since, wait)
                return
        self._at_once, self._passed = 1, 0

    def _measure(self, span: float, wait: float) -> None:
        """Take the interval between calls from what was sent in a span of time; how many go at once follows from it."""
        interval = span / self._sent
        if span >= TRUSTED_WAITS * wait and self._sent >= TRUSTED_CALLS:
            self._trusted_until, self._measured_since = _now() + TRUSTED_SECONDS, None
            interval *= CAUTION
        self._interval = min(interval, INTERVAL_SECONDS_MAX)
        self._at_once = self._at_once_max


def _now() -> float:
    return asyncio.get_running_loop().time()
