"""Expenses as Pleo sends them, the settings and the books they are mapped with: for tests of the mapping.

Amounts are hundredths of the currency unit, the way Pleo writes them. The accounts are those of `samples.Facts`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from pleo_export.domain.item import (
    Account,
    AdditionalInformation,
    Amounts,
    ExportItem,
    ItemType,
    Line,
    MoneyModel,
    Supplier,
    Tax,
    TaxType,
    User,
)
from pleo_export.domain.reference import LedgerAccount, LedgerTaxCode, LedgerVendor, ReferenceData
from pleo_export.domain.settings import AccountSettings, CompanySettings, VatSettings

Hundredths = int | Decimal

CATEGORY = "6100"
OTHER_CATEGORY = "6200"
WALLET = "1900"
CONTRA_ACCOUNT = "1955"  # the Pleo account that an item names by itself
POCKET = "2800"
CONTRA = "1990"
PAYABLE = "2400"
VENDOR_PAYABLE = "2401"
INPUT_VAT = "2610"
OUTPUT_VAT = "2620"
OTHER_INPUT_VAT = "2611"  # as a tax code names it
OTHER_OUTPUT_VAT = "2621"
INACTIVE = "6999"
EUROS_ONLY = "6300"

_NAMES: Mapping[str, str] = {
    CATEGORY: "Office supplies",
    OTHER_CATEGORY: "Travel",
    WALLET: "Pleo wallet",
    CONTRA_ACCOUNT: "Pleo EUR account",
    POCKET: "Owed to employees",
    CONTRA: "Pleo contra",
    PAYABLE: "Accounts payable",
    VENDOR_PAYABLE: "Payable to Nordic Paper",
    INPUT_VAT: "Input VAT",
    OUTPUT_VAT: "Output VAT",
    OTHER_INPUT_VAT: "Input VAT, reduced",
    OTHER_OUTPUT_VAT: "Output VAT, services",
}

SETTINGS = CompanySettings(
    accounts=AccountSettings(wallet=WALLET, out_of_pocket=POCKET, contra=CONTRA, accounts_payable=PAYABLE),
    vat=VatSettings(input_account=INPUT_VAT, output_account=OUTPUT_VAT),
)

REFERENCE = ReferenceData(
    accounts={
        **{code: LedgerAccount(code, name, f"as-{code}") for code, name in _NAMES.items()},
        INACTIVE: LedgerAccount(INACTIVE, "Given up", active=False),
        EUROS_ONLY: LedgerAccount(EUROS_ONLY, "Euros only", currencies=frozenset({"EUR"})),
    },
    tax_codes={
        code: LedgerTaxCode(code, name) for code, name in (("V25", "Sales 25 %"), ("R25", "Reverse 25 %"))
    },
    vendors=(
        LedgerVendor("V-1001", "Nordic Paper ApS", "nordic", VENDOR_PAYABLE, "DK12345678"),
        LedgerVendor("V-1002", "Example GmbH", "example", None, "DE123456789"),
        LedgerVendor("V-1003", "Blocked Ltd", "blocked", active=False),
        LedgerVendor("E-77", "Ada Example", "77"),
    ),
    dimensions={"COST_CENTRE": frozenset({"CC-100", "CC-200"}), "PROJECT": frozenset({"P-1"})},
)


def amounts(
    hundredths: Hundredths, currency: str = "EUR", *, supplier: tuple[Hundredths, str] | None = None
) -> Amounts:
    """Return an amount in the wallet's currency; `supplier` is what was charged, where that is something else."""
    wallet = MoneyModel(currency=currency, value=Decimal(hundredths))
    if supplier is None:
        return Amounts(in_supplier_currency=wallet, in_wallet_currency=wallet)
    value, other = supplier
    return Amounts(
        in_supplier_currency=MoneyModel(currency=other, value=Decimal(value)), in_wallet_currency=wallet
    )


def category(code: str | None = CATEGORY, identifier: str | None = None) -> Account:
    """Return a category, or any other account, as Pleo names it."""
    return Account(id=f"account-{code}", name="Category", code=code, identifier=identifier)


def tax(of: Hundredths | Amounts, kind: str = TaxType.INCLUSIVE, **changes: Any) -> Tax:
    """Return a tax of 25 % that comes to `of`; without accounts of its own."""
    amount = of if isinstance(of, Amounts) else amounts(of)
    standard = Tax(id="tax-1", type=str(kind), rate=Decimal("0.25"), code="V25", amount=amount)
    return msgspec.structs.replace(standard, **changes)


def line(of: Hundredths | Amounts, number: int = 1, **changes: Any) -> Line:
    """Return a line over `of`, with a category and without tax. Where tax is given, the net amount leaves it out."""
    paid = of if isinstance(of, Amounts) else amounts(of)
    taxed: Tax | None = changes.get("tax")
    net = paid if taxed is None or taxed.type == TaxType.REVERSE else _minus(paid, taxed.amount)
    plain = Line(
        accounting_entry_line_id=f"line-{number}", line_amount=paid, net_amount=net, account=category()
    )
    return msgspec.structs.replace(plain, **changes)


def expense(item_type: str = ItemType.CARD_PURCHASE, *lines: Line, **changes: Any) -> ExportItem:
    """Return an expense whose amount is the sum of its lines; without lines given there is one over 12.50."""
    its_lines: tuple[Line, ...] = changes.get("accounting_entry_lines", lines or (line(1250),))
    plain = ExportItem(
        accounting_entry_id="exp-1",
        company_id="company-1",
        type=str(item_type),
        date=datetime(2026, 1, 3, 10, tzinfo=UTC),
        amount=changes["amount"] if "amount" in changes else _total(its_lines),
        accounting_entry_lines=its_lines,
        additional_information=AdditionalInformation(reconciliation_id="10451"),
        supplier=Supplier(name="Nordic Paper"),
        user=User(id="user-1", name="Ada Example", code="77"),
        note="Printer paper",
    )
    return msgspec.structs.replace(plain, **changes)


def as_json(item: ExportItem) -> bytes:
    """Write an expense the way Pleo sends it."""
    wire: dict[str, Any] = msgspec.to_builtins(item, builtin_types=(Decimal,))
    wire.pop("asSent")
    return msgspec.json.Encoder(decimal_format="number").encode(wire)


def _total(lines: tuple[Line, ...]) -> Amounts:
    total = lines[0].line_amount if lines else amounts(0)
    for one in lines[1:]:
        total = _added(total, one.line_amount, 1)
    return total


def _minus(left: Amounts, right: Amounts) -> Amounts:
    return _added(left, right, -1)


def _added(left: Amounts, right: Amounts, sign: int) -> Amounts:
    return Amounts(
        in_supplier_currency=_side(left.in_supplier_currency, right.in_supplier_currency, sign),
        in_wallet_currency=_side(left.in_wallet_currency, right.in_wallet_currency, sign),
    )


def _side(left: MoneyModel, right: MoneyModel, sign: int) -> MoneyModel:
    return MoneyModel(currency=left.currency, value=left.value + sign * right.value)
