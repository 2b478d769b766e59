"""The one place that repeats calls: exponential back-off with full jitter, bounded by tries and by a token bucket."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from random import Random, SystemRandom
from typing import TypeVar

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from pleo_export.pleo import limits

Result = TypeVar("Result")
Before = Callable[[], Awaitable[None]]
"""What is awaited before every try of a call that changes something. Whatever it raises ends the tries."""


async def at_any_time() -> None:
    """Let every try be made."""


def utc_now() -> datetime:
    """Read the real clock."""
    return datetime.now(UTC)


def count_nothing(*_told: object) -> None:
    """Count nothing."""


async def note_nothing(_seconds: float) -> None:
    """Note nothing."""


@dataclass(frozen=True)
class Surroundings:
    """What makes a run differ from the last one: time, waiting, chance and the network; and who counts. Tests bring their own.

    `called` is told of every call: method, path and status, None where no answer came. `repeated` of every one that is
    sent again. `asked_to_wait` is told before a wait that the server asked for, and how long it will be; it must not fail.
    """

    clock: Callable[[], datetime] = utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Random = field(default_factory=SystemRandom)
    session: Callable[..., aiohttp.ClientSession] = aiohttp.ClientSession
    called: Callable[[str, str, int | None], None] = count_nothing
    repeated: Callable[[], None] = count_nothing
    asked_to_wait: Callable[[float], Awaitable[None]] = note_nothing


class Repeat(StrEnum):
    """What a failure says about calling again."""

    NEVER = "never"
    SAFE = "safe"  # the call surely had no effect: any call may be repeated
    UNCLEAR = "unclear"  # it may have had an effect: only a call that may run twice is repeated


class CallError(Exception):
    """A failed call. The class says whether it may be repeated, `asked_seconds` how long the server asks to wait."""

    repeat = Repeat.NEVER
    asked_seconds: float | None = None
    timed_out = False

    def may_repeat(self, *, repeatable: bool) -> bool:
        """Whether to call again, given that the call itself may run twice (`repeatable`) or must not."""
        return self.repeat is Repeat.SAFE or (repeatable and self.repeat is Repeat.UNCLEAR)


class Retrier:
    """Repeats calls to one remote system; one instance a system, because the token bucket is about its health."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._tokens = limits.retry_tokens_max

    async def run(
        self, attempt: Callable[[], Awaitable[Result]], worth: Callable[[CallError], bool]
    ) -> Result:
        """Return the result of `attempt`, tried again while the failure is `worth` it, at most `tries_max` times.

        The last failure is raised as it is.
        """
        # Nearly every call ends with its first try, and setting up what repeats it costs more than the call itself.
        try:
            result = await attempt()
        except CallError as error:
            if not worth(error):
                raise
            heard = [error]
        else:
            self._succeeded()
            return result

        # Tenacity awaits what is declared as a coroutine function, not a lambda that returns a coroutine.
        async def called() -> Result:
            if heard:
                raise heard.pop()
            return await attempt()

        retrying = AsyncRetrying(
            sleep=self._around.sleep,
            wait=self._wait,
            stop=self._stop,
            retry=retry_if_exception(lambda error: isinstance(error, CallError) and worth(error)),
            before_sleep=self._before_sleep,
            reraise=True,
        )
        result = await retrying(called)
        self._succeeded()
        return result

    def _succeeded(self) -> None:
        self._tokens = min(limits.retry_tokens_max, self._tokens + limits.retry_tokens_per_success)

    def _stop(self, state: RetryCallState) -> bool:
        if state.attempt_number >= limits.tries_max:
            return True
        error = _failure(state)
        price = limits.retry_tokens_after_timeout if error.timed_out else limits.retry_tokens_per_retry
        if self._tokens < price:
            return True
        self._tokens -= price
        return False

    async def _before_sleep(self, state: RetryCallState) -> None:
        self._around.repeated()
        asked = _failure(state).asked_seconds
        if asked is not None:
            await self._around.asked_to_wait(max(asked, state.upcoming_sleep))

    def _wait(self, state: RetryCallState) -> float:
        longest = limits.backoff_first_seconds * 2 ** (state.attempt_number - 1)
        jittered = self._around.random.uniform(0, min(limits.backoff_seconds_max, longest))
        return max(jittered, _failure(state).asked_seconds or 0)


def _failure(state: RetryCallState) -> CallError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, CallError), "only these are repeated"
    return error
