"""Expenses by the dozen or the ten thousand, the same ones for the same seed."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from pleo_export.simulator.awkward import awkward_expenses
from pleo_export.simulator.builder import Builder, Plan
from pleo_export.simulator.chart import TAX_CODES, VENDORS, WALLET_CURRENCIES
from pleo_export.simulator.payable import payable_expenses
from pleo_export.simulator.vocabulary import ItemSubType, ItemType, JsonObject

Scenario = Literal["demo", "plain", "payable"]

DEMO_MIN = 30
"""The demonstration's fixed expenses; a larger count adds purchases."""
PAYABLE_COUNT = 41
"""The expenses of the company that books through vendors; there are never more."""

_CARD = ItemType.CARD_PURCHASE
_RECEIPT_KINDS = ("pdf", "png", "jpg")
# What a company's export looks like, by share of its expenses.
_PLAIN_MIX = (
    *[_CARD] * 14,
    ItemType.CARD_INVOICE,
    ItemType.OUT_OF_POCKET,
    ItemType.OUT_OF_POCKET,
    ItemType.MILEAGE,
    ItemType.PER_DIEM,
    ItemType.REFUND,
    ItemType.FEE,
    ItemType.INVOICE,
)
_FIXED_ACCOUNTS = {ItemType.MILEAGE: "6310", ItemType.PER_DIEM: "6320", ItemType.FEE: "6700"}


class WrongCountError(ValueError):
    """A scenario does not come in this size."""


class Generated(NamedTuple):
    """A payload, why an export of it must fail (None if it must succeed), and which export it belongs to.

    The reason `vendor_unknown` holds where items carry vendors, that is in vendor-based bookkeeping. `job` counts
    from 1; only `payable` has a second one.
    """

    payload: JsonObject
    must_fail: str | None = None
    job: int = 1


def generate(
    seed: int, count: int, scenario: Scenario = "plain", *, company_id: str, receipts: int = 1
) -> list[Generated]:
    """`count` expenses of the company.

    `plain` holds only expenses that can be booked, with `receipts` receipts each. `demo` needs a count of
    at least DEMO_MIN; it holds every type, and a fixed set of expenses that are hard to book. `payable` always is
    the same month of PAYABLE_COUNT expenses, of which only the ids differ. Raises WrongCountError.
    """
    builder = Builder(seed, company_id)
    if scenario == "plain":
        return [Generated(_plain(builder, receipts)) for _ in range(count)]
    if scenario == "payable":
        if count != PAYABLE_COUNT:
            raise WrongCountError(f"this company has {PAYABLE_COUNT} expenses, not {count}")
        return [Generated(*expense) for expense in payable_expenses(builder)]
    if count < DEMO_MIN:
        raise WrongCountError(f"the demonstration needs {DEMO_MIN} expenses at least, not {count}")
    demo = [Generated(payload) for payload in _every_type(builder)]
    demo += [Generated(*awkward) for awkward in awkward_expenses(builder)]
    demo += [Generated(_purchase(builder)) for _ in range(count - len(demo))]
    return demo


def _plain(builder: Builder, receipts: int) -> JsonObject:
    kind = builder.random.choice(_PLAIN_MIX)
    kinds = [builder.random.choice(_RECEIPT_KINDS) for _ in range(receipts)]
    value = builder.purchase_value()
    if kind in _FIXED_ACCOUNTS:
        return builder.build(Plan(type=kind, value=value, accounts=[_FIXED_ACCOUNTS[kind]], receipts=kinds))
    if kind in {ItemType.INVOICE, ItemType.CARD_INVOICE}:
        return _invoice(builder, kind, value, kinds)
    return _purchase(builder, kind, kinds)


def _purchase(builder: Builder, kind: ItemType = _CARD, kinds: list[str] | None = None) -> JsonObject:
    vendor, method = (None, None) if kind is ItemType.OUT_OF_POCKET else builder.some_vendor()
    currency = builder.random.choice(("EUR", "EUR", "EUR", *WALLET_CURRENCIES))
    abroad = builder.random.choice((None, None, *WALLET_CURRENCIES))
    if kinds is None:
        kinds = [builder.random.choice(_RECEIPT_KINDS) for _ in range(builder.random.randrange(1, 4))]
    return builder.build(
        Plan(
            type=kind,
            value=builder.purchase_value(),
            currency=currency,
            supplier_currency=abroad,
            accounts=builder.purchase_accounts(),
            tax=builder.tax_code(),
            vendor=vendor,
            method=method,
            receipts=kinds,
        )
    )


def _invoice(builder: Builder, kind: ItemType, value: int, kinds: list[str]) -> JsonObject:
    vendor = builder.random.choice(VENDORS)
    plan = Plan(
        type=kind,
        value=value,
        supplier_currency=vendor.currency,
        accounts=["6600", "6200"],
        tax=TAX_CODES["R25"],
        vendor=vendor,
        method="accounts_payable",
        receipts=kinds,
    )
    return builder.build(plan)


def _every_type(builder: Builder) -> Iterator[JsonObject]:
    yield from _paid_invoice(builder)
    yield from _reimbursed_employee(builder)
    yield from _wallet_movements(builder)
    yield builder.build(
        Plan(type=ItemType.MILEAGE, value=4_200, accounts=["6310"], method="journal"),
    )
    yield builder.build(
        Plan(
            type=ItemType.CHARGEBACK,
            value=8_900,
            currency="DKK",
            accounts=["6400"],
            tax=TAX_CODES["V12"],
            vendor=VENDORS[0],
            method="accounts_payable",
        )
    )


def _paid_invoice(builder: Builder) -> Iterator[JsonObject]:
    """Yield an invoice, its payment, and a payment that came back."""
    invoice = _invoice(builder, ItemType.INVOICE, 120_000, ["pdf"])
    yield invoice
    date = invoice["date"]
    for sub_type in (ItemSubType.INVOICE_PAYMENT_SENT, ItemSubType.INVOICE_PAYMENT_RETURNED):
        payment = builder.build(
            Plan(type=ItemType.INVOICE_PAYMENT, sub_type=sub_type, value=120_000, method="accounts_payable")
        )
        payment |= {name: invoice[name] for name in ("supplier", "vendor", "amount")}
        payment["accountingEntryLines"][0] |= {
            "lineAmount": invoice["amount"],
            "netAmount": invoice["amount"],
        }
        information = invoice["additionalInformation"]["invoiceInformation"]
        payment["additionalInformation"]["invoiceInformation"] = information
        # A payment is not earlier than its invoice, nor a return than the payment.
        date = max(date, payment["date"])
        yield payment | {"date": date}


def _reimbursed_employee(builder: Builder) -> Iterator[JsonObject]:
    """Yield an employee's own money spent, given back, sent back by the bank, and an overpayment returned."""
    split = ["6300", "6400", "6100"]
    spent = builder.build(
        Plan(
            type=ItemType.OUT_OF_POCKET,
            value=7_350,
            accounts=split,
            tax=TAX_CODES["E25"],
            receipts=["jpg", "png"],
        )
    )
    yield spent
    for kind, sub_type in (
        (ItemType.DIRECT_REIMBURSEMENT, ItemSubType.REIMBURSEMENT_TO_EMPLOYEE),
        (ItemType.DIRECT_REIMBURSEMENT, ItemSubType.REIMBURSEMENT_TO_EMPLOYEE_REFUND),
        (ItemType.DIRECT_REIMBURSEMENT, ItemSubType.REIMBURSEMENT_TO_COMPANY),
        (ItemType.EXTERNAL_REIMBURSEMENT, ItemSubType.REIMBURSEMENT_TO_EMPLOYEE),
    ):
        paid_back = builder.build(Plan(type=kind, sub_type=sub_type, value=7_350, method="journal"))
        settled = [spent["additionalInformation"]["reconciliationId"]]
        paid_back["additionalInformation"]["reconciledEntries"] = settled
        yield paid_back | {"user": spent["user"], "date": max(spent["date"], paid_back["date"])}


def _wallet_movements(builder: Builder) -> Iterator[JsonObject]:
    for kind, currency, method in (
        (ItemType.WALLET_TOPUP, "USD", "none"),
        (ItemType.WALLET_UNLOAD, "NOK", "none"),
        (ItemType.ATM_WITHDRAWAL, "SEK", "journal"),
        (ItemType.PERSONAL_SPEND, "GBP", None),
    ):
        yield builder.build(Plan(type=kind, value=50_000, currency=currency, method=method))
    yield builder.build(
        Plan(
            type=ItemType.FEE, sub_type=ItemSubType.INTEREST, value=1_234, accounts=["6700"], method="journal"
        )
    )
