"""What stands in Odoo after an entry was recorded, and what becomes of it when people work there."""

from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.port import NoAnswerError
from pleo_export.domain.entry import Dimension, Entry, EntryKind, EntryState, EntryVendor, Owed
from pleo_export.domain.matching import match
from pleo_export.domain.money import Money
from pleo_export.testing.samples import (
    sample_bill,
    sample_entry,
    sample_invoice,
    sample_payment,
    sample_posting,
)
from pleo_export.testing.totals import totals_of_entries
from tests.accounting.odoo.books import FACTS, OdooBooks
from tests.accounting.odoo.faults import raising, strike

pytestmark = pytest.mark.slow


def lines_of(books: OdooBooks, reference: str, *fields: str) -> list[dict[str, Any]]:
    (move,) = books.moves(reference)
    return books.read("account.move.line", [["move_id", "=", move["id"]]], ["account_id", *fields])


def taxed_bill(reference: str, gross: int, tax: int, kind: EntryKind = EntryKind.BILL) -> Entry:
    sign = 1 if kind is EntryKind.BILL else -1
    legs = (
        sample_posting(FACTS.expense, sign * (gross - tax), "DKK", tax_code=FACTS.tax_code),
        sample_posting(FACTS.tax, sign * tax, "DKK", tax_code=FACTS.tax_code),
        sample_posting(FACTS.payable, -sign * gross, "DKK"),
    )
    return sample_bill(reference, facts=FACTS, kind=kind, postings=legs, settlement=())


async def test_bills_hold_what_pleo_says_to_the_minor_unit_and_odoo_knows_their_tax(
    books: OdooBooks, connector: OdooConnector
) -> None:
    bills = [taxed_bill(f"bill-{gross}", gross, gross // 5) for gross in range(12_500, 12_506)]
    bills += [taxed_bill("note-1", 12_502, 2500, EntryKind.CREDIT_NOTE), taxed_bill("odd-1", 11_200, 1200)]
    for bill in bills:
        await connector.record(bill)
    assert await books.totals() == totals_of_entries(*bills)
    for bill in bills:
        marked = {line["display_type"] for line in lines_of(books, bill.reference, "display_type")}
        assert ("tax" in marked) is (bill.reference != "odd-1")
    kinds = {move["move_type"] for move in books.moves()}
    assert kinds == {"in_invoice", "in_refund"}


async def test_a_foreign_bill_is_worth_in_the_companys_currency_what_the_wallet_paid(
    books: OdooBooks, connector: OdooConnector
) -> None:
    parts = (6667, 3333, 1)
    legs = (
        *(sample_posting(FACTS.expense, part, "EUR") for part in parts),
        sample_posting(FACTS.payable, -10_001, "EUR"),
    )
    owed = Owed(FACTS.payable, Money("EUR", 10_001), Money("DKK", 74_669))
    await connector.record(sample_invoice(facts=FACTS, postings=legs, owed=owed))
    lines = lines_of(books, "invoice-1", "balance", "amount_currency")
    assert [round(line["amount_currency"] * 100) for line in lines] == [*parts, -10_001]
    assert round(lines[-1]["balance"] * 100) == -74_669
    assert [one.owed for one in await connector.payables(FACTS.vendor.id)] == [owed]


async def test_a_bill_that_is_posted_on_another_day_has_the_date_of_the_expense(
    books: OdooBooks, connector: OdooConnector
) -> None:
    moved = sample_bill(facts=FACTS, posting_date=FACTS.other_open_day, invoice=None)
    await connector.record(moved)
    (bill,) = books.moves("bill-1")
    (dates,) = books.read("account.move", [["id", "=", bill["id"]]], ["invoice_date", "invoice_date_due"])
    days = bill["date"], dates["invoice_date"], dates["invoice_date_due"]
    assert days == (FACTS.other_open_day.isoformat(), *[FACTS.open_day.isoformat()] * 2)


async def test_an_entry_in_a_currency_pleo_tells_no_value_of_takes_odoos_rate_of_the_day(
    books: OdooBooks, connector: OdooConnector
) -> None:
    legs = [sample_posting(FACTS.expense, part, "EUR") for part in (3333, 3334)]
    entry = sample_entry(facts=FACTS, postings=(*legs, sample_posting(FACTS.wallet, -6667, "EUR")))
    await connector.record(entry)
    lines = lines_of(books, "exp-1", "balance")
    assert [round(line["balance"] * 100) for line in lines] == [24_873, 24_881, -49_754]


async def test_tags_are_the_analytic_accounts_of_their_plans(
    books: OdooBooks, connector: OdooConnector
) -> None:
    assert (await connector.reference_data()).dimensions is None
    call = books.database.call
    plans = [
        call("account.analytic.plan", "create", vals_list=[{"name": one}])[0] for one in ("PROJECT", "TEAM")
    ]
    made = call(
        "account.analytic.account",
        "create",
        vals_list=[
            {"name": "Apollo", "code": "P-1", "plan_id": plans[0]},
            {"name": "Sales", "plan_id": plans[1]},
        ],
    )
    reference = await connector.reference_data()
    assert reference.dimensions is not None
    assert [sorted(reference.dimensions[one]) for one in ("PROJECT", "TEAM")] == [["P-1"], ["Sales"]]
    entry = sample_entry(facts=FACTS)
    tagged = replace(entry.postings[0], dimensions=(Dimension("PROJECT", "P-1"), Dimension("TEAM", "Sales")))
    await connector.record(replace(entry, postings=(tagged, *entry.postings[1:])))
    first, *others = lines_of(books, "exp-1", "analytic_distribution")
    assert first["analytic_distribution"] == {",".join(map(str, made)): 100.0}
    assert [line["analytic_distribution"] for line in others] == [False, False]


async def test_a_vendors_own_payable_account_is_told_and_others_have_none(
    books: OdooBooks, connector: OdooConnector
) -> None:
    (account,) = books.read("account.account", [["code", "=", "7465"]], ["id"])
    vals = {"name": "Own", "ref": "V-2", "vat": "DK13585628", "property_account_payable_id": account["id"]}
    books.database.call("res.partner", "create", vals_list=[vals])
    vendors = {one.id: one for one in (await connector.reference_data()).vendors or ()}
    assert (vendors["V-2"].account, vendors["V-2"].tax_identifier) == ("7465", "DK13585628")
    assert vendors[FACTS.vendor.id].account is None


async def test_a_contact_without_a_reference_is_owed_under_its_own_id_and_not_under_its_number(
    books: OdooBooks, connector: OdooConnector
) -> None:
    vals = {"name": "Hotel Grand", "vat": "DK13585628", "is_company": True}
    (hotel,) = books.database.call("res.partner", "create", vals_list=[vals])
    (vendor,) = (one for one in (await connector.reference_data()).vendors or () if one.name == "Hotel Grand")
    await connector.record(sample_bill(facts=FACTS, vendor=EntryVendor(vendor.id, vendor.name)))
    number = EntryVendor(str(hotel), "Somebody else", create=True)
    await connector.record(sample_bill("bill-2", facts=FACTS, vendor=number))
    bills = books.read("account.move", [["move_type", "=", "in_invoice"]], ["partner_id"])
    assert [one["partner_id"][1] for one in bills] == ["Hotel Grand", "Somebody else"]


async def test_a_draft_bill_and_its_settlement_are_matched_when_a_person_posts_them(
    books: OdooBooks, connector: OdooConnector
) -> None:
    await connector.record(sample_bill(facts=FACTS, state=EntryState.DRAFT))
    moves = books.read("account.move", [], ["state"])
    assert [one["state"] for one in moves] == ["draft", "draft"]
    books.database.call("account.move", "action_post", ids=[one["id"] for one in moves])
    assert books.moves("bill-1")[0]["payment_state"] == "paid"


async def test_what_a_bookkeeper_changes_is_what_is_owed(books: OdooBooks, connector: OdooConnector) -> None:
    await connector.record(sample_invoice(facts=FACTS))
    documents = await connector.payables(FACTS.vendor.id)
    await connector.record(match(sample_payment(facts=FACTS), documents, FACTS.exchange))
    (bill,) = books.moves("invoice-1")
    owed = lines_of(books, "invoice-1")[-1]
    books.database.call("account.move.line", "remove_move_reconcile", ids=[owed["id"]])
    books.database.call("account.move", "write", ids=[bill["id"]], vals={"ref": "INV-8"})
    bill_now, payment_now = await connector.payables(FACTS.vendor.id)
    assert (bill_now.open.units, payment_now.open.units) == (10_000, 10_000)
    assert (bill_now.invoice_number, payment_now.invoice_number) == ("INV-8", "INV-7")
    books.database.call("account.move", "button_draft", ids=[bill["id"]])
    assert await connector.find("invoice-1") is not None
    books.database.call("account.move", "button_cancel", ids=[bill["id"]])
    assert [one.reference for one in await connector.payables(FACTS.vendor.id)] == ["payment-1"]


async def test_the_rest_of_an_interrupted_attempt_gives_way_to_what_the_entry_is_now(
    books: OdooBooks, connector: OdooConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    strike(monkeypatch, connector, "load", raising(NoAnswerError("lost")))
    with pytest.raises(NoAnswerError):
        await connector.record(sample_bill(facts=FACTS))
    now = sample_bill(facts=FACTS, posting_date=FACTS.other_open_day)
    recorded = await connector.record(now)
    assert (recorded.created, recorded.posted) == (True, FACTS.other_open_day)
    assert len(books.read("account.move", [], ["id"])) == 2
    assert await books.totals() == totals_of_entries(now)


async def test_a_bill_of_a_vendor_nobody_knows_is_a_journal_entry(
    books: OdooBooks, connector: OdooConnector
) -> None:
    entry = sample_invoice(facts=FACTS, vendor=None)
    await connector.record(entry)
    (move,) = books.moves("invoice-1")
    assert (move["move_type"], move["ref"]) == ("entry", "invoice-1")
    assert await books.totals() == totals_of_entries(entry)


async def test_an_entry_tells_in_odoo_where_it_comes_from(books: OdooBooks, connector: OdooConnector) -> None:
    vendor = EntryVendor("new-1", "Søstrene", create=True)
    entry = sample_bill(facts=FACTS, vendor=vendor, pleo_url="https://app.pleo.io/e/1", team="Sales")
    recorded = await connector.record(entry)
    (move,) = books.read(
        "account.move", [["id", "=", int(recorded.external_id)]], ["narration", "partner_id", "ref"]
    )
    assert (move["partner_id"][1], move["ref"]) == ("Søstrene", "INV-7")
    for told in ("https://app.pleo.io/e/1", "Team: Sales", f"{FACTS.expense} 100.00 DKK: sample"):
        assert told in move["narration"]
    assert connector.link(recorded) == f"{books.database.url}/odoo/account.move/{recorded.external_id}"
