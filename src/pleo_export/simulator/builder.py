"""Builds one expense: a seeded writer of export item payloads.

How amounts are meant: `value` counts hundredths and is positive in the normal direction of each type. A line's
`lineAmount` is what was paid. Inclusive and exclusive tax lie inside it, so net is line less tax; under reverse
charge net is the line, and the tax comes on top, on two tax accounts. Lines add up to the amount, in the
supplier's currency as in the wallet's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from pleo_export.simulator.chart import (
    EXPENSE_ACCOUNTS,
    INPUT_VAT,
    OUTPUT_VAT,
    PURCHASE_ACCOUNTS,
    TAGS,
    TAX_CODES,
    USERS,
    VENDORS,
    TaxCode,
    Vendor,
    account,
    contra_account,
    person_data,
    pleo_id,
)
from pleo_export.simulator.scalars import timestamp
from pleo_export.simulator.vocabulary import WALLET_TYPES, InvoiceStatus, ItemSubType, ItemType, JsonObject

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS = 90

# Units of the currency for one euro.
_RATES = {
    "EUR": Decimal(1),
    "DKK": Decimal("7.46"),
    "SEK": Decimal("11.2"),
    "GBP": Decimal("0.85"),
    "USD": Decimal("1.08"),
    "NOK": Decimal("11.6"),
}
_SHOPS = (
    ("Corner Bakery", "DK", "5462"),
    ("Rail Europe Shop", "DE", "4112"),
    ("Stationery & Co", "GB", "5943"),
    ("Print Express", "SE", "2741"),
    ("Cafe Aurora", "NO", "5812"),
    ("Data Hosting Inc", "US", "7372"),
)
_TYPES_WITH_INVOICE = frozenset({ItemType.INVOICE, ItemType.CARD_INVOICE})
_TYPES_WITH_SUPPLIER = _TYPES_WITH_INVOICE | {
    ItemType.CARD_PURCHASE,
    ItemType.OUT_OF_POCKET,
    ItemType.REFUND,
    ItemType.CHARGEBACK,
}
_NOTES = ("Client visit", "Printer ink", "Team lunch", "Train to the fair", "Monthly plan", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is settled about an expense; the rest is drawn by lot. `value` counts hundredths of the wallet's currency."""

    type: ItemType
    value: int
    sub_type: ItemSubType | None = None
    currency: str = "EUR"
    supplier_currency: str | None = None
    accounts: Sequence[str] = ()
    tax: TaxCode | None = None
    vendor: Vendor | None = None
    method: str | None = None
    receipts: Sequence[str] = ()


class Builder:
    """Draws everything from one seed: the same calls in the same order give the same payloads."""

    def __init__(self, seed: int, company_id: str) -> None:
        self.random = Random(seed)  # noqa: S311 - play money
        self._company_id = company_id
        self._reconciliation_id = self.random.randrange(1_000_000, 9_000_000)

    def uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def purchase_value(self) -> int:
        return self.random.randrange(500, 150_000)

    def purchase_accounts(self) -> list[str]:
        """One account, or two to four where the expense is split."""
        return self.random.sample(PURCHASE_ACCOUNTS, self.random.choice((1, 1, 1, 2, 3, 4)))

    def tax_code(self) -> TaxCode | None:
        return self.random.choice((None, *TAX_CODES.values()))

    def some_vendor(self) -> tuple[Vendor | None, str | None]:
        """Draw a vendor with a bookkeeping method, or neither."""
        vendor = self.random.choice(VENDORS)
        return self.random.choice(
            ((vendor, "accounts_payable"), (vendor, "journal"), (None, "journal"), (None, None))
        )

    def build(self, plan: Plan) -> JsonObject:
        """Write a complete export item payload; `files` holds orders for receipts."""
        self._reconciliation_id += 1
        moment = FIRST_DAY + timedelta(minutes=self.random.randrange(_DAYS * 24 * 60))
        user = self.random.choice(USERS)
        entry_id = self.uuid()
        supplier_currency = plan.supplier_currency or plan.currency
        total = (_converted(plan.value, plan.currency, supplier_currency), plan.value)
        currencies = (supplier_currency, plan.currency)
        return {
            "_links": {"web": {"exportItem": f"https://app.pleo.example/e/{entry_id}"}},
            "accountingEntryId": entry_id,
            "companyId": self._company_id,
            "type": plan.type,
            "subType": plan.sub_type,
            "date": timestamp(moment),
            "amount": amount_data(total, currencies),
            "accountingEntryLines": self._lines(plan, total, currencies),
            "additionalInformation": {
                "reconciliationId": str(self._reconciliation_id),
                "attendees": None,
                "invoiceInformation": self._invoice_information(plan, timestamp(moment)[:10]),
                "reconciledEntries": None,
            },
            "bookkeeping": plan.method and {"method": plan.method},
            "contraAccount": contra_account(plan.currency) if plan.type in WALLET_TYPES else None,
            "files": [{"kind": kind} for kind in plan.receipts],
            "note": self.random.choice(_NOTES),
            "servicePeriod": None,
            "supplier": self._supplier(plan),
            **person_data(user),
            "vendor": plan.vendor and vendor_data(plan.vendor),
        }

    def _lines(self, plan: Plan, total: tuple[int, int], currencies: tuple[str, str]) -> list[JsonObject]:
        codes: Sequence[str | None] = plan.accounts or (None,)
        weights = [self.random.randrange(1, 10) for _ in codes]
        shares = zip(*(_split(value, weights) for value in total), strict=True)
        return [
            self._line(code, share, currencies, plan.tax) for code, share in zip(codes, shares, strict=True)
        ]

    def _line(
        self, code: str | None, paid: tuple[int, ...], currencies: tuple[str, str], tax: TaxCode | None
    ) -> JsonObject:
        taxes = [0 if tax is None else _tax(value, tax) for value in paid]
        on_top = tax is None or tax.type == "reverse"
        net = paid if on_top else [value - part for value, part in zip(paid, taxes, strict=True)]
        return {
            "accountingEntryLineId": self.uuid(),
            "lineAmount": amount_data(paid, currencies),
            "netAmount": amount_data(net, currencies),
            "account": code and account(code, EXPENSE_ACCOUNTS.get(code, "Unknown")),
            "tax": tax and self._tax_data(tax, amount_data(taxes, currencies)),
            "tags": self._tags(),
        }

    def _tax_data(self, tax: TaxCode, amount: JsonObject) -> JsonObject:
        data = {
            "id": pleo_id("tax", tax.code),
            "code": tax.code,
            "rate": tax.rate,
            "type": tax.type,
            "amount": amount,
        }
        if tax.type == "reverse":
            data |= {"ingoingTaxAccount": INPUT_VAT, "outgoingTaxAccount": OUTPUT_VAT}
        elif self.random.random() < 0.5:  # noqa: PLR2004 - about half
            data["ingoingTaxAccount"] = INPUT_VAT
        return data

    def _tags(self) -> list[JsonObject]:
        groups = self.random.sample(sorted(TAGS), self.random.randrange(len(TAGS) + 1))
        return [tag(group, self.random.choice(TAGS[group])) for group in groups]

    def _invoice_information(self, plan: Plan, day: str) -> JsonObject | None:
        if plan.type not in _TYPES_WITH_INVOICE:
            return None
        bank = {"bankName": "Example Bank", "country": "DE"}
        return {
            "invoiceNumber": f"INV-{self.random.randrange(10_000, 99_999)}",
            "status": InvoiceStatus.PAID,
            "invoiceDate": day,
            "dueDate": day,
            "paymentDate": day,
            "supplierBankAccount": bank | dict.fromkeys(("accountNumber", "bankCode", "bic", "iban")),
        }

    def _supplier(self, plan: Plan) -> JsonObject | None:
        name, country, category = self.random.choice(_SHOPS)
        if plan.type not in _TYPES_WITH_SUPPLIER:
            return None
        if plan.vendor:
            name, country = plan.vendor.name, plan.vendor.country
        return {
            "name": name,
            "account": None,
            "code": plan.vendor and plan.vendor.code,
            "categoryCode": category,
            "country": country,
            "taxIdentifier": None,
        }


def tag(group: str, code: str) -> JsonObject:
    return {"id": pleo_id("tag", code), "code": code, "groupCode": group}


def vendor_data(vendor: Vendor) -> JsonObject:
    return {
        "id": pleo_id("vendor", vendor.code),
        "name": vendor.name,
        "defaultCurrency": vendor.currency,
        "code": vendor.code,
        "country": vendor.country,
        "externalId": vendor.code,
    }


def amount_data(values: Sequence[int], currencies: tuple[str, str]) -> JsonObject:
    """Return a money pair of hundredths: the supplier's side, then the wallet's."""
    names = ("inSupplierCurrency", "inWalletCurrency")
    return {
        name: {"currency": currency, "value": value}
        for name, currency, value in zip(names, currencies, values, strict=True)
    }


def _converted(value: int, currency: str, into: str) -> int:
    if currency == into:
        return value
    return int((value * _RATES[into] / _RATES[currency]).to_integral_value())


def _split(total: int, weights: Sequence[int]) -> list[int]:
    """Parts in proportion to the weights; the last takes what is left, so that they add up."""
    parts = [total * weight // sum(weights) for weight in weights[:-1]]
    return [*parts, total - sum(parts)]


def _tax(paid: int, tax: TaxCode) -> int:
    base = Decimal(paid) if tax.type == "reverse" else paid / (1 + tax.rate)
    return int((base * tax.rate).to_integral_value())
