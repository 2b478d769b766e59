"""The one place where calls to an accounting system are repeated. The class of the error decides, never its text."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from pleo_export.accounting.port import (
    ConnectorError,
    NoAnswerError,
    RateLimitedError,
    UnreachableError,
)
from pleo_export.workflow.ports import Parts

TRIES_MAX = 3
WAIT_SECONDS_MAX = 20.0
ASKED_SECONDS_MAX = 300.0  # a longer wait asked for (a daily limit) is told to the bookkeeper instead

Result = TypeVar("Result")


async def persist(
    parts: Parts, call: Callable[[], Awaitable[Result]], *, repeat_unanswered: bool = True
) -> Result:
    """Call until it works, at most three times, with full jitter between the tries.

    Every verb of a connector may be repeated: recording finds the entry by its reference before it creates one.
    Where only that look guards against a second entry, a call without an answer may still be under way unseen, so
    the caller leaves `repeat_unanswered` off and looks later. After a NoAnswerError another failure says nothing
    about the first try, so NoAnswerError is raised.
    """

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimitedError):
            return error.seconds
        ceiling: float = min(WAIT_SECONDS_MAX, 2.0**state.attempt_number)
        return parts.draw() * ceiling

    def worth(error: BaseException) -> bool:
        match error:
            case NoAnswerError():
                return repeat_unanswered
            case RateLimitedError():
                return error.seconds <= ASKED_SECONDS_MAX
            case _:
                return isinstance(error, UnreachableError)

    retrying = AsyncRetrying(
        sleep=parts.clock.sleep,
        stop=stop_after_attempt(TRIES_MAX),
        wait=wait,
        retry=retry_if_exception(worth),
        reraise=True,
    )
    unclear: list[NoAnswerError] = []

    async def attempt() -> Result:
        try:
            return await call()
        except NoAnswerError as error:
            unclear.append(error)
            raise

    try:
        return await retrying(attempt)
    except ConnectorError as error:
        if unclear:
            raise unclear[-1] from error
        raise
