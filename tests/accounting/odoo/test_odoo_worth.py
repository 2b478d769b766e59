"""What Odoo is told of currencies, taxes and tags, where its own lists lack something or say it twice."""

import re
from decimal import Decimal

import pytest
from msgspec.structs import replace

from pleo_export.accounting.odoo import OdooConnector
from pleo_export.accounting.port import EntryRefusedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Dimension, Entry, Owed
from pleo_export.domain.matching import match
from pleo_export.domain.money import Money
from pleo_export.testing.samples import (
    sample_entry,
    sample_invoice,
    sample_left_to_the_system,
    sample_payment,
    sample_posting,
)
from pleo_export.testing.totals import totals_of_entries
from tests.accounting.odoo.books import FACTS, OdooBooks

pytestmark = pytest.mark.slow


async def test_each_line_is_worth_what_the_rate_of_its_own_currency_says(
    books: OdooBooks, connector: OdooConnector
) -> None:
    euros, kronor = Money("EUR", 9000), Money("SEK", 100_000)
    payment = sample_payment(
        facts=FACTS,
        postings=(sample_posting(FACTS.payable, 9000), sample_posting(FACTS.wallet, -9000)),
        owed=Owed(FACTS.payable, euros, kronor),
    )
    bill = sample_invoice(
        facts=FACTS,
        postings=(
            sample_posting(FACTS.expense, 100_000, "SEK", original=euros),
            sample_posting(FACTS.payable, -100_000, "SEK", original=-euros),
        ),
        owed=Owed(FACTS.payable, kronor, euros),
    )
    await connector.record(payment)
    matched = match(bill, await connector.payables(FACTS.vendor.id), FACTS.exchange)
    assert matched.clearing
    await connector.record(matched)
    in_kroner = {
        (line["move_id"][0], line["currency_id"][1], line["amount_currency"]): line["balance"]
        for line in books.read(
            "account.move.line",
            [["amount_currency", "!=", 0]],
            ["move_id", "currency_id", "amount_currency", "balance"],
        )
    }
    in_euros, in_kronor = round(90 / Decimal("0.134"), 2), round(1000 / Decimal("1.53"), 2)
    (paid,), (billed,) = books.moves("payment-1"), books.moves("invoice-1")
    for (move, currency, amount), balance in in_kroner.items():
        worth = in_kronor if move == billed["id"] else in_euros
        assert abs(round(Decimal(str(balance)), 2)) == worth, (move, currency, amount)
    assert paid["id"] != billed["id"]
    assert [one.open.units for one in await connector.payables(FACTS.vendor.id)] == [0, 0]


async def test_a_bill_is_cleared_against_payments_from_wallets_in_two_currencies(
    books: OdooBooks, connector: OdooConnector
) -> None:
    half, kronor = Money("EUR", 5000), Money("SEK", 60_000)
    from_kronor = sample_payment(
        "payment-2",
        facts=FACTS,
        postings=(
            sample_posting(FACTS.payable, 60_000, "SEK"),
            sample_posting(FACTS.wallet, -60_000, "SEK"),
        ),
        owed=Owed(FACTS.payable, kronor, half),
    )
    entries = []
    for entry in (
        sample_payment(facts=FACTS, units=37_600, charged=5000),
        from_kronor,
        sample_invoice(facts=FACTS, worth=75_000),
    ):
        entries.append(match(entry, await connector.payables(FACTS.vendor.id), FACTS.exchange))
        assert (await connector.record(entries[-1])).created
    assert [one.open.units for one in await connector.payables(FACTS.vendor.id)] == [0, 0, 0]
    assert await books.totals() == {
        (FACTS.expense, "EUR"): 10_000,
        (FACTS.wallet, "DKK"): -37_600,
        (FACTS.wallet, "SEK"): -60_000,
        (FACTS.exchange, "DKK"): 100,
    }


async def test_a_currency_without_a_rate_for_the_day_is_refused_and_found_by_the_check(
    books: OdooBooks, connector: OdooConnector
) -> None:
    entry = sample_entry(facts=replace(FACTS, currency="GBP"))
    await connector.record(entry)
    (pounds,) = books.read("res.currency", [["name", "=", "GBP"]], ["id"])
    rates = books.read("res.currency.rate", [["currency_id", "=", pounds["id"]]], ["id"])
    books.database.call("res.currency.rate", "write", ids=[rates[0]["id"]], vals={"name": "2026-02-01"})
    with pytest.raises(EntryRefusedError, match="GBP for 2026-01-03") as refused:
        await connector.record(replace(entry, reference="exp-2"))
    assert refused.value.cause is Cause.ODOO_RATE_MISSING
    assert list(await connector.check()) == []
    later = replace(entry, reference="exp-3", posting_date=FACTS.other_open_day)
    assert (await connector.record(later)).created
    books.database.call("res.currency.rate", "unlink", ids=[one["id"] for one in rates])
    (found,) = await connector.check()
    assert (found.cause, found.type) == (Cause.ODOO_NO_RATE, None)
    assert "GBP" in found.problem


def _tagged(entry: Entry, *dimensions: Dimension) -> Entry:
    return replace(entry, postings=(replace(entry.postings[0], dimensions=dimensions), *entry.postings[1:]))


async def test_a_tag_that_odoo_lacks_is_refused_where_it_has_any_and_else_told_in_the_notes(
    books: OdooBooks, connector: OdooConnector
) -> None:
    entry = _tagged(sample_entry(facts=FACTS), Dimension("PROJECT", "P-1"))
    recorded = await connector.record(entry)
    (move,) = books.read("account.move", [["id", "=", int(recorded.external_id)]], ["narration"])
    assert "PROJECT P-1" in move["narration"]
    call = books.database.call
    (plan,) = call("account.analytic.plan", "create", vals_list=[{"name": "PROJECT"}])
    call("account.analytic.account", "create", vals_list=[{"name": "Apollo", "code": "P-2", "plan_id": plan}])
    await connector.reference_data()
    with pytest.raises(EntryRefusedError, match="P-1 of PROJECT") as refused:
        await connector.record(replace(entry, reference="exp-2"))
    assert refused.value.cause is Cause.TAG_UNKNOWN
    known = _tagged(sample_entry("exp-3", facts=FACTS), Dimension("PROJECT", "P-2"))
    assert (await connector.record(known)).created


async def test_a_tax_code_that_names_two_taxes_of_different_rates_is_refused(
    books: OdooBooks, connector: OdooConnector
) -> None:
    (tax,) = books.read("account.tax", [["name", "=", FACTS.tax_code]], ["id"])
    copy = {"name": FACTS.tax_code, "tax_scope": "service", "amount": 10.0}
    (other,) = books.database.call("account.tax", "copy", ids=[tax["id"]], default=copy)
    entry = sample_left_to_the_system(facts=FACTS, code=FACTS.tax_code, units=12_500, tax=2500)
    with pytest.raises(EntryRefusedError, match=FACTS.tax_code) as refused:
        await connector.record(entry)
    assert refused.value.cause is Cause.ODOO_TAX_AMBIGUOUS
    assert books.moves() == []
    books.database.call("account.tax", "write", ids=[other], vals={"amount": 25.0})
    assert (await connector.record(entry)).created


async def test_an_amount_that_odoo_would_round_is_refused_in_the_currency_of_a_line_and_in_the_companys(
    books: OdooBooks, connector: OdooConnector
) -> None:
    for currency in books.read("res.currency", [["name", "in", ["SEK", "DKK"]]], ["id"]):
        books.database.call("res.currency", "write", ids=[currency["id"]], vals={"rounding": 0.05})

    def paid(reference: str, units: int, currency: str, kroner: int | None = None) -> Entry:
        told = None if kroner is None else Money("DKK", kroner)
        legs = (
            sample_posting(FACTS.expense, units, currency, original=told),
            sample_posting(FACTS.wallet, -units, currency, original=-told if told else None),
        )
        return sample_entry(reference, facts=FACTS, postings=legs)

    for refused, said in (
        (paid("exp-1", 1237, "SEK"), "12.37 SEK"),
        (paid("exp-1", 1237, "DKK"), "12.37 DKK"),
        (paid("exp-1", 1237, "EUR", 9228), "92.28 DKK"),
    ):
        with pytest.raises(EntryRefusedError, match=f"multiples of 0.05 only, so {said}") as error:
            await connector.record(refused)
        assert error.value.cause is Cause.ODOO_CURRENCY_ROUNDING
        assert f"Rounding Factor of {said[-3:]} there to 0.01" in error.value.remedy
    booked = (paid("exp-2", 1235, "SEK"), paid("exp-3", 1237, "EUR"), paid("exp-4", 1237, "EUR", 9230))
    for entry in booked:
        await connector.record(entry)
    assert await books.totals() == totals_of_entries(*booked)
    offshore = [
        ["name", "=", "CNH"],
        ["active", "=", False],
    ]  # a currency to Odoo that ISO 4217 does not know
    (row,) = books.read("res.currency", offshore, ["id"])
    books.database.call("res.currency", "write", ids=[row["id"]], vals={"active": True})
    warned = {one.cause: one for one in await connector.check()}[Cause.ODOO_COARSE_ROUNDING]
    assert warned.type is None
    assert {"DKK (0.05)", "SEK (0.05)"} == set(re.findall(r"[A-Z]{3} \([0-9.]+\)", warned.problem))
