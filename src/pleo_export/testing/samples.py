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
    Owed,
    Posting,
    Reason,
    StoredFile,
)
from pleo_export.domain.money import Money

_PDF = b"%PDF-1.4\n"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is so in the books under test.

    `expense`, `wallet`, `tax`, `output_tax`, `payable` and `exchange` are codes of active accounts that take `currency`;
    `payable` takes `foreign` as well; `expense` and `wallet` take `other_currencies`, where there are some, of none and of
    three decimals. `missing` is the code of no account, vendor, tax code or journal. Where the system
    splits tax itself, `tax_code` and `reverse_code` are 25 % on `tax`, the latter under reverse charge with `output_tax`.
    `journal` is there where the system has journals. Nothing may be posted on `closed_day`, anything on `open_day` and
    on `other_open_day`, which lies in another month. Every verb ends within `seconds`.
    """

    expense: str = "6100"
    wallet: str = "1900"
    tax: str = "2610"
    output_tax: str = "2620"
    payable: str = "2400"
    exchange: str = "7700"
    missing: str = "9999"
    vendor: EntryVendor = EntryVendor("V-1001", "Nordic Paper ApS")
    tax_code: str = "V25"
    reverse_code: str = "R25"
    journal: str = "P"
    currency: str = "EUR"
    foreign: str = "USD"
    other_currencies: tuple[str, ...] = ()
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


def sample_invoice(
    reference: str = "invoice-1", *, facts: Facts = DEFAULT_FACTS, worth: int | None = None, **changes: Any
) -> Entry:
    """Return a bill over 100.00 whose payment comes by itself.

    With `worth` it is in the foreign currency, and was worth that many minor units of the company's own.
    """
    currency = facts.currency if worth is None else facts.foreign
    fields: dict[str, Any] = {
        "kind": EntryKind.BILL,
        "item_type": "invoice",
        "postings": (
            sample_posting(facts.expense, 10_000, currency),
            sample_posting(facts.payable, -10_000, currency),
        ),
        "owed": Owed(
            facts.payable, Money(currency, 10_000), None if worth is None else Money(facts.currency, worth)
        ),
        "vendor": facts.vendor,
        "invoice": InvoiceDetails("INV-7", facts.open_day, facts.other_open_day),
    }
    return sample_entry(reference, facts=facts, **(fields | changes))


def sample_payment(
    reference: str = "payment-1",
    *,
    facts: Facts = DEFAULT_FACTS,
    units: int = 10_000,
    charged: int | None = None,
    **changes: Any,
) -> Entry:
    """Return the payment of `sample_invoice` from the wallet, or of `units` minor units of it; below zero it came back.

    `charged` is what the supplier got, in minor units of the foreign currency, where the invoice was in that.
    """
    fields: dict[str, Any] = {
        "kind": EntryKind.PAYMENT,
        "item_type": "invoice_payment",
        "postings": (
            sample_posting(facts.payable, units, facts.currency),
            sample_posting(facts.wallet, -units, facts.currency),
        ),
        "owed": Owed(
            facts.payable,
            Money(facts.currency, units),
            None if charged is None else Money(facts.foreign, charged),
        ),
        "vendor": facts.vendor,
        "invoice": InvoiceDetails("INV-7", None, None),
        "reconciled_entries": ("10452", "10453"),
    }
    return sample_entry(reference, facts=facts, **(fields | changes))


def sample_left_to_the_system(
    reference: str = "taxed-1", *, facts: Facts = DEFAULT_FACTS, code: str, units: int, tax: int
) -> Entry:
    """Return a card purchase over `units` whose tax, `tax` minor units as Pleo states it, is to be split by its code."""
    taxed = sample_posting(
        facts.expense, units, facts.currency, tax_code=code, tax=Money(facts.currency, tax)
    )
    return sample_entry(
        reference, facts=facts, postings=(taxed, sample_posting(facts.wallet, -units, facts.currency))
    )


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
