"""Step 5.1: which bookkeeping method an item gets, and who the vendor is.

The order is Pleo's: the item's own method, else the supplier as older integrations use it.
"""

import msgspec

from pleo_export.domain.entry import Reason
from pleo_export.domain.failures import ItemFailureType, RejectedItemError
from pleo_export.domain.how_booked import HowBooked, OwedTo, Payable
from pleo_export.domain.item import BookkeepingMethod, ExportItem, Vendor
from pleo_export.domain.reference import LedgerVendor, ReferenceData
from pleo_export.domain.settings import BookkeepingSettings, MethodWhenMissing, UnknownVendor


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """The resolved method: through accounts payable or not, the vendor if one was found, and why."""

    payable: bool
    reason: Reason
    vendor: LedgerVendor | None = None


def resolve_method(
    item: ExportItem, how: HowBooked, settings: BookkeepingSettings, reference: ReferenceData
) -> Method:
    """Decide between a journal entry and accounts payable.

    Raises RejectedItemError (`vendor_unknown`, `validation_failure`).
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
            raise RejectedItemError(
                ItemFailureType.VALIDATION_FAILURE,
                f"Pleo asks for the bookkeeping method '{unknown}', which this version of pleo-export does not know."
                " Update pleo-export and export the expense again.",
            )


def _journal(rule: str, value: str) -> Method:
    return Method(payable=False, reason=Reason(rule, value))


def _payable(
    item: ExportItem, how: HowBooked, settings: BookkeepingSettings, reference: ReferenceData
) -> Method:
    found = find_vendor(item, how, reference)
    if found is not None:
        vendor, rule = found
        return Method(
            payable=True, vendor=vendor, reason=Reason("bookkeeping.method", "accounts_payable by " + rule)
        )
    name = _counterparty_name(item, how)
    if settings.unknown_vendor is UnknownVendor.FALLBACK_ACCOUNT:
        reason = Reason(
            "bookkeeping.method", "accounts_payable", f"vendor '{name}' is unknown: common account"
        )
        return Method(payable=True, reason=reason)
    raise RejectedItemError(
        ItemFailureType.VENDOR_UNKNOWN,
        f"The vendor '{name}' is not in the accounting system, or is blocked there."
        " Check the vendor in the accounting system or choose another one in Pleo, then export the expense again.",
    )


def _without_method(
    item: ExportItem, how: HowBooked, settings: BookkeepingSettings, reference: ReferenceData
) -> Method:
    if settings.method_when_missing is MethodWhenMissing.JOURNAL:
        return _journal("method_when_missing", "journal")
    if how.owed_to is OwedTo.SUPPLIER:
        found = find_vendor(item, how, reference)
        if found is not None:
            vendor, rule = found
            return Method(
                payable=True,
                vendor=vendor,
                reason=Reason("method_when_missing", "accounts_payable by " + rule),
            )
    return _journal("method_when_missing", "journal, no vendor matches")


def find_vendor(
    item: ExportItem, how: HowBooked, reference: ReferenceData
) -> tuple[LedgerVendor, str] | None:
    """Find who is owed: the item's vendor, else the employee or the supplier; with the field that matched.

    Where there is a vendor object, the supplier is ignored. A system without a list of vendors takes the vendor
    that Pleo names.
    """
    if item.vendor is not None and reference.vendors is None:
        return _as_pleo_names(item.vendor)
    for field, wanted in _vendor_keys(item, how):
        for vendor in reference.vendors or ():
            if vendor.active and _matches(vendor, field, wanted):
                return vendor, f"{field} {wanted}"
    return None


def _as_pleo_names(vendor: Vendor) -> tuple[LedgerVendor, str]:
    names = {"externalId": vendor.external_id, "code": vendor.code, "id": vendor.id}
    field, wanted = next((field, name) for field, name in names.items() if name)
    return LedgerVendor(id=wanted, name=vendor.name, code=vendor.code), f"vendor.{field} {wanted}"


def _vendor_keys(item: ExportItem, how: HowBooked) -> list[tuple[str, str]]:
    vendor, supplier = item.vendor, item.supplier
    keys: list[tuple[str, str | None]] = []
    if vendor is not None:
        keys = [
            ("vendor.externalId", vendor.external_id),
            ("vendor.code", vendor.code),
            ("vendor.taxRegistrationNumber", vendor.tax_registration_number),
        ]
    elif how.owed_to is OwedTo.EMPLOYEE:
        keys = [("user.code", item.user.code if item.user else None)]
    elif supplier is not None:
        keys = [
            ("supplier.code", supplier.code),
            ("supplier.account", supplier.account),
            ("supplier.taxIdentifier", supplier.tax_identifier),
        ]
    return [(field, value) for field, value in keys if value]


def _matches(vendor: LedgerVendor, field: str, wanted: str) -> bool:
    if field == "supplier.account":
        return vendor.account == wanted
    if field in ("vendor.taxRegistrationNumber", "supplier.taxIdentifier"):
        return vendor.tax_identifier == wanted
    return wanted in (vendor.id, vendor.code)


def _counterparty_name(item: ExportItem, how: HowBooked) -> str:
    if item.vendor is not None:
        return item.vendor.name
    if how.owed_to is OwedTo.EMPLOYEE:
        return item.user.name if item.user else "(no employee)"
    return (item.supplier.name if item.supplier else None) or "(no supplier)"
