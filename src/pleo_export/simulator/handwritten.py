"""Writes an expense whose amounts are all stated, as by a person who keeps the papers; only the ids are drawn.

Amounts count hundredths. Where the supplier's currency is not the wallet's, an amount is a pair, the supplier's side
first. How tax lies in a line stands in `builder`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pleo_export.simulator.builder import Builder, Plan, amount_data, tag
from pleo_export.simulator.chart import (
    EXPENSE_ACCOUNTS,
    INPUT_VAT,
    OUTPUT_VAT,
    TAX_CODES,
    USERS,
    User,
    Vendor,
    account,
    person_data,
    pleo_id,
)
from pleo_export.simulator.scalars import timestamp
from pleo_export.simulator.vocabulary import InvoiceStatus, ItemSubType, ItemType, JsonObject

MONTH = datetime(2026, 3, 1, 9, tzinfo=UTC)
WALLET_CURRENCY = "EUR"
_PAYMENT_TERM = timedelta(days=30)

Hundredths = int | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A line: `vat` lies inside `paid`, under reverse charge beside it. `net` only where Pleo states another one."""

    account: str | None
    paid: Hundredths
    tax: str | None = None
    vat: Hundredths = 0
    net: Hundredths | None = None
    tags: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One expense, on a day of MONTH. `settles` names the papers that it pays back, `period` the first and last day."""

    day: int
    type: ItemType
    parts: Sequence[Part]
    sub_type: ItemSubType | None = None
    currency: str = WALLET_CURRENCY
    name: str | None = None
    vendor: Vendor | None = None
    method: str = "accounts_payable"
    user: User = USERS[4]
    invoice: str | None = None
    settles: Sequence[str] = ()
    note: str | None = None
    attendees: Sequence[str] | None = None
    period: tuple[datetime, datetime] | None = None
    receipts: Sequence[str] = ()
    job: int = 1
    must_fail: str | None = None


def write(builder: Builder, paper: Paper, invoice_prefix: str, settled: Sequence[str]) -> JsonObject:
    """Write the export item; `settled` holds the reconciliation ids of what the paper pays back."""
    currencies = (paper.currency, WALLET_CURRENCY)
    supplier_side, wallet_side = (
        sum(side) for side in zip(*(_pair(part.paid) for part in paper.parts), strict=True)
    )
    payload = builder.build(
        Plan(
            type=paper.type,
            sub_type=paper.sub_type,
            value=wallet_side,
            supplier_currency=paper.currency,
            vendor=paper.vendor,
            method=paper.method,
            receipts=paper.receipts,
        )
    )
    moment = MONTH + timedelta(days=paper.day - 1)
    return payload | {
        "date": timestamp(moment),
        "amount": amount_data((supplier_side, wallet_side), currencies),
        "accountingEntryLines": [_line(builder, part, currencies) for part in paper.parts],
        "additionalInformation": {
            "reconciliationId": payload["additionalInformation"]["reconciliationId"],
            "attendees": paper.attendees,
            "invoiceInformation": paper.invoice and _invoice(f"{invoice_prefix}-{paper.invoice}", moment),
            "reconciledEntries": list(settled) or None,
        },
        "note": paper.note,
        "servicePeriod": paper.period
        and dict(zip(("from", "to"), map(timestamp, paper.period), strict=True)),
        **person_data(paper.user),
    }


def _line(builder: Builder, part: Part, currencies: tuple[str, str]) -> JsonObject:
    tax = TAX_CODES[part.tax] if part.tax else None
    paid, vat = _pair(part.paid), _pair(part.vat)
    inside = (0, 0) if tax is None or tax.type == "reverse" else vat
    net = (paid[0] - inside[0], paid[1] - inside[1]) if part.net is None else _pair(part.net)
    return {
        "accountingEntryLineId": builder.uuid(),
        "lineAmount": amount_data(paid, currencies),
        "netAmount": amount_data(net, currencies),
        "account": part.account and account(part.account, EXPENSE_ACCOUNTS[part.account]),
        "tax": tax
        and {
            "id": pleo_id("tax", tax.code),
            "code": tax.code,
            "rate": tax.rate,
            "type": tax.type,
            "amount": amount_data(vat, currencies),
            # An inclusive code names no account: the company's own is used.
            **({} if tax.type == "inclusive" else {"ingoingTaxAccount": INPUT_VAT}),
            **({"outgoingTaxAccount": OUTPUT_VAT} if tax.type == "reverse" else {}),
        },
        "tags": [tag(group, code) for group, code in part.tags],
    }


def _invoice(number: str, moment: datetime) -> JsonObject:
    return {
        "invoiceNumber": number,
        "status": InvoiceStatus.PAID,
        "invoiceDate": timestamp(moment)[:10],
        "dueDate": timestamp(moment + _PAYMENT_TERM)[:10],
        "paymentDate": timestamp(moment + _PAYMENT_TERM)[:10],
        "supplierBankAccount": None,
    }


def _pair(amount: Hundredths) -> tuple[int, int]:
    return amount if isinstance(amount, tuple) else (amount, amount)
