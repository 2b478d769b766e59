"""Step 5.2: which account each side of an entry is booked on, checked against the accounting system."""

from typing import assert_never

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Reason
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.how_booked import Role
from pleo_export.domain.item import Account, ExportItem, Line
from pleo_export.domain.method import Method
from pleo_export.domain.reference import LedgerAccount, ReferenceData
from pleo_export.domain.settings import CompanySettings

ResolvedAccount = tuple[LedgerAccount, Reason]


def account_keys(named: Account) -> tuple[str, ...]:
    """Return what an account of Pleo may be called in the settings, the surest first."""
    return tuple(key for key in (named.code, named.identifier, named.id, named.name) if key)


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """Finds the accounts of one item that is booked in `currency`. All its verbs raise RejectedItemError."""

    settings: CompanySettings
    reference: ReferenceData
    currency: str

    def category(self, line: Line, position: int) -> ResolvedAccount:
        """Return the account of a line (`accountingEntryLines[].account`): always the expense side."""
        named = line.account
        if named is None or not (named.code or named.identifier or self._mapped(named)):
            raise RejectedItemError(Cause.CATEGORY_MISSING, line=position)
        return self._named_by_pleo(
            named, "accountingEntryLines.account", "the category of the expense in Pleo"
        )

    def role(self, role: Role, item: ExportItem, method: Method) -> ResolvedAccount:
        """Return the account that stands for a role other than the category."""
        match role:
            case Role.WALLET if item.contra_account is not None:
                return self._named_by_pleo(
                    item.contra_account,
                    "contraAccount",
                    "the contra accounts in Pleo's accounting settings",
                )
            case Role.WALLET:
                return self._configured(
                    "wallet", self.settings.accounts.wallet, "the item has no contra account"
                )
            case Role.POCKET:
                return self._configured("out_of_pocket", self.settings.accounts.out_of_pocket)
            case Role.CONTRA:
                return self._configured("contra", self.settings.accounts.contra)
            case Role.PAYABLE:
                return self._payable(method)
            case Role.CATEGORY:
                raise AssertionError("a category belongs to a line")
            case _:
                assert_never(role)

    def tax(self, code: str, rule: str, place: str) -> ResolvedAccount:
        """Return the account for tax that Pleo's tax code or the settings name at `place`."""
        account = self._existing(code, None, place)
        return account, Reason(rule, account.code)

    def rounding(self, why: str) -> ResolvedAccount:
        """Return the account that takes a minor unit, which has to be configured; `why` is told with it."""
        code = self.settings.accounts.rounding
        assert code is not None
        account = self._existing(code, None, "accounts.rounding in the settings")
        return account, Reason("accounts.rounding", why)

    def _payable(self, method: Method) -> ResolvedAccount:
        vendor = method.vendor
        if vendor is not None and method.account is not None:
            account = self._existing(method.account, None, f"the payable account of vendor {vendor.id}")
            return account, Reason("vendor's payable account", f"{account.code} for {vendor.name}")
        fallback = None
        if vendor is not None:
            fallback = "the vendor has no payable account of its own"
        elif method.payable:
            fallback = "the vendor is not known"
        return self._configured("accounts_payable", self.settings.accounts.accounts_payable, fallback)

    def _configured(self, name: str, code: str, fallback: str | None = None) -> ResolvedAccount:
        account = self._existing(code, None, f"accounts.{name} in the settings")
        return account, Reason(f"accounts.{name}", account.code, fallback)

    def _named_by_pleo(self, named: Account, rule: str, place: str) -> ResolvedAccount:
        if (mapped := self._mapped(named)) is not None:
            account = self._existing(mapped, None, "mapping.accounts in the settings")
            return account, Reason(rule, f"{named.code or named.name} is {account.code} by mapping.accounts")
        if not (named.code or named.identifier):
            raise RejectedItemError(Cause.ACCOUNT_NOT_NAMED, name=named.name, place=place)
        account = self._existing(named.code, named.identifier, place)
        return account, Reason(rule, f"{account.code} {named.name}")

    def _mapped(self, named: Account) -> str | None:
        mapping = self.settings.mapping.accounts
        return next((mapping[key] for key in account_keys(named) if key in mapping), None)

    def _existing(self, code: str | None, identifier: str | None, place: str) -> LedgerAccount:
        """Return the account that was named at `place`: where a bookkeeper looks if it cannot be used."""
        account = self.reference.account(code, identifier)
        shown = code or identifier
        if account is None:
            raise RejectedItemError(Cause.ACCOUNT_UNKNOWN, account=shown, place=place)
        if not account.active:
            raise RejectedItemError(Cause.ACCOUNT_INACTIVE, account=shown, name=account.name, place=place)
        if not account.takes(self.currency):
            raise RejectedItemError(
                Cause.ACCOUNT_CURRENCY,
                account=shown,
                name=account.name,
                taken=", ".join(sorted(account.currencies or ())),
                currency=self.currency,
                place=place,
            )
        return account
