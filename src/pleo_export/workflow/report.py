"""Step 6: tell Pleo what became of each item, from what is durable here, and keep the job from expiring."""

import asyncio
import logging
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from pleo_export.crash_points import reach
from pleo_export.domain.job import ExportJob, ItemStatus, ItemUpdate, ItemUpdateError
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.pleo import limits
from pleo_export.pleo.errors import ExportJobStatusUnprocessableError, PleoError, PleoRefusedError
from pleo_export.workflow.fetch import UNFINISHED
from pleo_export.workflow.ports import Parts, StepTaken, take_step
from pleo_export.workflow.problems import JobLostError
from pleo_export.workflow.side_by_side import side_by_side

REPORT_SECONDS_MAX = 30.0  # while working, Pleo hears from us at least this often
EXPIRY_SHARE = 6  # ... and at least this many times before the job would expire
FINISH_SECONDS = 60.0  # for what was begun, once Pleo cannot be told any more; then it is cut off

log = logging.getLogger(__name__)


class Reporter:
    """Talks to Pleo about the items of one job. Its pages leave open whether an update puts the expiry off, as is hoped for."""

    def __init__(self, parts: Parts, job: ExportJob) -> None:
        self._parts, self._job = parts, job
        self._in_hand: list[str] = []
        self._settled, self._enough = 0, asyncio.Event()
        self._recording = False
        self._unheard: Exception | None = None
        self._one_at_a_time = asyncio.Lock()  # so that no outcome is sent twice, and no mark after an outcome

    async def begin(self, entry_ids: Sequence[str], *, marked: Container[str]) -> Mapping[str, str]:
        """Mark a chunk `in_progress`, before its first entry; return the refused ones and Pleo's reason.

        Those that are `marked` already only count as in hand. The mark survives the loss of everything we know:
        whoever finds it settles the item before recording it.
        """
        async with self._one_at_a_time:
            self._in_hand += entry_ids
            errors = await self._update([_in_progress(one) for one in entry_ids if one not in marked])
        reach("items.marked")
        return {error.accounting_entry_id: error.message for error in errors}

    async def flush(self) -> bool:
        """Report every outcome that Pleo has not acknowledged; return whether there was any."""
        async with self._one_at_a_time:
            return await self._flush()

    @asynccontextmanager
    async def keeping_alive(self) -> AsyncIterator[None]:
        """Report in the background often enough that the job does not expire for want of progress while the body works."""
        async with side_by_side() as group:
            beat = group.create_task(self._beat())
            yield
            beat.cancel()

    @asynccontextmanager
    async def as_they_come(self) -> AsyncIterator[None]:
        """Report in the background, while the body records, whenever there are outcomes for a whole update."""
        reporting = asyncio.create_task(self._report_whole_updates())
        self._recording = True
        try:
            yield
        finally:
            self._recording = False
            async with self._one_at_a_time:  # what is being said is said to its end
                reporting.cancel()
            await asyncio.wait([reporting])
        self.ensure_heard()

    def settled(self) -> None:
        """Hear that one more item may have an outcome."""
        self._settled += 1
        if self._settled % limits.items_per_update_max == 0:
            self._enough.set()

    @property
    def heard(self) -> bool:
        """Whether the background could report so far: where it could not, nothing more is to be begun."""
        return self._unheard is None

    def ensure_heard(self) -> None:
        """Raise what kept the background from reporting."""
        if self._unheard is not None:
            raise self._unheard

    async def _report_whole_updates(self) -> None:
        try:
            while True:
                await self._enough.wait()
                self._enough.clear()
                async with self._one_at_a_time:
                    await self._flush(whole_updates=True)
        except Exception as error:  # noqa: BLE001 whatever it is, who records hears it
            self._unheard = error

    async def _beat(self) -> None:
        clock, job = self._parts.clock, self._job
        interval = min(REPORT_SECONDS_MAX, job.expires_in / EXPIRY_SHARE)
        # A job that is taken up again may be close to its expiry. A last update in the future (two clocks never agree)
        # says as little as one long ago.
        age = abs((clock.now() - (job.last_updated_at or job.created_at)).total_seconds())
        await clock.sleep(max(0.0, interval - age))
        while True:
            try:
                await self.progress()
            except (JobLostError, PleoError) as error:
                if self._recording:
                    self._unheard = error  # who records hears it; an entry that was begun is not cut off
                    await clock.sleep(FINISH_SECONDS)
                raise
            await clock.sleep(interval)

    async def progress(self) -> None:
        """Report what is new or, where nothing is, show life."""
        async with self._one_at_a_time:
            # Outcomes of an earlier run wait for the control list, which may show that Pleo has them.
            if not (self._in_hand and await self._flush()):
                await self._show_life()

    async def _show_life(self) -> None:
        try:
            await self._update(await self._unchanged())
        except PleoRefusedError:
            # No step depends on it. What is really wrong the next step hears as well.
            log.warning("Pleo refused the sign of life for job %s", self._job.id, exc_info=True)

    async def _unchanged(self) -> Sequence[ItemUpdate]:
        """Return an update that changes nothing and is progress to Pleo all the same.

        Before anything is in hand an unfinished item gets the status it has: nothing but an item can be updated.
        """
        if self._in_hand:
            return [_in_progress(self._in_hand[0])]
        async for item in self._parts.pleo.job_items(self._job.id):
            if item.status in UNFINISHED:
                return [
                    ItemUpdate(accounting_entry_id=item.accounting_entry_id, status=ItemStatus(item.status))
                ]
        return ()

    async def _flush(self, *, whole_updates: bool = False) -> bool:
        job_id, store = self._job.id, self._parts.store
        outcomes = await store.unreported(job_id)
        if whole_updates:
            outcomes = outcomes[: len(outcomes) - len(outcomes) % limits.items_per_update_max]
        if outcomes:
            step = StepTaken(step=6, name="Report", job_id=job_id, items=len(outcomes))
            await take_step(self._parts, step)
        for chunk in chunks(outcomes):
            errors = await self._update([_outcome(item) for item in chunk])
            reach("outcomes.told")
            refused = {error.accounting_entry_id: error for error in errors}
            await store.reported(
                job_id,
                [item.accounting_entry_id for item in chunk if item.accounting_entry_id not in refused],
            )
            for entry_id, error in refused.items():
                await store.report_refused(job_id, entry_id, f"{error.type}: {error.message}")
            reach("outcomes.kept")
        done = {item.accounting_entry_id for item in outcomes}
        self._in_hand = [entry_id for entry_id in self._in_hand if entry_id not in done]
        return bool(outcomes)

    async def _update(self, updates: Sequence[ItemUpdate]) -> Sequence[ItemUpdateError]:
        if not updates:
            return ()
        # Whoever was taken over must not put its own view in the place of its successor's.
        before = self._parts.store.ensure_lease
        try:
            return (await self._parts.pleo.update_items(self._job.id, updates, before)).errors
        except ExportJobStatusUnprocessableError as error:
            job = await self._parts.pleo.get_job(self._job.id)
            if job.unfinished:
                raise
            raise JobLostError(job) from error


Member = TypeVar("Member")


def chunks(members: Sequence[Member]) -> Sequence[Sequence[Member]]:
    """Cut a list into pieces that Pleo takes in one update."""
    size = limits.items_per_update_max
    return [members[start : start + size] for start in range(0, len(members), size)]


def _in_progress(entry_id: str) -> ItemUpdate:
    return ItemUpdate(accounting_entry_id=entry_id, status=ItemStatus.IN_PROGRESS)


def _outcome(item: ItemProgress) -> ItemUpdate:
    if item.phase is Phase.RECORDED:
        return ItemUpdate(
            accounting_entry_id=item.accounting_entry_id,
            status=ItemStatus.SUCCESSFUL,
            exported_at=item.exported_at,
            external_id=item.external_id,
            external_url=item.external_url,
        )
    return ItemUpdate(
        accounting_entry_id=item.accounting_entry_id,
        status=ItemStatus.FAILED,
        failure_reason=item.failure_reason,
        failure_reason_type=item.failure_type,
    )
