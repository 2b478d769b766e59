"""A company that books through vendors: one month, written by hand, in two exports.

Invoices come with the first export and their payments with the second, as far as nothing else is said.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pleo_export.simulator.builder import Builder
from pleo_export.simulator.chart import USERS, Vendor
from pleo_export.simulator.handwritten import Hundredths, Paper, Part, write
from pleo_export.simulator.vocabulary import ItemSubType, ItemType, JsonObject

OFFICE = Vendor("V-2001", "Aurora Office BV", "NL", "EUR")
HOSTING = Vendor("V-2002", "Skyline Hosting Inc", "US", "USD")
LAWYERS = Vendor("V-2003", "Harbour Legal LLP", "GB", "GBP")
HOTEL = Vendor("V-2004", "Hotel Baltic GmbH", "DE", "EUR")
FITTERS = Vendor("V-2005", "Kontor Bygg AB", "SE", "SEK")
ADVERTS = Vendor("V-2006", "Pixel Adverts Ltd", "IE", "EUR")
PAYABLE_VENDORS = (OFFICE, HOSTING, LAWYERS, HOTEL, FITTERS, ADVERTS)
"""All but the last have a payable account of their own."""

_VANISHED = Vendor("V-9999", "Vanished Trading Ltd", "GB", "EUR")
ADA, BO, CARLA, DAN, _ = USERS
"""Ada and Bo are vendors too, Carla is not."""

_SALES, _ENGINEERING = ("COST_CENTRE", "CC-100"), ("COST_CENTRE", "CC-200")
_ALPHA, _BETA = ("PROJECT", "P-ALPHA"), ("PROJECT", "P-BETA")


class PayableExpense(NamedTuple):
    """A payload, why it must fail or None, and the number of the export it belongs to."""

    payload: JsonObject
    must_fail: str | None
    job: int


def payable_expenses(builder: Builder) -> list[PayableExpense]:
    """Write the month: the same amounts for every seed."""
    prefix = f"INV{builder.random.randrange(10_000, 99_999)}"
    ids: dict[str | None, str] = {}
    expenses = []
    for paper in _month():
        payload = write(builder, paper, prefix, [ids[name] for name in paper.settles])
        ids[paper.name] = payload["additionalInformation"]["reconciliationId"]
        expenses.append(PayableExpense(payload, paper.must_fail, paper.job))
    return expenses


def _month() -> Iterator[Paper]:
    yield from _invoices()
    yield from _payments()
    yield from _cards()
    yield from _employees()
    yield from _wallet()
    yield from _must_fail()


def _invoices() -> Iterator[Paper]:
    spring = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 31, tzinfo=UTC)
    yield _invoice(
        2, "01", OFFICE, Part("6100", 1250_00, "V25", 250_00, tags=[_SALES, _ALPHA]), note="Paper and desks"
    )
    yield _invoice(
        3,
        "02",
        OFFICE,
        Part("6600", 2000_00, "E25", 400_00, tags=[_ENGINEERING]),
        Part("6200", 1000_00, tags=[_ENGINEERING, _BETA]),
        period=spring,
        note="Advice and its tools",
    )
    yield _invoice(
        4, "03", HOSTING, Part("6200", (1080_00, 1000_00), "R25", (270_00, 250_00)), note="Servers"
    )
    yield _invoice(5, "04", HOSTING, Part("6200", (3000_00, 2800_00), tags=[_ENGINEERING]))
    yield _invoice(6, "05", LAWYERS, Part("6600", (850_00, 1000_00)))
    yield _invoice(9, "06", FITTERS, Part("6600", (11200_00, 1000_00), "E25", (2240_00, 200_00)), job=2)
    yield _invoice(12, "07", HOTEL, Part("6300", 480_00, "V12", 51_43, tags=[_ALPHA]), job=2)
    # An invoice below zero.
    yield _invoice(
        13, "08", OFFICE, Part("6100", -125_00, "V25", -25_00, tags=[_SALES, _ALPHA]), note="Paper sent back"
    )


def _payments() -> Iterator[Paper]:
    yield _payment(20, "01", OFFICE, 1250_00)
    yield _payment(20, "02", OFFICE, 1200_00)
    yield _payment(27, "02", OFFICE, 1800_00)
    # The exchange rate moved between the invoice and its payment.
    yield _payment(23, "03", HOSTING, (1080_00, 1005_00))
    yield _payment(23, "04", HOSTING, (1000_00, 930_00))
    yield _payment(30, "04", HOSTING, (2000_00, 1890_00))
    yield _payment(24, "05", LAWYERS, (850_00, 996_00))
    returned = ItemSubType.INVOICE_PAYMENT_RETURNED
    yield _payment(26, "05", LAWYERS, (850_00, 995_50), sub_type=returned)
    # Paid before the invoice came: one in the export before, one in the same export.
    yield _payment(3, "06", FITTERS, (11200_00, 990_00), job=1)
    yield _payment(10, "07", HOTEL, 480_00)


def _cards() -> Iterator[Paper]:
    card = ItemType.CARD_PURCHASE
    yield _vendor_spend(5, card, HOTEL, Part("6300", 336_00, "V12", 36_00, tags=[_SALES]))
    yield _vendor_spend(
        11,
        card,
        OFFICE,
        Part("6100", 250_00, "V25", 50_00, tags=[_SALES]),
        Part("6400", 112_00, "V12", 12_00, tags=[_ENGINEERING]),
        Part("6500", 238_00, "E25", 47_60, tags=[_ALPHA]),
    )
    yield _vendor_spend(12, card, ADVERTS, Part("6500", 400_00, "R25", 100_00, tags=[_SALES]))
    yield _journal(
        13, card, Part("6400", 18_50), user=DAN, attendees=["Ada Lund", "A customer"], receipts=["jpg"]
    )
    # 79.99 and 20.00 make 99.99, but Pleo states a net amount of 79.98.
    yield _vendor_spend(16, card, OFFICE, Part("6100", 99_99, "V25", 20_00, net=79_98))
    yield _vendor_spend(17, card, HOSTING, Part("6200", (216_00, 200_00)))
    stay = datetime(2026, 3, 16, tzinfo=UTC), datetime(2026, 3, 18, tzinfo=UTC)
    yield _vendor_spend(
        18, ItemType.CARD_INVOICE, HOTEL, Part("6300", 560_00, "V12", 60_00), invoice="09", period=stay
    )
    yield _vendor_spend(19, ItemType.REFUND, HOTEL, Part("6300", 56_00, "V12", 6_00))
    yield _vendor_spend(20, ItemType.CHARGEBACK, OFFICE, Part("6100", 62_50, "V25", 12_50))


def _employees() -> Iterator[Paper]:
    own = ItemType.OUT_OF_POCKET
    to_employee = ItemSubType.REIMBURSEMENT_TO_EMPLOYEE
    yield Paper(
        day=6,
        type=own,
        parts=[Part("6400", 112_00, "V12", 12_00, tags=[_SALES])],
        name="lunch",
        user=ADA,
        attendees=["Bo Karlsen", "A customer"],
        receipts=["jpg", "png"],
    )
    yield Paper(day=9, type=ItemType.MILEAGE, parts=[Part("6310", 63_00)], name="drive", user=ADA)
    yield Paper(day=10, type=ItemType.PER_DIEM, parts=[Part("6320", 75_00)], name="days", user=ADA)
    yield Paper(day=12, type=own, parts=[Part("6300", (54_00, 50_00))], currency="USD", name="taxi", user=BO)
    yield _journal(13, own, Part("6100", 40_00, "V25", 8_00), name="cable", user=CARLA)
    yield Paper(
        day=27,
        type=ItemType.DIRECT_REIMBURSEMENT,
        sub_type=to_employee,
        parts=[Part(None, 250_00)],
        user=ADA,
        settles=["lunch", "drive", "days"],
        job=2,
    )
    yield Paper(
        day=27,
        type=ItemType.EXTERNAL_REIMBURSEMENT,
        sub_type=to_employee,
        parts=[Part(None, 50_00)],
        user=BO,
        settles=["taxi"],
        job=2,
    )
    yield _journal(
        27,
        ItemType.DIRECT_REIMBURSEMENT,
        Part(None, 40_00),
        sub_type=to_employee,
        user=CARLA,
        settles=["cable"],
        job=2,
    )


def _wallet() -> Iterator[Paper]:
    yield _journal(2, ItemType.WALLET_TOPUP, Part(None, 20000_00))
    yield _journal(20, ItemType.WALLET_UNLOAD, Part(None, 1000_00))
    yield _journal(31, ItemType.FEE, Part("6700", 25_00))
    yield _journal(31, ItemType.CASHBACK, Part("8100", 12_34))


def _must_fail() -> Iterator[Paper]:
    card = ItemType.CARD_PURCHASE
    yield _vendor_spend(24, card, _VANISHED, Part("6100", 120_00), must_fail="vendor_unknown")
    unknown = Part("6100", 300_00, tags=[("COST_CENTRE", "CC-999")])
    yield _invoice(25, "10", OFFICE, unknown, must_fail="tag_unknown")


def _invoice(day: int, number: str, vendor: Vendor, *parts: Part, **more: Any) -> Paper:
    return Paper(
        day=day,
        type=ItemType.INVOICE,
        parts=parts,
        currency=vendor.currency,
        vendor=vendor,
        invoice=number,
        receipts=["pdf"],
        **more,
    )


def _payment(day: int, number: str, vendor: Vendor, paid: Hundredths, **more: Any) -> Paper:
    usual: dict[str, Any] = {"job": 2, "sub_type": ItemSubType.INVOICE_PAYMENT_SENT}
    return Paper(
        day=day,
        type=ItemType.INVOICE_PAYMENT,
        parts=[Part(None, paid)],
        currency=vendor.currency,
        vendor=vendor,
        invoice=number,
        **(usual | more),
    )


def _vendor_spend(day: int, kind: ItemType, vendor: Vendor, *parts: Part, **more: Any) -> Paper:
    return Paper(day=day, type=kind, parts=parts, currency=vendor.currency, vendor=vendor, **more)


def _journal(day: int, kind: ItemType, *parts: Part, **more: Any) -> Paper:
    return Paper(day=day, type=kind, parts=parts, method="journal", **more)
