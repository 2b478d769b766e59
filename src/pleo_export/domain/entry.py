"""The Entry: what the accounting system gets for one export item. Signed postings that sum to zero."""

import hashlib
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec

from pleo_export.domain.money import Money


class EntryKind(StrEnum):
    """Which document of the accounting system the entry becomes."""

    JOURNAL = "journal"
    BILL = "bill"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"


class EntryState(StrEnum):
    """Whether a bookkeeper still reviews the entry, or it is final at once."""

    DRAFT = "draft"
    FINAL = "final"


class UnbalancedEntryError(ValueError):
    """The postings do not sum to zero. It is a bug of the mapping, so nothing may be recorded."""

    def __init__(self, reference: str, difference: Money) -> None:
        super().__init__(f"the postings of {reference} do not sum to zero: {difference} is left over")


class Reason(msgspec.Struct, frozen=True):
    """Why a posting is there: the rule that asked for it, the value it used, and the fallback, if one was needed."""

    rule: str
    value: str
    fallback: str | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.value}" + (f" (fallback: {self.fallback})" if self.fallback else "")


class Dimension(msgspec.Struct, frozen=True):
    """The value `code` of the dimension `group` (a cost centre, a project)."""

    group: str
    code: str


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of an entry. `amount` above zero is a debit, below zero a credit.

    `tax_code` names the tax code this leg belongs to; `original` is what the supplier charged for the whole line or
    expense, tax included, where that is in another currency.
    """

    account: str
    amount: Money
    reason: Reason
    line_id: str | None = None
    tax_code: str | None = None
    dimensions: tuple[Dimension, ...] = ()
    original: Money | None = None


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file to come: `key` is the same at every attempt, `position` counts from 1, `size` in bytes as announced."""

    key: str
    position: int
    url: str
    media_type: str | None
    size: int | None


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A downloaded attachment: where it lies, its real type (from its content), its size in bytes and SHA-256."""

    attachment: Attachment
    path: Path
    media_type: str
    size: int
    sha256: str


class EntryVendor(msgspec.Struct, frozen=True):
    """Who is owed or paid: the accounting system's id, and the name there."""

    id: str
    name: str


class InvoiceDetails(msgspec.Struct, frozen=True):
    """What the invoice itself says."""

    number: str
    issued: date | None
    due: date | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One journal entry, bill, credit note or payment, with everything that is written with it.

    `reference` is Pleo's accountingEntryId: the only identity there is; `job_id` is the export job it came with.
    `settlement` holds the postings of the payment that settles a bill or credit note at once (a card purchase booked
    through a vendor), else it is empty. `type_reason` says which sides its type is booked on, `method_reason` why it is
    a journal entry or goes through a vendor. `expense_date` is the transaction date; `posting_date` differs from it only where a closed period asked for it.
    """

    reference: str
    company_id: str
    job_id: str | None = None
    kind: EntryKind
    state: EntryState
    posting_date: date
    expense_date: date
    item_type: str
    item_sub_type: str | None = None
    payee: str | None
    description: str
    postings: tuple[Posting, ...]
    reconciliation_id: str
    type_reason: Reason
    method_reason: Reason
    settlement: tuple[Posting, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    reconciled_entries: tuple[str, ...] = ()
    attendees: tuple[str, ...] = ()
    vendor: EntryVendor | None = None
    invoice: InvoiceDetails | None = None
    service_period: tuple[date, date] | None = None
    team: str | None = None
    user: str | None = None
    pleo_url: str | None = None

    def __post_init__(self) -> None:
        for leg in (self.postings, self.settlement):
            difference = _sum(posting.amount for posting in leg)
            if difference is not None and difference.units != 0:
                raise UnbalancedEntryError(self.reference, difference)

    @property
    def total(self) -> Money:
        """The debits of the entry, settlement aside."""
        debits = [posting.amount for posting in self.postings if posting.amount.units > 0]
        return _sum(debits) or Money(self.postings[0].amount.currency, 0)

    @property
    def fingerprint(self) -> str:
        """A hash of what a bookkeeper would call the content.

        The posting date, the state, the job, the reasons and the (ever changing) file links do not count: the same
        expense gives the same fingerprint at every attempt.
        """
        content = (
            self.kind,
            self.expense_date,
            self.description,
            self.reconciliation_id,
            self.vendor,
            self.invoice,
            [
                (leg.account, leg.amount, leg.tax_code, leg.dimensions)
                for leg in (*self.postings, *self.settlement)
            ],
        )
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]


def _sum(amounts: Iterable[Money]) -> Money | None:
    total: Money | None = None
    for amount in amounts:
        total = amount if total is None else total + amount
    return total
