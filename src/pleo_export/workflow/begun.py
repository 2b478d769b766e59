"""What becomes of the expenses of a job that a problem ends: what may stand in the books is looked up, never guessed."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import partial

from pleo_export.accounting.port import NoAnswerError, Recorded
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import RejectedItemError, Rejection, rejection
from pleo_export.domain.job import ExportJob, ItemStatus
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.workflow.calls import Calls, ShutOutError
from pleo_export.workflow.fetch import UNFINISHED, Work
from pleo_export.workflow.memory import Memory, recall
from pleo_export.workflow.outcomes import Outcomes
from pleo_export.workflow.ports import Parts
from pleo_export.workflow.problems import JobProblemError
from pleo_export.workflow.scope import retrieve_scope
from pleo_export.workflow.side_by_side import side_by_side
from pleo_export.workflow.silence import SILENT, Silence, leave_open


async def settle_begun(parts: Parts, job: ExportJob, problem: JobProblemError) -> Mapping[str, str]:
    """Give every expense an outcome where any was begun, by what is known here or in Pleo, before the problem came.

    Return how Pleo's record stands of all that had one. Raises SilentError where expenses were begun whose outcome a
    silent system may still tell.
    """
    scope = await retrieve_scope(parts, job)
    before = {item.accounting_entry_id: item for item in await parts.store.items(job.id)}
    marked = {entry_id for entry_id, status in scope.items() if status == ItemStatus.IN_PROGRESS}
    memory = await recall(parts, job, marked, before)
    begun = marked | {entry_id for entry_id, item in before.items() if item.phase is Phase.INTENDED}
    final = {entry_id for entry_id, item in before.items() if item.final}
    unfinished = [entry_id for entry_id, status in scope.items() if status in UNFINISHED]
    if problem.finding.cause in SILENT and not (begun - final).isdisjoint(unfinished):
        leave_open(parts, job)
    if begun or final or any(status != ItemStatus.PENDING for status in scope.values()):
        await parts.store.plan(job.id, unfinished)
        items = {item.accounting_entry_id: item for item in await parts.store.items(job.id)}
        ending = _Ending(parts, job, problem, memory, marked)
        async with side_by_side() as group:
            for item in map(items.__getitem__, unfinished):
                if ending.looks_up(item):
                    group.create_task(ending.look_up(item))
                elif not item.final:
                    await ending.settle(item)
    return {entry_id: status for entry_id, status in scope.items() if status not in UNFINISHED}


class _Ending:
    """The outcomes of one job's items, as far as they can be known when a problem ends it."""

    def __init__(
        self, parts: Parts, job: ExportJob, problem: JobProblemError, memory: Memory, marked: AbstractSet[str]
    ) -> None:
        self._parts, self._job, self._memory, self._marked = parts, job, memory, marked
        self._finding, self._system_ready = problem.finding, problem.system_ready
        self._outcomes, self._calls = Outcomes(parts, job), Calls(parts, Silence(parts, job))

    def looks_up(self, item: ItemProgress) -> bool:
        """Whether the accounting system is asked for the item's entry.

        Of a system that is not in order only what may stand there is asked, and of a silent one nothing.
        """
        if item.final or item.external_id is not None or self._finding.cause in SILENT:
            return False
        return self._may_stand(item) or (self._system_ready and item.accounting_entry_id in self._marked)

    async def look_up(self, item: ItemProgress) -> None:
        """Settle an item by its entry, if there is one."""
        work = self._work(item)
        try:
            found = await self._calls.insist(partial(self._parts.connector.find, work.entry_id))
            if found is None:
                await self._absent(item)
            else:
                await self._take_over(item, found)
        except NoAnswerError:
            await self._outcomes.give_up(work, None)
        except ShutOutError as shut_out:
            await self._outcomes.give_up(work, shut_out.cause)
        except Exception as error:  # noqa: BLE001 an item's edge
            await self._outcomes.end(work, error, begun=self._may_stand(item))

    async def settle(self, item: ItemProgress) -> None:
        """Settle an item without asking."""
        work = self._work(item)
        if item.external_id is not None:
            await self._outcomes.miss_receipts(work, self._unattached)
        elif self._may_stand(item):
            await self._outcomes.give_up(work, None)
        else:
            await self._outcomes.reject(work, self._why)

    async def _absent(self, item: ItemProgress) -> None:
        work, system = self._work(item), self._parts.connector.name
        if not self._may_stand(item):
            await self._outcomes.reject(work, self._why)
        elif self._system_ready:
            await self._outcomes.reject(work, rejection(Cause.EXPORT_INTERRUPTED, system=system))
        else:
            unsure = rejection(
                Cause.OUTCOME_UNSURE, system=system, reference=work.entry_id, said=self._finding.problem
            )
            await self._outcomes.reject(work, unsure, unknown=True)

    async def _take_over(self, item: ItemProgress, found: Recorded) -> None:
        """Settle an item whose entry stands: what it was to be is known where it was begun here."""
        if item.phase is Phase.PLANNED:
            await self._memory.found(item.accounting_entry_id)
        explained = await self._parts.store.explanation(self._job.id, item.accounting_entry_id)
        if explained is None or explained.entry is None:
            raise RejectedItemError(
                Cause.ENTRY_UNCHECKED,
                system=self._parts.connector.name,
                entry=found.external_id,
                reason=self._finding.problem,
            )
        entry = explained.entry
        await self._outcomes.keep(entry, found, None, complete=not entry.attachments)
        if entry.attachments:
            await self._outcomes.miss_receipts(self._work(item), self._unattached)

    def _may_stand(self, item: ItemProgress) -> bool:
        """Whether somebody may have recorded the item, and nobody knows."""
        intended = item.phase is Phase.INTENDED
        return not self._memory.may_be_recorded(item.accounting_entry_id, intended=intended, sure=False)

    def _work(self, item: ItemProgress) -> Work:
        return Work(item.accounting_entry_id, self._why, ItemStatus.IN_PROGRESS)

    @property
    def _why(self) -> Rejection:
        """Why an item fails of which nothing stands."""
        if self._finding.cause.item is None:
            return rejection(Cause.EXPORT_INTERRUPTED, system=self._parts.connector.name)
        return Rejection(self._finding.cause, f"{self._finding.problem} {self._finding.remedy}")

    @property
    def _unattached(self) -> Rejection:
        return rejection(Cause.RECEIPTS_INTERRUPTED, said=self._finding.problem)
