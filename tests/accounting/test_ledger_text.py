import shutil
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data
from fava.core import FavaLedger
from fava.util import slugify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pleo_export.accounting.acceptance import UnknownAccountError
from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings, bean_check, trial_balance
from pleo_export.accounting.ledger.reader import entry_facts, metadata_text
from pleo_export.accounting.ledger.syntax import (
    is_account_name,
    metadata_key,
    quoted,
    readable,
    safe_name,
    slug,
    unquoted,
)
from pleo_export.accounting.ledger.writer import entry_text
from pleo_export.accounting.port import Recorded
from pleo_export.crash_points import struck_by
from pleo_export.domain.entry import Dimension, Entry, EntryState, EntryVendor, InvoiceDetails, Reason
from pleo_export.domain.money import Money
from pleo_export.testing.samples import sample_bill, sample_entry, sample_file, sample_posting

NAMES = {
    "6100": "Expenses:OfficeSupplies",
    "2610": "Assets:InputVAT",
    "1900": "Assets:Pleo:Wallet",
    "2400": "Liabilities:Payables",
}
NASTY = [
    'He said "no" \\ and \\" left',
    'x"\n  pleo-id: "forged"\n2026-01-01 open Assets:Forged\n',
    'option "insert_pythonpath" "TRUE"',
    "first\r\nsecond\rthird\u2028fourth\ttab",
    "bell\x07 null\x00 escape\x1b delete\x7f next\x85",
    "שלום עולם \u202eevil\u202c مرحبا",
    "👩\u200d👩\u200d👧 🧾",
    "; # ^ { } @@ * ! | ~",
    "ends with a backslash \\",
    "long " * 800,
    "line\n" * 200,
    "",
]


def full_entry(reference: str = "full-1") -> Entry:
    dimensions = (Dimension("COST_CENTRE", "CC-100"), Dimension("reason", "clash"), Dimension("部門", "営業"))
    expense = sample_posting(
        "6100",
        10_000,
        line_id="line-1",
        tax_code="V25",
        dimensions=dimensions,
        original=Money("JPY", 16_000),
        reason=Reason("category", "6100", "default account"),
    )
    return sample_bill(
        reference,
        state=EntryState.DRAFT,
        postings=(expense, sample_posting("2400", -10_000)),
        expense_date=date(2025, 12, 30),
        attendees=("Ada Example", 'Grace "G" Example'),
        reconciled_entries=("10452", "book 7"),
        service_period=(date(2026, 1, 1), date(2026, 3, 31)),
        team="Sales",
        user="Ada Example",
        pleo_url="https://app.pleo.example/e/1",
        job_id="job-1",
        item_sub_type="subscription",
    )


async def test_an_entry_reads_like_this(ledger: LedgerConnector, ledger_settings: LedgerSettings) -> None:
    await ledger.record(full_entry())
    text = (ledger_settings.folder / "2026/01/full-1.beancount").read_text(encoding="utf-8")
    assert text == (
        f"""\
2026-01-03 ! "Nordic Paper" "Printer paper" #pleo ^pleo-full-1 ^pleo-rec-10451 ^pleo-rec-10452 ^pleo-rec-{safe_name("book 7")}
  pleo-id: "full-1"
  pleo-job: "job-1"
  pleo-type: "card_purchase"
  pleo-subtype: "subscription"
  pleo-kind: "bill"
  fingerprint: "{full_entry().fingerprint}"
  reconciliation-id: "10451"
  reconciled-entries: "10452; book 7"
  pleo-url: "https://app.pleo.example/e/1"
  expense-date: 2025-12-30
  booked: "card_purchase: debit category, credit wallet"
  method: "method: journal"
  vendor-id: "V-1001"
  vendor: "Nordic Paper ApS"
  invoice-number: "INV-7"
  invoice-date: 2026-01-03
  due-date: 2026-02-14
  service-from: 2026-01-01
  service-to: 2026-03-31
  attendees: "Ada Example; Grace \\"G\\" Example"
  team: "Sales"
  employee: "Ada Example"
  Expenses:OfficeSupplies                               100.00 EUR
    reason: "category: 6100 (fallback: default account)"
    line-id: "line-1"
    tax-code: "V25"
    other-currency: 16000 JPY
    cost-centre: "CC-100"
    reason-2: "clash"
    dimension: "営業"
  Liabilities:Payables                                 -100.00 EUR
    reason: "sample: 2400"

2026-01-03 ! "Nordic Paper" "Paid: Printer paper" #pleo ^pleo-full-1 ^pleo-rec-10451 ^pleo-rec-10452 ^pleo-rec-{safe_name("book 7")}
  settles: "full-1"
  Liabilities:Payables                                  100.00 EUR
    reason: "sample: 2400"
  Assets:Pleo:Wallet                                   -100.00 EUR
    reason: "sample: 1900"
"""
    )


async def test_the_root_files_read_like_this(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    await ledger.record(sample_entry())
    assert (ledger_settings.folder / "main.beancount").read_text() == (
        """\
; Written once, then yours: add options, plugins and includes here.
option "title" "Demo ApS"
option "operating_currency" "EUR"

include "accounts.beancount"
include "[0-9]*/*/*.beancount"
"""
    )
    accounts = (ledger_settings.folder / "accounts.beancount").read_text()
    assert '1970-01-01 open Expenses:OfficeSupplies\n  code: "6100"\n  label: "Office supplies"\n' in accounts
    assert "1970-01-01 open Expenses:EuroOnly EUR\n" in accounts
    assert '2025-12-31 custom "period-lock" ' in accounts


async def test_root_files_that_stand_are_not_written_for_another_run(ledger_settings: LedgerSettings) -> None:
    places: list[str] = []
    with struck_by(places.append):
        await LedgerConnector(ledger_settings).record(sample_entry("first"))
        files = places.count("ledger.written")
        await LedgerConnector(ledger_settings).record(sample_entry("second"))
    assert (files, places.count("ledger.written")) == (3, 4)  # two of the first were roots


async def test_currencies_keep_their_own_decimals_and_sum_exactly(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    for currency in ("JPY", "EUR", "KWD"):
        postings = (
            sample_posting("6100", 333, currency),
            sample_posting("6100", 667, currency),
            sample_posting("1900", -1000, currency),
        )
        await ledger.record(sample_entry(currency, postings=postings))
    text = "".join(path.read_text() for path in sorted(ledger_settings.folder.glob("2026/01/*")))
    assert [amount in text for amount in (" 333 JPY", " 3.33 EUR", " 0.333 KWD")] == [True] * 3
    assert trial_balance(ledger_settings.folder) == {
        ("Expenses:OfficeSupplies", "JPY"): Decimal(1000),
        ("Assets:Pleo:Wallet", "JPY"): Decimal(-1000),
        ("Expenses:OfficeSupplies", "EUR"): Decimal("10.00"),
        ("Assets:Pleo:Wallet", "EUR"): Decimal("-10.00"),
        ("Expenses:OfficeSupplies", "KWD"): Decimal("1.000"),
        ("Assets:Pleo:Wallet", "KWD"): Decimal("-1.000"),
    }


async def test_the_link_is_the_address_fava_gives_to_the_entry(ledger: LedgerConnector) -> None:
    recorded = await ledger.record(sample_entry("exp-1"))
    expected = f"https://books.example/fava/{slugify('Demo ApS')}/journal/?filter=%5Epleo-exp-1"
    assert ledger.link(recorded) == expected


async def test_favas_filter_shows_an_entry_with_its_settlement_and_receipt_and_nothing_else(
    ledger: LedgerConnector, ledger_settings: LedgerSettings, tmp_path: Path
) -> None:
    entry = full_entry("exp-1")
    await ledger.attach(entry, await ledger.record(entry), sample_file(tmp_path))
    await ledger.record(sample_entry("exp-10"))
    shown = FavaLedger(str(ledger_settings.folder / "main.beancount"))
    assert shown.errors == []
    by_reference = shown.get_filtered(filter="^pleo-exp-1").entries
    assert [type(one).__name__ for one in by_reference] == ["Transaction", "Transaction", "Document"]
    by_reconciliation = shown.get_filtered(filter="^pleo-rec-10451").entries
    assert [type(one).__name__ for one in by_reconciliation] == ["Transaction"] * 3


def test_there_is_no_link_without_fava_or_chart(ledger_settings: LedgerSettings, tmp_path: Path) -> None:
    recorded = Recorded(external_id="exp-1", posted=date(2026, 1, 3), fingerprint=None)
    for changes in ({"fava_url": None}, {"chart": tmp_path / "none.toml"}):
        assert LedgerConnector(ledger_settings.model_copy(update=changes)).link(recorded) is None


@given(st.text())
def test_slugs_are_favas(title: str) -> None:
    assert slug(title) == slugify(title)


@given(st.text())
def test_any_text_reads_back_from_its_one_line(text: str) -> None:
    written = quoted(text)
    assert len(written.splitlines()) == 1
    assert unquoted(written[1:-1]) == readable(text)
    assert metadata_text(f"  a-key: {written}\n", "a-key") == readable(text)


def test_half_a_character_cannot_stop_a_file_from_being_written() -> None:
    assert quoted("half \ud83d").encode() == '"half \ufffd"'.encode()


@given(st.text(), st.text())
def test_names_are_safe_and_never_shared(one: str, other: str) -> None:
    assert safe_name(one).isascii()
    assert not set(safe_name(one)) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert 0 < len(safe_name(one)) <= 100
    assert (safe_name(one) == safe_name(other)) == (one == other)


@given(st.lists(st.text(), max_size=6))
def test_metadata_keys_are_valid_and_never_taken_twice(groups: list[str]) -> None:
    taken = {"reason"}
    for group in groups:
        key = metadata_key(group, taken)
        assert key not in taken
        assert len(key) >= 2
        assert key[0].islower()
        assert key.isascii()
        assert key.replace("-", "a").isalnum()
        taken.add(key)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("Expenses:OfficeSupplies", True),
        ("Expenses:Büro:6100", True),
        ("Assets:Öl-1", True),
        ("Expenses", False),
        ("Expenses:travel costs", False),
        ("Expenses:travel", False),
        ("Expenses:", False),
        ("Costs:Travel", False),
        ("Expenses:A\nB", False),
        ("Expenses:日本", False),
    ],
)
def test_account_names_are_beancounts(name: str, *, valid: bool) -> None:
    assert is_account_name(name) is valid


async def test_a_preview_is_the_text_that_would_be_written(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    preview = await ledger.preview(full_entry())
    await ledger.record(full_entry())
    assert (ledger_settings.folder / "2026/01/full-1.beancount").read_text(encoding="utf-8") == preview
    with pytest.raises(UnknownAccountError, match="9999"):
        await ledger.preview(sample_entry(postings=(sample_posting("9999", 0),)))


def test_what_an_entry_does_not_have_is_not_written() -> None:
    keys = [
        line.split(":")[0].strip() for line in entry_text(sample_entry(payee=None), NAMES).split("\n")[1:8]
    ]
    assert keys == [
        "pleo-id",
        "pleo-type",
        "pleo-kind",
        "fingerprint",
        "reconciliation-id",
        "booked",
        "method",
    ]


def test_an_edited_file_is_read_as_it_is_now() -> None:
    text = entry_text(sample_entry(), NAMES).replace("2026-01-03 *", "2026/2/7  txn")
    facts = entry_facts(text)
    assert facts is not None
    assert (facts.posted, facts.reference) == (date(2026, 2, 7), "exp-1")


@pytest.mark.parametrize(
    "text", ["", "; 2026-01-03 * gone\n", "2026-13-45 * date\n", "2026-01-03 open Assets:A\n"]
)
def test_a_file_without_a_transaction_has_no_facts(text: str) -> None:
    assert entry_facts(text) is None


def loaded(ledger: Path) -> list[data.Transaction]:
    entries, errors, _ = loader.load_file(str(ledger / "main.beancount"))
    assert errors == []
    return [entry for entry in entries if isinstance(entry, data.Transaction) and "pleo-id" in entry.meta]


async def record_all(connector: LedgerConnector, entries: list[Entry]) -> None:
    for entry in entries:
        await connector.record(entry)


@pytest.fixture(autouse=True)
def no_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEANCOUNT_DISABLE_LOAD_CACHE", "1")


@pytest.mark.slow
async def test_beancount_accepts_every_feature_and_any_text(
    ledger: LedgerConnector, ledger_settings: LedgerSettings, tmp_path: Path
) -> None:
    await record_all(ledger, [hostile(f"nasty-{at}", text) for at, text in enumerate(NASTY)])
    await ledger.record(sample_entry("no-payee", payee=None))
    await ledger.record(sample_entry("strange / ^reference#", reconciliation_id="a:b c"))
    entry = full_entry()
    recorded = await ledger.record(entry)
    await ledger.attach(entry, recorded, sample_file(tmp_path))
    verdict = bean_check(ledger_settings.folder, 30)
    assert verdict.clean, verdict
    narrations = {one.meta["pleo-id"]: one.narration for one in loaded(ledger_settings.folder)}
    assert [narrations[f"nasty-{at}"] for at in range(len(NASTY))] == [readable(text) for text in NASTY]
    assert "forged" not in narrations


async def test_beancount_accepts_a_ledger_without_entries(
    ledger: LedgerConnector, ledger_settings: LedgerSettings
) -> None:
    await ledger.record(sample_entry())
    (ledger_settings.folder / "2026/01/exp-1.beancount").unlink()
    assert bean_check(ledger_settings.folder, 30).clean


def hostile(reference: str, text: str) -> Entry:
    posting: dict[str, Any] = {
        "line_id": text,
        "tax_code": text,
        "dimensions": (Dimension(text, text),),
        "reason": Reason(text, text, text),
    }
    return sample_entry(
        reference,
        payee=text,
        description=text,
        item_type=text,
        reconciliation_id=text,
        reconciled_entries=(text,),
        attendees=(text,),
        vendor=EntryVendor(text or "nobody", text, create=True, tax_identifier=text),
        invoice=InvoiceDetails(text, None, None),
        team=text,
        user=text,
        pleo_url=text,
        postings=(sample_posting("6100", 100, **posting), sample_posting("1900", -100)),
    )


@pytest.mark.slow  # a folder and a reading by Beancount for each example
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(texts=st.lists(st.text(), min_size=20, max_size=40))
async def test_beancount_reads_back_whatever_text_was_written(texts: list[str], chart_file: Path) -> None:
    root = Path(tempfile.mkdtemp(dir=chart_file.parent))
    connector = LedgerConnector(LedgerSettings(folder=root, chart=chart_file))
    await record_all(connector, [hostile(f"exp-{at}", text) for at, text in enumerate(texts)])
    await connector.close()
    found = {entry.meta["pleo-id"]: entry for entry in loaded(root)}
    for at, text in enumerate(texts):
        entry, kept = found[f"exp-{at}"], readable(text)
        posting = entry.postings[0].meta
        assert posting is not None
        got = [entry.payee, entry.narration, entry.meta["vendor"], entry.meta["team"], posting["tax-code"]]
        assert got == [kept] * 5
        assert entry.meta.get("attendees", "") == kept
    shutil.rmtree(root)
