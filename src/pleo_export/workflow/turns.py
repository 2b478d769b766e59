"""The order of first attempts, and how many items are worked on at once: some recorded, some intended, some made ready."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple

from pleo_export.clock import Clock
from pleo_export.domain.failures import Rejection
from pleo_export.workflow.fetch import Queued, Work
from pleo_export.workflow.report import Reporter, chunks
from pleo_export.workflow.spool import Spool

READY_AHEAD = 16  # items whose receipts are fetched while those before them are recorded
RECEIPT_BYTES_AT_HAND = 64 * 1024 * 1024  # of receipts on disk, unless a single item has more
RECEIPT_BYTES_ASSUMED = 2 * 1024 * 1024  # where Pleo does not say how large a file is


Marking = asyncio.Task[Mapping[str, str]]
"""Marks a chunk of items at Pleo; gives those that Pleo refused, and why."""


class Ready(NamedTuple):
    """An item that may be made ready, and begun once it is marked, unless it is already."""

    work: Work
    marking: Marking | None = None


class LeftError(Exception):
    """The work ends before this item was begun: it stays as it is, for the next time."""


class Turn:
    """An item's place in the order: it comes when all `earlier` ones have begun, or ended without an attempt.

    `began` is when it was begun or, before that, when it was taken in hand.
    """

    def __init__(self, ready: Ready, earlier: Sequence["Turn"], began: datetime) -> None:
        self.work, self._marking = ready
        self.began, self.begun = began, asyncio.Event()
        self.receipt_bytes = _receipt_bytes(ready.work)
        self._earlier = earlier

    async def marked(self) -> None:
        """Wait until the item is marked, or cannot be."""
        if self._marking is not None and not self._marking.done():
            await asyncio.wait([self._marking])

    async def refusal(self) -> str | None:
        """Return why Pleo refused the mark, if it did. Raises LeftError where Pleo could not be asked."""
        await self.marked()
        if self._marking is None:
            return None
        if self._marking.cancelled() or self._marking.exception() is not None:
            raise LeftError  # whoever gives the items raises what it was
        return self._marking.result().get(self.work.entry_id)

    async def comes(self) -> None:
        """Wait for it."""
        for turn in self._earlier:
            await turn.begun.wait()
        self._earlier = ()


class Turns:
    """Lets items begin in order, at most `begun_max` at a time; `ends` says that none is to begin any more."""

    def __init__(self, clock: Clock, begun_max: int, ends: Callable[[], bool]) -> None:
        self._clock, self._ends = clock, ends
        self._begun = asyncio.Semaphore(begun_max)
        self._at_hand = asyncio.Semaphore(begun_max + READY_AHEAD)
        self._waiting: list[Turn] = []
        self._receipt_bytes, self._room = 0, asyncio.Event()

    async def give(self, ready: Ready) -> Turn:
        """Return the next place in the order, once there is one; whoever has it gives it back with `ended`."""
        await self._at_hand.acquire()
        self._waiting = [turn for turn in self._waiting if not turn.begun.is_set()]
        turn = Turn(ready, tuple(self._waiting), self._clock.now())
        # They are given in order, so those that take up the room need nothing of this one to end.
        while self._receipt_bytes and self._receipt_bytes + turn.receipt_bytes > RECEIPT_BYTES_AT_HAND:
            self._room.clear()
            await self._room.wait()
        self._receipt_bytes += turn.receipt_bytes
        self._waiting.append(turn)
        return turn

    def ended(self, turn: Turn) -> None:
        """Let others go on."""
        turn.begun.set()
        self._receipt_bytes -= turn.receipt_bytes
        self._room.set()
        self._at_hand.release()

    @asynccontextmanager
    async def begins(self, turn: Turn) -> AsyncIterator[None]:
        """Begin when the turn comes; what was begun is finished. Raises LeftError where it is not begun any more."""
        await turn.comes()
        async with self._begun:
            if self._ends():
                raise LeftError
            turn.begun.set()
            turn.began = self._clock.now()
            yield


def _receipt_bytes(work: Work) -> int:
    if isinstance(work.expense, Rejection):
        return 0
    return sum(
        RECEIPT_BYTES_ASSUMED if file.size is None else file.size for file in work.expense.files or () if file
    )


async def marked(
    reporter: Reporter, queued: Sequence[Queued], spool: Spool, interrupted: Container[str]
) -> AsyncGenerator[Ready]:
    """Yield the items in their order, and mark them at Pleo: a chunk while the one before is worked on.

    Those that are `interrupted` are marked already.
    """

    def begin(chunk: Sequence[Queued]) -> Marking:
        marks = reporter.begin([one.entry_id for one in chunk], marked=interrupted)
        return asyncio.create_task(marks)

    pieces = chunks(queued)
    marking = begin(pieces[0]) if pieces else None
    try:
        for chunk, following in zip_longest(pieces, pieces[1:]):
            assert marking is not None
            mine = marking
            for place, one in enumerate(chunk):
                if following and place == len(chunk) // 2:
                    await mine
                    marking = begin(following)
                yield Ready(one.work(spool), mine)
            await mine
    finally:
        if marking is not None:
            await asyncio.wait([marking])  # what is being said is said to its end


async def unmarked(again: Sequence[Work]) -> AsyncGenerator[Ready]:
    """Yield items that were begun before."""
    for work in again:
        yield Ready(work)
