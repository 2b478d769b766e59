from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.item import Account, ExportItem
from pleo_export.domain.reference import LedgerAccount, ReferenceData
from pleo_export.domain.settings import CompanySettings
from pleo_export.testing.expenses import (
    CATEGORY,
    CONTRA_ACCOUNT,
    EUROS_ONLY,
    INACTIVE,
    REFERENCE,
    SETTINGS,
    WALLET,
    amounts,
    category,
    expense,
    line,
)
from tests.domain.mapping import PAYABLE_METHOD, entry_of, legs, rejection_of, vendor


def of_category(account: Account | None) -> ExportItem:
    return expense("card_purchase", line(10_00, 1), line(10_00, 2, account=account))


def on_contra(account: Account) -> ExportItem:
    return expense("card_purchase", contra_account=account)


def with_account(name: str, code: str) -> CompanySettings:
    return SETTINGS.model_copy(
        update={"accounts": SETTINGS.accounts.model_copy(update={name: code})},
    )


def with_accounts(**accounts: LedgerAccount) -> ReferenceData:
    known: Mapping[str, LedgerAccount] = {
        **REFERENCE.accounts,
        **{one.code: one for one in accounts.values()},
    }
    return replace(REFERENCE, accounts=known)


@pytest.mark.parametrize(
    "named",
    [
        category(CATEGORY),
        category(None, "as-6100"),
        category("", "as-6100"),
        category("another number", "as-6100"),
        category(CATEGORY, "an id that is not there"),
    ],
)
def test_a_category_is_found_by_the_systems_own_id_and_else_by_its_number(named: Account) -> None:
    assert legs(entry_of(expense("card_purchase", line(10_00, account=named))).postings)[0] == (
        CATEGORY,
        10_00,
    )


@pytest.mark.parametrize("named", [None, category(None), category("", ""), category("")])
def test_a_line_without_a_category_account_is_named_by_its_place(named: Account | None) -> None:
    rejection = rejection_of(of_category(named))
    assert rejection.type is ItemFailureType.MISSING_CONFIGURATION
    assert rejection.reason == (
        "Line 2 of this expense has no category with an account."
        " Choose a category in Pleo and export the expense again."
    )


@pytest.mark.parametrize("named", [category("9999"), category(None, "9999")])
def test_a_category_that_the_accounting_system_lacks_is_unknown(named: Account) -> None:
    rejection = rejection_of(of_category(named))
    assert rejection.type is ItemFailureType.ACCOUNT_UNKNOWN
    assert rejection.reason == (
        "Account 9999 does not exist in the accounting system. Add it there, or check the category of the"
        " expense in Pleo; then export the expense again."
    )


def test_a_category_on_an_inactive_account_is_refused_with_its_name() -> None:
    rejection = rejection_of(of_category(category(INACTIVE)))
    assert rejection.type is ItemFailureType.INVALID_CONFIGURATION
    assert "Account 6999 (Given up) is not active" in rejection.reason
    assert "Activate it there, or check the category of the expense in Pleo;" in rejection.reason


def test_an_account_in_another_currency_is_refused_with_both_currencies() -> None:
    item = expense("card_purchase", line(amounts(10_00, "SEK"), account=category(EUROS_ONLY)))
    rejection = rejection_of(item)
    assert rejection.type is ItemFailureType.INVALID_CONFIGURATION
    assert "Account 6300 (Euros only) takes EUR, but the expense is in SEK." in rejection.reason


def test_an_account_in_the_currency_of_the_expense_is_taken() -> None:
    item = expense("card_purchase", line(10_00, account=category(EUROS_ONLY)))
    assert legs(entry_of(item).postings)[0] == (EUROS_ONLY, 10_00)


def test_the_currency_of_an_account_is_that_of_the_wallet_and_not_the_suppliers() -> None:
    item = expense(
        "card_purchase", line(amounts(10_00, supplier=(112_50, "SEK")), account=category(EUROS_ONLY))
    )
    assert legs(entry_of(item).postings)[0] == (EUROS_ONLY, 10_00)


@pytest.mark.parametrize(
    ("named", "failure", "said"),
    [
        (category("9999"), ItemFailureType.ACCOUNT_UNKNOWN, "Account 9999 does not exist"),
        (category(INACTIVE), ItemFailureType.INVALID_CONFIGURATION, "Account 6999 (Given up) is not active"),
        (
            Account(id="c", name="Pleo GBP Account"),
            ItemFailureType.MISSING_CONFIGURATION,
            "'Pleo GBP Account' has neither the number nor the id of an account",
        ),
    ],
)
def test_a_contra_account_that_cannot_be_booked_on_sends_the_reader_to_pleos_settings(
    named: Account, failure: ItemFailureType, said: str
) -> None:
    rejection = rejection_of(on_contra(named))
    assert rejection.type is failure
    assert said in rejection.reason
    assert "heck the contra accounts in Pleo's accounting settings" in rejection.reason


@pytest.mark.parametrize(
    ("name", "item_type"),
    [
        ("wallet", "card_purchase"),
        ("out_of_pocket", "mileage"),
        ("contra", "wallet_topup"),
        ("accounts_payable", "invoice"),
    ],
)
@pytest.mark.parametrize(
    ("code", "failure"),
    [("9999", ItemFailureType.ACCOUNT_UNKNOWN), (INACTIVE, ItemFailureType.INVALID_CONFIGURATION)],
)
def test_a_configured_account_that_cannot_be_booked_on_is_named_with_its_setting(
    name: str, item_type: str, code: str, failure: ItemFailureType
) -> None:
    rejection = rejection_of(expense(item_type), with_account(name, code))
    assert rejection.type is failure
    assert f"Account {code}" in rejection.reason
    assert f"check accounts.{name} in the settings" in rejection.reason


def test_a_vendors_own_account_that_is_not_there_names_the_vendor() -> None:
    gone = replace(
        REFERENCE, accounts={WALLET: REFERENCE.accounts[WALLET], CATEGORY: REFERENCE.accounts[CATEGORY]}
    )
    item = expense("card_purchase", bookkeeping=PAYABLE_METHOD, vendor=vendor(external_id="V-1001"))
    rejection = rejection_of(item, reference=gone)
    assert rejection.type is ItemFailureType.ACCOUNT_UNKNOWN
    assert "Account 2401" in rejection.reason
    assert "payable account of vendor V-1001" in rejection.reason


@pytest.mark.parametrize(
    ("item", "account", "reason"),
    [
        (expense("card_purchase"), CATEGORY, "accountingEntryLines.account: 6100 Category"),
        (
            expense("card_purchase"),
            WALLET,
            "accounts.wallet: 1900 (fallback: the item has no contra account)",
        ),
        (on_contra(category(CONTRA_ACCOUNT)), CONTRA_ACCOUNT, "contraAccount: 1955 Category"),
        (expense("mileage"), "2800", "accounts.out_of_pocket: 2800"),
        (expense("wallet_topup"), "1990", "accounts.contra: 1990"),
        (expense("invoice"), "2400", "accounts.accounts_payable: 2400"),
        (
            expense("invoice", bookkeeping=PAYABLE_METHOD, vendor=vendor(external_id="V-1001")),
            "2401",
            "vendor's payable account: 2401 for Nordic Paper ApS",
        ),
        (
            expense("invoice", bookkeeping=PAYABLE_METHOD, vendor=vendor(external_id="V-1002")),
            "2400",
            "accounts.accounts_payable: 2400 (fallback: the vendor has no payable account of its own)",
        ),
    ],
)
def test_every_posting_says_which_rule_chose_its_account(item: ExportItem, account: str, reason: str) -> None:
    said = {posting.account: str(posting.reason) for posting in entry_of(item).postings}
    assert said[account] == reason


def test_an_id_of_the_system_wins_over_a_number_that_is_also_there() -> None:
    reference = with_accounts(twin=LedgerAccount("7000", "Twin", "as-7000"))
    item = expense("card_purchase", line(10_00, account=category(CATEGORY, "as-7000")))
    assert legs(entry_of(item, reference=reference).postings)[0] == ("7000", 10_00)
