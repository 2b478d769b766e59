from collections import Counter
from typing import Any

import pytest

from pleo_export.simulator.awkward import LONG_NOTE
from pleo_export.simulator.chart import (
    CONTRA_CODES,
    EXPENSE_ACCOUNTS,
    TAGS,
    TAX_CODES,
    VENDORS,
    WALLET_CURRENCIES,
)
from pleo_export.simulator.generator import (
    DEMO_MIN,
    PAYABLE_COUNT,
    Generated,
    Scenario,
    WrongCountError,
    generate,
)
from pleo_export.simulator.vocabulary import WALLET_TYPES, ItemSubType, ItemType
from tests.simulator.simulator_api import Api

COMPANY = "0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01"
BOTH = ("inSupplierCurrency", "inWalletCurrency")


def made(seed: int = 1, count: int = 400, scenario: Scenario = "plain") -> list[Generated]:
    wanted = PAYABLE_COUNT if scenario == "payable" else count
    return generate(seed, wanted, scenario, company_id=COMPANY)


def good(expenses: list[Generated]) -> list[dict[str, Any]]:
    return [expense.payload for expense in expenses if expense.must_fail is None]


def value(amount: Any, side: str) -> int:
    hundredths: int = amount[side]["value"]
    return hundredths


@pytest.mark.parametrize("scenario", ["plain", "demo", "payable"])
def test_one_seed_always_gives_the_same_expenses(scenario: Scenario) -> None:
    assert made(5, 50, scenario) == made(5, 50, scenario)
    assert made(5, 50, scenario) != made(6, 50, scenario)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["plain", "demo", "payable"])
def test_no_id_is_given_twice(scenario: Scenario) -> None:
    expenses = [expense.payload for expense in made(scenario=scenario)]
    assert len(expenses) == (PAYABLE_COUNT if scenario == "payable" else 400)
    assert len({expense["accountingEntryId"] for expense in expenses}) == len(expenses)
    reconciliation_ids = {expense["additionalInformation"]["reconciliationId"] for expense in expenses}
    assert len(reconciliation_ids) == len(expenses)


@pytest.mark.parametrize("count", [DEMO_MIN, 40])
def test_the_demonstration_has_every_type_and_sub_type(count: int) -> None:
    demo = made(count=count, scenario="demo")
    assert len(demo) == count
    assert {expense.payload["type"] for expense in demo} == set(ItemType)
    assert {expense.payload["subType"] for expense in demo} == {None, *ItemSubType}


def test_the_demonstration_says_which_expenses_must_fail() -> None:
    reasons = Counter(expense.must_fail for expense in made(count=40, scenario="demo"))
    assert reasons == {
        None: 31,
        "category_missing": 1,
        "account_unknown": 1,
        "lines_do_not_add_up": 1,
        "tax_code_unknown": 1,
        "tag_unknown": 1,
        "receipt_gone": 1,
        "receipt_is_html": 1,
        "fraction_of_a_yen": 1,
        "vendor_unknown": 1,
    }


def test_the_demonstration_has_expenses_that_only_look_wrong() -> None:
    demo = good(made(count=40, scenario="demo"))
    amounts = [expense["amount"]["inWalletCurrency"] for expense in demo]
    assert {"currency": "EUR", "value": 0} in amounts
    assert any(amount["value"] < 0 for amount in amounts)
    assert any(amount["currency"] == "JPY" and amount["value"] % 100 == 0 for amount in amounts)
    assert any(amount["currency"] == "KWD" for amount in amounts)
    assert len(LONG_NOTE) == 4_000
    assert any(expense["note"] == LONG_NOTE for expense in demo)
    assert any("\u0590" < (expense["supplier"] or {}).get("name", " ")[0] < "\u05ff" for expense in demo)


def test_a_demonstration_that_is_too_small_is_refused() -> None:
    with pytest.raises(WrongCountError, match="30"):
        made(count=DEMO_MIN - 1, scenario="demo")


def test_the_company_that_books_through_vendors_comes_in_one_size() -> None:
    with pytest.raises(WrongCountError, match=str(PAYABLE_COUNT)):
        generate(1, PAYABLE_COUNT + 1, "payable", company_id=COMPANY)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["plain", "demo", "payable"])
@pytest.mark.parametrize("side", BOTH)
def test_lines_add_up_to_the_amount_to_the_last_hundredth(scenario: Scenario, side: str) -> None:
    for expense in made(scenario=scenario):
        lines = expense.payload["accountingEntryLines"]
        total = sum(value(line["lineAmount"], side) for line in lines)
        adds_up = total == value(expense.payload["amount"], side)
        assert adds_up is (expense.must_fail != "lines_do_not_add_up")


@pytest.mark.parametrize("side", BOTH)
def test_net_is_the_line_less_the_tax_inside_it_and_the_line_under_reverse_charge(side: str) -> None:
    seen = set()
    for expense in good(made(scenario="demo")) + good(made()):
        for line in expense["accountingEntryLines"]:
            tax, paid, net = line["tax"], value(line["lineAmount"], side), value(line["netAmount"], side)
            seen.add(tax and tax["type"])
            if tax is None:
                assert net == paid
            elif tax["type"] == "reverse":
                assert net == paid
                assert abs(value(tax["amount"], side) - net * tax["rate"]) <= 0.5
                assert (tax["ingoingTaxAccount"], tax["outgoingTaxAccount"]) == ("2640", "2610")
            else:
                assert net == paid - value(tax["amount"], side)
                assert abs(value(tax["amount"], side) - net * tax["rate"]) <= 1
                assert "outgoingTaxAccount" not in tax
    assert seen == {None, "inclusive", "exclusive", "reverse"}


def test_the_account_of_deducted_tax_is_named_on_some_lines_and_left_out_on_others() -> None:
    taxes = [line["tax"] for expense in good(made()) for line in expense["accountingEntryLines"]]
    named = ["ingoingTaxAccount" in tax for tax in taxes if tax and tax["type"] != "reverse"]
    assert 0.3 < sum(named) / len(named) < 0.7


@pytest.mark.slow
def test_expenses_are_split_into_up_to_four_lines() -> None:
    assert {len(expense["accountingEntryLines"]) for expense in good(made())} == {1, 2, 3, 4}


def test_all_six_wallets_are_used_and_suppliers_charge_in_other_currencies_too() -> None:
    amounts = [expense["amount"] for expense in good(made())]
    assert {amount["inWalletCurrency"]["currency"] for amount in amounts} == set(WALLET_CURRENCIES)
    assert any(
        amount["inWalletCurrency"]["currency"] != amount["inSupplierCurrency"]["currency"]
        for amount in amounts
    )
    demo = made(count=DEMO_MIN, scenario="demo")
    currencies = {expense.payload["amount"]["inWalletCurrency"]["currency"] for expense in demo}
    assert currencies == set(CONTRA_CODES)


@pytest.mark.parametrize("scenario", ["plain", "demo"])
def test_expenses_that_can_be_booked_keep_to_the_chart(scenario: Scenario) -> None:
    tags = {(group, code) for group, codes in TAGS.items() for code in codes}
    for expense in good(made(scenario=scenario)):
        for line in expense["accountingEntryLines"]:
            assert line["account"] is None or line["account"]["code"] in EXPENSE_ACCOUNTS
            assert line["tax"] is None or line["tax"]["code"] in TAX_CODES
            assert {(tag["groupCode"], tag["code"]) for tag in line["tags"]} <= tags
        assert expense["vendor"] is None or expense["vendor"]["externalId"] in {
            vendor.code for vendor in VENDORS
        }
        wallet = expense["amount"]["inWalletCurrency"]["currency"]
        contra = CONTRA_CODES[wallet] if expense["type"] in WALLET_TYPES else None
        assert (expense["contraAccount"] or {}).get("code") == contra


def test_money_that_only_moves_has_one_line_without_an_account() -> None:
    moving = {
        ItemType.WALLET_TOPUP,
        ItemType.WALLET_UNLOAD,
        ItemType.ATM_WITHDRAWAL,
        ItemType.PERSONAL_SPEND,
        ItemType.DIRECT_REIMBURSEMENT,
        ItemType.EXTERNAL_REIMBURSEMENT,
        ItemType.INVOICE_PAYMENT,
    }
    for expense in good(made(scenario="demo")):
        accounts = [line["account"] for line in expense["accountingEntryLines"]]
        if expense["type"] in moving:
            assert accounts == [None]
        else:
            assert None not in accounts


def test_an_invoice_is_followed_by_its_payment_of_the_same_amount() -> None:
    demo = good(made(count=DEMO_MIN, scenario="demo"))
    (invoice,) = [expense for expense in demo if expense["type"] == "invoice"]
    payments = [expense for expense in demo if expense["type"] == "invoice_payment"]
    number = invoice["additionalInformation"]["invoiceInformation"]["invoiceNumber"]
    assert invoice["amount"]["inSupplierCurrency"]["currency"]
    assert len(payments) == 2
    for payment in payments:
        assert payment["additionalInformation"]["invoiceInformation"]["invoiceNumber"] == number
        assert (payment["amount"], payment["vendor"]) == (invoice["amount"], invoice["vendor"])
        assert payment["date"] >= invoice["date"]


def test_a_reimbursement_names_the_expense_it_settles() -> None:
    demo = good(made(count=DEMO_MIN, scenario="demo"))
    (spent,) = [expense for expense in demo if expense["type"] == "out_of_pocket"]
    back = [expense for expense in demo if expense["type"] == "direct_reimbursement"]
    for reimbursement in back:
        settled = reimbursement["additionalInformation"]["reconciledEntries"]
        assert settled == [spent["additionalInformation"]["reconciliationId"]]
        assert value(reimbursement["amount"], "inWalletCurrency") == value(
            spent["amount"], "inWalletCurrency"
        )
    assert len(back) == 3


def test_bookkeeping_methods_come_in_all_forms() -> None:
    demo = good(made(count=60, scenario="demo"))
    methods = {(expense["bookkeeping"] or {}).get("method") for expense in demo}
    assert methods == {None, "none", "journal", "accounts_payable"}
    for expense in demo:
        if (expense["bookkeeping"] or {}).get("method") == "accounts_payable":
            assert expense["vendor"]


@pytest.mark.parametrize("receipts", [0, 1])
def test_plain_expenses_have_as_many_receipts_as_asked(receipts: int) -> None:
    plain = generate(1, 50, company_id=COMPANY, receipts=receipts)
    assert {len(expense.payload["files"]) for expense in plain} == {receipts}
    assert {expense.must_fail for expense in plain} == {None}


def test_purchases_of_the_demonstration_have_one_to_three_receipts() -> None:
    purchases = made(count=80, scenario="demo")[DEMO_MIN:]
    assert {len(expense.payload["files"]) for expense in purchases} == {1, 2, 3}


@pytest.mark.parametrize("scenario", ["plain", "demo", "payable"])
async def test_every_generated_expense_is_an_export_item(api: Api, scenario: Scenario) -> None:
    for expense in made(3, 60, scenario):
        lines = expense.payload["accountingEntryLines"]
        for tax in (line["tax"] for line in lines if line["tax"]):
            tax["rate"] = float(tax["rate"])
        answer = await api.post(f"/control/companies/{api.company.id}/expenses", [expense.payload])
        assert answer.status == 201, answer.content
