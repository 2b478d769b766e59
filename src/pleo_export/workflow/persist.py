"""The one place where calls to an accounting system are repeated. The class of the error decides, never its text."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from pleo_export.accounting.port import NoAnswerError, RateLimitedError, UnreachableError
from pleo_export.workflow.ports import Parts

TRIES_MAX = 3
WAIT_SECONDS_MAX = 20.0

Result = TypeVar("Result")


async def persist(parts: Parts, call: Callable[[], Awaitable[Result]]) -> Result:
    """Call until it works, at most three times, with full jitter between the tries.

    Every verb of a connector may be repeated: recording finds the entry by its reference before it creates one.
    After a NoAnswerError a later UnreachableError says nothing about the first try, so NoAnswerError is raised.
    """

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimitedError):
            return error.seconds
        ceiling: float = min(WAIT_SECONDS_MAX, 2.0**state.attempt_number)
        return parts.draw() * ceiling

    retrying = AsyncRetrying(
        sleep=parts.clock.sleep,
        stop=stop_after_attempt(TRIES_MAX),
        wait=wait,
        retry=retry_if_exception_type((UnreachableError, RateLimitedError, NoAnswerError)),
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
    except (UnreachableError, RateLimitedError) as error:
        if unclear:
            raise unclear[-1] from error
        raise
