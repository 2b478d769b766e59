"""Expenses that are hard to book: some must fail, each for one reason, and some only look as if they should."""

from collections.abc import Callable, Iterator

from pleo_export.simulator.builder import Builder, Plan, tag
from pleo_export.simulator.chart import TAX_CODES, VENDORS, TaxCode, Vendor
from pleo_export.simulator.vocabulary import ItemType, JsonObject

LONG_NOTE = ("Workshop with the customer, day one. " * 120)[:4_000]
HEBREW_SHOP, HEBREW_NOTE = "מאפיית הכרמל", "ארוחת צהריים עם לקוח"

_CARD = ItemType.CARD_PURCHASE


def awkward_expenses(builder: Builder) -> Iterator[tuple[JsonObject, str | None]]:
    """Fifteen payloads, each with the reason why it must fail or None."""
    yield from _must_fail(builder)
    for payload in _must_succeed(builder):
        yield payload, None


def _card(value: int = 12_000, *, account: str = "6100", currency: str = "EUR", receipt: str = "pdf") -> Plan:
    return Plan(type=_CARD, value=value, currency=currency, accounts=[account], receipts=[receipt])


def _must_fail(builder: Builder) -> Iterator[tuple[JsonObject, str]]:
    def spoilt(spoil: Callable[[JsonObject], None]) -> JsonObject:
        payload = builder.build(_card())
        spoil(payload)
        return payload

    unknown_tax = TaxCode("V99", TAX_CODES["V25"].rate, "inclusive")
    unknown_vendor = Vendor("V-9999", "Vanished Trading Ltd", "GB", "EUR")
    yield spoilt(_take_category_away), "category_missing"
    yield builder.build(_card(account="9999")), "account_unknown"
    yield spoilt(_take_one_cent_off_the_line), "lines_do_not_add_up"
    yield (
        builder.build(Plan(type=_CARD, value=12_000, accounts=["6100"], tax=unknown_tax)),
        "tax_code_unknown",
    )
    yield spoilt(_tag_with_unknown_cost_centre), "tag_unknown"
    yield builder.build(_card(receipt="gone")), "receipt_gone"
    yield builder.build(_card(receipt="html")), "receipt_is_html"
    yield builder.build(_card(12_050, currency="JPY")), "fraction_of_a_yen"
    yield (
        builder.build(
            Plan(
                type=_CARD, value=12_000, accounts=["6600"], vendor=unknown_vendor, method="accounts_payable"
            )
        ),
        "vendor_unknown",
    )


def _take_category_away(payload: JsonObject) -> None:
    payload["accountingEntryLines"][0]["account"] = None


def _take_one_cent_off_the_line(payload: JsonObject) -> None:
    for name in ("lineAmount", "netAmount"):
        for money in payload["accountingEntryLines"][0][name].values():
            money["value"] -= 1


def _tag_with_unknown_cost_centre(payload: JsonObject) -> None:
    payload["accountingEntryLines"][0]["tags"] = [tag("COST_CENTRE", "CC-999")]


def _must_succeed(builder: Builder) -> Iterator[JsonObject]:
    yield builder.build(Plan(type=ItemType.FEE, value=0, accounts=["6700"]))
    yield builder.build(_card(-4_500))
    yield builder.build(Plan(type=ItemType.CASHBACK, value=120_000, currency="JPY", accounts=["8100"]))
    yield builder.build(Plan(type=ItemType.REFUND, value=12_345, currency="KWD", accounts=["6300"]))
    long = Plan(
        type=ItemType.CARD_INVOICE,
        value=99_900,
        accounts=["6500"],
        tax=TAX_CODES["V25"],
        vendor=VENDORS[1],
        method="journal",
    )
    yield builder.build(long) | {"note": LONG_NOTE}
    hebrew = builder.build(Plan(type=ItemType.PER_DIEM, value=6_400, accounts=["6320"]))
    yield hebrew | {"note": HEBREW_NOTE, "supplier": {"name": HEBREW_SHOP}}
