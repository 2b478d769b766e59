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


class LedgerVendor(msgspec.Struct, frozen=True):
    """A vendor of the accounting system; `account` is its own payable account, where it has one."""

    id: str
    name: str
    code: str | None = None
    account: str | None = None
    tax_identifier: str | None = None
    active: bool = True


class ReferenceData(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts, tax codes, vendors, dimensions and lock date. None means: the system keeps no such list.

    `accounts` is by code; `dimensions` maps a dimension (Pleo's `groupCode`) to its values; nothing may be posted
    on or before `locked_through`.
    """

    accounts: Mapping[str, LedgerAccount]
    tax_codes: frozenset[str] | None = None
    vendors: tuple[LedgerVendor, ...] | None = None
    dimensions: Mapping[str, frozenset[str]] | None = None
    locked_through: date | None = None

    def account(self, code: str | None, identifier: str | None = None) -> LedgerAccount | None:
        """Find an account by the system's own id, else by its code."""
        if identifier is not None:
            for account in self.accounts.values():
                if account.identifier == identifier:
                    return account
        return self.accounts.get(code) if code is not None else None

    def first_open_after(self, day: date) -> date | None:
        """Return the first day that is open where `day` is locked; None where `day` itself is open."""
        if self.locked_through is None or day > self.locked_through:
            return None
        return self.locked_through + timedelta(days=1)
