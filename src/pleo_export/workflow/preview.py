"""What a job would record, and why, without changing anything anywhere."""

from collections.abc import Sequence

import msgspec

from pleo_export.accounting.port import EntryRefusedError, PeriodClosedError
from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import ExportItem
from pleo_export.domain.reference import ReferenceData
from pleo_export.workflow.closed_period import move_entry
from pleo_export.workflow.fetch import in_order, read_expenses
from pleo_export.workflow.payables import Payables
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.validate import require_ready


class Previewed(msgspec.Struct, frozen=True, kw_only=True):
    """One expense of the job: the entry and its text in the accounting system, or why there would be none."""

    accounting_entry_id: str
    expense: ExportItem | None
    entry: Entry | None = None
    text: str | None = None
    rejection: Rejection | None = None


async def preview_job(sources: Sources, job_id: str) -> Sequence[Previewed]:
    """Map every expense of a pending or running job, in the order in which it would be recorded.

    Receipts are not downloaded and nothing is sent to the accounting system, so what only these could refuse is not
    foreseen. Raises JobProblemError where a run would fail the job as a whole, and the errors of Pleo.
    """
    job = await sources.pleo.get_job(job_id)
    reference = await require_ready(sources, job)
    expenses = await read_expenses(sources.pleo, sources.company_id, job_id)
    in_turn = sorted(expenses.items(), key=lambda pair: in_order(pair[1], pair[0]))
    # What is previewed counts as recorded for what follows, so that a payment finds the bill of the same job.
    payables = Payables(
        sources.connector.payables, sources.settings.accounts.exchange_difference, reference.accounts
    )
    return [
        await _previewed(sources, _Job(job_id, reference, payables), entry_id, expense)
        for entry_id, expense in in_turn
    ]


class _Job(msgspec.Struct, frozen=True):
    """What all expenses of the job share."""

    id: str
    reference: ReferenceData
    payables: Payables


async def _previewed(
    sources: Sources, job: _Job, entry_id: str, expense: ExportItem | Rejection
) -> Previewed:
    if isinstance(expense, Rejection):
        return Previewed(accounting_entry_id=entry_id, expense=None, rejection=expense)
    mapped = book(expense, sources.settings, job.reference, job.id)
    if isinstance(mapped, Rejection):
        return Previewed(accounting_entry_id=entry_id, expense=expense, rejection=mapped)
    try:
        async with job.payables.matched(_on_open_day(sources, mapped, job.reference)) as entry:
            text = await sources.connector.preview(entry)
            job.payables.recorded(entry)
    except (PeriodClosedError, EntryRefusedError) as refused:
        rejection = Rejection(refused.cause, str(refused))
        return Previewed(accounting_entry_id=entry_id, expense=expense, rejection=rejection)
    return Previewed(accounting_entry_id=entry_id, expense=expense, entry=entry, text=text)


def _on_open_day(sources: Sources, entry: Entry, reference: ReferenceData) -> Entry:
    """Return the entry on the day it would be posted on. A run tries a second day as well, and no third one."""
    try:
        _require_open(entry, reference)
    except PeriodClosedError as closed:
        entry = move_entry(entry, closed, sources.settings, today=sources.clock.now().date())
        _require_open(entry, reference)
    return entry


def _require_open(entry: Entry, reference: ReferenceData) -> None:
    if (next_open := reference.first_open_after(entry.posting_date)) is not None:
        raise PeriodClosedError(entry.posting_date, next_open)
