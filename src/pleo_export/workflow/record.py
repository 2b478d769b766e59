"""Step 5: record each expense in the accounting system, in order, and make every outcome durable at once.

    planned ──> intended ──> recorded | rejected          (each arrow is committed before the next outside effect)

An item that was `intended` when we stopped is looked up before anything else. So is an item that Pleo says was begun
and of whose beginning we know nothing; it is never recorded blindly, because whoever began it may have used another
reference.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from pleo_export.accounting.port import ConnectorError, NoAnswerError, PeriodClosedError, Recorded, Uniqueness
from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry
from pleo_export.domain.failures import ItemFailureType, RejectedItemError, Rejection
from pleo_export.domain.job import ExportJob
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.domain.reference import ReferenceData
from pleo_export.workflow.closed_period import move_entry
from pleo_export.workflow.fetch import Work
from pleo_export.workflow.persist import persist
from pleo_export.workflow.ports import ItemSettled, Parts, StepTaken
from pleo_export.workflow.report import Reporter, chunks

ASK_AGAIN_SECONDS = 30.0
ASKING_SHARE = 0.8  # of the job's expiry time: how long an unclear outcome is looked up again

log = logging.getLogger(__name__)


async def record(
    parts: Parts, job: ExportJob, work: Sequence[Work], reference: ReferenceData, reporter: Reporter
) -> None:
    """Settle all items: each is `recorded` or `rejected` in the store afterwards, and reported chunk by chunk."""
    parts.notify(StepTaken(step=5, name="Record", job_id=job.id, items=len(work)))
    before = {item.accounting_entry_id: item for item in await parts.store.items(job.id)}
    await parts.store.plan(job.id, [one.entry_id for one in work])
    adopted = (
        await parts.store.job(job.id)
    ).started_at is None  # somebody else's job, or our memory of it is lost
    recorder = _Recorder(parts, job, reference, before, adopted=adopted)
    for chunk in chunks(work):
        todo = [one for one in chunk if not recorder.is_final(one)]
        refused = await reporter.begin([one.entry_id for one in todo if not one.interrupted])
        await recorder.settle_all(todo, refused)
        await reporter.flush()
    await recorder.ask_again()
    await reporter.flush()


class _Recorder:
    def __init__(
        self,
        parts: Parts,
        job: ExportJob,
        reference: ReferenceData,
        before: Mapping[str, ItemProgress],
        *,
        adopted: bool,
    ) -> None:
        self._parts, self._job, self._reference = parts, job, reference
        self._before, self._adopted = dict(before), adopted
        self._unclear: list[Work] = []

    def is_final(self, work: Work) -> bool:
        before = self._before.get(work.entry_id)
        return before is not None and before.final

    async def settle_all(self, work: Sequence[Work], refused: Mapping[str, str]) -> None:
        """Start in order, at most as many at once as the accounting system takes."""
        slots = asyncio.Semaphore(self._parts.connector.capabilities.concurrency)
        async with asyncio.TaskGroup() as group:
            for one in work:
                await slots.acquire()
                task = group.create_task(self._settle(one, refused.get(one.entry_id)))
                task.add_done_callback(lambda _task: slots.release())

    async def ask_again(self) -> None:
        """Look up the items without a definite outcome until it is known, or the job is close to its expiry."""
        clock = self._parts.clock
        started = clock.now()
        while self._unclear and (clock.now() - started).total_seconds() < ASKING_SHARE * self._job.expires_in:
            await clock.sleep(ASK_AGAIN_SECONDS)
            again, self._unclear = self._unclear, []
            for one in again:
                self._before[one.entry_id] = await self._parts.store.item(self._job.id, one.entry_id)
            await self.settle_all(again, {})
        for one in self._unclear:
            await self._reject(
                one,
                Rejection(
                    ItemFailureType.ACCOUNTING_SYSTEM_TIMEOUT,
                    f"It is not known whether this expense was recorded: {self._parts.connector.name} did not answer."
                    f" Look there for the reference {one.entry_id} before you export it again.",
                ),
                unknown=True,
            )

    async def _settle(self, work: Work, refusal: str | None) -> None:
        try:
            await self._find_or_record(work, refusal)
        except RejectedItemError as refused:
            await self._reject(work, refused.rejection)
        except NoAnswerError:
            self._unclear.append(work)
        except ConnectorError as error:
            await self._reject(work, Rejection(error.type, str(error)))
        except Exception as error:
            # An item's edge: a fault of ours with one expense must not keep the others from being recorded.
            log.exception("item %s of job %s failed", work.entry_id, self._job.id)
            await self._fault(work, error)

    async def _find_or_record(self, work: Work, refusal: str | None) -> None:
        if refusal is not None:
            raise RejectedItemError(
                ItemFailureType.UNEXPECTED_FAILURE,
                f"Pleo refused to mark this expense as being exported: {refusal}. Nothing was recorded.",
            )
        before = self._before.get(work.entry_id)
        intended = before is not None and before.phase is Phase.INTENDED
        if intended or (work.interrupted and (before is None or self._adopted)):
            found = await persist(self._parts, lambda: self._parts.connector.find(work.entry_id))
            if found is not None:
                await self._take_over(work, found)
                return
            sure = self._parts.connector.capabilities.uniqueness is Uniqueness.UNIQUE_KEY
            if not (intended and sure):
                raise RejectedItemError(
                    ItemFailureType.UNEXPECTED_FAILURE,
                    f"The export of this expense was interrupted; nothing was recorded in {self._parts.connector.name}."
                    " Export it again.",
                )
        await self._complete(work, self._entry(work), None)

    def _entry(self, work: Work) -> Entry:
        mapped = (
            work.expense
            if isinstance(work.expense, Rejection)
            else book(work.expense, self._parts.settings, self._reference)
        )
        if isinstance(mapped, Rejection):
            raise RejectedItemError(mapped.type, mapped.reason)
        return mapped

    async def _take_over(self, work: Work, found: Recorded) -> None:
        """Finish an item whose entry stands there already: its attachments may be missing."""
        try:
            entry = self._entry(work)
        except RejectedItemError as refused:
            raise RejectedItemError(
                ItemFailureType.ACCOUNTING_SYSTEM_VALIDATION_FAILURE,
                f"{self._parts.connector.name} holds an entry for this expense ({found.external_id}), but it cannot be"
                f" checked: {refused.rejection.reason}",
            ) from refused
        await self._complete(work, entry, found)

    async def _complete(self, work: Work, entry: Entry, found: Recorded | None) -> None:
        """Download, record, attach: the outcome counts as recorded when all of it is there."""
        parts, job_id = self._parts, self._job.id
        files = [await parts.receipts.download(attachment) for attachment in entry.attachments]
        try:
            before = self._before.get(work.entry_id)
            if before is None or before.phase is Phase.PLANNED:
                await parts.store.intend(job_id, entry.reference)
            if found is None:
                entry, found = await self._record(entry)
            self._check_content(entry, found)
            await parts.store.entry_created(
                job_id,
                entry.reference,
                external_id=found.external_id,
                url=parts.connector.link(found),
                exported_at=parts.clock.now(),
                posted_on=found.posted,
                already_there=not found.created,
            )
            recorded = found
            for file in files:
                await persist(parts, lambda file=file: parts.connector.attach(entry, recorded, file))  # type: ignore[misc]
            await parts.store.recorded(job_id, entry.reference)
        finally:
            for file in files:
                file.path.unlink(missing_ok=True)
        await self._tell(work)

    async def _record(self, entry: Entry) -> tuple[Entry, Recorded]:
        """Record on the expense's date, or once more on the date that the strategy for closed periods gives."""
        connector = self._parts.connector
        try:
            return entry, await persist(self._parts, lambda: connector.record(entry))
        except PeriodClosedError as closed:
            today = self._parts.clock.now().date()
            moved = move_entry(entry, closed, self._parts.settings, today=today, system=connector.name)
            return moved, await persist(self._parts, lambda: connector.record(moved))

    def _check_content(self, entry: Entry, found: Recorded) -> None:
        if found.fingerprint is None or found.fingerprint == entry.fingerprint:
            return
        raise RejectedItemError(
            ItemFailureType.ACCOUNTING_SYSTEM_VALIDATION_FAILURE,
            f"{self._parts.connector.name} already holds an entry for this expense ({found.external_id}) with other"
            " content. Correct it there, or remove it there and export the expense again.",
        )

    async def _fault(self, work: Work, error: Exception) -> None:
        """Say the truth about a fault of this program: after the intent nobody knows what was recorded."""
        now = await self._parts.store.item(self._job.id, work.entry_id)
        begun = now.phase is Phase.INTENDED
        sentence = (
            f"Look for the reference {work.entry_id} in {self._parts.connector.name} before you export it again."
            if begun
            else "Nothing was recorded."
        )
        reason = f"pleo-export failed on this expense ({type(error).__name__}). {sentence}"
        await self._reject(work, Rejection(ItemFailureType.UNEXPECTED_FAILURE, reason), unknown=begun)

    async def _reject(self, work: Work, rejection: Rejection, *, unknown: bool = False) -> None:
        await self._parts.store.rejected(
            self._job.id, work.entry_id, rejection.type, rejection.reason, unknown=unknown
        )
        await self._tell(work)

    async def _tell(self, work: Work) -> None:
        item = await self._parts.store.item(self._job.id, work.entry_id)
        self._parts.notify(ItemSettled(job_id=self._job.id, item=item))
