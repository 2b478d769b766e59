"""What the export workflow asks of the store, one awaited step at a time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.failures import Rejection
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import ItemProgress, JobProgress
from pleo_export.store import companies, explanations, fencing, items, jobs, reconciling, settling
from pleo_export.store.fencing import Fence
from pleo_export.store.reader import Reader
from pleo_export.store.writer import Operation, T, Writer

Clock = Callable[[], datetime]


class Exports:
    """The memory of companies' jobs and their items. Behind a `fence`, nothing is written once the lease is another's."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._fence: Fence | None = None

    async def _write(self, change: Operation[T]) -> T:
        fence = self._fence
        if fence is None:
            return await self._writer.run(change)

        def fenced(connection: Connection) -> T:
            fencing.check(connection, fence)
            return change(connection)

        return await self._writer.run(fenced)

    async def ensure_lease(self) -> None:
        """Raise FencedError where another worker has taken the company over; nothing is written, and no writer waited for."""
        fence = self._fence
        if fence is not None:
            await self._reader.run(lambda connection: fencing.look(connection, fence))

    async def see_company(self, company_id: str) -> None:
        """Remember the company, and that Pleo is asked for its jobs now."""
        now = self._clock()
        await self._write(lambda connection: companies.see(connection, company_id, now))

    async def see_job(self, job_id: str, company_id: str, *, planned: bool = False) -> bool:
        """Remember the job, which Pleo shows as unfinished, and its company too; and whether it follows a plan.

        Pleo's word counts: a job that was given up or closed here before is open again; its closing event stays decided.
        Return whether nothing was known of it.
        """
        now = self._clock()
        return await self._write(
            lambda connection: jobs.see_job(connection, job_id, company_id, now, planned=planned)
        )

    async def forget_job(self, job_id: str) -> None:
        """Forget a job that was seen and never started here: it is another worker's."""
        await self._write(lambda connection: jobs.forget(connection, job_id))

    async def mark_started(self, job_id: str) -> None:
        """Note that Pleo took `started`; the first time counts."""
        now = self._clock()
        await self._write(lambda connection: jobs.mark_started(connection, job_id, now))

    async def plan(self, job_id: str, entry_ids: Sequence[str]) -> None:
        """Add those items, in this order, that the job does not have yet; those it has stay as they are, in front."""
        await self._write(lambda connection: items.plan(connection, job_id, entry_ids))

    async def step_taken(self, job_id: str, step: int) -> None:
        """Note that a step of the guide, 1 to 7, was begun for the job; the first time counts."""
        now = self._clock()
        await self._write(lambda connection: jobs.step_taken(connection, job_id, step, now))

    async def steps(self, job_id: str) -> Mapping[int, datetime]:
        """Return when each step was begun for the job, as far as it was."""
        return await self._reader.run(lambda connection: jobs.steps_of(connection, job_id))

    async def intend(self, job_id: str, entry_id: str, explanation: Explanation | None = None) -> None:
        """Note that the accounting system is about to be called for a planned item, and what it will be told.

        An item that is intended already is refused: what became of it must be looked up, not tried again.
        """
        now = self._clock()

        def intend(connection: Connection) -> None:
            items.intend(connection, job_id, entry_id, now)
            explanations.keep(connection, job_id, entry_id, explanation, now)

        await self._write(intend)

    async def entry_created(  # noqa: PLR0913  one fact each, by name
        self,
        job_id: str,
        entry_id: str,
        *,
        external_id: str,
        url: str | None,
        exported_at: datetime,
        posted_on: date,
        already_there: bool = False,
        note: str | None = None,
        complete: bool = False,
        explanation: Explanation | None = None,
    ) -> ItemProgress:
        """Keep what identifies the entry of an intended item, the moment it is known, and return the item.

        The item stays `intended` until its attachments are there, unless it is `complete` without any: then it is
        recorded in the same commit. The same `external_id` again changes nothing of what identifies it. `note` is what a
        bookkeeper should know about the entry; an `explanation` takes the place of the one before.
        """
        now = self._clock()
        facts = items.entry_facts(
            external_id=external_id,
            url=url,
            exported_at=exported_at,
            posted_on=posted_on,
            already_there=already_there,
            note=note,
        )

        def created(connection: Connection) -> ItemProgress:
            explanations.keep(connection, job_id, entry_id, explanation, now)
            return items.entry_created(connection, job_id, entry_id, facts, now, complete=complete)

        return await self._write(created)

    async def recorded(self, job_id: str, entry_id: str, note: str | None = None) -> ItemProgress:
        """Take an intended item with a known entry to its final success, and return it.

        A `note` takes the place of the one that came with the entry.
        """
        now = self._clock()
        return await self._write(lambda connection: items.record(connection, job_id, entry_id, note, now))

    async def rejected(
        self,
        job_id: str,
        entry_id: str,
        rejection: Rejection,
        explanation: Explanation | None = None,
        *,
        unknown: bool = False,
    ) -> ItemProgress:
        """Take a planned or intended item to its final failure, and return it. Of several rejections the first stays."""
        now = self._clock()

        def reject(connection: Connection) -> ItemProgress:
            explanations.keep(connection, job_id, entry_id, explanation, now)
            return items.reject(connection, job_id, entry_id, rejection, now, unknown=unknown)

        return await self._write(reject)

    async def by_hand(self, job_id: str) -> set[str]:
        """Return which planned items of the job a person has recorded by hand since another job failed with them."""
        return await self._reader.run(lambda connection: settling.by_hand(connection, job_id))

    async def adopt(self, job_id: str, entry_id: str) -> ItemProgress:
        """Take a planned item to success as it was recorded by hand, and return it: nothing more is to be recorded."""
        now = self._clock()
        return await self._write(lambda connection: settling.adopt(connection, job_id, entry_id, now))

    async def doubt(self, job_id: str, sentence: str) -> bool:
        """Note why our memory of the job may be older than the world; return whether that is new. The first reason stays."""
        now = self._clock()
        return await self._write(lambda connection: reconciling.doubt(connection, job_id, sentence, now))

    async def was_intended(self, job_id: str, entry_id: str) -> bool:
        """Whether another job of ours may have recorded the item before."""
        return await self._reader.run(
            lambda connection: reconciling.was_intended(connection, job_id, entry_id)
        )

    async def explanation(self, job_id: str, entry_id: str) -> Explanation | None:
        """Return why an item was recorded as it was, or was not; None where that was forgotten, or never known."""
        return await self._reader.run(lambda connection: explanations.get(connection, job_id, entry_id))

    async def forget_explanations(self, before: datetime) -> int:
        """Forget the explanations that were kept before; return how many."""
        return await self._write(lambda connection: explanations.forget(connection, before))

    async def reported(self, job_id: str, entry_ids: Sequence[str]) -> None:
        """Note that Pleo took the outcomes of these final items: of all, or, where one is not final, of none."""
        now = self._clock()
        await self._write(lambda connection: items.report(connection, job_id, entry_ids, now))

    async def report_refused(self, job_id: str, entry_id: str, problem: str) -> None:
        """Note why Pleo did not take the outcome of a final item."""
        await self._write(lambda connection: items.refuse_report(connection, job_id, entry_id, problem))

    async def unreported(self, job_id: str) -> list[ItemProgress]:
        """Return the final items whose outcome Pleo has neither taken nor refused, in the job's order."""
        return await self._reader.run(lambda connection: items.unreported(connection, job_id))

    async def items(self, job_id: str) -> list[ItemProgress]:
        """Return the job's items in its order; none for an unknown job."""
        return await self._reader.run(lambda connection: items.of_job(connection, job_id))

    async def item(self, job_id: str, entry_id: str) -> ItemProgress:
        """Return one item. Raises UnknownItemError."""
        return await self._reader.run(lambda connection: items.get(connection, job_id, entry_id))

    async def closing(
        self,
        job_id: str,
        event: JobEventType,
        reason: str | None = None,
        reason_type: JobFailureType | None = None,
    ) -> None:
        """Keep the decision how the job is closed, before it is told to Pleo. It cannot be changed afterwards."""
        assert event is not JobEventType.STARTED
        decision = (event, reason, reason_type)
        await self._write(lambda connection: jobs.decide_closing(connection, job_id, decision))

    async def closed(self, job_id: str) -> None:
        """Note that Pleo took the decided closing event, also of a job that was given up."""
        now = self._clock()
        await self._write(lambda connection: jobs.close(connection, job_id, now))

    async def abandoned(self, job_id: str, problem: str) -> None:
        """Give the job up without a closing event (it expired), and say why. The first problem stays."""
        await self._write(lambda connection: jobs.abandon(connection, job_id, problem))

    async def job(self, job_id: str) -> JobProgress:
        """Return one job. Raises UnknownJobError."""
        return await self._reader.run(lambda connection: jobs.get(connection, job_id))

    async def jobs(self, company_id: str, limit: int) -> list[JobProgress]:
        """Return the company's jobs, the one seen last first, at most `limit`."""
        return await self._reader.run(lambda connection: jobs.of_company(connection, company_id, limit))

    async def open_jobs(self, company_id: str) -> list[JobProgress]:
        """Return the company's jobs that are neither closed nor given up, the one seen first first."""
        return await self._reader.run(lambda connection: jobs.open_of_company(connection, company_id))
