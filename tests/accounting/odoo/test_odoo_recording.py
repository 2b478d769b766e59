"""What happens to entries when calls are lost, Odoo goes down, others race, and some entries are bad."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.odoo.names import entry_id
from pleo_export.accounting.port import ConnectorError, EntryRefusedError, NoAnswerError, UnreachableError
from pleo_export.domain.entry import Entry, EntryState
from pleo_export.domain.matching import match
from pleo_export.testing.samples import sample_bill, sample_entry, sample_invoice, sample_payment
from pleo_export.testing.totals import totals_of_entries
from tests.accounting.odoo.books import FACTS, OdooBooks
from tests.accounting.odoo.faults import raising, strike
from tests.odoo.processes import sql

pytestmark = pytest.mark.slow

STEPS = ("load", "action_post", "search_read")
PROCESSES = 4


@pytest.fixture
async def connector(books: OdooBooks) -> AsyncIterator[OdooConnector]:
    connector = books.connector()
    await connector.reference_data()
    yield connector
    await connector.close()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_entry_is_made_once_whichever_call_was_lost(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    bill = sample_bill(facts=FACTS)
    strike(monkeypatch, connector, step, raising(NoAnswerError("lost")), before=moment == "before")
    with pytest.raises(NoAnswerError):
        await connector.record(bill)
    again = await books.open()
    found = await again.find("bill-1")
    recorded = await again.record(bill)
    assert found in (None, replace(recorded, created=False))
    await again.close()
    (move,) = books.moves("bill-1")
    assert (move["state"], move["payment_state"]) == ("posted", "paid")
    assert await books.totals() == totals_of_entries(bill)


async def test_an_entry_that_is_only_half_made_is_not_found(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    strike(monkeypatch, connector, "action_post", raising(NoAnswerError("lost")), before=True)
    with pytest.raises(NoAnswerError):
        await connector.record(sample_entry(facts=FACTS))
    assert books.moves("exp-1")[0]["state"] == "draft"
    assert await connector.find("exp-1") is None
    assert (await connector.record(sample_entry(facts=FACTS))).created
    assert books.moves("exp-1")[0]["state"] == "posted"


@pytest.mark.parametrize("state", list(EntryState))
async def test_a_match_that_was_lost_is_made_by_the_next_attempt(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch, state: EntryState
) -> None:
    invoice = sample_invoice(facts=FACTS, state=state)
    await connector.record(invoice)
    documents = await connector.payables(FACTS.vendor.id)
    payment = match(sample_payment(facts=FACTS, state=state), documents, FACTS.exchange)
    strike(monkeypatch, connector, "reconcile", raising(NoAnswerError("lost")), before=True)
    with pytest.raises(NoAnswerError):
        await connector.record(payment)
    assert await connector.find("payment-1") is None
    await connector.record(payment)
    assert await connector.find("payment-1") is not None
    assert [one.open.units for one in await connector.payables(FACTS.vendor.id)] == [0, 0]
    assert await books.totals() == totals_of_entries(invoice, payment)


async def test_a_returned_payment_whose_bill_was_opened_already_is_finished(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry in (sample_invoice(facts=FACTS), sample_payment(facts=FACTS)):
        documents = await connector.payables(FACTS.vendor.id)
        await connector.record(match(entry, documents, FACTS.exchange))
    back = sample_payment("payment-2", facts=FACTS, units=-10_000)
    returned = match(back, await connector.payables(FACTS.vendor.id), FACTS.exchange)
    strike(monkeypatch, connector, "reconcile", raising(NoAnswerError("lost")), before=True)
    with pytest.raises(NoAnswerError):
        await connector.record(returned)
    await connector.record(returned)
    left = [one.open.units for one in await connector.payables(FACTS.vendor.id)]
    assert left == [10_000, 0, 0]
    assert books.moves("invoice-1")[0]["payment_state"] == "not_paid"


@pytest.mark.parametrize(
    ("step", "moment"), [("reconcile", "after"), ("action_post", "before"), ("unlink", "after")]
)
async def test_an_entry_that_was_interrupted_finds_the_same_matches_again(
    books: OdooBooks, monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    payment, back = (
        sample_payment(facts=FACTS),
        sample_payment("payment-2", facts=FACTS, units=-10_000),
    )
    connector = books.connector()
    await connector.record(sample_invoice(facts=FACTS))
    for entry in (payment, back):
        told = match(entry, await connector.payables(FACTS.vendor.id), FACTS.exchange)
        if step != "unlink" or entry is back:
            strike(monkeypatch, connector, step, raising(NoAnswerError("lost")), before=moment == "before")
            with pytest.raises(NoAnswerError):
                await connector.record(told)
        again = match(entry, await connector.payables(FACTS.vendor.id), FACTS.exchange)
        assert (again.matches, len(again.matches)) == (told.matches, 1)
        await connector.record(again)
    await connector.close()
    assert books.moves("invoice-1")[0]["payment_state"] == "not_paid"
    assert [move["state"] for move in books.moves()] == ["posted"] * 3


async def test_odoo_that_goes_down_between_two_steps_is_taken_up_where_it_stopped(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    strike(monkeypatch, connector, "load", books.server.kill)
    with pytest.raises((NoAnswerError, UnreachableError)):
        await connector.record(sample_entry(facts=FACTS))
    with pytest.raises(UnreachableError):
        await connector.record(sample_entry("exp-2", facts=FACTS))
    books.server.start()
    for name in ("exp-1", "exp-2"):
        await connector.record(sample_entry(name, facts=FACTS))
        assert await books.count(name) == 1


async def test_a_bad_entry_costs_those_beside_it_nothing_but_a_retry(
    books: OdooBooks, connector: OdooConnector
) -> None:
    def entry(number: int) -> Entry:
        one = sample_entry(f"exp-{number}", facts=FACTS)
        match number:
            case 3:
                return replace(one, posting_date=FACTS.closed_day)
            case 5:
                return replace(one, journal=FACTS.missing)
            case 7:  # an account that was archived since the connector read the accounts
                return replace(one, postings=(replace(one.postings[0], account="1870"), *one.postings[1:]))
            case _:
                return one

    (archived,) = books.read("account.account", [["code", "=", "1870"]], ["id"])
    books.database.call("account.account", "write", ids=[archived["id"]], vals={"active": False})
    outcomes = await asyncio.gather(
        *(connector.record(entry(number)) for number in range(12)), return_exceptions=True
    )
    refused = {number for number, one in enumerate(outcomes) if isinstance(one, ConnectorError)}
    assert refused == {3, 5, 7}
    assert "1870" in str(outcomes[7])
    references = [f"exp-{number}" for number in range(12) if number not in refused]
    moves = books.moves()
    assert [move["ref"] for move in moves] == references
    assert {move["state"] for move in moves} == {"posted"}


async def test_entries_that_come_together_are_loaded_and_posted_together(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = connector._client.call

    async def counted(model: str, name: str, returns: type[object], **arguments: object) -> object:
        calls.append(name)
        return await real(model, name, returns, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(connector._client, "call", counted)
    entries = [sample_entry(f"exp-{number}", facts=FACTS) for number in range(20)]
    recorded = await asyncio.gather(*(connector.record(one) for one in entries))
    assert all(one.created for one in recorded)
    assert (calls.count("load"), calls.count("action_post")) == (1, 1)
    assert [int(one.external_id) for one in recorded] == sorted(int(one.external_id) for one in recorded)


async def test_four_processes_that_record_the_same_make_each_entry_once(books: OdooBooks) -> None:
    database, names = books.database, [f"exp-{number}" for number in range(5)]
    words = [database.url, database.name, str(database.company_id), database.key, ",".join(names)]
    command = [sys.executable, "-m", "tests.accounting.odoo.racing_child", *words]
    pipe = asyncio.subprocess.PIPE
    racers = [
        await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe) for _ in range(PROCESSES)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert await racer.stdout.readline() == b"ready\n"
        told = await asyncio.gather(*(racer.communicate(b"\n") for racer in racers))
    finally:
        for racer in racers:
            if racer.returncode is None:
                racer.kill()
                await racer.wait()
    made = sum(int(out) for out, _ in told)
    assert made == len(names)
    for name in names:
        assert await books.count(name) == 1
    assert {move["state"] for move in books.moves()} == {"posted"}


async def test_an_entry_that_was_cancelled_in_odoo_is_told_and_left_alone(
    books: OdooBooks, connector: OdooConnector
) -> None:
    recorded = await connector.record(sample_entry(facts=FACTS, state=EntryState.DRAFT))
    books.database.call("account.move", "button_cancel", ids=[int(recorded.external_id)])
    assert await connector.find("exp-1") is None
    with pytest.raises(EntryRefusedError, match="cancelled"):
        await connector.record(sample_entry(facts=FACTS))
    (move,) = books.read("account.move", [], ["state"])
    assert move["state"] == "cancel"


async def test_what_odoo_remembers_of_an_undone_call_is_not_taken_for_an_entry(
    books: OdooBooks, connector: OdooConnector
) -> None:
    def undo() -> None:
        fields, rows = ["id", "currency_id/.id"], [[name, str(currency["id"])], ["pleo_export.bad", ""]]
        key, context = books.database.key, {"mode": "update", "noupdate": True}
        answer = books.database.call("account.move", "load", key, fields=fields, data=rows, context=context)
        assert not answer["ids"]

    reference = "50 %_\\"
    name = entry_id(books.database.company_id, reference)
    (currency,) = books.read("res.currency", [["name", "=", "DKK"]], ["name"])
    undo()
    assert await connector.find(reference) is None
    recorded = await connector.record(sample_entry(reference, facts=FACTS))
    books.database.call("account.move", "copy", ids=[int(recorded.external_id)])
    with sql(books.server.lab, books.database.name) as database:
        database.execute("UPDATE ir_model_data SET name = 'away' WHERE name = %s", [name.partition(".")[2]])
        undo()
        database.execute("UPDATE ir_model_data SET name = %s WHERE name = 'away'", [name.partition(".")[2]])
    assert await connector.find(reference) == replace(recorded, created=False)
