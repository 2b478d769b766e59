"""The documents of one entry in Odoo: what was interrupted, posted by hand or refused leaves none of them alone."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.odoo.errors import OdooBusyError, OdooFaultError
from pleo_export.accounting.port import EntryRefusedError, NoAnswerError, Recorded
from pleo_export.domain.entry import Entry
from pleo_export.domain.matching import match
from pleo_export.testing.samples import sample_bill, sample_entry, sample_invoice, sample_payment
from pleo_export.testing.totals import totals_of_entries
from tests.accounting.odoo.books import FACTS, OdooBooks
from tests.accounting.odoo.faults import raising, strike

pytestmark = pytest.mark.slow

Interrupt = Callable[[Entry, str], Any]


@pytest.fixture
async def connector(books: OdooBooks) -> AsyncIterator[OdooConnector]:
    connector = books.connector()
    await connector.reference_data()
    yield connector
    await connector.close()


@pytest.fixture
def interrupt(connector: OdooConnector, monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    async def interrupted(entry: Entry, step: str) -> None:
        strike(monkeypatch, connector, step, raising(NoAnswerError("lost")), before=True)
        with pytest.raises(NoAnswerError):
            await connector.record(entry)

    return interrupted


async def matched(connector: OdooConnector, entry: Entry) -> Entry:
    return match(entry, await connector.payables(FACTS.vendor.id), FACTS.exchange)


def post(books: OdooBooks, reference: str) -> None:
    (move,) = books.moves(reference)
    books.database.call("account.move", "action_post", ids=[move["id"]])


def states(books: OdooBooks) -> list[str]:
    return [one["state"] for one in books.read("account.move", [], ["state"])]


async def test_a_settlement_that_was_left_a_draft_is_posted_once_somebody_posted_its_bill_alone(
    books: OdooBooks, connector: OdooConnector, interrupt: Interrupt
) -> None:
    bill = sample_bill(facts=FACTS)
    await interrupt(bill, "action_post")
    post(books, "bill-1")
    assert sorted(states(books)) == ["draft", "posted"]
    assert await connector.find("bill-1") is None
    recorded = await connector.record(bill)
    assert not recorded.created
    assert states(books) == ["posted", "posted"]
    assert books.moves("bill-1")[0]["payment_state"] == "paid"
    assert await connector.find("bill-1") == recorded
    assert await books.totals() == totals_of_entries(bill)


async def test_a_clearing_that_was_left_a_draft_is_matched_and_posted_as_well(
    books: OdooBooks, connector: OdooConnector, interrupt: Interrupt
) -> None:
    bill = sample_invoice(facts=FACTS, worth=9000)
    await connector.record(bill)
    payment = await matched(connector, sample_payment(facts=FACTS, units=9100, charged=10_000))
    await interrupt(payment, "reconcile")
    post(books, "payment-1")
    assert await connector.find("payment-1") is None
    assert not (await connector.record(payment)).created
    assert set(states(books)) == {"posted"}
    assert [one.open.units for one in await connector.payables(FACTS.vendor.id)] == [0, 0]
    assert await books.totals() == totals_of_entries(bill, payment)


async def test_a_refusal_of_what_was_left_beside_a_posted_bill_leaves_it_for_the_next_export(
    books: OdooBooks, connector: OdooConnector, interrupt: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = sample_bill(facts=FACTS)
    await interrupt(bill, "action_post")
    post(books, "bill-1")
    strike(monkeypatch, connector, "action_post", raising(EntryRefusedError("no")), before=True)
    with pytest.raises(EntryRefusedError):
        await connector.record(bill)
    assert sorted(states(books)) == ["draft", "posted"]
    assert isinstance(await connector.record(bill), Recorded)
    assert states(books) == ["posted", "posted"]


async def test_a_draft_that_was_left_goes_when_the_next_attempt_is_refused(
    books: OdooBooks, connector: OdooConnector, interrupt: Interrupt
) -> None:
    facts = replace(FACTS, expense="1870")
    await interrupt(sample_bill(facts=facts), "action_post")
    assert len(states(books)) == 2
    (account,) = books.read("account.account", [["code", "=", "1870"]], ["id"])
    books.database.call("account.account", "write", ids=[account["id"]], vals={"active": False})
    await connector.reference_data()
    with pytest.raises(EntryRefusedError, match="1870"):
        await connector.record(sample_bill(facts=facts))
    assert states(books) == []
    assert await books.totals() == {}


async def test_a_settlement_whose_bill_somebody_deleted_is_made_anew_with_it(
    books: OdooBooks, connector: OdooConnector, interrupt: Interrupt
) -> None:
    await interrupt(sample_bill(facts=FACTS), "action_post")
    books.database.call("account.move", "unlink", ids=[books.moves("bill-1")[0]["id"]])
    now = sample_bill(facts=FACTS, posting_date=FACTS.other_open_day)
    await connector.record(now)
    days = {one["date"] for one in books.read("account.move", [], ["date"])}
    assert (states(books), days) == (["posted", "posted"], {FACTS.other_open_day.isoformat()})
    assert books.moves("bill-1")[0]["payment_state"] == "paid"
    assert await books.totals() == totals_of_entries(now)


async def test_what_was_left_is_not_posted_as_it_was_where_it_cannot_be_taken_away(
    books: OdooBooks, connector: OdooConnector, interrupt: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupt(sample_bill(facts=FACTS), "action_post")
    now = sample_bill(facts=FACTS, posting_date=FACTS.other_open_day)
    strike(monkeypatch, connector, "unlink", raising(OdooBusyError("busy")), before=True)
    with pytest.raises(OdooBusyError):
        await connector.record(now)
    assert states(books) == ["draft", "draft"]
    assert (await connector.record(now)).posted == FACTS.other_open_day


async def test_an_entry_that_was_cancelled_gets_no_new_documents_beside_it(
    books: OdooBooks, connector: OdooConnector
) -> None:
    await connector.record(sample_bill(facts=FACTS, settlement=()))
    (move,) = books.moves("bill-1")
    for step in ("button_draft", "button_cancel"):
        books.database.call("account.move", step, ids=[move["id"]])
    with pytest.raises(EntryRefusedError, match="cancelled"):
        await connector.record(sample_bill(facts=FACTS))
    assert states(books) == ["cancel"]


async def test_a_returned_payment_that_is_refused_leaves_bill_and_payment_matched(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry in (
        sample_invoice(facts=FACTS),
        sample_payment("part-1", facts=FACTS, units=4000),
        sample_payment("part-2", facts=FACTS, units=6000),
    ):
        await connector.record(await matched(connector, entry))
    before = await connector.payables(FACTS.vendor.id)
    returned = await matched(connector, sample_payment("back-1", facts=FACTS, units=-6000))
    for step in ("reconcile", "action_post"):
        strike(monkeypatch, connector, step, raising(EntryRefusedError("no")), before=True)
        with pytest.raises(EntryRefusedError):
            await connector.record(returned)
        assert books.moves("back-1") == []
        assert list(await connector.payables(FACTS.vendor.id)) == list(before)
        assert books.moves("invoice-1")[0]["payment_state"] == "paid"
    await connector.record(returned)
    assert [one.open.units for one in await connector.payables(FACTS.vendor.id)] == [6000, 0, 0, 0]


async def test_a_fault_of_odoo_at_the_taking_away_of_drafts_is_told_to_no_other_entry(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    strike(monkeypatch, connector, "action_post", raising(EntryRefusedError("no")), before=True)
    strike(monkeypatch, connector, "unlink", raising(OdooFaultError("HTTP 500")), before=True)
    with pytest.raises(EntryRefusedError):
        await connector.record(sample_entry(facts=FACTS))
    assert states(books) == []  # the second try of taking them away did it
    assert (await connector.record(sample_entry(facts=FACTS))).created
