"""Step 5.1, vendors: who is owed, found among the vendors of the accounting system by what Pleo says of them.

The surest key that fits counts. One that fits several vendors tells nobody, and a payable account that is shared tells
nothing at all. Where the vendor that fits is blocked, no other one is looked for.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from pleo_export.domain.entry import EntryVendor
from pleo_export.domain.how_booked import HowBooked, OwedTo
from pleo_export.domain.item import ExportItem
from pleo_export.domain.reference import LedgerVendor, ReferenceData
from pleo_export.domain.settings import CompanySettings

_TAX_NUMBERS = ("vendor.taxRegistrationNumber", "supplier.taxIdentifier")
_ACCOUNT = "supplier.account"


class VendorKey(msgspec.Struct, frozen=True):
    """What Pleo says of whoever is owed: a field, its value, and their name."""

    field: str
    value: str
    name: str

    def __str__(self) -> str:
        return f"{self.field} {self.value}"

    @property
    def only_a_name(self) -> bool:
        """Whether it tells nobody by itself: it counts where the company maps it, and nowhere else."""
        return self.field.endswith(".name")

    @property
    def is_an_id(self) -> bool:
        """Whether a vendor may be known by it: several may have a name or an account."""
        return not self.only_a_name and self.field != _ACCOUNT

    @property
    def as_id(self) -> str:
        """What a vendor is called that is known by this key only: a tax number is the same however it is spelled."""
        return _plain(self.value) if self.field in _TAX_NUMBERS else self.value


class Found(msgspec.Struct, frozen=True):
    """The vendors that the key `by` fits: none, the one who is owed, or several that it does not tell apart."""

    vendors: Sequence[LedgerVendor] = ()
    by: str = ""

    @property
    def vendor(self) -> LedgerVendor | None:
        """The vendor to book through: the only one, where it is not blocked."""
        return self.vendors[0] if len(self.vendors) == 1 and self.vendors[0].active else None

    @property
    def problem(self) -> str:
        """Say why there is no vendor to book through; nothing where the accounting system simply has none."""
        if len(self.vendors) > 1:
            many = f"{self.by} is that of {len(self.vendors)} vendors"
            return f"{many}; say in mapping.vendors which one is meant"
        return f"vendor {self.vendors[0].id} is blocked" if self.vendors else ""


def vendor_keys(item: ExportItem, how: HowBooked) -> list[VendorKey]:
    """Return what tells who may be owed, the surest first: the employee, the item's vendor or the supplier.

    Out of pocket, that is the employee. Where there is a vendor object, the supplier is ignored.
    """
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
            (_ACCOUNT, supplier.account, name),
            ("supplier.taxIdentifier", supplier.tax_identifier, name),
            ("supplier.name", supplier.name, name),
        ]
    if how.owed_to is OwedTo.EMPLOYEE:
        # Whoever sold it was paid by the employee: a vendor that Pleo names beside them is owed nothing.
        keys = [key for key in keys if user is not None and key[2] == user.name]
    given = (VendorKey(field, value, name) for field, value, name in keys if value)
    return [key for key in given if key.as_id]


def find_vendor(keys: Sequence[VendorKey], settings: CompanySettings, reference: ReferenceData) -> Found:
    """Find who is owed. What the company maps comes first. A system without a list of vendors takes whom Pleo names."""
    mapping = settings.mapping.vendors
    if reference.vendors is None:
        named = (
            (LedgerVendor(id=mapping.get(key.value, key.as_id), name=key.name), key)
            for key in keys
            if key.is_an_id or key.value in mapping
        )
        return next((Found((vendor,), str(key)) for vendor, key in named), Found())
    for key in keys:
        mapped = mapping.get(key.value)
        if mapped is not None and (there := _called(mapped, reference.vendors)):
            return Found(there, f"{key} is {mapped} by mapping.vendors")
    unclear = Found()
    for key in keys:
        found = Found(_fitting(key, settings, reference.vendors), str(key))
        if len(found.vendors) == 1:
            return found
        unclear = unclear if unclear.vendors else found
    return unclear


def vendor_to_create(keys: Sequence[VendorKey]) -> tuple[EntryVendor, str] | None:
    """Return a vendor as it is to be created, under the surest key Pleo has, and that key; None where it has none."""
    tax = next((key.value for key in keys if key.field in _TAX_NUMBERS), None)
    ids = (key for key in keys if key.is_an_id)
    return next(
        (
            (EntryVendor(key.as_id, key.name, keys[0].as_id, create=True, tax_identifier=tax), str(key))
            for key in ids
        ),
        None,
    )


def _fitting(
    key: VendorKey, settings: CompanySettings, vendors: Sequence[LedgerVendor]
) -> Sequence[LedgerVendor]:
    """Return the vendors that a key fits, blocked ones included."""
    if key.only_a_name:
        return ()
    if key.field == _ACCOUNT:
        theirs = [one for one in vendors if one.account == key.value]
        shared = len(theirs) > 1 or key.value == settings.accounts.accounts_payable
        return () if shared else theirs
    if key.field in _TAX_NUMBERS:
        return [one for one in vendors if one.tax_identifier and _plain(one.tax_identifier) == key.as_id]
    return _called(key.value, vendors)


def _called(name: str, vendors: Sequence[LedgerVendor]) -> Sequence[LedgerVendor]:
    """Return the vendors with this id, else those with this code."""
    return [one for one in vendors if one.id == name] or [one for one in vendors if one.code == name]


@lru_cache(maxsize=2**16)  # asked of every vendor for every expense
def _plain(tax_number: str) -> str:
    """Return the letters and digits of a tax number, which people write with spaces, dots and hyphens as they like."""
    return "".join(filter(str.isalnum, tax_number.upper()))
