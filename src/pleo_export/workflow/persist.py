"""The one place where calls to an accounting system are repeated. The class of the error decides, never its text."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Protocol, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from pleo_export.accounting.port import (
    ConnectorError,
    NoAnswerError,
    RateLimitedError,
    UnreachableError,
)
from pleo_export.clock import Clock
from pleo_export.workflow.pace import ASKED_SECONDS_MAX, Pace

TRIES_MAX = 3
WAIT_SECONDS_MAX = 20.0
CALL_SECONDS_MAX = 300.0  # every verb has a deadline of its own; this one is for a connector that forgot it
REFUSALS_MAX = 10  # of one call

Result = TypeVar("Result")


class Holder(Protocol):
    """Who may still work for the company (`store.Exports`)."""

    async def ensure_lease(self) -> None: ...


class Patient(Protocol):
    """What waiting takes: the workflow's `Parts`, for one."""

    @property
    def clock(self) -> Clock: ...
    @property
    def draw(self) -> Callable[[], float]: ...
    @property
    def store(self) -> Holder: ...
    @property
    def pace(self) -> Pace: ...


async def persist(
    parts: Patient, call: Callable[[], Awaitable[Result]], *, repeat_unanswered: bool = True
) -> Result:
    """Call until it works, at most three times, with full jitter between the tries.

    A refusal because of the pace is no try: it is waited out, as long as it comes a few times only.

    Every verb of a connector may be repeated: recording finds the entry by its reference before it creates one.
    Where only that look guards against a second entry, a call without an answer may still be under way unseen, so
    the caller leaves `repeat_unanswered` off and looks later. After a NoAnswerError another failure says nothing
    about the first try, so NoAnswerError is raised. Raises FencedError before a try, once the company is another worker's.
    """

    def wait(state: RetryCallState) -> float:
        # The first failure is counted outside.
        return _pause(parts, state.attempt_number + 1)

    def worth(error: BaseException) -> bool:
        return isinstance(error, UnreachableError) or (repeat_unanswered and isinstance(error, NoAnswerError))

    unclear: list[NoAnswerError] = []

    async def attempt() -> Result:
        try:
            return await _at_its_pace(parts, call)
        except NoAnswerError as error:
            unclear.append(error)
            raise

    # Nearly every call ends with its first try: what repeats it is set up for the others only.
    try:
        return await attempt()
    except ConnectorError as error:
        if not worth(error):
            raise
    await parts.clock.sleep(_pause(parts, 1))
    retrying = AsyncRetrying(
        sleep=parts.clock.sleep,
        stop=stop_after_attempt(TRIES_MAX - 1),
        wait=wait,
        retry=retry_if_exception(worth),
        reraise=True,
    )
    try:
        return await retrying(attempt)
    except ConnectorError as error:
        if unclear:
            raise unclear[-1] from error
        raise


async def _at_its_pace(parts: Patient, call: Callable[[], Awaitable[Result]]) -> Result:
    """Call when the accounting system's pace allows it, until it takes the call."""
    for refusals in count(1):
        try:
            async with parts.pace.turn():
                # The last thing that was written may be long ago: a turn was awaited, or an earlier try.
                await parts.store.ensure_lease()
                return await _in_time(call)
        except RateLimitedError as error:
            if error.seconds > ASKED_SECONDS_MAX or refusals == REFUSALS_MAX:
                raise
    raise AssertionError


async def _in_time(call: Callable[[], Awaitable[Result]]) -> Result:
    limit = asyncio.timeout(CALL_SECONDS_MAX)
    try:
        async with limit:
            return await call()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise NoAnswerError(f"It took more than {CALL_SECONDS_MAX:g} seconds.") from error


def _pause(parts: Patient, failures: int) -> float:
    """Return the seconds to wait: a random share of more after every failure."""
    ceiling: float = min(WAIT_SECONDS_MAX, 2.0**failures)
    return parts.draw() * ceiling
