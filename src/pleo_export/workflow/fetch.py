"""Step 4: the full data of the expenses, and the order in which those in scope are recorded."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection, finding, rejection
from pleo_export.domain.item import ExportItem, UnreadableItem
from pleo_export.domain.job import ExportJob, ItemStatus
from pleo_export.pleo.errors import ExportJobStatusUnprocessableError, MissingContraAccountsError
from pleo_export.workflow.ports import Parts, Pleo, StepTaken, in_step
from pleo_export.workflow.problems import JobLostError, JobProblemError
from pleo_export.workflow.spool import Place, Spool

UNFINISHED = frozenset({ItemStatus.PENDING, ItemStatus.IN_PROGRESS})
_LAST = datetime.max.replace(tzinfo=UTC)


class Work(msgspec.Struct, frozen=True):
    """One item to be settled: the expense, or why its data cannot be used; `status` is where Pleo's record stands."""

    entry_id: str
    expense: ExportItem | Rejection
    status: str

    @property
    def interrupted(self) -> bool:
        """Whether Pleo says that somebody began with this item before."""
        return self.status == ItemStatus.IN_PROGRESS


class Queued(msgspec.Struct, frozen=True, gc=False):
    """One item that waits for its turn: its expense lies in the spool, or cannot be used."""

    entry_id: str
    expense: Place | Rejection
    status: str

    def work(self, spool: Spool) -> Work:
        """Return the item with its expense."""
        expense = self.expense if isinstance(self.expense, Rejection) else spool.read(self.expense)
        return Work(self.entry_id, expense, self.status)


class Agenda(NamedTuple):
    """What is to be settled, in its order, and where the data lies; and how Pleo's record stands of all the others."""

    queued: list[Queued]
    spool: Spool
    earlier: Mapping[str, str]


async def fetch(parts: Parts, job: ExportJob, spool: Spool) -> Mapping[str, Place | Rejection]:
    """Put every expense of the job into the spool; return where it lies, or why its data cannot be used.

    Raises JobProblemError where Pleo refuses the data because contra accounts are missing, JobLostError where the job
    ended meanwhile, and Pleo's refusal where it goes on.
    """
    step = StepTaken(step=4, name="Fetch the data", job_id=job.id, items=job.number_of_items)
    try:
        return await in_step(parts, step, _places(parts, job, spool))
    except ExportJobStatusUnprocessableError as error:
        fresh = await parts.pleo.get_job(job.id)
        if fresh.unfinished:
            raise
        raise JobLostError(fresh) from error


async def _places(parts: Parts, job: ExportJob, spool: Spool) -> Mapping[str, Place | Rejection]:
    return {
        entry_id: expense if isinstance(expense, Rejection) else spool.keep(expense)
        async for entry_id, expense in _expenses(parts.pleo, parts.company_id, job.id)
    }


def agenda_of(scope: Mapping[str, str], places: Mapping[str, Place | Rejection], spool: Spool) -> Agenda:
    """Put the items that still need an outcome in order: oldest transaction first, the id deciding between equals.

    The order is the same at every attempt. Items without usable data come last.
    """
    missing = rejection(Cause.EXPENSE_NOT_SENT)
    queued = [
        Queued(entry_id, places.get(entry_id, missing), status)
        for entry_id, status in scope.items()
        if status in UNFINISHED
    ]
    queued.sort(key=lambda one: in_order(one.expense, one.entry_id))
    earlier = {entry_id: status for entry_id, status in scope.items() if status not in UNFINISHED}
    return Agenda(queued, spool, earlier)


async def read_expenses(pleo: Pleo, company_id: str, job_id: str) -> Mapping[str, ExportItem | Rejection]:
    """Return the data of every expense of the job by its reference, all pages.

    Raises JobProblemError where Pleo refuses the data because contra accounts are missing.
    """
    return {entry_id: expense async for entry_id, expense in _expenses(pleo, company_id, job_id)}


async def _expenses(
    pleo: Pleo, company_id: str, job_id: str
) -> AsyncIterator[tuple[str, ExportItem | Rejection]]:
    try:
        async for item in pleo.export_items(job_id):
            if isinstance(item, UnreadableItem):
                if item.accounting_entry_id is not None:
                    yield item.accounting_entry_id, rejection(Cause.EXPENSE_UNREADABLE, found=item.found)
            elif item.company_id != company_id:
                yield item.accounting_entry_id, rejection(Cause.EXPENSE_OF_ANOTHER_COMPANY)
            else:
                yield item.accounting_entry_id, item
    except MissingContraAccountsError as error:
        raise JobProblemError(finding(Cause.CONTRA_ACCOUNTS_MISSING, said=error.said)) from error


def in_order(expense: ExportItem | Place | Rejection, entry_id: str) -> tuple[datetime, str]:
    """Return the sort key of an expense: oldest transaction first, unusable data last, the id between equals."""
    return (_LAST if isinstance(expense, Rejection) else expense.date, entry_id)
