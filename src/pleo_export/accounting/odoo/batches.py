"""Entries that are recorded at the same time go to the accounting system together.

The port records one entry a call. Whoever calls while others are under way waits for the next batch, so that a batch is
as large as its callers are many, and nobody waits for it to fill.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from pleo_export.accounting.port import ConnectorError, Recorded
from pleo_export.domain.entry import Entry

Outcome = Recorded | ConnectorError
_Waiting = tuple[Entry, asyncio.Future[Recorded]]


class Batches:
    """Hands at most `size` entries at once to `record`, which answers each of them, and at most `at_once` such batches."""

    def __init__(
        self,
        record: Callable[[Sequence[Entry]], Coroutine[None, None, Sequence[Outcome]]],
        size: int,
        at_once: int = 1,
    ) -> None:
        self._record, self._size, self._at_once = record, size, at_once
        self._waiting: list[_Waiting] = []
        self._busy = 0
        self._workers: set[asyncio.Task[None]] = set()

    async def record(self, entry: Entry) -> Recorded:
        """Record an entry with those that wait as well. Raises the ConnectorError that is its outcome.

        What was begun goes on when the caller is cancelled.
        """
        answer: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, answer))
        if self._busy < self._at_once:
            self._busy += 1
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return await answer

    async def close(self) -> None:
        """Wait for the batches that are under way; those that wait for the next one are not begun."""
        for _, answer in self._waiting:
            answer.cancel()
        self._waiting.clear()
        await asyncio.gather(*self._workers)

    async def _work(self) -> None:
        await asyncio.sleep(0)  # whoever calls in the same turn of the event loop comes along
        while batch := self._next():
            entries = [entry for entry, _ in batch]
            (answered,) = await asyncio.gather(self._record(entries), return_exceptions=True)
            outcomes = [answered] * len(batch) if isinstance(answered, BaseException) else answered
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                _tell(answer, outcome)
        self._busy -= 1

    def _next(self) -> list[_Waiting]:
        """Take the first ones that wait, each reference once: the others shall find it."""
        batch: dict[str, _Waiting] = {}
        left: list[_Waiting] = []
        for one in self._waiting:
            reference = one[0].reference
            if one[1].cancelled():
                continue
            if reference in batch or len(batch) == self._size:
                left.append(one)
            else:
                batch[reference] = one
        self._waiting = left
        return list(batch.values())


def _tell(answer: asyncio.Future[Recorded], outcome: Recorded | BaseException) -> None:
    if answer.done():
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
