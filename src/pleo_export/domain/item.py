"""The export item: one expense with everything Pleo knows about it, and how it is read.

Shapes and names follow the Export API v3 reference (GET /v3/export-items). A value outside the published lists
stays as the text it is; fields we do not know stay in `as_sent`; an optional field may be missing or null alike.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec

from pleo_export.domain.money import Money

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class ItemType(StrEnum):
    """What kind of expense an export item is (ExportItemTypeV3)."""

    CARD_PURCHASE = "card_purchase"
    CARD_INVOICE = "card_invoice"
    OUT_OF_POCKET = "out_of_pocket"
    MILEAGE = "mileage"
    PER_DIEM = "per_diem"
    EXTERNAL_REIMBURSEMENT = "external_reimbursement"
    DIRECT_REIMBURSEMENT = "direct_reimbursement"
    INVOICE = "invoice"
    INVOICE_PAYMENT = "invoice_payment"
    CHARGEBACK = "chargeback"
    REFUND = "refund"
    CASHBACK = "cashback"
    ATM_WITHDRAWAL = "atm_withdrawal"
    WALLET_TOPUP = "wallet_topup"
    WALLET_UNLOAD = "wallet_unload"
    PERSONAL_SPEND = "personal_spend"
    FEE = "fee"


class ItemSubType(StrEnum):
    """A finer kind, for some types only (ExportItemSubTypeV3)."""

    REIMBURSEMENT_TO_EMPLOYEE_REFUND = "reimbursement_to_employee_refund"
    REIMBURSEMENT_TO_COMPANY = "reimbursement_to_company"
    REIMBURSEMENT_TO_EMPLOYEE = "reimbursement_to_employee"
    INVOICE_PAYMENT_RETURNED = "invoice_payment_returned"
    INVOICE_PAYMENT_SENT = "invoice_payment_sent"
    INTEREST = "interest"


class BookkeepingMethod(StrEnum):
    """How Pleo wants an expense booked (BookkeepingMethodV3)."""

    NONE = "none"
    JOURNAL = "journal"
    ACCOUNTS_PAYABLE = "accounts_payable"


class TaxType(StrEnum):
    """How the tax of a line relates to its amount (TaxTypeV3)."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"
    REVERSE = "reverse"


class InvoiceStatus(StrEnum):
    """Where an invoice stands in Pleo (InvoiceInformationStatusV3)."""

    PENDING_APPROVAL = "pending_approval"
    PARSED = "parsed"
    PREPARING = "preparing"
    PREPARED = "prepared"
    READY = "ready"
    REJECTED_BY_APPROVER = "rejected_by_approver"
    MARKED_AS_PAID = "marked_as_paid"
    SCHEDULED = "scheduled"
    PAYMENT_IN_PROGRESS = "payment_in_progress"
    PAID = "paid"
    VOIDED_BY_USER = "voided_by_user"
    REJECTED_BY_USER = "rejected_by_user"
    FAILED_PAYMENT = "failed_payment"


class PleoModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something Pleo sends: camelCase on the wire, immutable here."""


class SentModel(PleoModel, frozen=True, kw_only=True):
    """A resource of Pleo that also keeps the JSON it was read from, unknown fields included."""

    as_sent: bytes = b""


class MoneyModel(PleoModel, frozen=True):
    """An amount on the wire: `value` hundredths of the currency unit, whatever the currency."""

    currency: str
    value: Decimal

    def exact(self) -> Money:
        """Return the amount in minor units; raises MoneyError where that is not possible exactly."""
        return Money.from_hundredths(self.currency, self.value)


class Amounts(PleoModel, frozen=True):
    """What the supplier charged, and the same in the currency of the Pleo account that paid."""

    in_supplier_currency: MoneyModel
    in_wallet_currency: MoneyModel


class Account(PleoModel, frozen=True):
    """An account as Pleo knows it: `code` is its number, `identifier` the accounting system's own id."""

    id: str
    name: str
    code: str | None = None
    identifier: str | None = None


class Tag(PleoModel, frozen=True):
    """The value `code` of the dimension `group_code`."""

    id: str
    code: str
    group_code: str


class Tax(PleoModel, frozen=True):
    """The tax of a line. `rate` is a fraction (0.25 is 25 %), `amount` the tax itself."""

    id: str
    type: str
    rate: Decimal
    amount: Amounts
    code: str | None = None
    ingoing_tax_account: str | None = None
    outgoing_tax_account: str | None = None


class Line(PleoModel, frozen=True):
    """One line of an expense: `line_amount` is what was paid for it."""

    accounting_entry_line_id: str
    line_amount: Amounts
    net_amount: Amounts
    account: Account | None = None
    tags: tuple[Tag | None, ...] | None = None
    tax: Tax | None = None


class Supplier(PleoModel, frozen=True):
    """The merchant, as far as the card network or the receipt told."""

    name: str | None = None
    code: str | None = None
    account: str | None = None
    category_code: str | None = None
    country: str | None = None
    tax_identifier: str | None = None


class Vendor(PleoModel, frozen=True):
    """A vendor of the accounting system that was chosen in Pleo. Where there is one, the supplier does not count."""

    id: str
    name: str
    default_currency: str | None = None
    code: str | None = None
    external_id: str | None = None
    country: str | None = None
    registration_number: str | None = None
    tax_registration_number: str | None = None


class Team(PleoModel, frozen=True):
    """The team the expense belongs to; `code` is its id in the accounting system."""

    id: str
    name: str
    code: str | None = None


class User(PleoModel, frozen=True):
    """The person who spent the money; `code` is the employee code."""

    id: str
    name: str
    code: str | None = None


class ServicePeriod(PleoModel, frozen=True):
    """When the service was provided. It never moves the posting date."""

    start: Instant = msgspec.field(name="from")
    end: Instant = msgspec.field(name="to")


class File(PleoModel, frozen=True):
    """A receipt: `url` works for 24 hours after the item was read; `size` in bytes; `type` is MIME-like."""

    url: str
    type: str | None = None
    size: int | None = None


class SupplierBankAccount(PleoModel, frozen=True):
    """Where an invoice is paid to. Personal data: never in a log."""

    bank_name: str | None = None
    country: str | None = None
    account_number: str | None = None
    bank_code: str | None = None
    bic: str | None = None
    iban: str | None = None


class InvoiceInformation(PleoModel, frozen=True):
    """What is printed on an invoice. The dates come as a date or as a date and time."""

    invoice_number: str
    invoice_date: str
    status: str
    due_date: str | None = None
    payment_date: str | None = None
    supplier_bank_account: SupplierBankAccount | None = None


class AdditionalInformation(PleoModel, frozen=True):
    """`reconciliation_id` is Pleo's book id; `reconciled_entries` are those a reimbursement settles."""

    reconciliation_id: str
    attendees: tuple[str | None, ...] | None = None
    reconciled_entries: tuple[str | None, ...] | None = None
    invoice_information: InvoiceInformation | None = None


class Bookkeeping(PleoModel, frozen=True):
    """The bookkeeping method; only filled where the customer uses vendor tagging."""

    method: str


class Links(PleoModel, frozen=True):
    """Addresses of the expense in Pleo, by place (`web`, `mobile`, `api`) and name (`exportItem`)."""

    web: dict[str, str] | None = None
    mobile: dict[str, str] | None = None
    api: dict[str, str] | None = None


class ExportItem(SentModel, frozen=True):
    """One expense of an export job. `date` is the transaction date; an amount may be negative."""

    accounting_entry_id: str
    company_id: str
    type: str
    date: Instant
    amount: Amounts
    accounting_entry_lines: tuple[Line, ...]
    additional_information: AdditionalInformation
    links: Links = msgspec.field(name="_links", default=Links())
    sub_type: str | None = None
    bookkeeping: Bookkeeping | None = None
    contra_account: Account | None = None
    files: tuple[File | None, ...] | None = None
    note: str | None = None
    service_period: ServicePeriod | None = None
    supplier: Supplier | None = None
    team: Team | None = None
    user: User | None = None
    vendor: Vendor | None = None

    @property
    def pleo_url(self) -> str | None:
        """The address of the expense in the Pleo web app, where Pleo sent one."""
        return (self.links.web or {}).get("exportItem")


class UnreadableItem(msgspec.Struct, frozen=True):
    """An expense whose data does not have the documented shape; `found` says where it does not."""

    accounting_entry_id: str | None
    found: str


Sent = TypeVar("Sent", bound=SentModel)


def decode_as_sent(raw: bytes, model: type[Sent]) -> Sent:
    """Read one resource and keep its JSON. Raises msgspec.ValidationError or msgspec.DecodeError."""
    value = msgspec.json.decode(raw, type=model)
    msgspec.structs.force_setattr(value, "as_sent", raw)
    return value


Known = TypeVar("Known", bound=StrEnum)


def known(values: type[Known], text: str) -> Known | None:
    """Return the published value that a text of Pleo's stands for, or None where it is none."""
    try:
        return values(text)
    except ValueError:
        return None


def text_of(raw: bytes, field: str) -> str | None:
    """Return a text field of a JSON object that could not be read as a whole, or None."""
    try:
        value: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
    found = value.get(field) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
