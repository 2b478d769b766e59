"""Step 5.1: which bookkeeping method an item gets, and who the vendor is.

The order is Pleo's: the item's own method, else the supplier as older integrations use it.
"""

from collections.abc import Iterator, Sequence

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import EntryVendor, Reason
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.how_booked import HowBooked, OwedTo, Payable
from pleo_export.domain.item import BookkeepingMethod, ExportItem
from pleo_export.domain.reference import LedgerVendor, ReferenceData
from pleo_export.domain.settings import CompanySettings, MethodWhenMissing, UnknownVendor

_TAX_NUMBERS = ("vendor.taxRegistrationNumber", "supplier.taxIdentifier")


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


def _through(found: tuple[LedgerVendor, str], surest: "VendorKey", rule: str) -> Method:
    vendor, how_found = found
    return Method(
        payable=True,
        vendor=EntryVendor(vendor.id, vendor.name, surest.value),
        account=vendor.account,
        reason=Reason(rule, f"accounts_payable by {how_found}"),
    )


def _payable(item: ExportItem, how: HowBooked, settings: CompanySettings, reference: ReferenceData) -> Method:
    found = find_vendor(item, how, settings, reference)
    if found is not None:
        return _through(found, vendor_keys(item, how)[0], "bookkeeping.method")
    owed = _who_is_owed(item, how)
    policy = settings.bookkeeping.unknown_vendor
    if policy is UnknownVendor.FALLBACK_ACCOUNT:
        reason = Reason("bookkeeping.method", "accounts_payable", f"{owed} is unknown: common account")
        return Method(payable=True, reason=reason)
    if policy is UnknownVendor.CREATE and (new := _to_create(item, how, reference)) is not None:
        vendor, rule = new
        reason = Reason(
            "bookkeeping.method", f"accounts_payable by {rule}", "the vendor is new and is created"
        )
        return Method(payable=True, vendor=vendor, reason=reason)
    raise RejectedItemError(Cause.VENDOR_UNKNOWN, owed=owed)


def _without_method(
    item: ExportItem, how: HowBooked, settings: CompanySettings, reference: ReferenceData
) -> Method:
    if settings.bookkeeping.method_when_missing is MethodWhenMissing.JOURNAL:
        return _journal("method_when_missing", "journal")
    # A system without a list of vendors has nothing that a supplier could match.
    if how.owed_to is OwedTo.SUPPLIER and reference.vendors is not None:
        found = find_vendor(item, how, settings, reference)
        if found is not None:
            return _through(found, vendor_keys(item, how)[0], "method_when_missing")
    why = "no vendor matches" if how.owed_to is OwedTo.SUPPLIER else "what an employee paid is no vendor's"
    return _journal("method_when_missing", f"journal, {why}")


def find_vendor(
    item: ExportItem, how: HowBooked, settings: CompanySettings, reference: ReferenceData
) -> tuple[LedgerVendor, str] | None:
    """Find who is owed: the employee, the item's vendor or the supplier; with the field that matched.

    Where there is a vendor object, the supplier is ignored. What the company maps comes first. A system without a list
    of vendors takes whom Pleo names.
    """
    keys = vendor_keys(item, how)
    if reference.vendors is None:
        named = (key for key in keys if not key.only_a_name or _mapped(key, settings))
        return next((_as_named(key, settings) for key in named), None)
    for key in keys:
        mapped = _mapped(key, settings)
        for vendor in reference.vendors if mapped else ():
            if vendor.active and mapped in (vendor.id, vendor.code):
                return vendor, f"{key.field} {key.value} is {mapped} by mapping.vendors"
    return next(
        ((vendor, f"{key.field} {key.value}") for vendor, key in _known(keys, reference) if vendor.active),
        None,
    )


class VendorKey(msgspec.Struct, frozen=True):
    """What Pleo says of whoever is owed: a field, its value, and their name."""

    field: str
    value: str
    name: str

    @property
    def only_a_name(self) -> bool:
        """Whether it identifies nobody: it counts where the company maps it, and nowhere else."""
        return self.field.endswith(".name")


def vendor_keys(item: ExportItem, how: HowBooked) -> list[VendorKey]:
    """Return what tells who may be owed, the surest first. Out of pocket, that is the employee."""
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
            ("vendor.name", vendor.name, vendor.name),
        ]
    elif supplier is not None and how.owed_to is OwedTo.SUPPLIER:
        name = supplier.name or "(no name)"
        keys += [
            ("supplier.code", supplier.code, name),
            ("supplier.account", supplier.account, name),
            ("supplier.taxIdentifier", supplier.tax_identifier, name),
            ("supplier.name", supplier.name, name),
        ]
    if how.owed_to is OwedTo.EMPLOYEE:
        # Whoever sold it was paid by the employee: a vendor that Pleo names beside them is owed nothing.
        keys = [key for key in keys if user is not None and key[2] == user.name]
    return [VendorKey(field, value, name) for field, value, name in keys if value]


def _known(keys: Sequence[VendorKey], reference: ReferenceData) -> Iterator[tuple[LedgerVendor, VendorKey]]:
    """Yield the vendors of the accounting system that a key fits, blocked ones included."""
    for key in keys:
        for vendor in reference.vendors or ():
            if _matches(vendor, key):
                yield vendor, key


def _mapped(key: VendorKey, settings: CompanySettings) -> str | None:
    return settings.mapping.vendors.get(key.value)


def _as_named(key: VendorKey, settings: CompanySettings) -> tuple[LedgerVendor, str]:
    return LedgerVendor(id=_mapped(key, settings) or key.value, name=key.name), f"{key.field} {key.value}"


def _matches(vendor: LedgerVendor, key: VendorKey) -> bool:
    if key.only_a_name:
        return False
    if key.field == "supplier.account":
        return vendor.account == key.value
    if key.field in _TAX_NUMBERS:
        return vendor.tax_identifier == key.value
    return key.value in (vendor.id, vendor.code)


def _to_create(item: ExportItem, how: HowBooked, reference: ReferenceData) -> tuple[EntryVendor, str] | None:
    """Return the vendor as it is to be created, under the surest key Pleo has; None where it is blocked or has no key."""
    keys = vendor_keys(item, how)
    if any(True for _ in _known(keys, reference)):
        return None
    tax = next((key.value for key in keys if key.field in _TAX_NUMBERS), None)
    lasting = (key for key in keys if key.field != "supplier.account" and not key.only_a_name)
    return next(
        (
            (
                EntryVendor(key.value, key.name, keys[0].value, create=True, tax_identifier=tax),
                f"{key.field} {key.value}",
            )
            for key in lasting
        ),
        None,
    )


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
