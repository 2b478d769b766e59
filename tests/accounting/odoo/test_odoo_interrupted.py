"""Matches whose making was interrupted at any call: the next attempt makes them, or undoes them where it is refused."""

from collections.abc import AsyncIterator, Sequence

import pytest

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.port import EntryRefusedError, NoAnswerError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, EntryState
from pleo_export.domain.matching import match
from pleo_export.testing.samples import sample_invoice, sample_payment
from tests.accounting.odoo.books import FACTS, OdooBooks
from tests.accounting.odoo.faults import raising, strike

pytestmark = pytest.mark.slow

STATES = list(EntryState)


@pytest.fixture
async def connector(books: OdooBooks) -> AsyncIterator[OdooConnector]:
    connector = books.connector()
    await connector.reference_data()
    yield connector
    await connector.close()


async def matched(connector: OdooConnector, entry: Entry) -> Entry:
    return match(entry, await connector.payables(FACTS.vendor.id), FACTS.exchange)


async def left(connector: OdooConnector) -> list[int]:
    return [one.open.units for one in await connector.payables(FACTS.vendor.id)]


async def interrupt_at_each(
    patch: pytest.MonkeyPatch, connector: OdooConnector, entry: Entry, steps: Sequence[tuple[str, bool]]
) -> None:
    """Lose a call of each step, one attempt a step, before or after it had its effect; then record the entry."""
    for step, before in steps:
        told = await matched(connector, entry)
        strike(patch, connector, step, raising(NoAnswerError("lost")), before=before)
        with pytest.raises(NoAnswerError):
            await connector.record(told)
        assert await connector.find(entry.reference) is None
    patch.undo()
    await connector.record(await matched(connector, entry))
    assert await connector.find(entry.reference) is not None


@pytest.mark.parametrize("state", STATES)
async def test_a_payment_interrupted_between_its_clearing_and_its_bill_is_finished(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch, state: EntryState
) -> None:
    await connector.record(sample_invoice(facts=FACTS, worth=9000, state=state))
    payment = sample_payment(facts=FACTS, units=9100, charged=10_000, state=state)
    await interrupt_at_each(monkeypatch, connector, payment, [("reconcile", False), ("reconcile", False)])
    assert await left(connector) == [0, 0]
    assert len(books.moves("payment-1")) == 1


@pytest.mark.parametrize("state", STATES)
async def test_a_payment_of_several_bills_interrupted_after_the_first_is_matched_with_all_of_them(
    connector: OdooConnector, monkeypatch: pytest.MonkeyPatch, state: EntryState
) -> None:
    for number in (1, 2):
        await connector.record(
            sample_invoice(
                f"invoice-{number}",
                facts=FACTS,
                state=state,
                invoice=None,
                reconciliation_id=str(10_451 + number),
            )
        )
    payment = sample_payment(facts=FACTS, units=20_000, state=state, invoice=None)
    await interrupt_at_each(monkeypatch, connector, payment, [("reconcile", False)])
    assert await left(connector) == [0, 0, 0]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("units", [4000, 10_000])
async def test_a_returned_payment_interrupted_at_any_call_opens_so_much_of_its_bill(
    connector: OdooConnector, monkeypatch: pytest.MonkeyPatch, state: EntryState, units: int
) -> None:
    await connector.record(sample_invoice(facts=FACTS, state=state))
    await connector.record(await matched(connector, sample_payment(facts=FACTS, state=state)))
    back = sample_payment("back-1", facts=FACTS, units=-units, state=state)
    steps = [("unlink", True), ("unlink", False), ("reconcile", True), ("reconcile", False)]
    await interrupt_at_each(monkeypatch, connector, back, steps)
    assert await left(connector) == [units, 0, 0]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", ["unlink", "reconcile"])
@pytest.mark.parametrize("worth", [None, 9000])
async def test_a_bill_and_its_payment_are_matched_again_where_an_interrupted_return_is_refused_by_now(
    books: OdooBooks,
    connector: OdooConnector,
    monkeypatch: pytest.MonkeyPatch,
    *,
    state: EntryState,
    step: str,
    worth: int | None,
) -> None:
    def paid(name: str, units: int, **changes: str) -> Entry:
        charged = None if worth is None else units
        return sample_payment(name, facts=FACTS, units=units, charged=charged, state=state, **changes)

    await connector.record(sample_invoice(facts=FACTS, state=state, worth=worth))
    await connector.record(await matched(connector, paid("payment-1", 10_000)))
    back = paid("back-1", -4000)
    strike(monkeypatch, connector, step, raising(NoAnswerError("lost")))
    with pytest.raises(NoAnswerError):
        await connector.record(await matched(connector, back))
    found = {one.cause for one in await connector.check()}
    assert Cause.ODOO_UNFINISHED in found
    with pytest.raises(EntryRefusedError):
        await connector.record(await matched(connector, paid("back-1", -4000, journal=FACTS.missing)))
    assert books.moves("back-1") == []
    assert await left(connector) == [0, 0]
    if state is EntryState.FINAL:
        assert books.moves("invoice-1")[0]["payment_state"] == "paid"


async def test_a_draft_whose_match_people_broke_stays_as_they_left_it(
    books: OdooBooks, connector: OdooConnector
) -> None:
    draft = EntryState.DRAFT
    await connector.record(sample_invoice(facts=FACTS, state=draft))
    payment = await matched(connector, sample_payment(facts=FACTS, state=draft))
    recorded = await connector.record(payment)
    pairs = books.read("account.partial.reconcile", [], ["id"])
    books.database.call("account.partial.reconcile", "unlink", ids=[one["id"] for one in pairs])
    assert await connector.find("payment-1") == await connector.record(payment)
    assert recorded.created
    assert await left(connector) == [10_000, 10_000]
