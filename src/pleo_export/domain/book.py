"""From an export item to an Entry, or to the reason why there is none: steps 5.1 to 5.6 in order."""

from pleo_export.domain.attachments import plan_attachments
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.data import booked_side, describe, invoice_details, payee, without_nulls
from pleo_export.domain.entry import Entry, EntryKind
from pleo_export.domain.failures import RejectedItemError, Rejection, rejection
from pleo_export.domain.how_booked import HOW_BOOKED, PAYABLE_KINDS, HowBooked
from pleo_export.domain.item import ExportItem, ItemSubType, ItemType, known
from pleo_export.domain.method import Method, resolve_method
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
        return rejection(Cause.AMOUNT_UNBOOKABLE, problem=problem)


def _book(item: ExportItem, settings: CompanySettings, reference: ReferenceData, job_id: str | None) -> Entry:
    how = _how_booked(item)
    method = resolve_method(item, how, settings, reference)
    legs = postings(item, how, method, settings, reference)
    kind = _kind(item, how, method)
    information = item.additional_information
    period, choices = item.service_period, settings.bookkeeping
    day = expense_date(item)
    return Entry(
        reference=item.accounting_entry_id,
        company_id=item.company_id,
        job_id=job_id,
        kind=kind,
        state=choices.posting_by_type.get(ItemType(item.type), choices.posting),
        posting_date=day,
        expense_date=day,
        item_type=item.type,
        item_sub_type=item.sub_type,
        payee=payee(item),
        description=describe(item, choices.description, reference.description_characters_max),
        postings=legs.postings,
        settlement=legs.settlement,
        owed=legs.owed,
        reconciliation_id=information.reconciliation_id,
        type_reason=how.reason(item.type, item.sub_type, payable=method.payable),
        method_reason=method.reason,
        attachments=plan_attachments(item),
        reconciled_entries=without_nulls(information.reconciled_entries),
        attendees=without_nulls(information.attendees),
        journal=_journal(kind, settings),
        settlement_journal=settings.journals.payments if legs.settlement else None,
        vendor=method.vendor,
        invoice=invoice_details(information.invoice_information),
        service_period=(period.start.date(), period.end.date()) if period else None,
        team=(item.team.code or item.team.name) if item.team else None,
        user=(item.user.code or item.user.name) if item.user else None,
        pleo_url=item.pleo_url,
    )


_TURNED = {EntryKind.BILL: EntryKind.CREDIT_NOTE, EntryKind.CREDIT_NOTE: EntryKind.BILL}


def _kind(item: ExportItem, how: HowBooked, method: Method) -> EntryKind:
    """Return the document: a bill below zero is a credit note, and the other way round."""
    if not method.payable:
        return EntryKind.JOURNAL
    kind = PAYABLE_KINDS[how.payable]
    amount = booked_side(item.amount, in_supplier_currency=how.always_supplier_currency)
    return _TURNED.get(kind, kind) if amount.value < 0 else kind


def _journal(kind: EntryKind, settings: CompanySettings) -> str | None:
    match kind:
        case EntryKind.JOURNAL:
            return settings.journals.general
        case EntryKind.PAYMENT:
            return settings.journals.payments
        case EntryKind.BILL | EntryKind.CREDIT_NOTE:
            return settings.journals.purchases


def _how_booked(item: ExportItem) -> HowBooked:
    item_type = known(ItemType, item.type)
    if item_type is None or (item.sub_type is not None and known(ItemSubType, item.sub_type) is None):
        kind = item.type if item.sub_type is None else f"{item.type}, {item.sub_type}"
        raise RejectedItemError(Cause.KIND_UNKNOWN, kind=kind)
    return HOW_BOOKED[item_type]
