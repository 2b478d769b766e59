"""Taxes of Odoo whose prices hold the tax, or that Odoo is not told of: the books and the tax report stay right."""

from typing import Any

import pytest

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.port import Recorded
from pleo_export.domain.entry import Entry, EntryKind
from pleo_export.testing.samples import sample_bill, sample_entry, sample_posting
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
    assert "This tax is &lt;odd&gt;." in move["narration"]


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
