from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.domain.entry import Entry, InvoiceDetails, Reason, UnbalancedEntryError
from pleo_export.domain.item import AdditionalInformation, ExportItem, File, Supplier, Tag
from pleo_export.domain.money import Money
from pleo_export.testing.expenses import CONTRA_ACCOUNT, OTHER_CATEGORY, amounts, category, expense, line, tax
from pleo_export.testing.samples import (
    sample_bill,
    sample_credit_note,
    sample_entry,
    sample_payment,
    sample_posting,
)
from tests.domain.mapping import PAYABLE_METHOD, entry_of, vendor, with_bookkeeping


def taxed(**changes: Any) -> ExportItem:
    return expense("card_purchase", line(125_00, tax=tax(25_00)), **changes)


def test_postings_that_do_not_sum_to_zero_are_no_entry() -> None:
    with pytest.raises(UnbalancedEntryError, match=r"exp-1 do not sum to zero: 0\.01 EUR is left over"):
        sample_entry(postings=(sample_posting("6100", 1001), sample_posting("1900", -1000)))


def test_a_settlement_that_does_not_sum_to_zero_is_none_either() -> None:
    with pytest.raises(UnbalancedEntryError, match=r"bill-1 do not sum to zero: -0\.01 EUR is left over"):
        sample_bill(settlement=(sample_posting("2400", 1000), sample_posting("1900", -1001)))


def test_the_two_sums_do_not_make_up_for_each_other() -> None:
    with pytest.raises(UnbalancedEntryError):
        sample_bill(postings=(sample_posting("6100", 1),), settlement=(sample_posting("1900", -1),))


def test_what_is_missing_in_one_currency_is_not_made_up_for_in_another() -> None:
    with pytest.raises(UnbalancedEntryError, match=r"exp-1 do not sum to zero: 10\.00 EUR is left over"):
        sample_entry(postings=(sample_posting("6100", 1000), sample_posting("1900", -1000, "SEK")))


def test_an_entry_stays_balanced_when_it_is_changed() -> None:
    with pytest.raises(UnbalancedEntryError):
        replace(sample_entry(), postings=(sample_posting("6100", 1),))


@pytest.mark.parametrize(
    ("entry", "units"),
    [
        (sample_entry(), 1250),
        (sample_bill(), 10_000),
        (sample_credit_note(), 2000),
        (sample_payment(), 10_000),
    ],
)
def test_the_total_is_what_stands_on_the_debit_side(entry: Entry, units: int) -> None:
    assert entry.total == Money("EUR", units)


@pytest.mark.parametrize("units", [100_00, -100_00])
def test_the_total_has_no_sign(units: int) -> None:
    assert entry_of(expense("card_purchase", line(units))).total == Money("EUR", 100_00)


def test_a_reason_is_shown_with_its_fallback() -> None:
    assert str(Reason("accounts.wallet", "1900")) == "accounts.wallet: 1900"
    assert str(Reason("accounts.wallet", "1900", "no other")) == "accounts.wallet: 1900 (fallback: no other)"


def test_the_same_expense_has_the_same_fingerprint_at_every_attempt() -> None:
    first = entry_of(taxed(files=(File(url="https://files.example/1?signed=1"),)))
    later = entry_of(
        taxed(files=(File(url="https://files.example/1?signed=2"),)), with_bookkeeping(posting="final")
    )
    assert later.state is not first.state
    assert replace(later, posting_date=date(2026, 2, 1)).fingerprint == first.fingerprint


def test_the_reasons_are_no_content() -> None:
    by_number = taxed(contra_account=category("1900"))
    by_setting = taxed()
    assert entry_of(by_number).postings != entry_of(by_setting).postings
    assert entry_of(by_number).fingerprint == entry_of(by_setting).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        expense("card_purchase", line(126_00, tax=tax(25_00))),
        expense("card_purchase", line(125_00, tax=tax(24_00))),
        expense("card_purchase", line(125_00, tax=tax(25_00, code="R25"))),
        expense("card_purchase", line(amounts(125_00, "SEK"), tax=tax(amounts(25_00, "SEK")))),
        expense("card_purchase", line(125_00, tax=tax(25_00), account=category(OTHER_CATEGORY))),
        expense(
            "card_purchase",
            line(125_00, tax=tax(25_00), tags=(Tag(id="t", code="P-1", group_code="PROJECT"),)),
        ),
        taxed(note="Another note"),
        taxed(date=datetime(2026, 1, 4, tzinfo=UTC)),
        taxed(additional_information=AdditionalInformation(reconciliation_id="another")),
        taxed(bookkeeping=PAYABLE_METHOD, vendor=vendor(code="example")),
    ],
)
def test_other_content_has_another_fingerprint(other: ExportItem) -> None:
    assert entry_of(other).fingerprint != entry_of(taxed()).fingerprint


def test_two_vendors_on_one_account_have_two_fingerprints() -> None:
    bills = {
        entry_of(taxed(bookkeeping=PAYABLE_METHOD, vendor=vendor(code=code, name="Same name"))).fingerprint
        for code in ("example", "77")
    }
    assert len(bills) == 2


def test_the_account_that_a_bill_is_paid_from_is_content() -> None:
    bills = {
        entry_of(taxed(supplier=Supplier(code="example"), contra_account=paid_from)).fingerprint
        for paid_from in (None, category(CONTRA_ACCOUNT))
    }
    assert len(bills) == 2


def test_the_number_of_an_invoice_is_content() -> None:
    one, other = (InvoiceDetails(number, None, None) for number in ("INV-7", "INV-8"))
    assert sample_bill(invoice=one).fingerprint != sample_bill(invoice=other).fingerprint
