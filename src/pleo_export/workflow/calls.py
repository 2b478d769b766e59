"""Calls to the accounting system while a job is recorded: no more at once than it takes, and none once it is known to be silent."""

import asyncio
from collections.abc import Awaitable, Callable

from pleo_export.accounting.port import (
    ConnectorError,
    EntryRefusedError,
    ForbiddenError,
    NoAnswerError,
    UnauthorisedError,
)
from pleo_export.workflow.persist import Result, persist
from pleo_export.workflow.ports import Parts
from pleo_export.workflow.silence import Silence


class ShutOutError(Exception):
    """The accounting system lets us neither look nor finish. It is asked once more; a lost right stays lost."""

    def __init__(self, cause: UnauthorisedError | ForbiddenError) -> None:
        self.cause = cause
        super().__init__(f"The accounting system did not let us in: {cause}")


class Calls:
    """The way to the accounting system, for one job."""

    def __init__(self, parts: Parts, silence: Silence) -> None:
        self._parts, self._silence = parts, silence
        self._places = asyncio.Semaphore(parts.connector.capabilities.concurrency)

    def ends(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._parts.stopping() or self._silence.too_long

    async def make(self, call: Callable[[], Awaitable[Result]], *, repeat_unanswered: bool = True) -> Result:
        """Call when there is a place. Raises NoAnswerError, also where the system is known to be silent."""
        async with self._places:
            if self._silence.too_long:
                raise NoAnswerError(str(self._silence.error))
            return await persist(self._parts, call, repeat_unanswered=repeat_unanswered)

    async def insist(self, call: Callable[[], Awaitable[Result]]) -> Result:
        """Call for an entry that stands there, or may: what keeps us from it may pass, a refusal or a closed door not.

        Raises EntryRefusedError, ShutOutError, and NoAnswerError where it is worth to ask again later.
        """
        try:
            return await self.make(call)
        except EntryRefusedError:
            raise
        except (UnauthorisedError, ForbiddenError) as error:
            raise ShutOutError(error) from error
        except ConnectorError as error:
            raise NoAnswerError(str(error)) from error
