"""Step 5: record each expense in the accounting system, in order, and make every outcome durable at once.

    planned ──> intended ──> recorded | rejected          (each arrow is committed before the next outside effect)

An item that was `intended` when we stopped is looked up before anything else. So is an item that Pleo says was begun; of
whose beginning we know nothing, that is never recorded, because whoever began it may have used another reference.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from pleo_export.accounting.port import (
    EntryRefusedError,
    NoAnswerError,
    PeriodClosedError,
    Recorded,
    Uniqueness,
)
from pleo_export.crash_points import reach
from pleo_export.domain.book import book
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry
from pleo_export.domain.failures import RejectedItemError, Rejection
from pleo_export.domain.job import ExportJob, ItemStatus
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import ClosedPeriodStrategy
from pleo_export.workflow.attachments import Gathered, gathered, may_miss
from pleo_export.workflow.calls import Calls, ShutOutError
from pleo_export.workflow.closed_period import move_entry
from pleo_export.workflow.fetch import Agenda, Work
from pleo_export.workflow.memory import Memory, recall
from pleo_export.workflow.outcomes import Outcomes, explained, recorded_without
from pleo_export.workflow.payables import Payables
from pleo_export.workflow.plan import as_planned, closed_since
from pleo_export.workflow.ports import ItemBegun, ItemSettled, Parts, StepTaken, in_step
from pleo_export.workflow.problems import SilentError, StoppedError
from pleo_export.workflow.report import Reporter
from pleo_export.workflow.side_by_side import side_by_side
from pleo_export.workflow.silence import Silence
from pleo_export.workflow.turns import LeftError, Ready, Turn, Turns, marked, unmarked

ASK_AGAIN_SECONDS = 30.0
VENDOR_UNKNOWABLE = "what is owed to the vendor could not be known."
ENTRY_LOST = (Cause.ENTRY_GONE, Cause.ENTRY_DAMAGED)  # no receipt is missing then, but what it belongs to


async def record(
    parts: Parts, job: ExportJob, agenda: Agenda, reference: ReferenceData, reporter: Reporter
) -> None:
    """Settle all items: each is `recorded` or `rejected` in the store afterwards, and reported as the outcomes come."""
    queued = agenda.queued
    step = StepTaken(step=5, name="Record", job_id=job.id, items=len(queued))
    remembered = await in_step(parts, step, parts.store.items(job.id))
    before = {item.accounting_entry_id: item for item in remembered}
    interrupted = {one.entry_id for one in queued if one.status == ItemStatus.IN_PROGRESS}
    memory = await recall(parts, job, interrupted, before)
    await parts.store.plan(job.id, [one.entry_id for one in queued])
    reach("items.planned")
    # Not before they are planned: from then on nobody may say so of them any more.
    for entry_id in await parts.store.by_hand(job.id):
        before[entry_id] = await parts.store.adopt(job.id, entry_id)
        parts.notify(ItemSettled(job_id=job.id, item=before[entry_id]))
    recorder = _Recorder(parts, job, reference, reporter, Known(before, memory))
    todo = [one for one in queued if not ((known := before.get(one.entry_id)) and known.final)]
    try:
        async with reporter.as_they_come():
            await recorder.settle_all(marked(reporter, todo, agenda.spool, interrupted))
            await reporter.flush()
            await recorder.ask_again()
    except (StoppedError, SilentError):
        await recorder.give_up_hopeless()
        await reporter.flush()
        raise
    await reporter.flush()


class Known(NamedTuple):
    """What is known when an attempt begins: items as they stood `before`, and what that memory is worth."""

    before: Mapping[str, ItemProgress]
    memory: Memory


class _Recorder:
    def __init__(
        self, parts: Parts, job: ExportJob, reference: ReferenceData, reporter: Reporter, known: Known
    ) -> None:
        self._parts, self._job, self._reference = parts, job, reference
        self._reporter = reporter
        self._before, self._memory = dict(known.before), known.memory
        self._outcomes = Outcomes(parts, job)
        self._unclear: list[Work] = []
        self._asked_again: set[str] = set()
        self._left = False  # whether an item was not begun
        self._silence = Silence(parts, job)
        # Nothing below knows the recorder: with a circle all that the job held would outlast it, until a collection.
        self._calls = calls = Calls(parts, self._silence)
        most = parts.connector.capabilities.concurrency
        # The next ones write down what they intend while these are called for. Where nothing but a look-up guards against
        # a second entry, an intent that is found later costs the expense its export: none goes ahead there.
        begun_max = 2 * most if self._sure else most
        self._turns = Turns(parts.clock, begun_max, lambda: calls.ends() or not reporter.heard)
        self._payables = Payables(
            lambda vendor: calls.make(partial(parts.connector.payables, vendor)),
            parts.settings.accounts.exchange_difference,
            reference.accounts,
        )

    @property
    def _sure(self) -> bool:
        """Whether the accounting system itself prevents a second entry with the same reference."""
        return self._parts.connector.capabilities.uniqueness is Uniqueness.UNIQUE_KEY

    @property
    def _strategy(self) -> ClosedPeriodStrategy:
        return self._parts.settings.bookkeeping.closed_period

    async def settle_all(self, items: AsyncGenerator[Ready]) -> None:
        """Settle items, some at once and some made ready meanwhile; first attempts are made in order.

        Where no more can be begun, what was begun is finished before that is raised.
        """
        failure: Exception | None = None
        async with aclosing(items), side_by_side() as group:
            try:
                async for ready in items:
                    turn = await self._turns.give(ready)
                    self._reporter.ensure_heard()
                    if self._calls.ends():
                        self._left = True
                        break
                    group.create_task(self._settle(turn)).add_done_callback(partial(self._ended, turn))
            except Exception as error:  # noqa: BLE001 it is raised once all is finished
                failure = error
        if failure is not None:
            raise failure
        self._reporter.ensure_heard()
        if self._parts.stopping():
            raise StoppedError
        # A silence may be broken by what was begun, when others were left because of it.
        if self._left or self._silence.too_long:
            raise self._silence.error

    def _ended(self, turn: Turn, _task: asyncio.Task[None]) -> None:
        self._turns.ended(turn)
        self._reporter.settled()

    async def ask_again(self) -> None:
        """Look up the items without a definite outcome until it is known, or the job is close to its expiry."""
        clock = self._parts.clock
        started = clock.now()
        while self._unclear and not self._silence.hopeless(started):
            if self._parts.stopping():
                raise StoppedError
            await clock.sleep(ASK_AGAIN_SECONDS)
            again, self._unclear = self._unclear, []
            for one in again:
                self._before[one.entry_id] = await self._item(one)
                self._asked_again.add(one.entry_id)
            await self.settle_all(unmarked(again))
        await self._give_up_unclear()

    async def give_up_hopeless(self) -> None:
        """Tell of what is unclear, where no answer is expected any more, that nobody knows it."""
        if self._silence.hopeless(self._parts.clock.now()):
            await self._give_up_unclear()

    async def _give_up_unclear(self) -> None:
        for one in self._unclear:
            planned = (await self._item(one)).phase is Phase.PLANNED
            if planned and not self._memory.looks_first(one.entry_id):
                await self._outcomes.end(one, NoAnswerError(VENDOR_UNKNOWABLE), begun=False)
            else:
                await self._outcomes.give_up(one, None)

    async def _settle(self, turn: Turn) -> None:
        work = turn.work
        self._parts.notify(ItemBegun(job_id=self._job.id, entry_id=work.entry_id))
        try:
            try:
                await self._find_or_record(turn)
            finally:
                await turn.marked()  # no outcome is told before that
            self._silence.broken()
            self._payables.known(work.entry_id)
        except LeftError:
            self._left = True
        except NoAnswerError:
            self._unclear.append(work)
            self._silence.noted(turn.began)
        except ShutOutError as shut_out:
            if work.entry_id in self._asked_again:
                await self._outcomes.give_up(work, shut_out.cause)
            else:
                self._unclear.append(work)
        except Exception as error:  # noqa: BLE001 an item's edge
            self._payables.known(work.entry_id)
            await self._outcomes.end(work, error, begun=work.entry_id in self._memory.others)

    async def _find_or_record(self, turn: Turn) -> None:
        connector, work = self._parts.connector, turn.work
        intended = not self._is_planned(work)
        if intended or self._memory.looks_first(work.entry_id):
            found = await self._calls.insist(partial(connector.find, work.entry_id))
            if found is not None:
                if not intended:
                    await self._memory.found(work.entry_id)
                await self._take_over(work, found)
                return
            if not self._memory.may_be_recorded(work.entry_id, intended=intended, sure=self._sure):
                raise RejectedItemError(Cause.EXPORT_INTERRUPTED, system=connector.name)
        await self._create(turn)

    async def _create(self, turn: Turn) -> None:
        """Download, and when its turn comes, record and attach."""
        mapped = self._entry(turn.work)
        async with gathered(self._parts, mapped) as found:
            reach("receipts.downloaded")
            if self._is_planned(turn.work) and (said := await turn.refusal()) is not None:
                raise RejectedItemError(Cause.MARK_REFUSED, said=said)
            async with self._turns.begins(turn):
                # Only then it is intended: while it waits for others of its vendor nothing is begun.
                async with self._payables.matched(replace(mapped, missing_files=found.missing)) as matched:
                    if self._is_planned(turn.work) and self._calls.ends():
                        raise LeftError  # it became so while the vendor was asked about: nothing is begun any more
                    await self._intend(turn.work, mapped)
                    reach("item.intended")
                    entry, recorded = await self._record(matched)
                    reach("entry.recorded")
                    if recorded.created:
                        self._payables.recorded(entry)
                    elif self._is_planned(turn.work):
                        await self._memory.found(turn.work.entry_id)
                # What was intended is remembered; an entry that was matched or moved since is another one.
                explanation = explained(turn.work, entry) if entry != mapped else None
                note = recorded_without(found.missing)
                await self._outcomes.keep(
                    entry, recorded, note, complete=not found.files, explanation=explanation
                )
                if found.files:
                    await self._attach(entry, recorded, found)

    async def _take_over(self, work: Work, found: Recorded) -> None:
        """Finish an item whose entry stands there already: its attachments may be missing."""
        try:
            entry = self._entry(work)
        except RejectedItemError as refused:
            raise RejectedItemError(
                Cause.ENTRY_UNCHECKED,
                system=self._parts.connector.name,
                entry=found.external_id,
                reason=refused.rejection.reason,
            ) from refused
        await self._intend(work, entry)
        await self._outcomes.keep(entry, found, None, complete=not entry.attachments)
        if entry.attachments:
            async with gathered(self._parts, entry) as files:
                await self._attach(entry, found, files)

    def _is_planned(self, work: Work) -> bool:
        before = self._before.get(work.entry_id)
        return before is None or before.phase is Phase.PLANNED

    async def _intend(self, work: Work, entry: Entry) -> None:
        if self._is_planned(work):
            await self._parts.store.intend(self._job.id, work.entry_id, explained(work, entry))

    def _entry(self, work: Work) -> Entry:
        mapped = (
            work.expense
            if isinstance(work.expense, Rejection)
            else book(work.expense, self._parts.settings, self._reference, self._job.id)
        )
        if isinstance(mapped, Rejection):
            raise RejectedItemError(mapped)
        return mapped

    async def _record(self, entry: Entry) -> tuple[Entry, Recorded]:
        """Record on the expense's date, or once more on the date that the strategy for closed periods gives.

        What was approved is recorded as it was approved, or not at all.
        """
        plan = self._parts.plan
        if plan is not None:
            entry = as_planned(plan, entry, may_move=self._strategy is not ClosedPeriodStrategy.FAIL)
        try:
            return entry, await self._send(entry)
        except PeriodClosedError as closed:
            if plan is not None:
                raise closed_since(closed.day) from closed
            today = self._parts.clock.now().date()
            moved = move_entry(entry, closed, self._parts.settings, today=today)
            return moved, await self._send(moved)

    async def _send(self, entry: Entry) -> Recorded:
        return await self._calls.make(
            partial(self._parts.connector.record, entry), repeat_unanswered=self._sure
        )

    async def _attach(self, entry: Entry, recorded: Recorded, found: Gathered) -> None:
        """Attach everything: only then the outcome counts as recorded."""
        missing = list(found.missing)
        for file in found.files:
            try:
                await self._calls.insist(partial(self._parts.connector.attach, entry, recorded, file))
                reach("receipt.attached")
            except EntryRefusedError as refused:
                if refused.cause in ENTRY_LOST or not may_miss(self._parts):
                    raise
                # Whatever the system calls it: without its entry no expense is recorded.
                if await self._calls.insist(partial(self._parts.connector.find, entry.reference)) is None:
                    raise
                missing.append(str(refused))
        item = await self._parts.store.recorded(self._job.id, entry.reference, recorded_without(missing))
        reach("item.recorded")
        self._outcomes.tell(item)

    async def _item(self, work: Work) -> ItemProgress:
        return await self._parts.store.item(self._job.id, work.entry_id)
