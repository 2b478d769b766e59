"""An export item: the bookkeeping data of one expense."""

from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from pleo_export.simulator.scalars import CountryCode, CurrencyCode, Shape, TimestampText, UuidText
from pleo_export.simulator.vocabulary import InvoiceStatus, ItemSubType, ItemType, ReceiptKind

JsonNumber = Annotated[Decimal, Field(allow_inf_nan=False), WithJsonSchema({"type": "number"})]


class ItemPart(Shape):
    """Unknown members are refused, so that a misspelt one in a test's expense does not go unnoticed."""

    model_config = ConfigDict(extra="forbid")


class Money(ItemPart):
    """An amount; `value` counts hundredths of the currency's unit, whatever the currency."""

    currency: CurrencyCode
    value: JsonNumber


class Amount(ItemPart):
    in_supplier_currency: Money
    in_wallet_currency: Money


class Account(ItemPart):
    id: UuidText
    name: str
    code: str | None = None
    identifier: str | None = None


class Tag(ItemPart):
    id: UuidText
    code: str
    group_code: str


class Tax(ItemPart):
    """Tax of a line; `rate` is a fraction, `type` one of inclusive, exclusive and reverse."""

    id: UuidText
    code: str | None = None
    rate: JsonNumber
    type: str
    amount: Amount
    ingoing_tax_account: str | None = None
    outgoing_tax_account: str | None = None


class Line(ItemPart):
    accounting_entry_line_id: UuidText
    line_amount: Amount
    net_amount: Amount
    account: Account | None = None
    tax: Tax | None = None
    tags: list[Tag | None] | None = None


class SupplierBankAccount(ItemPart):
    bank_name: str
    country: CountryCode
    account_number: str | None = None
    bank_code: str | None = None
    bic: str | None = None
    iban: str | None = None


class InvoiceInformation(ItemPart):
    invoice_number: str
    status: InvoiceStatus
    invoice_date: str
    due_date: str | None = None
    payment_date: str | None = None
    supplier_bank_account: SupplierBankAccount | None = None


class AdditionalInformation(ItemPart):
    reconciliation_id: str
    attendees: list[str | None] | None = None
    invoice_information: InvoiceInformation | None = None
    reconciled_entries: list[str | None] | None = None


class Bookkeeping(ItemPart):
    method: str


class Supplier(ItemPart):
    name: str | None = None
    account: str | None = None
    code: str | None = None
    category_code: str | None = None
    country: CountryCode | None = None
    tax_identifier: str | None = None


class Vendor(ItemPart):
    id: UuidText
    name: str
    default_currency: str = Field(min_length=3, max_length=3)
    code: str | None = None
    country: CountryCode | None = None
    external_id: str | None = None
    registration_number: str | None = None
    tax_registration_number: str | None = None


class Named(ItemPart):
    """A team or a user; `code` is its id in the accounting system."""

    id: UuidText
    name: str
    code: str | None = None


class ServicePeriod(ItemPart):
    from_: TimestampText = Field(alias="from")
    to: TimestampText


class File(ItemPart):
    """A receipt; the link is valid for 24 hours after the item was read, `size` is in bytes."""

    url: str
    type: str
    size: int


class OrderedFile(ItemPart):
    """A receipt as the control API orders it."""

    kind: ReceiptKind


class Links(ItemPart):
    api: dict[str, str] | None = None
    mobile: dict[str, str] | None = None
    web: dict[str, str] | None = None


class ItemBody(ItemPart):
    """What an export item read from the API and an expense written by a test have in common."""

    type: ItemType
    sub_type: ItemSubType | None = None
    date: TimestampText
    amount: Amount
    accounting_entry_lines: list[Line] = Field(min_length=1)
    additional_information: AdditionalInformation
    bookkeeping: Bookkeeping | None = None
    contra_account: Account | None = None
    note: str | None = None
    service_period: ServicePeriod | None = None
    supplier: Supplier | None = None
    team: Named | None = None
    user: Named | None = None
    vendor: Vendor | None = None


class ExportItem(ItemBody):
    links: Links = Field(alias="_links")
    accounting_entry_id: UuidText
    company_id: UuidText
    files: list[File] | None = None


class Expense(ItemBody):
    """An expense to be put into a company; what is left out is filled in."""

    links: Links | None = Field(default=None, alias="_links")
    accounting_entry_id: UuidText | None = None
    company_id: UuidText | None = None
    files: list[OrderedFile] | None = None
