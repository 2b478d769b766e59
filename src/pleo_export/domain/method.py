"""Step 5.1: which bookkeeping method an item gets.

The order is Pleo's: the item's own method, else the supplier as older integrations use it.
"""

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import EntryVendor, Reason
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.how_booked import HowBooked, OwedTo, Payable
from pleo_export.domain.item import BookkeepingMethod, ExportItem
from pleo_export.domain.reference import LedgerVendor, ReferenceData
from pleo_export.domain.settings import CompanySettings, MethodWhenMissing, UnknownVendor
from pleo_export.domain.vendors import VendorKey, find_vendor, vendor_keys, vendor_to_create


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """The resolved method: through accounts payable or not, and why; the vendor, and their own payable account."""

    payable: bool
    reason: Reason
    vendor: EntryVendor | None = None
    account: str | None = None


def resolve_method(
    item: ExportItem, how: HowBooked, settings: CompanySettings, reference: ReferenceData
) -> Method:
    """Decide between a journal entry and accounts payable.

    Raises RejectedItemError for an unknown method, and for an unknown vendor where these are to fail.
    """
    if how.payable is Payable.NEVER:
        return _journal("type", f"{item.type} is always a journal entry")
    match item.bookkeeping.method if item.bookkeeping else None:
        case BookkeepingMethod.JOURNAL | BookkeepingMethod.NONE as method:
            return _journal("bookkeeping.method", method)
        case BookkeepingMethod.ACCOUNTS_PAYABLE:
            return _payable(item, how, settings, reference)
        case None:
            return _without_method(item, how, settings, reference)
        case unknown:
            raise RejectedItemError(Cause.METHOD_UNKNOWN, method=unknown)


def _journal(rule: str, value: str) -> Method:
    return Method(payable=False, reason=Reason(rule, value))


def _through(vendor: LedgerVendor, by: str, surest: VendorKey, rule: str) -> Method:
    return Method(
        payable=True,
        vendor=EntryVendor(vendor.id, vendor.name, surest.as_id),
        account=vendor.account,
        reason=Reason(rule, f"accounts_payable by {by}"),
    )


def _payable(item: ExportItem, how: HowBooked, settings: CompanySettings, reference: ReferenceData) -> Method:
    keys = vendor_keys(item, how)
    found = find_vendor(keys, settings, reference)
    if found.vendor is not None:
        return _through(found.vendor, found.by, keys[0], "bookkeeping.method")
    owed = _who_is_owed(item, how)
    if found.vendors:
        raise RejectedItemError(Cause.VENDOR_UNKNOWN, owed=f"{owed} ({found.problem})")
    policy = settings.bookkeeping.unknown_vendor
    if policy is UnknownVendor.FALLBACK_ACCOUNT:
        reason = Reason("bookkeeping.method", "accounts_payable", f"{owed} is unknown: common account")
        return Method(payable=True, reason=reason)
    if policy is UnknownVendor.CREATE and (new := vendor_to_create(keys)) is not None:
        vendor, by = new
        reason = Reason("bookkeeping.method", f"accounts_payable by {by}", "the vendor is new and is created")
        return Method(payable=True, vendor=vendor, reason=reason)
    raise RejectedItemError(Cause.VENDOR_UNKNOWN, owed=owed)


def _without_method(
    item: ExportItem, how: HowBooked, settings: CompanySettings, reference: ReferenceData
) -> Method:
    if settings.bookkeeping.method_when_missing is MethodWhenMissing.JOURNAL:
        return _journal("method_when_missing", "journal")
    if how.owed_to is OwedTo.EMPLOYEE:
        return _journal("method_when_missing", "journal, what an employee paid is no vendor's")
    why = "no vendor matches"
    # A system without a list of vendors has nothing that a supplier could match.
    if reference.vendors is not None:
        keys = vendor_keys(item, how)
        found = find_vendor(keys, settings, reference)
        if found.vendor is not None:
            return _through(found.vendor, found.by, keys[0], "method_when_missing")
        why = found.problem or why
    return _journal("method_when_missing", f"journal, {why}")


def _who_is_owed(item: ExportItem, how: HowBooked) -> str:
    """Name them in a sentence that is logged and stored: a company by its name, a person by the code only."""
    if item.vendor is not None and how.owed_to is OwedTo.SUPPLIER:
        return f"vendor '{item.vendor.name}'"
    if how.owed_to is OwedTo.EMPLOYEE:
        code = item.user.code if item.user else None
        return (
            f"employee with the code '{code}'"
            if code
            else "employee of this expense, who has no employee code"
        )
    name = item.supplier.name if item.supplier else None
    return f"supplier '{name}'" if name else "supplier of this expense"
