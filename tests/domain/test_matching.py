"""Which payment belongs to which bill, and what settles them against each other."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pleo_export.domain.entry import Entry, EntryKind, InvoiceDetails, Owed, Posting, Reason
from pleo_export.domain.matching import Document, document_of, match, settled_by
from pleo_export.domain.money import Money
from pleo_export.domain.reference import LedgerAccount
from pleo_export.testing.samples import DEFAULT_FACTS, sample_entry

PAYABLE, WALLET, EXPENSE, EXCHANGE = "2400", "1900", "6100", "8500"


def money(units: int, currency: str = "EUR") -> Money:
    return Money(currency, units)


def entry(kind: EntryKind, reference: str, owed: Owed, number: str | None = "INV-7", **changes: Any) -> Entry:
    legs = tuple(
        Posting(account=account, amount=amount, reason=Reason("sample", account))
        for account, amount in ((owed.account, owed.amount), ("9999", -owed.amount))
    )
    fields: dict[str, Any] = {
        "vendor": DEFAULT_FACTS.vendor,
        "postings": legs,
        "reconciliation_id": f"rec-{reference}",
        **changes,
    }
    invoice = InvoiceDetails(number, None, None) if number else None
    return sample_entry(reference, kind=kind, owed=owed, invoice=invoice, **fields)


def bill(
    units: int, currency: str = "EUR", *, worth: Money | None = None, reference: str = "bill", **changes: Any
) -> Entry:
    return entry(EntryKind.BILL, reference, Owed(PAYABLE, money(units, currency), worth), **changes)


def payment(
    units: int,
    currency: str = "EUR",
    *,
    charged: Money | None = None,
    reference: str = "payment",
    **changes: Any,
) -> Entry:
    return entry(EntryKind.PAYMENT, reference, Owed(PAYABLE, money(units, currency), charged), **changes)


def books(*entries: Entry, exchange: str | None = EXCHANGE) -> tuple[list[Document], list[Entry]]:
    """Record entries one after the other, each matched with those before it."""
    documents: list[Document] = []
    recorded = []
    for one in entries:
        matched = match(one, documents, exchange)
        documents = settled_by(documents, matched)
        recorded.append(matched)
    return documents, recorded


def left(documents: Sequence[Document]) -> dict[str, int]:
    return {one.reference: one.open.units for one in documents}


def clearing(one: Entry) -> list[tuple[str, str]]:
    return [(leg.account, str(leg.amount)) for leg in one.clearing]


def balance(entries: Sequence[Entry]) -> dict[tuple[str, str], int]:
    """What stands on the payable account, by currency: what is owed less what was paid, and the clearing."""
    totals: dict[tuple[str, str], int] = {}
    for one in entries:
        assert one.owed is not None
        sign = 1 if one.kind is EntryKind.PAYMENT else -1
        legs = [(one.owed.account, replace(one.owed.amount, units=sign * one.owed.amount.units))]
        legs += [(leg.account, leg.amount) for leg in one.clearing]
        for account, amount in legs:
            totals[account, amount.currency] = totals.get((account, amount.currency), 0) + amount.units
    return {key: units for key, units in totals.items() if units}


def test_a_payment_finds_its_bill_by_number_and_amount_and_the_bill_is_paid() -> None:
    documents, (_, paid) = books(bill(10_000), payment(10_000))
    (found,) = paid.matches
    assert found.reference == "bill"
    assert found.left == money(0)
    assert str(paid.matching) == "matching: invoice INV-7, same amount, paid"
    assert paid.clearing == ()
    assert left(documents) == {"bill": 0, "payment": 0}


def test_a_bill_that_comes_after_its_payment_finds_the_payment() -> None:
    documents, (_, late) = books(payment(10_000), bill(10_000))
    assert [one.reference for one in late.matches] == ["payment"]
    assert left(documents) == {"payment": 0, "bill": 0}


def test_of_two_bills_with_one_number_the_amount_tells_which_one_is_paid() -> None:
    documents, _ = books(bill(5_000, reference="half"), bill(10_000, reference="whole"), payment(10_000))
    assert left(documents) == {"half": 5_000, "whole": 0, "payment": 0}


def test_of_two_bills_with_one_number_and_another_amount_none_is_guessed() -> None:
    documents, (*_, paid) = books(bill(5_000, reference="a"), bill(10_000, reference="b"), payment(7_000))
    assert paid.matches == ()
    assert left(documents) == {"a": 5_000, "b": 10_000, "payment": 7_000}


def test_the_same_amount_under_another_number_is_no_match() -> None:
    documents, (_, paid) = books(bill(10_000), payment(10_000, number="INV-8"))
    assert paid.matches == ()
    assert str(paid.matching) == "matching: left open: no bill of invoice INV-8 in the books yet"
    assert left(documents) == {"bill": 10_000, "payment": 10_000}


def test_partial_payments_leave_the_rest_open_until_the_last_one() -> None:
    documents, (_, first, last) = books(
        bill(10_000), payment(4_000, reference="first"), payment(6_000, reference="last")
    )
    assert first.matches[0].left == money(6_000)
    assert str(first.matching) == "matching: invoice INV-7, 60.00 EUR left to pay"
    assert last.matches[0].left == money(0)
    assert left(documents) == {"bill": 0, "first": 0, "last": 0}


def test_an_overpayment_settles_the_bill_and_keeps_its_rest_open() -> None:
    documents, (_, paid) = books(bill(10_000), payment(12_000))
    assert left(documents) == {"bill": 0, "payment": 2_000}
    assert "20.00 EUR of this left open" in str(paid.matching)


def test_a_returned_payment_opens_the_bill_again_and_the_next_one_pays_it() -> None:
    documents, (*_, returned, again) = books(
        bill(10_000),
        payment(10_000),
        payment(-10_000, reference="returned"),
        payment(10_000, reference="again"),
    )
    assert returned.matches[0].left == money(10_000)
    assert "open again" in str(returned.matching)
    assert again.matches[0].left == money(0)
    assert left(documents) == {"bill": 0, "payment": 0, "returned": 0, "again": 0}


def test_a_payment_that_came_back_before_its_bill_does_not_pay_it() -> None:
    documents, (*_, late) = books(payment(10_000), payment(-10_000, reference="returned"), bill(10_000))
    assert late.matches == ()
    assert left(documents)["bill"] == 10_000


def test_a_reimbursement_settles_the_bills_whose_reconciliation_ids_it_names() -> None:
    documents, (*_, paid) = books(
        bill(3_000, reference="lunch", number=None),
        bill(2_000, reference="taxi", number=None),
        bill(9_000, reference="other", number=None),
        payment(5_000, number=None, reconciled_entries=("rec-lunch", "rec-taxi")),
    )
    assert [one.reference for one in paid.matches] == ["lunch", "taxi"]
    assert left(documents) == {"lunch": 0, "taxi": 0, "other": 9_000, "payment": 0}


def test_a_foreign_bill_is_cleared_with_the_exchange_difference() -> None:
    usd, eur = money(10_000, "USD"), money(9_000)
    documents, entries = books(bill(10_000, "USD", worth=eur), payment(9_200, charged=usd))
    assert clearing(entries[1]) == [
        (PAYABLE, "100.00 USD"),
        (EXCHANGE, "2.00 EUR"),
        (PAYABLE, "-92.00 EUR"),
    ]
    assert entries[1].clearing[0].value == eur
    assert balance(entries) == {(EXCHANGE, "EUR"): 200}
    assert left(documents) == {"bill": 0, "payment": 0}


def test_an_exchange_gain_is_a_credit_and_no_difference_is_no_posting() -> None:
    usd, eur = money(10_000, "USD"), money(9_000)
    _, gained = books(bill(10_000, "USD", worth=eur), payment(8_900, charged=usd))
    assert balance(gained) == {(EXCHANGE, "EUR"): -100}
    _, even = books(bill(10_000, "USD", worth=eur), payment(9_000, charged=usd))
    assert balance(even) == {}


def test_a_foreign_bill_that_comes_after_its_payment_is_cleared_as_well() -> None:
    usd, eur = money(10_000, "USD"), money(9_000)
    _, entries = books(payment(9_200, charged=usd), bill(10_000, "USD", worth=eur))
    assert balance(entries) == {(EXCHANGE, "EUR"): 200}


def test_a_returned_foreign_payment_takes_the_exchange_difference_back() -> None:
    usd, eur = money(10_000, "USD"), money(9_000)
    _, entries = books(
        bill(10_000, "USD", worth=eur),
        payment(9_200, charged=usd),
        payment(-9_200, charged=money(-10_000, "USD"), reference="returned"),
    )
    assert balance(entries) == {(PAYABLE, "USD"): -10_000}


def test_without_an_account_for_the_difference_the_bill_stays_open_and_the_entry_says_why() -> None:
    usd, eur = money(10_000, "USD"), money(9_000)
    documents, (_, paid) = books(bill(10_000, "USD", worth=eur), payment(9_200, charged=usd), exchange=None)
    assert str(paid.matching) == "matching: left open (fallback: accounts.exchange_difference is not set)"
    assert paid.clearing == ()
    assert left(documents) == {"bill": 10_000, "payment": 9_200}


def test_a_payment_from_a_wallet_in_a_third_currency_clears_without_a_difference() -> None:
    usd = money(10_000, "USD")
    _, entries = books(bill(10_000, "USD", worth=money(9_000)), payment(69_000, "DKK", charged=usd))
    assert balance(entries) == {}


def test_payments_from_wallets_in_different_currencies_settle_one_bill_when_it_comes() -> None:
    half = money(5_000, "USD")
    documents, entries = books(
        payment(4_600, charged=half),
        payment(4_000, "GBP", charged=half, reference="payment-2"),
        bill(10_000, "USD", worth=money(9_000)),
    )
    assert clearing(entries[-1]) == [
        (PAYABLE, "50.00 USD"),
        (EXCHANGE, "1.00 EUR"),
        (PAYABLE, "-46.00 EUR"),
        (PAYABLE, "50.00 USD"),
        (PAYABLE, "-40.00 GBP"),
    ]
    assert left(documents) == {"payment": 0, "payment-2": 0, "bill": 0}
    assert balance(entries) == {(EXCHANGE, "EUR"): 100}


def test_a_payment_whose_currencies_never_meet_the_bill_is_left_open() -> None:
    _, (_, paid) = books(bill(10_000, "USD", worth=money(9_000)), payment(9_000))
    assert paid.matches == ()


def test_a_vendor_whose_payable_account_changed_is_cleared_between_both_accounts() -> None:
    old = replace(bill(10_000), owed=Owed("2401", money(10_000)))
    _, entries = books(old, payment(10_000))
    assert balance(entries) == {}


@pytest.mark.parametrize(
    ("old", "why"),
    [
        (None, "which the accounting system no longer has"),
        (LedgerAccount("2401", "Old", active=False), "which is no longer active"),
        (LedgerAccount("2401", "Old", currencies=frozenset({"SEK"})), "which no longer takes EUR"),
    ],
)
def test_a_payment_is_left_open_where_the_account_of_its_bill_is_closed_since(
    old: LedgerAccount | None, why: str
) -> None:
    on_old = replace(bill(10_000), owed=Owed("2401", money(10_000)))
    documents, _ = books(on_old)
    accounts = {PAYABLE: LedgerAccount(PAYABLE, "Payables")} | ({"2401": old} if old else {})
    paid = match(payment(10_000), documents, EXCHANGE, accounts)
    assert (paid.matches, paid.clearing) == ((), ())
    assert str(paid.matching) == f"matching: left open: bill INV-7 is on account 2401, {why}"


def test_a_bill_is_left_open_where_the_account_of_its_waiting_payment_is_closed_since() -> None:
    documents, _ = books(replace(payment(10_000), owed=Owed("2401", money(10_000))))
    late = match(bill(10_000), documents, EXCHANGE, {PAYABLE: LedgerAccount(PAYABLE, "Payables")})
    assert late.matches == ()
    assert "left open: payment INV-7 is on account 2401, which" in str(late.matching)


def test_a_reimbursement_settles_the_bills_on_open_accounts_and_names_the_others() -> None:
    old = bill(4_000, reference="old", number=None)
    documents, _ = books(
        replace(old, owed=Owed("2401", money(4_000))), bill(6_000, reference="new", number=None)
    )
    back = payment(10_000, number=None, reconciled_entries=("rec-old", "rec-new"))
    paid = match(back, documents, EXCHANGE, {PAYABLE: LedgerAccount(PAYABLE, "Payables")})
    assert [one.reference for one in paid.matches] == ["new"]
    assert str(paid.matching) == (
        "matching: reconciliation id rec-new, paid; 40.00 EUR of this left open;"
        " bill old is on account 2401, which the accounting system no longer has"
    )


def test_what_meets_on_one_account_needs_none_to_clear_it() -> None:
    documents, _ = books(bill(10_000))
    assert match(payment(10_000), documents, EXCHANGE, {}).matches != ()


def test_a_credit_note_and_the_money_that_came_for_it_meet() -> None:
    note = entry(EntryKind.CREDIT_NOTE, "note", Owed(PAYABLE, money(-5_000)))
    documents, _ = books(note, payment(-5_000))
    assert left(documents) == {"note": 0, "payment": 0}


def test_an_entry_that_owes_nothing_is_left_as_it_is() -> None:
    journal = sample_entry()
    assert match(journal, [], EXCHANGE) is journal
    assert document_of(journal) is None


def test_what_was_matched_does_not_change_the_fingerprint() -> None:
    _, (_, paid) = books(bill(10_000), payment(10_000))
    assert paid.fingerprint == payment(10_000).fingerprint


@given(
    parts=st.lists(st.integers(1, 99_999), min_size=1, max_size=6),
    worth=st.integers(1, 9_999_999),
    rates=st.lists(st.integers(1, 3_000), min_size=6, max_size=6),
)
def test_however_a_foreign_bill_is_paid_in_parts_nothing_is_left_on_the_payable_account(
    parts: list[int], worth: int, rates: list[int]
) -> None:
    whole = sum(parts)
    paid = [max(1, part * rate // 1000) for part, rate in zip(parts, rates, strict=False)]
    payments = [
        payment(wallet, charged=money(part, "USD"), reference=f"payment-{number}")
        for number, (part, wallet) in enumerate(zip(parts, paid, strict=True))
    ]
    documents, entries = books(bill(whole, "USD", worth=money(worth)), *payments)
    assert all(one.open.units == 0 for one in documents)
    difference = sum(paid) - worth
    assert balance(entries) == ({(EXCHANGE, "EUR"): difference} if difference else {})


def test_part_payments_that_come_before_their_bill_all_settle_it() -> None:
    documents, (*_, late) = books(
        payment(4_000, reference="first"), payment(6_000, reference="second"), bill(10_000)
    )
    assert [one.reference for one in late.matches] == ["first", "second"]
    assert left(documents) == {"first": 0, "second": 0, "bill": 0}


def test_part_payments_are_not_taken_for_a_second_bill_of_the_same_number() -> None:
    documents, (*_, late) = books(
        bill(50_000, reference="earlier", number="INV-7"),
        payment(70_000, reference="paid", number="INV-8"),
        bill(20_000, reference="late", number="INV-7"),
    )
    assert late.matches == ()
    assert left(documents)["late"] == 20_000


def test_of_payments_before_the_bill_a_return_takes_away_one_only() -> None:
    documents, (*_, late) = books(
        payment(10_000, reference="first"),
        payment(-10_000, reference="returned"),
        payment(10_000, reference="again"),
        bill(10_000),
    )
    assert [one.reference for one in late.matches] == ["again"]
    assert left(documents)["bill"] == 0


def test_money_that_an_employee_gives_back_for_something_else_hides_no_reimbursement() -> None:
    documents, (*_, late) = books(
        payment(3_000, number=None, reference="paid", reconciled_entries=("rec-bill",)),
        payment(-3_000, number=None, reference="unrelated"),
        bill(3_000, number=None),
    )
    assert [one.reference for one in late.matches] == ["paid"]
    assert left(documents)["bill"] == 0


def test_a_payment_of_nothing_settles_nothing() -> None:
    documents, (*_, nothing) = books(bill(10_000), payment(10_000), payment(0, reference="nothing"))
    assert nothing.matches == ()
    assert left(documents)["bill"] == 0


def test_a_bill_that_was_removed_and_comes_again_is_still_paid() -> None:
    documents, (_, paid) = books(bill(10_000), payment(10_000))
    without_it = [one for one in documents if one.reference == paid.reference]
    again = match(bill(10_000), without_it, EXCHANGE)
    assert str(again.matching) == "matching: settled already by what is in the books"
    assert left(settled_by(without_it, again)) == {"payment": 0, "bill": 0}


def test_where_nobody_knows_the_vendor_an_invoice_number_tells_nothing() -> None:
    documents, (_, paid) = books(
        replace(bill(10_000), vendor=None),
        replace(payment(10_000), vendor=None),
    )
    assert str(paid.matching) == "matching: left open: the vendor is not known"
    assert left(documents) == {"bill": 10_000, "payment": 10_000}


def test_reconciliation_ids_tell_also_where_nobody_knows_the_vendor() -> None:
    documents, _ = books(
        replace(bill(10_000), vendor=None),
        replace(payment(10_000, reconciled_entries=("rec-bill",)), vendor=None),
    )
    assert left(documents) == {"bill": 0, "payment": 0}
