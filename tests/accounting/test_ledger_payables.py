"""What is owed is read from the ledger's own text, as it stands now."""

# ruff: noqa: ASYNC240 - a test may block: nothing else runs in its loop
import os
import tracemalloc
from pathlib import Path
from shutil import copy

import pytest
from fava.core import FavaLedger

from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings, bean_check, payables, trial_balance
from pleo_export.accounting.ledger.folder import LedgerFolder
from pleo_export.accounting.ledger.reader import head_of, metadata_text
from pleo_export.accounting.ledger.writer import entry_text
from pleo_export.domain.entry import Entry, EntryVendor, InvoiceDetails, Match, Owed, Reason
from pleo_export.domain.matching import Document, document_of, match, settled_by
from pleo_export.domain.money import Money
from pleo_export.testing.samples import (
    DEFAULT_FACTS,
    sample_file,
    sample_invoice,
    sample_payment,
    sample_posting,
)

VENDOR = DEFAULT_FACTS.vendor.id
EXCHANGE = DEFAULT_FACTS.exchange
CARD_ENTRIES = 1_000


async def recorded(ledger: LedgerConnector, *entries: Entry) -> list[Entry]:
    """Record entries, each with what it belongs to in the books."""
    matched = []
    for entry in entries:
        matched.append(match(entry, await ledger.payables(VENDOR), EXCHANGE))
        await ledger.record(matched[-1])
    return matched


async def settled(ledger: LedgerConnector) -> dict[str, int]:
    return {one.reference: one.settled.units for one in await ledger.payables(VENDOR)}


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def without_note(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("2026-01-03 note")], encoding="utf-8")


@pytest.fixture
def month(ledger_settings: LedgerSettings) -> Path:
    return ledger_settings.folder / "2026/01"


@pytest.fixture(autouse=True)
def no_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEANCOUNT_DISABLE_LOAD_CACHE", "1")


async def test_a_payment_of_a_foreign_bill_reads_like_this(ledger: LedgerConnector, month: Path) -> None:
    await recorded(
        ledger,
        sample_invoice(worth=9000),
        sample_payment(units=3700, charged=4000, missing_files=("Receipt 2 is gone.",), journal="P"),
    )
    entry = sample_payment(units=3700, charged=4000)
    links = "#pleo ^pleo-payment-1 ^pleo-invoice-1 ^pleo-rec-10451 ^pleo-rec-10452 ^pleo-rec-10453"
    assert (month / "payment-1.beancount").read_text(encoding="utf-8") == (
        f"""\
2026-01-03 * "Nordic Paper" "Printer paper" {links}
  pleo-id: "payment-1"
  pleo-type: "invoice_payment"
  pleo-kind: "payment"
  journal: "P"
  fingerprint: "{entry.fingerprint}"
  reconciliation-id: "10451"
  reconciled-entries: "10452; 10453"
  booked: "card_purchase: debit category, credit wallet"
  method: "method: journal"
  vendor-id: "V-1001"
  vendor: "Nordic Paper ApS"
  invoice-number: "INV-7"
  payable-account: "2400"
  payable-amount: 37.00 EUR
  payable-other: 40.00 USD
  matching: "invoice INV-7, 60.00 USD left to pay"
  missing-file-1: "Receipt 2 is gone."
  Liabilities:Payables                                   37.00 EUR
    reason: "sample: 2400"
  Assets:Pleo:Wallet                                    -37.00 EUR
    reason: "sample: 1900"

2026-01-03 * "Nordic Paper" "Cleared: Printer paper" {links}
  clears: "invoice-1"
  Liabilities:Payables                                   40.00 USD @@ 36.00 EUR
    reason: "matching: the bill"
  Expenses:ExchangeDifferences                            1.00 EUR
    reason: "accounts.exchange_difference: 40.00 USD was 36.00 EUR when the bill came, 37.00 EUR when it was paid"
  Liabilities:Payables                                  -37.00 EUR
    reason: "matching: its payment"

2026-01-03 note Liabilities:Payables "Part paid: 40.00 USD with 37.00 EUR, 60.00 USD left to pay (invoice INV-7)" \
#pleo ^pleo-payment-1 ^pleo-invoice-1
  matches: "invoice-1"
  settled: 40.00 USD
  paid: 37.00 EUR
"""
    )


@pytest.mark.parametrize(
    ("settles", "pays", "left", "told"),
    [
        (("EUR", 100), ("EUR", 100), 0, "Paid: 1.00 EUR"),
        (("USD", 100), ("EUR", 90), 0, "Paid: 1.00 USD with 0.90 EUR"),
        (("EUR", 40), ("EUR", 40), 60, "Part paid: 0.40 EUR, 0.60 EUR left to pay"),
        (("EUR", -100), ("EUR", -100), 100, "Open again: 1.00 EUR left to pay"),
        (("EUR", -100), ("EUR", -100), 0, "Refunded: 1.00 EUR"),
        (("EUR", -40), ("EUR", -40), -60, "Part refunded: 0.40 EUR, 0.60 EUR left to refund"),
        (("EUR", 100), ("EUR", 100), -100, "Open again: 1.00 EUR left to refund"),
    ],
)
def test_a_match_is_told_in_a_bookkeepers_words(
    settles: tuple[str, int], pays: tuple[str, int], left: int, told: str
) -> None:
    found = Match(
        reference="invoice-1",
        settled=Money(*settles),
        paid=Money(*pays),
        left=Money(settles[0], left),
        reason=Reason("matching", "invoice INV-7"),
    )
    names = {"2400": "Liabilities:Payables", "1900": "Assets:Pleo:Wallet"}
    note = entry_text(sample_payment(matches=(found,)), names).partition(" note ")[2]
    assert note.startswith(f'Liabilities:Payables "{told} (invoice INV-7)"')


async def test_the_filter_of_a_bill_shows_its_payment_clearing_note_and_receipt(
    ledger: LedgerConnector, ledger_settings: LedgerSettings, tmp_path: Path
) -> None:
    bill, _ = await recorded(ledger, sample_invoice(worth=9000), sample_payment(units=9100, charged=10_000))
    found = await ledger.find(bill.reference)
    assert found is not None
    await ledger.attach(bill, found, sample_file(tmp_path))
    await ledger.record(sample_invoice("invoice-10", invoice=InvoiceDetails("INV-8", None, None)))
    shown = FavaLedger(str(ledger_settings.folder / "main.beancount"))
    assert shown.errors == []
    entries = shown.get_filtered(filter="^pleo-invoice-1").entries
    assert sorted(type(one).__name__ for one in entries) == ["Document", "Note"] + ["Transaction"] * 3
    narrations = [getattr(one, "narration", "") for one in entries if type(one).__name__ == "Transaction"]
    assert sorted(narrations) == ["Cleared: Printer paper", "Printer paper", "Printer paper"]


async def test_payables_are_the_same_for_another_process_and_after_all_months_moved(
    ledger: LedgerConnector, ledger_settings: LedgerSettings, month: Path
) -> None:
    documents: list[Document] = []
    for entry in await recorded(
        ledger,
        sample_invoice(),
        *(sample_payment(f"payment-{n}", units=u) for n, u in ((2, 3000), (1, 7000))),
    ):
        documents = list(settled_by(documents, entry))
    month.rename(month.with_name("02"))
    other = LedgerConnector(ledger_settings)
    for reader in (ledger, other):
        assert list(await reader.payables(VENDOR)) == documents
    await other.close()


async def test_a_match_that_a_bookkeeper_takes_out_is_undone(ledger: LedgerConnector, month: Path) -> None:
    await recorded(ledger, sample_invoice(), sample_payment())
    assert await settled(ledger) == {"invoice-1": 10_000, "payment-1": 10_000}
    without_note(month / "payment-1.beancount")
    assert await settled(ledger) == {"invoice-1": 0, "payment-1": 0}


async def test_an_amount_that_a_bookkeeper_corrects_counts(ledger: LedgerConnector, month: Path) -> None:
    await recorded(ledger, sample_invoice())
    edit(
        month / "invoice-1.beancount",
        "  payable-amount: 100.00 EUR",
        "  payable-amount: 1,090.5 EUR ; a typing error",
    )
    assert [one.open for one in await ledger.payables(VENDOR)] == [Money("EUR", 109_050)]


async def test_a_payment_that_is_deleted_leaves_its_bill_open(ledger: LedgerConnector, month: Path) -> None:
    await recorded(ledger, sample_invoice(), sample_payment())
    (month / "payment-1.beancount").unlink()
    assert await settled(ledger) == {"invoice-1": 0}


async def test_a_file_that_was_copied_counts_once_and_under_another_name_not_at_all(
    ledger: LedgerConnector, month: Path
) -> None:
    await recorded(ledger, sample_invoice(), sample_payment())
    month.with_name("02").mkdir()
    copy(month / "payment-1.beancount", month.with_name("02"))
    copy(month / "payment-1.beancount", month / "payment-1-copy.beancount")
    copy(month / "payment-1.beancount", month / "payment-1.old.beancount")
    assert await settled(ledger) == {"invoice-1": 10_000, "payment-1": 10_000}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("payable-amount: 100.00 EUR", "payable-amount: much"),
        ("payable-amount: 100.00 EUR", "payable-amount: 100.001 EUR"),
        ("payable-amount: 100.00 EUR", "payable-amount: 100.00 XQX"),
        ("payable-amount: 100.00 EUR", "payable-amount: , EUR"),
        ('pleo-kind: "bill"', 'pleo-kind: "letter"'),
        ("payable-account:", "payable:"),
        ('pleo-id: "invoice-1"', 'pleo-id: "another"'),
    ],
)
async def test_a_file_whose_words_cannot_be_read_owes_nothing_and_hides_no_other(
    ledger: LedgerConnector, month: Path, before: str, after: str
) -> None:
    await recorded(ledger, sample_invoice(), sample_invoice("invoice-2"))
    edit(month / "invoice-1.beancount", before, after)
    assert list(await settled(ledger)) == ["invoice-2"]


async def test_a_dimension_never_passes_for_what_is_owed(ledger: LedgerConnector, month: Path) -> None:
    await recorded(ledger, sample_invoice())
    edit(month / "invoice-1.beancount", '    reason: "sample: 6100"', "    payable-other: 7.00 USD")
    assert [one.owed.other for one in await ledger.payables(VENDOR)] == [None]


async def test_only_what_changed_is_read_again(
    ledger: LedgerConnector, month: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await recorded(ledger, *(sample_invoice(f"invoice-{number}") for number in range(3)))
    first = await ledger.payables(VENDOR)
    read = _texts_read(monkeypatch)
    assert await ledger.payables(VENDOR) is first
    assert read == []
    edit(month / "invoice-1.beancount", "payable-amount: 100.00 EUR", "payable-amount: 10.00 EUR")
    assert [one.open.units for one in await ledger.payables(VENDOR)] == [10_000, 10_000, 1000]
    assert [metadata_text(text, "pleo-id") for text in read] == ["invoice-1"]


def _texts_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the files of bills and payments that are read from now on."""
    read: list[str] = []

    def reading(text: str) -> dict[str, str]:
        read.append(text)
        return head_of(text)

    monkeypatch.setattr(payables, "head_of", reading)
    return read


def test_books_in_which_most_is_paid_by_card_are_known_without_being_held(month: Path) -> None:
    month.mkdir(parents=True)
    for number in range(CARD_ENTRIES):
        (month / f"00000000-0000-4000-8000-{number:012}.beancount").write_text('2026-01-01 * "card"\n')
    known = payables.LedgerPayables(LedgerFolder(month.parents[1]))
    tracemalloc.start()
    try:
        assert list(known.of(VENDOR)) == []
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / CARD_ENTRIES < 150


async def test_a_month_that_changed_a_moment_ago_is_listed_again(
    ledger: LedgerConnector, month: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await recorded(ledger, sample_invoice())
    changed = month.stat().st_mtime_ns
    assert len(await ledger.payables(VENDOR)) == 1
    await recorded(ledger, sample_invoice("invoice-2"))
    # As on a file system whose clock did not tick in between.
    os.utime(month, ns=(changed, changed))
    assert len(await ledger.payables(VENDOR)) == 2


async def test_a_ledger_that_is_not_there_owes_nothing(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    assert list(await ledger.payables(VENDOR)) == []
    assert not ledger_settings.folder.exists()


@pytest.mark.slow
async def test_any_text_is_read_back_and_accepted_by_beancount(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    nasty = 'x" \\\n2026-01-01 open Assets:Forged\n  settled: 1.00 EUR\n  payable-amount: 5.00 EUR ; "'
    vendor = EntryVendor(nasty, nasty, create=True)
    bill = sample_invoice(nasty, vendor=vendor, invoice=InvoiceDetails(nasty, None, None), journal="P")
    document = document_of(bill)
    assert document is not None
    payment = sample_payment(vendor=vendor, invoice=bill.invoice, missing_files=(nasty,))
    payment = match(payment, [document], EXCHANGE)
    for entry in (bill, payment):
        await ledger.record(entry)
    first, second = await ledger.payables(nasty)
    assert (first.reference, first.invoice_number, first.open.units) == (nasty, nasty, 0)
    assert (second.reference, second.owed) == ("payment-1", Owed("2400", Money("EUR", 10_000)))
    verdict = bean_check(ledger_settings.folder, 30)
    assert verdict.clean, verdict


@pytest.mark.parametrize(
    ("settled", "paid", "currency"), [(7_260_627, 81_528_948, "JPY"), (100_03, 90_01, "EUR")]
)
async def test_a_price_that_cannot_be_written_exactly_still_balances(
    ledger: LedgerConnector, ledger_settings: LedgerSettings, settled: int, paid: int, currency: str
) -> None:
    dollars, whole = Money("USD", settled), Money(currency, paid)
    clearing = (
        sample_posting("2400", settled, "USD", value=whole),
        sample_posting("2400", -paid, currency),
    )
    await ledger.record(sample_payment(owed=Owed("2400", whole, dollars), clearing=clearing))
    verdict = bean_check(ledger_settings.folder, 60)
    assert verdict.clean, verdict.errors


@pytest.mark.slow
async def test_a_bill_is_cleared_against_payments_from_wallets_in_two_currencies(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    half, pounds = Money("USD", 5000), Money("GBP", 4000)
    from_pounds = sample_payment(
        "payment-2",
        postings=(sample_posting("2400", 4000, "GBP"), sample_posting("1900", -4000, "GBP")),
        owed=Owed("2400", pounds, half),
    )
    bill = sample_invoice(worth=9000)
    await recorded(ledger, sample_payment(units=4600, charged=5000), from_pounds, bill)
    assert await settled(ledger) == {"payment-1": 4600, "payment-2": 4000, "invoice-1": 10_000}
    verdict = bean_check(ledger_settings.folder, 60)
    assert verdict.clean, verdict.errors
    amounts = trial_balance(ledger_settings.folder)
    assert [key for key, amount in amounts.items() if key[0] == "Liabilities:Payables" and amount] == []
    assert amounts["Expenses:ExchangeDifferences", "EUR"] == 1
