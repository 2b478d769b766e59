"""Bills and payments of one vendor in the same job, in later jobs, in any order, and through crashes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryBooks
from pleo_export.accounting.port import NoAnswerError, Recorded, Uniqueness
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry
from pleo_export.domain.matching import Document, settled_by
from pleo_export.domain.progress import Phase
from pleo_export.domain.reference import LedgerAccount, LedgerVendor, ReferenceData
from pleo_export.domain.settings import BookkeepingSettings, UnknownVendor
from pleo_export.testing.faults import Verb
from pleo_export.workflow.payables import Payables
from pleo_export.workflow.preview import preview_job
from pleo_export.workflow.problems import StoppedError
from tests.domain.test_matching import bill, payment
from tests.workflow.workflow_scene import (
    ACCOUNTS,
    BOOKS,
    Around,
    ChangeSettings,
    Crash,
    Scene,
    Watched,
    at,
    eid,
    expense,
)

EXCHANGE = "8500"
VENDORS = (LedgerVendor("V-1", "Paper"), LedgerVendor("V-2", "Cloud"))


def document(
    number: int, kind: str, euros: int, *, invoice: str = "INV-7", vendor: str = "V-1", **changes: Any
) -> dict[str, Any]:
    """An invoice, or a payment of one; `dollars` is what the supplier charges."""
    payload = expense(number, day=changes.pop("day", number))
    wallet = {"currency": "EUR", "value": euros * 100}
    dollars = changes.pop("dollars", None)
    supplier = wallet if dollars is None else {"currency": "USD", "value": dollars * 100}
    amount = {"inSupplierCurrency": supplier, "inWalletCurrency": wallet}
    payload["amount"] = amount
    payload["accountingEntryLines"][0] |= {"lineAmount": amount, "netAmount": amount}
    payload["additionalInformation"]["invoiceInformation"] = {
        "invoiceNumber": invoice,
        "invoiceDate": "2026-05-01",
        "status": "paid",
    }
    who = {"id": eid(900), "name": "Paper", "defaultCurrency": "EUR", "externalId": vendor}
    return payload | {"type": kind, "bookkeeping": {"method": "accounts_payable"}, "vendor": who} | changes


@pytest.fixture
async def payable(scene: Scene) -> Scene:
    """A scene with vendors and an account for exchange differences."""
    await scene.company.control("PATCH", f"/companies/{scene.company.id}", {"vendorBasedBookkeeping": True})
    accounts = {**BOOKS.accounts, EXCHANGE: LedgerAccount(EXCHANGE, "Exchange differences")}
    scene.use_books(MemoryBooks(ReferenceData(accounts=accounts, vendors=VENDORS)))
    scene.accounts = ACCOUNTS.model_copy(update={"exchange_difference": EXCHANGE})
    return scene


def entry(scene: Scene, number: int) -> Entry:
    return scene.books.entries[eid(number)]


def paid(scene: Scene, number: int) -> list[tuple[str, int]]:
    """What an entry was matched with, and what is left of the bill."""
    return [(match.reference, match.left.units) for match in entry(scene, number).matches]


async def test_a_payment_finds_the_bill_of_the_same_job(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100), document(2, "invoice_payment", 100))
    await payable.run_one()
    assert paid(payable, 2) == [(eid(1), 0)]


@pytest.mark.slow
async def test_a_payment_finds_the_bill_of_an_earlier_job(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100))
    await payable.run_one()
    await payable.company.job_of(document(2, "invoice_payment", 40), document(3, "invoice_payment", 60))
    await payable.run_one()
    assert (paid(payable, 2), paid(payable, 3)) == ([(eid(1), 60_00)], [(eid(1), 0)])


@pytest.mark.slow
async def test_a_bill_finds_the_payment_of_an_earlier_job(payable: Scene) -> None:
    await payable.company.job_of(document(2, "invoice_payment", 92, dollars=100))
    await payable.run_one()
    await payable.company.job_of(document(1, "invoice", 90, dollars=100))
    await payable.run_one()
    assert paid(payable, 1) == [(eid(2), 0)]
    assert {leg.account: leg.amount.units for leg in entry(payable, 1).clearing}[EXCHANGE] == 2_00


async def test_many_partial_payments_at_once_never_settle_more_than_the_bill(payable: Scene) -> None:
    parts = [document(number, "invoice_payment", 10, day=2) for number in range(2, 12)]
    await payable.company.job_of(document(1, "invoice", 100), *parts)
    await payable.run_one()
    left = [paid(payable, number)[0][1] for number in range(2, 12)]
    assert left == [90_00 - 10_00 * one for one in range(10)]


async def test_a_payment_is_recorded_and_left_open_where_its_bills_account_is_closed_since(
    payable: Scene,
) -> None:
    await payable.company.job_of(document(1, "invoice", 100))
    await payable.run_one()
    books, old = payable.books.reference_data, payable.accounts.accounts_payable
    closed = replace(books.accounts[old], active=False)
    accounts = {**books.accounts, old: closed, "2409": LedgerAccount("2409", "New payables")}
    payable.books.reference_data = replace(books, accounts=accounts)
    payable.accounts = payable.accounts.model_copy(update={"accounts_payable": "2409"})
    job_id = await payable.company.job_of(document(2, "invoice_payment", 100))
    async with payable.parts() as parts:
        (previewed,) = await preview_job(parts, job_id)
    await payable.run_one()
    assert previewed.entry is not None
    for one in (previewed.entry, entry(payable, 2)):
        assert one.matches == ()
        assert (
            str(one.matching)
            == f"matching: left open: bill INV-7 is on account {old}, which is no longer active"
        )


async def test_another_vendors_bill_is_nobodys(payable: Scene) -> None:
    await payable.company.job_of(
        document(1, "invoice", 100, vendor="V-2"), document(2, "invoice_payment", 100)
    )
    await payable.run_one()
    assert paid(payable, 2) == []


async def test_a_refused_bill_leaves_its_payment_open(payable: Scene) -> None:
    refused = document(1, "invoice", 100)
    refused["accountingEntryLines"][0]["account"] = None
    await payable.company.job_of(refused, document(2, "invoice_payment", 100))
    await payable.run_one()
    assert "no bill of invoice INV-7 in the books yet" in str(entry(payable, 2).matching)


async def test_nothing_is_begun_where_the_work_is_to_end_while_a_vendor_is_asked_about(
    payable: Scene,
) -> None:
    asked = asyncio.Event()

    class Asked(Around):
        async def payables(self, vendor_id: str | None) -> Sequence[Document]:
            asked.set()
            owed: Sequence[Document] = await self.inner.payables(vendor_id)
            return owed

    job_id = await payable.company.job_of(document(1, "invoice", 100))
    with pytest.raises(StoppedError):
        await payable.run(connector=Asked(payable.connector), stopping=asked.is_set)
    async with payable.parts() as parts:
        assert [item.phase for item in await parts.store.items(job_id)] == [Phase.PLANNED]
    assert payable.books.entries == {}


class Late(Around):
    """A connector that cannot say what became of one entry; it comes into the books when it is looked up."""

    late: Entry | None = None

    async def record(self, entry: Entry) -> Recorded:
        if entry.reference == eid(2) and self.late is None:
            self.late = entry
            raise NoAnswerError("the connection was lost")
        recorded: Recorded = await self.inner.record(entry)
        return recorded

    async def find(self, reference: str) -> Recorded | None:
        if self.late is not None and reference == eid(2):
            await self.inner.record(self.late)
        found: Recorded | None = await self.inner.find(reference)
        return found


async def test_while_nobody_knows_of_one_payment_the_next_one_settles_nothing(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100))
    await payable.run_one()
    payable.connector.change(uniqueness=Uniqueness.LOOKUP_ONLY, concurrency=1)
    payable.connector = Watched(Late(payable.connector))
    twice = (document(number, "invoice_payment", 100) for number in (2, 3))
    await payable.company.job_of(*twice)
    summary = await payable.settle(rounds=1)
    assert [item.phase for item in summary.items] == [Phase.RECORDED] * 2
    assert (paid(payable, 2), paid(payable, 3)) == ([(eid(1), 0)], [])


async def test_a_payment_whose_vendor_cannot_be_asked_about_was_surely_not_recorded(
    payable: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    payable.connector.change(uniqueness=Uniqueness.LOOKUP_ONLY)
    payable.faults.order(Verb.PAYABLES, NoAnswerError("lost"), times=100)
    await payable.company.job_of(document(1, "invoice_payment", 100))
    (item,) = (await payable.settle(rounds=2)).items
    assert (item.failure_code, item.unknown) == (Cause.SYSTEM_NO_ANSWER, False)
    assert "what is owed to the vendor could not be known" in str(item.failure_reason)
    assert payable.books.entries == {}


@pytest.mark.slow
async def test_a_payment_interrupted_after_it_was_recorded_is_matched_once(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100))
    await payable.run_one()
    await payable.company.job_of(document(2, "invoice_payment", 100))
    await payable.crash_after_recording()
    await payable.run_one()
    documents = {one.reference: one.open.units for one in await payable.connector.payables("V-1")}
    assert documents == {eid(1): 0, eid(2): 0}


@pytest.mark.slow
async def test_a_payment_interrupted_before_it_was_recorded_finds_its_bill_afterwards(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100), document(2, "invoice_payment", 100))

    payable.connector.before = at("record", 2, Crash())
    await payable.crash()
    assert eid(2) not in payable.books.entries
    await payable.run_one()
    assert paid(payable, 2) == [(eid(1), 0)]


@pytest.mark.slow
async def test_an_expense_exported_again_is_already_there_although_its_bill_is_paid_now(
    payable: Scene,
) -> None:
    await payable.company.job_of(document(1, "invoice", 100), document(2, "invoice_payment", 100))
    await payable.run_one()
    for number in (1, 2):
        await payable.company.press_export(number)
        (item,) = (await payable.run_one()).items
        assert item.already_there


async def test_a_preview_shows_the_match_with_a_bill_of_the_same_job_as_a_run_makes_it(
    payable: Scene,
) -> None:
    job_id = await payable.company.job_of(
        document(1, "invoice", 90, dollars=100), document(2, "invoice_payment", 92, dollars=100)
    )
    async with payable.parts() as parts:
        previews = await preview_job(parts, job_id)
    await payable.run_one()
    assert [one.entry for one in previews] == [entry(payable, 1), entry(payable, 2)]


async def test_bills_of_unknown_vendors_are_not_paid_by_each_others_payments(payable: Scene) -> None:
    payable.bookkeeping = BookkeepingSettings(unknown_vendor=UnknownVendor.FALLBACK_ACCOUNT)
    await payable.company.job_of(
        document(1, "invoice", 100, vendor="UNKNOWN-A"),
        document(2, "invoice_payment", 100, vendor="UNKNOWN-B"),
    )
    await payable.run_one()
    assert paid(payable, 2) == []


@pytest.mark.slow
async def test_a_preview_of_a_bill_that_stands_there_already_counts_it_once(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100))
    await payable.run_one()
    await payable.company.add(document(2, "invoice_payment", 40))
    job_id = await payable.company.press_export(1, 2)
    async with payable.parts() as parts:
        _, payment = await preview_job(parts, job_id)
    await payable.run_one()
    assert payment.entry == entry(payable, 2)
    assert paid(payable, 2) == [(eid(1), 60_00)]


@pytest.mark.slow
async def test_a_bill_that_was_removed_and_exported_again_is_not_paid_a_second_time(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100), document(2, "invoice_payment", 100))
    await payable.run_one()
    del payable.books.entries[eid(1)]
    await payable.company.add(document(3, "invoice_payment", 100))
    await payable.company.press_export(1, 3)
    await payable.run_one()
    assert paid(payable, 3) == []
    assert {one.reference: one.open.units for one in await payable.connector.payables("V-1")} == {
        eid(1): 0,
        eid(2): 0,
        eid(3): 100_00,
    }


@pytest.mark.slow
async def test_a_payment_of_nothing_is_recorded(payable: Scene) -> None:
    await payable.company.job_of(document(1, "invoice", 100), document(2, "invoice_payment", 100))
    await payable.run_one()
    await payable.company.job_of(document(3, "invoice_payment", 0))
    (item,) = (await payable.run_one()).items
    assert item.failure_reason is None


class Shelf:
    """A vendor's documents in books that take a moment for each, and whoever records there."""

    def __init__(self) -> None:
        self._documents: Sequence[Document] = ()
        self._payables = Payables(self._ask, None, BOOKS.accounts)

    async def _ask(self, _vendor: str | None) -> Sequence[Document]:
        return self._documents

    async def record(self, entry: Entry, *, heard: bool = True) -> list[str]:
        """Record an entry; return what it was matched with. One that is not `heard` of is there all the same."""
        async with self._payables.matched(entry) as matched:
            await asyncio.sleep(0)
            self._documents = settled_by(self._documents, matched)
            if heard:
                self._payables.recorded(matched)
        return [one.reference for one in matched.matches]


async def test_a_payment_that_is_begun_while_its_bill_is_recorded_finds_it() -> None:
    shelf = Shelf()
    owed, paid = await asyncio.gather(shelf.record(bill(100)), shelf.record(payment(100)))
    assert (owed, paid) == ([], ["bill"])


async def test_a_payment_finds_a_bill_of_which_no_answer_came() -> None:
    shelf = Shelf()
    await shelf.record(bill(70, reference="another", number="INV-6"))
    await shelf.record(bill(100), heard=False)
    assert await shelf.record(payment(100)) == ["bill"]
