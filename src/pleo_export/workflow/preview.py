"""What a job would record, and why, without changing anything anywhere."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from pleo_export.accounting.port import PeriodClosedError
from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry
from pleo_export.domain.failures import RejectedItemError, Rejection
from pleo_export.domain.item import ExportItem
from pleo_export.domain.reference import ReferenceData
from pleo_export.workflow.closed_period import move_entry
from pleo_export.workflow.fetch import in_order, read_expenses
from pleo_export.workflow.ports import Sources


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
    foreseen. Raises the errors of Pleo and of the connector.
    """
    reference = await sources.connector.reference_data()
    expenses = await read_expenses(sources.pleo, sources.company_id, job_id)
    previews = []
    for entry_id, expense in sorted(expenses.items(), key=lambda pair: in_order(pair[1], pair[0])):
        outcome = _mapped(sources, expense, reference)
        known = expense if isinstance(expense, ExportItem) else None
        if isinstance(outcome, Rejection):
            previews.append(Previewed(accounting_entry_id=entry_id, expense=known, rejection=outcome))
        else:
            text = await sources.connector.preview(outcome)
            previews.append(Previewed(accounting_entry_id=entry_id, expense=known, entry=outcome, text=text))
    return previews


def _mapped(sources: Sources, expense: ExportItem | Rejection, reference: ReferenceData) -> Entry | Rejection:
    outcome = expense if isinstance(expense, Rejection) else book(expense, sources.settings, reference)
    locked = reference.locked_through
    if isinstance(outcome, Rejection) or locked is None or outcome.posting_date > locked:
        return outcome
    closed = PeriodClosedError(outcome.posting_date, locked + timedelta(days=1))
    try:
        today = sources.clock.now().date()
        return move_entry(outcome, closed, sources.settings, today=today, system=sources.connector.name)
    except RejectedItemError as refused:
        return refused.rejection
