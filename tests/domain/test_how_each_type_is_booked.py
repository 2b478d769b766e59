"""Debit and credit of every type of expense, stated by hand: the table a bookkeeper checks."""

import pytest

from pleo_export.domain.entry import EntryKind
from pleo_export.domain.item import Bookkeeping, ItemSubType, ItemType
from pleo_export.testing.expenses import (
    CATEGORY,
    CONTRA,
    CONTRA_ACCOUNT,
    PAYABLE,
    POCKET,
    VENDOR_PAYABLE,
    WALLET,
    amounts,
    category,
    expense,
    line,
)
from tests.domain.mapping import JOURNAL_METHOD, PAYABLE_METHOD, entry_of, legs, vendor

AS_JOURNAL = [
    # type, sub-type, debit, credit
    ("card_purchase", None, CATEGORY, WALLET),
    ("card_invoice", None, CATEGORY, WALLET),
    ("fee", None, CATEGORY, WALLET),
    ("fee", "interest", CATEGORY, WALLET),
    ("invoice", None, CATEGORY, PAYABLE),
    ("invoice_payment", None, PAYABLE, WALLET),
    ("invoice_payment", "invoice_payment_sent", PAYABLE, WALLET),
    ("invoice_payment", "invoice_payment_returned", WALLET, PAYABLE),
    ("out_of_pocket", None, CATEGORY, POCKET),
    ("mileage", None, CATEGORY, POCKET),
    ("per_diem", None, CATEGORY, POCKET),
    ("direct_reimbursement", None, POCKET, WALLET),
    ("direct_reimbursement", "reimbursement_to_employee", POCKET, WALLET),
    ("direct_reimbursement", "reimbursement_to_employee_refund", WALLET, POCKET),
    ("direct_reimbursement", "reimbursement_to_company", WALLET, POCKET),
    ("external_reimbursement", None, POCKET, CONTRA),
    ("external_reimbursement", "reimbursement_to_employee", POCKET, CONTRA),
    ("external_reimbursement", "reimbursement_to_employee_refund", CONTRA, POCKET),
    ("external_reimbursement", "reimbursement_to_company", CONTRA, POCKET),
    ("refund", None, WALLET, CATEGORY),
    ("chargeback", None, WALLET, CATEGORY),
    ("cashback", None, WALLET, CATEGORY),
    ("cashback", "interest", WALLET, CATEGORY),
    ("atm_withdrawal", None, POCKET, WALLET),
    ("personal_spend", None, POCKET, WALLET),
    ("wallet_topup", None, WALLET, CONTRA),
    ("wallet_unload", None, CONTRA, WALLET),
]

# The vendor has a payable account of its own; the employee, who is the vendor of money spent from the own pocket,
# has none and stands on the common one.
PayableRow = tuple[str, str | None, str, str, str, str | None, str | None]
THROUGH_PAYABLE: list[PayableRow] = [
    # type, sub-type, document, debit, credit, then debit and credit of the payment that comes with it
    ("card_purchase", None, "bill", CATEGORY, VENDOR_PAYABLE, VENDOR_PAYABLE, WALLET),
    ("card_invoice", None, "bill", CATEGORY, VENDOR_PAYABLE, VENDOR_PAYABLE, WALLET),
    ("fee", None, "bill", CATEGORY, VENDOR_PAYABLE, VENDOR_PAYABLE, WALLET),
    ("fee", "interest", "bill", CATEGORY, VENDOR_PAYABLE, VENDOR_PAYABLE, WALLET),
    ("invoice", None, "bill", CATEGORY, VENDOR_PAYABLE, None, None),
    ("invoice_payment", None, "payment", VENDOR_PAYABLE, WALLET, None, None),
    ("invoice_payment", "invoice_payment_sent", "payment", VENDOR_PAYABLE, WALLET, None, None),
    ("invoice_payment", "invoice_payment_returned", "payment", WALLET, VENDOR_PAYABLE, None, None),
    ("out_of_pocket", None, "bill", CATEGORY, PAYABLE, None, None),
    ("mileage", None, "bill", CATEGORY, PAYABLE, None, None),
    ("per_diem", None, "bill", CATEGORY, PAYABLE, None, None),
    ("direct_reimbursement", None, "payment", PAYABLE, WALLET, None, None),
    ("direct_reimbursement", "reimbursement_to_employee", "payment", PAYABLE, WALLET, None, None),
    ("direct_reimbursement", "reimbursement_to_employee_refund", "payment", WALLET, PAYABLE, None, None),
    ("direct_reimbursement", "reimbursement_to_company", "payment", WALLET, PAYABLE, None, None),
    ("external_reimbursement", None, "payment", PAYABLE, CONTRA, None, None),
    ("external_reimbursement", "reimbursement_to_employee", "payment", PAYABLE, CONTRA, None, None),
    ("external_reimbursement", "reimbursement_to_employee_refund", "payment", CONTRA, PAYABLE, None, None),
    ("external_reimbursement", "reimbursement_to_company", "payment", CONTRA, PAYABLE, None, None),
    ("refund", None, "credit_note", VENDOR_PAYABLE, CATEGORY, WALLET, VENDOR_PAYABLE),
    ("chargeback", None, "credit_note", VENDOR_PAYABLE, CATEGORY, WALLET, VENDOR_PAYABLE),
    ("cashback", None, "journal", WALLET, CATEGORY, None, None),
    ("atm_withdrawal", None, "journal", POCKET, WALLET, None, None),
    ("personal_spend", None, "journal", POCKET, WALLET, None, None),
    ("wallet_topup", None, "journal", WALLET, CONTRA, None, None),
    ("wallet_unload", None, "journal", CONTRA, WALLET, None, None),
]

OWED_TO_EMPLOYEES = {
    "out_of_pocket",
    "mileage",
    "per_diem",
    "direct_reimbursement",
    "external_reimbursement",
}
MOVES_THE_WALLET = [row for row in AS_JOURNAL if WALLET in row]


def named(row: tuple[str | None, ...]) -> str:
    return "-".join(part for part in row[:2] if part)


def sides(debit: str | None, credit: str | None) -> dict[str, int]:
    """What 100.00 does to the accounts."""
    return {} if debit is None or credit is None else {debit: 100_00, credit: -100_00}


@pytest.mark.parametrize("table", [AS_JOURNAL, THROUGH_PAYABLE], ids=["journal", "payable"])
def test_each_table_tells_of_every_type_and_sub_type(table: list[tuple[str | None, ...]]) -> None:
    assert {row[0] for row in table} == {item_type.value for item_type in ItemType}
    assert {row[1] for row in table} == {None, *(sub_type.value for sub_type in ItemSubType)}


@pytest.mark.parametrize(("item_type", "sub_type", "debit", "credit"), AS_JOURNAL, ids=map(named, AS_JOURNAL))
def test_a_journal_entry_debits_and_credits(
    item_type: str, sub_type: str | None, debit: str, credit: str
) -> None:
    entry = entry_of(expense(item_type, line(100_00), sub_type=sub_type, bookkeeping=JOURNAL_METHOD))
    assert entry.kind is EntryKind.JOURNAL
    assert dict(legs(entry.postings)) == sides(debit, credit)
    assert entry.settlement == ()
    assert entry.vendor is None


@pytest.mark.parametrize("row", THROUGH_PAYABLE, ids=map(named, THROUGH_PAYABLE))
def test_through_accounts_payable_a_document_debits_and_credits(row: PayableRow) -> None:
    item_type, sub_type, kind, debit, credit, paid_debit, paid_credit = row
    entry = entry_of(
        expense(
            item_type,
            line(100_00),
            sub_type=sub_type,
            bookkeeping=PAYABLE_METHOD,
            vendor=None if item_type in OWED_TO_EMPLOYEES else vendor(external_id="V-1001"),
        )
    )
    assert entry.kind == kind
    assert dict(legs(entry.postings)) == sides(debit, credit)
    assert dict(legs(entry.settlement)) == sides(paid_debit, paid_credit)
    owed_to = "Ada Example" if item_type in OWED_TO_EMPLOYEES else "Nordic Paper ApS"
    assert (entry.vendor.name if entry.vendor else None) == (None if kind == "journal" else owed_to)


@pytest.mark.parametrize(
    ("item_type", "sub_type", "debit", "credit"), MOVES_THE_WALLET, ids=map(named, MOVES_THE_WALLET)
)
def test_the_contra_account_of_the_item_stands_for_the_wallet(
    item_type: str, sub_type: str | None, debit: str, credit: str
) -> None:
    item = expense(item_type, line(100_00), sub_type=sub_type, contra_account=category(CONTRA_ACCOUNT))
    debit, credit = (CONTRA_ACCOUNT if side == WALLET else side for side in (debit, credit))
    assert dict(legs(entry_of(item).postings)) == sides(debit, credit)


@pytest.mark.parametrize(("item_type", "sub_type", "debit", "credit"), AS_JOURNAL, ids=map(named, AS_JOURNAL))
def test_a_negative_amount_turns_the_entry_round(
    item_type: str, sub_type: str | None, debit: str, credit: str
) -> None:
    entry = entry_of(expense(item_type, line(-100_00), sub_type=sub_type))
    assert dict(legs(entry.postings)) == sides(credit, debit)


@pytest.mark.parametrize("item_type", list(ItemType))
@pytest.mark.parametrize("method", ["none", "journal"])
def test_the_methods_none_and_journal_book_the_same(item_type: str, method: str) -> None:
    entry = entry_of(expense(item_type, bookkeeping=Bookkeeping(method=method)))
    assert entry.kind is EntryKind.JOURNAL
    assert entry.postings == entry_of(expense(item_type, bookkeeping=JOURNAL_METHOD)).postings


@pytest.mark.parametrize("item_type", list(ItemType))
def test_an_expense_of_nothing_is_an_entry_of_nothing(item_type: str) -> None:
    entry = entry_of(expense(item_type, line(0)))
    assert [units for _, units in legs(entry.postings)] == [0, 0]
    assert entry.total.units == 0


def test_a_split_expense_is_one_debit_a_line_and_one_credit_over_all() -> None:
    item = expense("card_purchase", line(60_00, 1), line(30_00, 2, account=category("6200")), line(10_00, 3))
    postings = entry_of(item).postings
    assert legs(postings) == [(CATEGORY, 60_00), ("6200", 30_00), (CATEGORY, 10_00), (WALLET, -100_00)]
    assert [posting.line_id for posting in postings] == ["line-1", "line-2", "line-3", None]


def test_a_split_refund_is_one_credit_a_line_and_one_debit_over_all() -> None:
    item = expense("refund", line(60_00, 1), line(40_00, 2, account=category("6200")))
    assert legs(entry_of(item).postings) == [(CATEGORY, -60_00), ("6200", -40_00), (WALLET, 100_00)]


def test_a_split_may_hold_a_line_that_gives_money_back() -> None:
    item = expense("card_purchase", line(60_00, 1), line(-10_00, 2, account=category("6200")))
    assert legs(entry_of(item).postings) == [(CATEGORY, 60_00), ("6200", -10_00), (WALLET, -50_00)]


@pytest.mark.parametrize(
    "item_type",
    [
        "invoice_payment",
        "direct_reimbursement",
        "external_reimbursement",
        "atm_withdrawal",
        "personal_spend",
        "wallet_topup",
        "wallet_unload",
    ],
)
def test_money_that_only_moves_needs_no_category_and_carries_no_tax(item_type: str) -> None:
    item = expense(item_type, line(100_00, account=None, net_amount=amounts(80_00)))
    assert sorted(units for _, units in legs(entry_of(item).postings)) == [-100_00, 100_00]
