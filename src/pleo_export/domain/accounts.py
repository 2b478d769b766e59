"""Step 5.2: which account each side of an entry is booked on, checked against the accounting system."""

from typing import assert_never

import msgspec

from pleo_export.domain.entry import Reason
from pleo_export.domain.failures import ItemFailureType, RejectedItemError
from pleo_export.domain.how_booked import Role
from pleo_export.domain.item import Account, ExportItem, Line
from pleo_export.domain.method import Method
from pleo_export.domain.reference import LedgerAccount, ReferenceData
from pleo_export.domain.settings import AccountSettings

ResolvedAccount = tuple[LedgerAccount, Reason]


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """Finds the accounts of one item that is booked in `currency`. All its verbs raise RejectedItemError."""

    settings: AccountSettings
    reference: ReferenceData
    currency: str

    def category(self, line: Line, position: int) -> ResolvedAccount:
        """Return the account of a line (`accountingEntryLines[].account`): always the expense side."""
        named = line.account
        if named is None or not (named.code or named.identifier):
            raise RejectedItemError(
                ItemFailureType.MISSING_CONFIGURATION,
                f"Line {position} of this expense has no category with an account."
                " Choose a category in Pleo and export the expense again.",
            )
        return self._named_by_pleo(
            named, "accountingEntryLines.account", "Check the category of the expense in Pleo"
        )

    def role(self, role: Role, item: ExportItem, method: Method) -> ResolvedAccount:
        """Return the account that stands for a role other than the category."""
        match role:
            case Role.WALLET if item.contra_account is not None:
                return self._named_by_pleo(
                    item.contra_account,
                    "contraAccount",
                    "Check the contra accounts in Pleo's accounting settings",
                )
            case Role.WALLET:
                return self._configured("wallet", self.settings.wallet, "the item has no contra account")
            case Role.POCKET:
                return self._configured("out_of_pocket", self.settings.out_of_pocket)
            case Role.CONTRA:
                return self._configured("contra", self.settings.contra)
            case Role.PAYABLE:
                return self._payable(method)
            case Role.CATEGORY:
                raise AssertionError("a category belongs to a line")
            case _:
                assert_never(role)

    def tax(self, code: str, rule: str) -> ResolvedAccount:
        """Return the account for tax that Pleo's tax code or the settings name."""
        account = self._existing(code, None, "Check the accounts of the tax code")
        return account, Reason(rule, account.code)

    def _payable(self, method: Method) -> ResolvedAccount:
        vendor = method.vendor
        if vendor is not None and vendor.account is not None:
            account = self._existing(
                vendor.account, None, f"Check the payable account of vendor '{vendor.name}'"
            )
            return account, Reason("vendor's payable account", f"{account.code} for {vendor.name}")
        fallback = "the vendor has no payable account of its own" if vendor else None
        return self._configured("accounts_payable", self.settings.accounts_payable, fallback)

    def _configured(self, name: str, code: str, fallback: str | None = None) -> ResolvedAccount:
        account = self._existing(code, None, f"Check accounts.{name} in the settings")
        return account, Reason(f"accounts.{name}", account.code, fallback)

    def _named_by_pleo(self, named: Account, rule: str, hint: str) -> ResolvedAccount:
        if not (named.code or named.identifier):
            raise RejectedItemError(
                ItemFailureType.MISSING_CONFIGURATION,
                f"'{named.name}' has neither the number nor the id of an account in the accounting system."
                f" {hint}; then export the expense again.",
            )
        account = self._existing(named.code, named.identifier, hint)
        return account, Reason(rule, f"{account.code} {named.name}")

    def _existing(self, code: str | None, identifier: str | None, hint: str) -> LedgerAccount:
        account = self.reference.account(code, identifier)
        shown = code or identifier
        if account is None:
            raise RejectedItemError(
                ItemFailureType.ACCOUNT_UNKNOWN,
                f"Account {shown} does not exist in the accounting system. {hint}, or add the account there;"
                " then export the expense again.",
            )
        if not account.active:
            raise RejectedItemError(
                ItemFailureType.INVALID_CONFIGURATION,
                f"Account {shown} ({account.name}) is not active in the accounting system. {hint}, or activate it"
                " there; then export the expense again.",
            )
        if account.currencies is not None and self.currency not in account.currencies:
            raise RejectedItemError(
                ItemFailureType.INVALID_CONFIGURATION,
                f"Account {shown} ({account.name}) takes {', '.join(sorted(account.currencies))}, but the expense is"
                f" in {self.currency}. {hint}; then export the expense again.",
            )
        return account
