"""A demonstration compared: what Pleo shows, what the books hold, and what was to be expected."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pleo_export.cli.demo_books import DemoBooks, TrialBalance
from pleo_export.cli.demo_report import Balance, Report, Total
from pleo_export.cli.scenarios import Scenario
from pleo_export.config import Settings
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.workflow.ports import JobSummary

if TYPE_CHECKING:
    from pleo_export.simulator.generator import Generated

# The accounts of the charts on which the wallets and the costs stand; tax is part of the costs.
WALLETS = ("Assets:Pleo:",)
SPEND = ("Expenses:", "Income:", "Assets:VAT:", "Liabilities:VAT:")
# An exchange difference is no expense of anybody's: Pleo does not know it.
EXCHANGE_DIFFERENCE = "Expenses:ExchangeDifference"
# What each expense that is made to fail must fail with.
MUST_FAIL_WITH = {
    "category_missing": ItemFailureType.MISSING_CONFIGURATION,
    "account_unknown": ItemFailureType.ACCOUNT_UNKNOWN,
    "lines_do_not_add_up": ItemFailureType.VALIDATION_FAILURE,
    "tax_code_unknown": ItemFailureType.TAX_CODE_UNKNOWN,
    "tag_unknown": ItemFailureType.TAG_UNKNOWN,
    "receipt_gone": ItemFailureType.RECEIPT_DOWNLOAD_FAILURE,
    "receipt_is_html": ItemFailureType.RECEIPT_DOWNLOAD_FAILURE,
    "fraction_of_a_yen": ItemFailureType.VALIDATION_FAILURE,
    "vendor_unknown": ItemFailureType.VENDOR_UNKNOWN,
}


def compare(
    settings: Settings,
    scenario: Scenario,
    books: DemoBooks,
    made: Sequence["Generated"],
    done: tuple[Sequence[JobSummary], Mapping[str, Any]],
) -> Report:
    """Return how the books stand against Pleo; `done` is how each job ended, and what Pleo shows of the company."""
    jobs, pleo = done
    expected = {
        one.payload["accountingEntryId"]: MUST_FAIL_WITH[one.must_fail] if one.must_fail else None
        for one in made
    }
    balance = books.balance(settings, scenario, expected)
    return Report(
        jobs=jobs,
        expenses=pleo["expenses"],
        unexpected=_unexpected(pleo["expenses"], expected),
        totals=_totals(pleo, balance),
        balance=_balance(scenario.expected_balance(), balance),
        verdict=books.verdict(settings),
        books=books.name,
        where=books.where(settings),
    )


def _unexpected(
    expenses: Sequence[Mapping[str, Any]], expected: Mapping[str, ItemFailureType | None]
) -> Sequence[str]:
    found = {
        expense["accountingEntryId"]: None
        if expense["exportStatus"] == "exported"
        else expense["failureReasonType"]
        for expense in expenses
    }
    return [
        f"{entry_id} should have " + (f"failed with {failure}" if failure else "been recorded")
        for entry_id, failure in expected.items()
        if found[entry_id] != failure
    ]


def _totals(pleo: Mapping[str, Mapping[str, Any]], balance: TrialBalance) -> Sequence[Total]:
    return [
        Total(
            f"{what} {currency}",
            Decimal(str(moved.get(currency, 0))) / 100,
            in_ledger.get(currency, Decimal()),
        )
        for what, moved, accounts in (
            ("wallet", pleo["walletMovements"], WALLETS),
            ("spend", pleo["spend"], SPEND),
        )
        for in_ledger in [_by_currency(balance, accounts)]
        for currency in sorted(moved.keys() | in_ledger.keys())
    ]


def _by_currency(balance: TrialBalance, accounts: tuple[str, ...]) -> Mapping[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (name, currency), amount in balance.items():
        if name.startswith(accounts) and name != EXCHANGE_DIFFERENCE:
            sums[currency] += amount
    return sums


def _balance(expected: TrialBalance, ledger: TrialBalance) -> Sequence[Balance]:
    if not expected:
        return []
    none = Decimal()
    return [
        Balance(
            account, currency, expected.get((account, currency), none), ledger.get((account, currency), none)
        )
        for account, currency in sorted(expected.keys() | ledger.keys())
    ]
