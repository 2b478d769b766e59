"""From an export item to an Entry, or to the reason why there is none: steps 5.1 to 5.6 in order."""

from pleo_export.domain.attachments import plan_attachments
from pleo_export.domain.data import describe, invoice_details, payee, without_nulls
from pleo_export.domain.entry import Entry, EntryKind, EntryVendor
from pleo_export.domain.failures import ItemFailureType, RejectedItemError, Rejection
from pleo_export.domain.how_booked import HOW_BOOKED, PAYABLE_KINDS, HowBooked
from pleo_export.domain.item import ExportItem, ItemSubType, ItemType, known
from pleo_export.domain.method import resolve_method
from pleo_export.domain.money import MoneyError
from pleo_export.domain.period import expense_date
from pleo_export.domain.posting import postings
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import CompanySettings


def book(
    item: ExportItem, settings: CompanySettings, reference: ReferenceData, job_id: str | None = None
) -> Entry | Rejection:
    """Map one export item of a job. Pure: the same arguments always give the same entry."""
    try:
        return _book(item, settings, reference, job_id)
    except RejectedItemError as refused:
        return refused.rejection
    except MoneyError as problem:
        return Rejection(
            ItemFailureType.VALIDATION_FAILURE,
            f"The amount of this expense cannot be booked: {problem}. Correct it in Pleo and export it again.",
        )


def _book(item: ExportItem, settings: CompanySettings, reference: ReferenceData, job_id: str | None) -> Entry:
    how = _how_booked(item)
    method = resolve_method(item, how, settings.bookkeeping, reference)
    legs, settlement = postings(item, how, method, settings, reference)
    information = item.additional_information
    period, vendor = item.service_period, method.vendor
    day = expense_date(item)
    return Entry(
        reference=item.accounting_entry_id,
        company_id=item.company_id,
        job_id=job_id,
        kind=PAYABLE_KINDS[how.payable] if method.payable else EntryKind.JOURNAL,
        state=settings.bookkeeping.posting,
        posting_date=day,
        expense_date=day,
        item_type=item.type,
        item_sub_type=item.sub_type,
        payee=payee(item),
        description=describe(item),
        postings=legs,
        settlement=settlement,
        reconciliation_id=information.reconciliation_id,
        type_reason=how.reason(item.type, item.sub_type),
        method_reason=method.reason,
        attachments=plan_attachments(item),
        reconciled_entries=without_nulls(information.reconciled_entries),
        attendees=without_nulls(information.attendees),
        vendor=EntryVendor(vendor.id, vendor.name) if vendor else None,
        invoice=invoice_details(information.invoice_information),
        service_period=(period.start.date(), period.end.date()) if period else None,
        team=(item.team.code or item.team.name) if item.team else None,
        user=(item.user.code or item.user.name) if item.user else None,
        pleo_url=item.pleo_url,
    )


def _how_booked(item: ExportItem) -> HowBooked:
    item_type = known(ItemType, item.type)
    if item_type is None or (item.sub_type is not None and known(ItemSubType, item.sub_type) is None):
        kind = item.type if item.sub_type is None else f"{item.type}, {item.sub_type}"
        raise RejectedItemError(
            ItemFailureType.VALIDATION_FAILURE,
            f"Pleo sent a kind of expense ({kind}) that this version of pleo-export cannot book."
            " Update pleo-export, or book the expense by hand.",
        )
    return HOW_BOOKED[item_type]
