"""What stands in books and in Pleo is read as an outsider sees it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from pleo_export.accounting.ledger import LedgerConnector, LedgerSettings
from pleo_export.accounting.memory import MemoryBooks, MemoryConnector
from pleo_export.accounting.port import Connector
from pleo_export.domain.entry import Entry
from pleo_export.domain.matching import document_of, match
from pleo_export.domain.money import Money
from pleo_export.domain.reference import LedgerAccount, LedgerVendor, ReferenceData
from pleo_export.testing.oracle import (
    BookEntry,
    Evidence,
    Settled,
    check,
    expected_of,
    ledger_entries,
    memory_entries,
    pleo_side,
)
from pleo_export.testing.oracle.readers import Entries
from pleo_export.testing.samples import (
    DEFAULT_FACTS,
    sample_bill,
    sample_entry,
    sample_files,
    sample_invoice,
    sample_payment,
)
from tests.accounting.conftest import CHART
from tests.simulator.simulator_api import Api

ENTRIES = (sample_entry(), sample_bill(), sample_invoice("invoice-1", worth=9_000))


async def booked(connector: Connector, folder: Path) -> tuple[str, ...]:
    """Record the entries, with two files beside the first; return their digests."""
    files = sample_files(folder, 2)
    for entry in ENTRIES:
        recorded = await connector.record(entry)
        for file in files if entry.reference == "exp-1" else ():
            await connector.attach(entry, recorded, file)
    await connector.close()
    return tuple(file.sha256 for file in files)


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerSettings:
    chart = tmp_path / "chart.toml"
    chart.write_text(CHART, encoding="utf-8")
    return LedgerSettings(folder=tmp_path / "ledger", chart=chart)


def unlike(entry: Entry) -> Entry:
    """The same entry with another amount."""
    legs = [replace(leg, amount=Money(leg.amount.currency, 2 * leg.amount.units)) for leg in entry.postings]
    return replace(entry, postings=tuple(legs))


async def test_a_ledger_is_read_from_its_files(ledger: LedgerSettings, tmp_path: Path) -> None:
    digests = await booked(LedgerConnector(ledger), tmp_path)
    found, expected = ledger_entries(ledger.folder), expected_of(ENTRIES)
    assert {reference: [one.totals for one in entries] for reference, entries in found.items()} == {
        reference: [one.totals] for reference, one in expected.items()
    }
    assert [one.external_id for one in found["bill-1"]] == ["bill-1"]
    assert found["exp-1"][0].files == digests
    assert found["bill-1"][0].files == ()
    assert expected_of([unlike(ENTRIES[0])])["exp-1"] != expected["exp-1"]


async def test_an_entry_written_twice_and_a_damaged_file_are_seen(
    ledger: LedgerSettings, tmp_path: Path
) -> None:
    digests = await booked(LedgerConnector(ledger), tmp_path)
    (entry,) = ledger.folder.rglob("exp-1.beancount")
    entry.with_name("again.beancount").write_bytes(entry.read_bytes())
    first, second = sorted(path for path in ledger.folder.rglob("exp-1.*.pdf"))
    first.write_bytes(b"%PDF-1.4 other")
    second.unlink()
    found = ledger_entries(ledger.folder)
    assert [one.external_id for one in found["exp-1"]] == ["again", "exp-1"]
    told = found["exp-1"][0].files
    assert told is not None
    assert not set(told) & set(digests)
    assert all("is not what its directive says" in one for one in told)


@pytest.fixture
def memory_books() -> MemoryBooks:
    codes = ("6100", "1900", "2610", "2400")
    vendors = (LedgerVendor(DEFAULT_FACTS.vendor.id, DEFAULT_FACTS.vendor.name),)
    accounts = {code: LedgerAccount(code, f"Account {code}") for code in codes}
    return MemoryBooks(ReferenceData(accounts=accounts, vendors=vendors))


async def test_books_in_memory_are_read(tmp_path: Path, memory_books: MemoryBooks) -> None:
    digests = await booked(MemoryConnector(memory_books), tmp_path)
    found, expected = memory_entries(memory_books), expected_of(ENTRIES)
    assert {reference: one.totals for reference, (one,) in found.items()} == {
        reference: one.totals for reference, one in expected.items()
    }
    assert [one.files for one in found["exp-1"]] == [digests]


async def settled(connector: Connector, read: Callable[[], Entries]) -> tuple[BookEntry, BookEntry]:
    """A foreign invoice and its payment, as they are read once both are in the books."""
    invoice = sample_invoice("invoice-1", worth=9_000)
    paid = sample_payment("payment-1", units=9_000, charged=10_000)
    for one in (invoice, match(paid, [*filter(None, [document_of(invoice)])], None)):
        await connector.record(one)
    await connector.close()
    found = read()
    return found["invoice-1"][0], found["payment-1"][0]


async def test_what_a_payment_settles_is_read_from_a_ledger_and_from_books_in_memory(
    ledger: LedgerSettings, memory_books: MemoryBooks
) -> None:
    for connector, read in (
        (LedgerConnector(ledger), lambda: ledger_entries(ledger.folder)),
        (MemoryConnector(memory_books), lambda: memory_entries(memory_books)),
    ):
        invoice, payment = await settled(connector, read)
        assert (invoice.owes, payment.owes, invoice.settles) == (10_000, 9_000, {})
        assert payment.settles == {"invoice-1": Settled(own=9_000, others=10_000)}


async def test_pleo_is_read_from_its_control_api() -> None:
    api = Api()
    job_id = await api.job_in_progress(2)
    told = {
        path: (await api.get(f"/control/{path}")).json
        for path in (f"companies/{api.company.id}", f"companies/{api.company.id}/items", "audit")
    }
    pleo = pleo_side(told.__getitem__, [api.company.id])
    assert [item["exportJobId"] for item in pleo.items[api.company.id]] == [job_id, job_id]
    (found,) = check(Evidence(books={}, pleo=pleo))
    assert str(found).endswith("It is still in_progress.")
