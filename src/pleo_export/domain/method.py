"""Step 5.1: which bookkeeping method an item gets, and who the vendor is.

The order is Pleo's: the item's own method, else the supplier as older integrations use it.
"""

import msgspec

from pleo_export.domain.entry import Reason
from pleo_export.domain.failures import ItemFailureType, RejectedItemError
from pleo_export.domain.how_booked import HowBooked, OwedTo, Payable
from pleo_export.domain.item import BookkeepingMethod, ExportItem
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
    owed = _who_is_owed(item, how)
    if settings.unknown_vendor is UnknownVendor.FALLBACK_ACCOUNT:
        reason = Reason("bookkeeping.method", "accounts_payable", f"{owed} is unknown: common account")
        return Method(payable=True, reason=reason)
    raise RejectedItemError(
        ItemFailureType.VENDOR_UNKNOWN,
        f"The {owed} is not in the accounting system, or is blocked there."
        " Check the vendor in the accounting system or choose another one in Pleo, then export the expense again.",
    )


def _without_method(
    item: ExportItem, how: HowBooked, settings: BookkeepingSettings, reference: ReferenceData
) -> Method:
    if settings.method_when_missing is MethodWhenMissing.JOURNAL:
        return _journal("method_when_missing", "journal")
    # A system without a list of vendors has nothing that a supplier could match.
    if how.owed_to is OwedTo.SUPPLIER and reference.vendors is not None:
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
    """Find who is owed: the employee, the item's vendor or the supplier; with the field that matched.

    Where there is a vendor object, the supplier is ignored. A system without a list of vendors takes whom Pleo names.
    """
    keys = _vendor_keys(item, how)
    if reference.vendors is None:
        return next(
            ((LedgerVendor(id=value, name=name), f"{field} {value}") for field, value, name in keys), None
        )
    for field, wanted, _name in keys:
        for vendor in reference.vendors:
            if vendor.active and _matches(vendor, field, wanted):
                return vendor, f"{field} {wanted}"
    return None


def _vendor_keys(item: ExportItem, how: HowBooked) -> list[tuple[str, str, str]]:
    """Return field, value and name of whoever may be owed, the surest first. Out of pocket, that is the employee."""
    user, vendor, supplier = item.user, item.vendor, item.supplier
    keys: list[tuple[str, str | None, str]] = []
    if user is not None and how.owed_to is OwedTo.EMPLOYEE:
        keys.append(("user.code", user.code, user.name))
    if vendor is not None:
        keys += [
            ("vendor.externalId", vendor.external_id, vendor.name),
            ("vendor.code", vendor.code, vendor.name),
            ("vendor.taxRegistrationNumber", vendor.tax_registration_number, vendor.name),
            ("vendor.id", vendor.id, vendor.name),
        ]
    elif supplier is not None and how.owed_to is OwedTo.SUPPLIER:
        name = supplier.name or "(no name)"
        keys += [
            ("supplier.code", supplier.code, name),
            ("supplier.account", supplier.account, name),
            ("supplier.taxIdentifier", supplier.tax_identifier, name),
        ]
    return [(field, value, name) for field, value, name in keys if value]


def _matches(vendor: LedgerVendor, field: str, wanted: str) -> bool:
    if field == "supplier.account":
        return vendor.account == wanted
    if field in ("vendor.taxRegistrationNumber", "supplier.taxIdentifier"):
        return vendor.tax_identifier == wanted
    return wanted in (vendor.id, vendor.code)


def _who_is_owed(item: ExportItem, how: HowBooked) -> str:
    """Name them in a sentence that is logged and stored: a company by its name, a person by the code only."""
    if item.vendor is not None:
        return f"vendor '{item.vendor.name}'"
    if how.owed_to is OwedTo.EMPLOYEE:
        code = item.user.code if item.user else None
        return (
            f"employee with the code '{code}'"
            if code
            else "employee of this expense, who has no employee code,"
        )
    name = item.supplier.name if item.supplier else None
    return f"supplier '{name}'" if name else "supplier of this expense"
