"""Taxes of Odoo on foreign bills, in prices, due on payment, or not told: the books and the tax report stay right."""

import asyncio
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.port import Recorded
from pleo_export.domain.entry import Entry, EntryKind, EntryState, Owed, Posting
from pleo_export.domain.matching import match
from pleo_export.domain.money import Money
from pleo_export.testing.samples import sample_bill, sample_entry, sample_payment, sample_posting
from tests.accounting.odoo.books import FACTS, OdooBooks
from tests.accounting.odoo.faults import refuse

pytestmark = pytest.mark.slow


def bill(reference: str = "taxed-1", *, sign: int = 1, tax: int = 2500, reverse: bool = False) -> Entry:
    code = FACTS.reverse_code if reverse else FACTS.tax_code
    legs = [(FACTS.expense, 10_002), (FACTS.tax, tax), *([(FACTS.output_tax, -tax)] if reverse else [])]
    postings = [sample_posting(account, sign * units, "DKK", tax_code=code) for account, units in legs]
    owed = sum(units for _, units in legs)
    postings.append(sample_posting(FACTS.payable, -sign * owed, "DKK"))
    kind = EntryKind.BILL if sign > 0 else EntryKind.CREDIT_NOTE
    return sample_bill(reference, facts=FACTS, kind=kind, postings=tuple(postings), settlement=())


def told(books: OdooBooks, recorded: Recorded) -> list[tuple[Any, ...]]:
    """Read account, amount, taxes and tags of each line."""
    fields = ["account_id", "amount_currency", "tax_ids", "tax_tag_ids"]
    return [
        (line["account_id"][1][:4], line["amount_currency"], line["tax_ids"], line["tax_tag_ids"])
        for line in books.read("account.move.line", [["move_id", "=", int(recorded.external_id)]], fields)
    ]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("reverse", [False, True])
async def test_a_bill_reads_the_same_where_prices_hold_the_tax(
    books: OdooBooks, connector: OdooConnector, *, sign: int, reverse: bool
) -> None:
    as_usual = await connector.record(bill(sign=sign, reverse=reverse))
    code = FACTS.reverse_code if reverse else FACTS.tax_code
    (row,) = books.read("account.tax", [["name", "=", code], ["type_tax_use", "=", "purchase"]], ["id"])
    books.database.call(
        "account.tax", "write", ids=[row["id"]], vals={"price_include_override": "tax_included"}
    )
    await connector.reference_data()
    inside = await connector.record(bill("taxed-2", sign=sign, reverse=reverse))
    assert any(taxes for _, _, taxes, _ in told(books, inside))
    assert told(books, inside) == told(books, as_usual)


def _says_tax(arguments: dict[str, Any]) -> bool:
    place = arguments["fields"].index("line_ids/tax_ids/.id")
    return any(row[place] for row in arguments["data"])


async def test_a_discount_in_a_journal_entry_counts_as_a_refund_does(
    books: OdooBooks, connector: OdooConnector
) -> None:
    charged, returned = await connector.record(bill()), await connector.record(bill("taxed-2", sign=-1))
    lines = (("charge", 10_002, 2500), ("discount", -10_002, -2500))
    legs = [
        sample_posting(account, units, "DKK", tax_code=FACTS.tax_code, line_id=line)
        for line, net, tax in lines
        for account, units in ((FACTS.expense, net), (FACTS.tax, tax))
    ]
    nothing = [sample_posting(FACTS.wallet, units, "DKK") for units in (1, -1)]
    entry = await connector.record(sample_entry("taxed-3", facts=FACTS, postings=(*legs, *nothing)))
    by_documents, by_entry = (
        [(taxes, tags) for one in some for _, _, taxes, tags in told(books, one) if taxes or tags]
        for some in ((charged, returned), (entry,))
    )
    assert by_entry == by_documents
    assert len(by_entry) == 4


async def test_a_bill_whose_tax_odoo_is_not_told_of_says_why(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, connector, "This tax is <odd>.", _says_tax)
    await connector.record(bill())
    (move,) = books.read("account.move", [], ["narration"])
    assert "Odoo was not told of the tax, because" in move["narration"]
    assert "because: Odoo refuses the bill with it: This tax is &lt;odd&gt;." in move["narration"]


async def test_a_bill_with_another_tax_than_that_of_its_code_says_so(
    books: OdooBooks, connector: OdooConnector
) -> None:
    recorded = await connector.record(bill(tax=1200))
    (move,) = books.read("account.move", [], ["narration"])
    assert (
        "because: By its own tax it would be another amount, or stand on another account."
        in move["narration"]
    )
    assert not any(taxes for _, _, taxes, _ in told(books, recorded))


async def test_an_entry_that_is_refused_once_is_asked_for_again_before_it_is_told(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conflict, in the words of a PostgreSQL that speaks Danish."""
    first = iter([True])
    danish = "kunne ikke serialisere adgang på grund af samtidig opdatering"
    refuse(monkeypatch, connector, danish, lambda _: next(first, False))
    recorded = await connector.record(bill())
    assert any(taxes for _, _, taxes, _ in told(books, recorded))


def in_euros(account: str, units: int, kroner: int, **changes: Any) -> Posting:
    return sample_posting(account, units, "EUR", original=Money("DKK", kroner), **changes)


def foreign_bill(draw: Random, reference: str, way: str) -> Entry:
    """Return a bill in euros over one to three lines with 25 % tax; Pleo tells what each amount is worth in kroner."""
    sign, code = (-1 if way == "credit note" else 1), FACTS.tax_code
    legs: list[Posting] = []
    for line in range(draw.randint(1, 3)):
        gross = sign * draw.randrange(500, 60_000)
        tax, of_line = round(gross / 5), {"tax_code": code, "line_id": str(line)}
        kroner, tax_kroner = round(gross * 7.46), round(tax * 7.46)
        if way == "by code":
            told = Money("EUR", tax)
            legs.append(in_euros(FACTS.expense, gross, kroner, tax=told, **of_line))
        else:
            legs.append(in_euros(FACTS.expense, gross - tax, kroner - tax_kroner, **of_line))
            legs.append(in_euros(FACTS.tax, tax, tax_kroner, **of_line))
    owed = sum(leg.amount.units for leg in legs), sum(leg.original.units for leg in legs if leg.original)
    pair = in_euros(FACTS.payable, *owed), in_euros(FACTS.wallet, -owed[0], -owed[1])
    return sample_bill(
        reference,
        facts=FACTS,
        kind=EntryKind.BILL if sign > 0 else EntryKind.CREDIT_NOTE,
        state=draw.choice([EntryState.DRAFT, EntryState.FINAL]),
        postings=(*legs, in_euros(FACTS.payable, -owed[0], -owed[1])),
        settlement=pair if way == "card" else (),
    )


@pytest.mark.parametrize("seed", [20260103])
async def test_foreign_bills_stand_in_the_tax_report_with_what_pleo_says_they_are_worth(
    books: OdooBooks, connector: OdooConnector, seed: int
) -> None:
    """Most amounts do not divide evenly: a quarter of a line's kroner is not what the euros of its tax are worth."""
    draw = Random(seed)
    bills = {
        f"{way} {number}": foreign_bill(draw, f"{way} {number}", way)
        for way in ("invoice", "by code", "card", "credit note")
        for number in range(10)
    }
    recorded = await asyncio.gather(*map(connector.record, bills.values()))
    await books.totals()  # every document balances, in kroner too
    fields = ["account_id", "balance", "tax_ids", "tax_tag_ids", "tax_base_amount", "move_id"]
    every = books.read("account.move.line", [], fields)
    for (name, bill), one in zip(bills.items(), recorded, strict=True):
        lines = [line for line in every if line["move_id"][0] == int(one.external_id)]
        expenses = [line for line in lines if line["tax_ids"]]
        (tax,) = (line for line in lines if line["tax_tag_ids"])
        worth = [leg.original.units for leg in bill.postings if leg.original]
        assert len(expenses) == len({leg.line_id for leg in bill.postings if leg.line_id}), name
        assert tax["tax_base_amount"] == pytest.approx(sum(line["balance"] for line in expenses)), name
        assert round(lines[-1]["balance"] * 100) == worth[-1], name
        if not name.startswith("by code"):
            taxes = [leg.original.units for leg in bill.postings if leg.account == FACTS.tax and leg.original]
            assert round(tax["balance"] * 100) == sum(taxes), name
    notes = [move["narration"] for move in books.read("account.move", [], ["narration"])]
    assert not any("not told" in (note or "") for note in notes)


async def test_a_tax_that_is_due_on_payment_waits_on_its_own_account_until_the_bill_is_paid(
    books: OdooBooks, connector: OdooConnector
) -> None:
    (row,) = books.read("account.tax", [["name", "=", FACTS.tax_code]], ["id"])
    call = books.database.call
    waits = {"name": "VAT to come", "code": "7749", "account_type": "liability_current", "reconcile": True}
    (account,) = call("account.account", "create", vals_list=[waits])
    call("res.company", "write", ids=[books.database.company_id], vals={"tax_exigibility": True})
    due = {"tax_exigibility": "on_payment", "cash_basis_transition_account_id": account}
    call("account.tax", "write", ids=[row["id"]], vals=due)
    unpaid = replace(bill(tax=2501), owed=Owed(FACTS.payable, Money("DKK", 12_503)))
    recorded = await connector.record(unpaid)
    assert ("7749", 25.01, [], []) in told(books, recorded)
    payment = sample_payment(facts=FACTS, units=12_503)
    matched = match(payment, await connector.payables(FACTS.vendor.id), FACTS.exchange)
    await connector.record(matched)
    paid = ((FACTS.payable, 12_503), (FACTS.wallet, -12_503))
    settlement = tuple(sample_posting(one, units, "DKK") for one, units in paid)
    await connector.record(replace(bill("taxed-2", tax=2501), settlement=settlement))
    tagged = books.read("account.move.line", [["tax_tag_ids", "!=", False]], ["account_id", "balance"])
    assert [(one["account_id"][1][:4], one["balance"]) for one in tagged] == [(FACTS.tax, 25.01)] * 2
    waiting = books.read("account.move.line", [["account_id", "=", account]], ["balance"])
    assert sum(one["balance"] for one in waiting) == 0
