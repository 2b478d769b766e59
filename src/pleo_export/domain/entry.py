"""The Entry: what the accounting system gets for one export item. Signed postings that sum to zero, in each currency."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec.structs import replace

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

    `tax_code` names the accounting system's tax code of this leg. `tax` is there where the system itself has to split
    the leg by that code: the tax that Pleo states, in the leg's direction. `original` is the leg in the other currency of
    Pleo's pair: what the supplier charged or, of a foreign bill, what it was worth in the wallet's. `value` is what the
    leg weighs in the entry where `amount` is in another currency than the other legs.
    """

    account: str
    amount: Money
    reason: Reason
    line_id: str | None = None
    tax_code: str | None = None
    tax: Money | None = None
    dimensions: tuple[Dimension, ...] = ()
    original: Money | None = None
    value: Money | None = None

    @property
    def weight(self) -> Money:
        """What the leg counts in the sum of its entry, which is zero in each currency."""
        return self.amount if self.value is None else self.value


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
    """Who is owed or paid: the accounting system's id, and the name there; `key` is the surest id that Pleo has of them.

    `create`: the accounting system does not know them yet and shall keep them with the entry; `id` is the key then, the
    same at every attempt.
    """

    id: str
    name: str
    key: str | None = None
    create: bool = False
    tax_identifier: str | None = None


class Owed(msgspec.Struct, frozen=True):
    """What a bill adds to a vendor's payable account or a payment takes off it, above zero in both cases.

    A credit note and a returned payment are below zero. `other` is the same amount in the other currency of Pleo's
    pair: for a bill what it was worth in the wallet's currency, for a payment what the supplier charged.
    """

    account: str
    amount: Money
    other: Money | None = None


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A bill and a payment that belong together. `reference` is the one that was there before.

    `settled` is how much of the bill, `paid` how much of the payment that is; below zero where a returned payment
    opens the bill again. `left` is what is still owed of the bill afterwards.
    """

    reference: str
    settled: Money
    paid: Money
    left: Money
    reason: Reason


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
    a journal entry or goes through a vendor. `expense_date` is the transaction date; `posting_date` differs from it only
    where a closed period asked for it. `journal` is the accounting system's journal, where it has
    several, `settlement_journal` that of the settlement.

    `owed` is there for a bill whose payment comes by itself, and for such a payment. `matches` are the bills or payments
    in the books that it belongs to, `clearing` the postings that settle them against each other where currencies or
    accounts differ, `matching` says how that was found. `missing_files` says which receipts are not with it, and why.
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
    journal: str | None = None
    settlement_journal: str | None = None
    settlement: tuple[Posting, ...] = ()
    owed: Owed | None = None
    matches: tuple[Match, ...] = ()
    clearing: tuple[Posting, ...] = ()
    matching: Reason | None = None
    missing_files: tuple[str, ...] = ()
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
        for legs in (self.postings, self.settlement, self.clearing):
            for currency, units in _weights(legs).items():
                if units:
                    raise UnbalancedEntryError(self.reference, Money(currency, units))

    @property
    def total(self) -> Money:
        """The debits of the entry, settlement aside."""
        debits = (posting.amount for posting in self.postings if posting.amount.units > 0)
        return sum(debits, Money(self.postings[0].amount.currency, 0))

    @property
    def fingerprint(self) -> str:
        """A hash of what a bookkeeper would call the content.

        What depends on the day or on the books does not count: the posting date, the state, the job, the reasons, the
        (ever changing) file links, the matches, and whether the vendor was there or is created. The same expense gives
        the same fingerprint at every attempt, unless it is owed to a vendor since: one that was unknown, and whose bill
        was put on the common account or became a journal entry.
        """
        content = (
            self.kind,
            self.expense_date,
            self.description,
            self.reconciliation_id,
            self.vendor.key if self.vendor else None,
            self.invoice,
            [
                (leg.account, leg.amount, leg.tax_code, leg.dimensions)
                for leg in (*self.postings, *self.settlement)
            ],
        )
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]


def without_links(entry: Entry) -> Entry:
    """Return the entry without the links to its receipts, which give access to the files."""
    return replace(entry, attachments=tuple(replace(one, url="") for one in entry.attachments))


def _weights(legs: Iterable[Posting]) -> Mapping[str, int]:
    """Sum what the legs weigh, by currency: a bill may be cleared against payments from wallets in several."""
    sums: defaultdict[str, int] = defaultdict(int)
    for leg in legs:
        weight = leg.weight
        sums[weight.currency] += weight.units
    return sums
