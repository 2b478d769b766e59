"""What the accounting system says exists: the mapping checks every code against it before anything is recorded."""

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec


class LedgerAccount(msgspec.Struct, frozen=True):
    """An account of the accounting system. `currencies` None means that any currency may be booked on it."""

    code: str
    name: str
    identifier: str | None = None
    currencies: frozenset[str] | None = None
    active: bool = True

    def takes(self, currency: str | None) -> bool:
        """Whether an amount in this currency may be booked on it; any that is not known may."""
        return currency is None or self.currencies is None or currency in self.currencies


class LedgerVendor(msgspec.Struct, frozen=True):
    """A vendor of the accounting system; `account` is its own payable account, where it has one."""

    id: str
    name: str
    code: str | None = None
    account: str | None = None
    tax_identifier: str | None = None
    active: bool = True


class LedgerTaxCode(msgspec.Struct, frozen=True):
    """A tax code of the accounting system; `splits`: the system can split tax off an amount by it."""

    code: str
    name: str
    splits: bool = True


class ReferenceData(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts, tax codes, vendors, dimensions, journals and lock date. None means: the system keeps no such list.

    `accounts`, `tax_codes` and `journals` (names) are by code; `dimensions` maps a dimension to its values; nothing may
    be posted on or before `locked_through`. `currency` is the one the company keeps its books in.
    `description_characters_max` is how long an entry's description may be.
    """

    accounts: Mapping[str, LedgerAccount]
    tax_codes: Mapping[str, LedgerTaxCode] | None = None
    vendors: tuple[LedgerVendor, ...] | None = None
    dimensions: Mapping[str, frozenset[str]] | None = None
    journals: Mapping[str, str] | None = None
    locked_through: date | None = None
    currency: str | None = None
    description_characters_max: int | None = None

    def account(self, code: str | None, identifier: str | None = None) -> LedgerAccount | None:
        """Find an account by the system's own id, else by its code."""
        if identifier is not None:
            for account in self.accounts.values():
                if account.identifier == identifier:
                    return account
        return self.accounts.get(code) if code is not None else None

    def has_dimension_value(self, dimension: str, value: str) -> bool:
        """Whether a dimension takes a value; any where the system keeps no list."""
        return self.dimensions is None or value in self.dimensions.get(dimension, ())

    def first_open_after(self, day: date) -> date | None:
        """Return the first day that is open where `day` is locked; None where `day` itself is open."""
        if self.locked_through is None or day > self.locked_through:
            return None
        return self.locked_through + timedelta(days=1)
