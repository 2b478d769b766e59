"""Sample entries and receipts for tests of connectors, in the accounts that `Facts` names."""

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from pleo_export.domain.entry import (
    Attachment,
    Entry,
    EntryKind,
    EntryState,
    EntryVendor,
    InvoiceDetails,
    Posting,
    Reason,
    StoredFile,
)
from pleo_export.domain.money import Money

_PDF = b"%PDF-1.4\n"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is so in the books under test.

    `expense`, `wallet`, `tax` and `payable` are codes of active accounts that take `currency`; `missing` is the code
    of no account. Nothing may be posted on `closed_day`, anything on `open_day` and on `other_open_day`, which lies
    in another month. Every verb ends within `seconds`.
    """

    expense: str = "6100"
    wallet: str = "1900"
    tax: str = "2610"
    payable: str = "2400"
    missing: str = "9999"
    vendor: EntryVendor = EntryVendor("V-1001", "Nordic Paper ApS")
    currency: str = "EUR"
    open_day: date = date(2026, 1, 3)
    other_open_day: date = date(2026, 2, 14)
    closed_day: date | None = date(2025, 12, 31)
    seconds: float = 10


DEFAULT_FACTS = Facts()


def sample_posting(account: str, units: int, currency: str = "EUR", **changes: Any) -> Posting:
    """Return a posting of `units` minor units; above zero is a debit."""
    reason = Reason("sample", account)
    posting = Posting(account=account, amount=Money(currency, units), reason=reason)
    return msgspec.structs.replace(posting, **changes)


def sample_entry(reference: str = "exp-1", *, facts: Facts = DEFAULT_FACTS, **changes: Any) -> Entry:
    """Return a card purchase of 12.50, 2.50 of it tax, as a final journal entry; `changes` are fields of Entry."""
    entry = Entry(
        reference=reference,
        company_id="company-1",
        kind=EntryKind.JOURNAL,
        state=EntryState.FINAL,
        posting_date=facts.open_day,
        expense_date=facts.open_day,
        item_type="card_purchase",
        payee="Nordic Paper",
        description="Printer paper",
        postings=(
            sample_posting(facts.expense, 1000, facts.currency),
            sample_posting(facts.tax, 250, facts.currency),
            sample_posting(facts.wallet, -1250, facts.currency),
        ),
        reconciliation_id="10451",
        type_reason=Reason("card_purchase", "debit category, credit wallet"),
        method_reason=Reason("method", "journal"),
    )
    return msgspec.structs.replace(entry, **changes)


def sample_bill(reference: str = "bill-1", *, facts: Facts = DEFAULT_FACTS, **changes: Any) -> Entry:
    """Return a bill over 100.00 that a card payment settles at once."""
    fields: dict[str, Any] = {
        "kind": EntryKind.BILL,
        "postings": (
            sample_posting(facts.expense, 10_000, facts.currency),
            sample_posting(facts.payable, -10_000, facts.currency),
        ),
        "settlement": (
            sample_posting(facts.payable, 10_000, facts.currency),
            sample_posting(facts.wallet, -10_000, facts.currency),
        ),
        "vendor": facts.vendor,
        "invoice": InvoiceDetails("INV-7", facts.open_day, facts.other_open_day),
    }
    return sample_entry(reference, facts=facts, **(fields | changes))


def sample_credit_note(reference: str = "credit-1", *, facts: Facts = DEFAULT_FACTS, **changes: Any) -> Entry:
    """Return a vendor's credit note over 20.00, not settled."""
    fields: dict[str, Any] = {
        "kind": EntryKind.CREDIT_NOTE,
        "postings": (
            sample_posting(facts.payable, 2000, facts.currency),
            sample_posting(facts.expense, -2000, facts.currency),
        ),
        "vendor": facts.vendor,
        "invoice": InvoiceDetails("CN-1", facts.open_day, None),
    }
    return sample_entry(reference, facts=facts, **(fields | changes))


def sample_payment(reference: str = "payment-1", *, facts: Facts = DEFAULT_FACTS, **changes: Any) -> Entry:
    """Return the payment of a bill over 100.00 from the wallet."""
    fields: dict[str, Any] = {
        "kind": EntryKind.PAYMENT,
        "postings": (
            sample_posting(facts.payable, 10_000, facts.currency),
            sample_posting(facts.wallet, -10_000, facts.currency),
        ),
        "vendor": facts.vendor,
        "reconciled_entries": ("10452", "10453"),
    }
    return sample_entry(reference, facts=facts, **(fields | changes))


def sample_file(
    folder: Path, position: int = 1, content: bytes = _PDF, *, key: str | None = None
) -> StoredFile:
    """Write a receipt into `folder` and return it as if it had been downloaded."""
    attachment = Attachment(
        key=key or f"file-{position}",
        position=position,
        url=f"https://files.example/{position}.pdf",
        media_type="application/pdf",
        size=len(content),
    )
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest}.pdf"
    path.write_bytes(content)
    return StoredFile(
        attachment=attachment, path=path, media_type="application/pdf", size=len(content), sha256=digest
    )


def sample_files(folder: Path, number: int) -> Sequence[StoredFile]:
    """Write `number` different receipts."""
    return [sample_file(folder, position, _PDF + bytes([position])) for position in range(1, number + 1)]
