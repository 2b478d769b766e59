"""Step 4: the full data of the expenses in scope, in the order they are recorded."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection, finding, rejection
from pleo_export.domain.item import ExportItem, UnreadableItem
from pleo_export.domain.job import ExportJob, ItemStatus
from pleo_export.pleo.errors import ExportJobStatusUnprocessableError, MissingContraAccountsError
from pleo_export.workflow.ports import Parts, Pleo, StepTaken, take_step
from pleo_export.workflow.problems import JobLostError, JobProblemError

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


async def fetch(parts: Parts, job: ExportJob, scope: Mapping[str, str]) -> Sequence[Work]:
    """Return the items that still need an outcome, oldest transaction first, the id deciding between equals.

    The order is the same at every attempt. Items without usable data come last. Raises JobProblemError where Pleo
    refuses the data because contra accounts are missing, JobLostError where the job ended meanwhile.
    """
    await take_step(parts, StepTaken(step=4, name="Fetch the data", job_id=job.id, items=len(scope)))
    try:
        expenses = await read_expenses(parts.pleo, parts.company_id, job.id)
    except ExportJobStatusUnprocessableError as error:
        raise JobLostError(await parts.pleo.get_job(job.id)) from error
    missing = rejection(Cause.EXPENSE_NOT_SENT)
    work = [
        Work(entry_id, expenses.get(entry_id, missing), status)
        for entry_id, status in scope.items()
        if status in UNFINISHED
    ]
    return sorted(work, key=lambda one: in_order(one.expense, one.entry_id))


async def read_expenses(pleo: Pleo, company_id: str, job_id: str) -> Mapping[str, ExportItem | Rejection]:
    """Return the data of every expense of the job by its reference, all pages.

    Raises JobProblemError where Pleo refuses the data because contra accounts are missing.
    """
    try:
        return await _expenses(pleo, company_id, job_id)
    except MissingContraAccountsError as error:
        raise JobProblemError(finding(Cause.CONTRA_ACCOUNTS_MISSING, said=error.said)) from error


async def _expenses(pleo: Pleo, company_id: str, job_id: str) -> Mapping[str, ExportItem | Rejection]:
    expenses: dict[str, ExportItem | Rejection] = {}
    async for item in pleo.export_items(job_id):
        if isinstance(item, UnreadableItem):
            if item.accounting_entry_id is not None:
                expenses[item.accounting_entry_id] = rejection(Cause.EXPENSE_UNREADABLE, found=item.found)
        elif item.company_id != company_id:
            expenses[item.accounting_entry_id] = rejection(Cause.EXPENSE_OF_ANOTHER_COMPANY)
        else:
            expenses[item.accounting_entry_id] = item
    return expenses


def in_order(expense: ExportItem | Rejection, entry_id: str) -> tuple[datetime, str]:
    """Return the sort key of an expense: oldest transaction first, unusable data last, the id between equals."""
    return (expense.date if isinstance(expense, ExportItem) else _LAST, entry_id)
