"""Step 5.1, vendors: who is owed, found among the vendors of the accounting system by what Pleo says of them.

The surest key that fits counts. One that fits several vendors tells nobody, an employee's code tells nobody where the
vendor has quite another name, and a payable account that is shared tells nothing at all. Where the vendor that fits is
blocked, no other one is looked for.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from pleo_export.domain.entry import EntryVendor
from pleo_export.domain.how_booked import HowBooked, OwedTo
from pleo_export.domain.item import ExportItem
from pleo_export.domain.names import are_one, share_a_word
from pleo_export.domain.reference import LedgerVendor, ReferenceData
from pleo_export.domain.settings import CompanySettings

_TAX_NUMBERS = ("vendor.taxRegistrationNumber", "supplier.taxIdentifier")
_ACCOUNT = "supplier.account"
_EMPLOYEE = "user.code"


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

    def mapped(self, settings: CompanySettings) -> str | None:
        """Return the vendor that the company says it is."""
        mapping = settings.mapping.vendors
        return mapping.get(self.value) or mapping.get(self.as_id)


class Found(msgspec.Struct, frozen=True):
    """The vendors that the key `by` fits: none, or the one who is owed, unless there is a `doubt` who that is."""

    vendors: Sequence[LedgerVendor] = ()
    by: str = ""
    doubt: str = ""

    @property
    def vendor(self) -> LedgerVendor | None:
        """The vendor to book through."""
        return self.vendors[0] if self.vendors and not self.problem else None

    @property
    def problem(self) -> str:
        """Say why no vendor that fits can be booked through; nothing where one can, or where none fits."""
        blocked = [f"vendor {one.id} is blocked" for one in self.vendors if not one.active]
        return self.doubt or next(iter(blocked), "")


def vendor_keys(item: ExportItem, how: HowBooked) -> list[VendorKey]:
    """Return what tells who may be owed, the surest first: the employee, the item's vendor or the supplier.

    Out of pocket, that is the employee. Where there is a vendor object, the supplier is ignored.
    """
    user, vendor, supplier = item.user, item.vendor, item.supplier
    keys: list[tuple[str, str | None, str]] = []
    if user is not None and how.owed_to is OwedTo.EMPLOYEE:
        keys.append((_EMPLOYEE, user.code, user.name))
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
        keys = [key for key in keys if user is not None and are_one(key[2], user.name)]
    given = (VendorKey(field, value, name) for field, value, name in keys if value)
    return [key for key in given if key.as_id]


def find_vendor(keys: Sequence[VendorKey], settings: CompanySettings, reference: ReferenceData) -> Found:
    """Find who is owed. What the company maps comes first. A system without a list of vendors takes whom Pleo names."""
    if reference.vendors is None:
        named = (
            (LedgerVendor(id=key.mapped(settings) or key.as_id, name=key.name), key)
            for key in keys
            if key.is_an_id or key.mapped(settings)
        )
        return next((Found((vendor,), str(key)) for vendor, key in named), Found())
    for key in keys:
        mapped = key.mapped(settings)
        if mapped is not None and (there := _called(mapped, reference.vendors)):
            return _only_one(there, f"{key} is {mapped} by mapping.vendors")
    unclear = Found()
    for key in keys:
        found = _found(key, settings, reference.vendors)
        if found.vendors and not found.doubt:
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


def _found(key: VendorKey, settings: CompanySettings, vendors: Sequence[LedgerVendor]) -> Found:
    """Find whom a key fits, blocked ones included."""
    if key.only_a_name:
        return Found()
    if key.field == _EMPLOYEE:
        return _employee(key, vendors)
    if key.field == _ACCOUNT:
        theirs = [one for one in vendors if one.account == key.value]
        shared = len(theirs) > 1 or key.value == settings.accounts.accounts_payable
        return Found() if shared else Found(theirs, str(key))
    if key.field in _TAX_NUMBERS:
        return _only_one([one for one in vendors if _plain(one.tax_identifier or "") == key.as_id], str(key))
    return _only_one(_called(key.value, vendors), str(key))


def _employee(key: VendorKey, vendors: Sequence[LedgerVendor]) -> Found:
    """Find an employee. Their numbers begin at 1, as those of suppliers do: one with quite another name is no employee."""
    there = [one for one in vendors if key.value in (one.id, one.code)]
    own = [one for one in there if share_a_word(one.name, key.name)]
    if there and not own:
        doubt = f"vendor {there[0].id} has another name; say in mapping.vendors who {key.value} is"
        return Found(there, str(key), doubt)
    return _only_one(own, str(key))


def _only_one(vendors: Sequence[LedgerVendor], by: str) -> Found:
    many = f"{by} is that of {len(vendors)} vendors; say in mapping.vendors which one is meant"
    return Found(vendors, by, many if len(vendors) > 1 else "")


def _called(name: str, vendors: Sequence[LedgerVendor]) -> Sequence[LedgerVendor]:
    """Return the vendors with this id, else those with this code."""
    return [one for one in vendors if one.id == name] or [one for one in vendors if one.code == name]


@lru_cache(maxsize=2**16)  # asked of every vendor for every expense
def _plain(tax_number: str) -> str:
    """Return the letters and digits of a tax number, which people write with spaces, dots and hyphens as they like."""
    return "".join(filter(str.isalnum, tax_number.upper()))
