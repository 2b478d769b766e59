"""Entries, receipts and accounts as text in Beancount's syntax. Pure: what is written where is in `folder`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from pleo_export.accounting.ledger.chart import Chart
from pleo_export.accounting.ledger.syntax import metadata_key, quoted, safe_name
from pleo_export.domain.entry import Attachment, Entry, EntryKind, EntryState, Match, Owed, Posting, Reason
from pleo_export.domain.money import Money

TAG = "#pleo"
OPENED = date(1970, 1, 1)

# What main.beancount must include. A glob without any match is an error to Beancount: see KEEP in `connector`.
ACCOUNTS_FILE = "accounts.beancount"
ENTRIES_GLOB = "[0-9]*/*/*.beancount"

_POSTING_KEYS = ("reason", "line-id", "tax-code", "other-currency")
# Beancount keeps these two for itself.
_RESERVED_KEYS = ("filename", "lineno")

Metadata = Sequence[tuple[str, str | date | Money | None]]


def link_of(name: str) -> str:
    """Return the link (without its `^`) that all transactions and receipts of an entry share."""
    return f"pleo-{name}"


def entry_text(entry: Entry, names: Mapping[str, str], fingerprint: str | None = None) -> str:
    """Write an entry with its settlement, its clearing and its matches as the text of one file.

    `names` gives the ledger's account name for every code in the postings; `fingerprint` is that of the entry before
    its tax was split, where it was.
    """
    metadata = _entry_metadata(entry, fingerprint or entry.fingerprint)
    parts = [_transaction(entry, entry.postings, metadata, entry.description, names)]
    if entry.settlement:
        settles: Metadata = [("settles", entry.reference), ("journal", entry.settlement_journal)]
        verb = "Refunded" if entry.kind is EntryKind.CREDIT_NOTE else "Paid"
        parts.append(_transaction(entry, entry.settlement, settles, f"{verb}: {entry.description}", names))
    if entry.clearing:
        clears: Metadata = [("clears", "; ".join(match.reference for match in entry.matches))]
        parts.append(_transaction(entry, entry.clearing, clears, f"Cleared: {entry.description}", names))
    parts += [_note(entry, entry.owed, match, names) for match in entry.matches if entry.owed]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def document_text(entry: Entry, attachment: Attachment, file_name: str, sha256: str, account: str) -> str:
    """Write the directive that shows a receipt (`file_name`, beside the directive's file) at an account."""
    head = f"{entry.posting_date} document {account} {quoted(file_name)} {TAG} ^{link_of(safe_name(entry.reference))}"
    metadata: Metadata = [("pleo-file", attachment.key), ("sha256", sha256)]
    return "\n".join([head, *_metadata(metadata, indent=2), ""])


def main_text(chart: Chart) -> str:
    """Write the file that Beancount and Fava are pointed to. It is the bookkeeper's from then on."""
    return "\n".join(
        [
            "; Written once, then yours: add options, plugins and includes here.",
            f'option "title" {quoted(chart.title)}',
            f'option "operating_currency" {quoted(chart.currency)}',
            "",
            f'include "{ACCOUNTS_FILE}"',
            f'include "{ENTRIES_GLOB}"',
            "",
        ]
    )


def accounts_text(chart: Chart, before: str = "") -> str:
    """Write the accounts and the period lock of a chart.

    `before` is the text it replaces: an account that has left the chart since stays open in the ledger, because older
    entries stand on it.
    """
    lines = ["; Generated from the chart file: change that one, not this.", ""]
    for account in chart.accounts:
        currencies = ",".join(sorted(account.currencies or ()))
        lines.append(f"{OPENED} open {account.name} {currencies}".rstrip())
        lines += _metadata([("code", account.code), ("label", account.label)], indent=2)
    retired = sorted({*_opened(before)} - {account.name for account in chart.accounts})
    lines += ["", "; No longer in the chart."] * bool(retired)
    lines += [f"{OPENED} open {name}" for name in retired]
    if (locked := chart.period.locked_through) is not None:
        lines += ["", f'{locked} custom "period-lock" "Nothing may be posted on or before this day."']
    return "\n".join([*lines, ""])


def _opened(text: str) -> Iterator[str]:
    start = f"{OPENED} open "
    return (line.split()[2] for line in text.split("\n") if line.startswith(start))


def _transaction(
    entry: Entry, postings: Iterable[Posting], metadata: Metadata, narration: str, names: Mapping[str, str]
) -> Iterator[str]:
    flag = "!" if entry.state is EntryState.DRAFT else "*"
    texts = [quoted(text) for text in (entry.payee, narration) if text is not None]
    yield " ".join([str(entry.posting_date), flag, *texts, TAG, *_links(entry)])
    yield from _metadata(metadata, indent=2)
    legs = tuple(postings)
    priced = any(leg.value is not None for leg in legs)
    for leg in legs:
        number = f"{leg.amount.decimal:f}"
        if priced and leg.value is None and "." not in number:
            number += (
                ".0"  # the price of a unit is rounded, and whole numbers alone allow it no difference at all
            )
        # Beancount takes the sign of a total price from the amount before it.
        value = "" if leg.value is None else f" @@ {_size(leg.value)}"
        yield f"  {names[leg.account]:<46}  {number:>12} {leg.amount.currency}{value}"
        yield from _metadata(_posting_metadata(leg), indent=4)


def _note(entry: Entry, owed: Owed, match: Match, names: Mapping[str, str]) -> Iterator[str]:
    """Lines that say at the payable account what became of a bill, for people and for `payables`."""
    links = [link_of(safe_name(reference)) for reference in (entry.reference, match.reference)]
    says = quoted(f"{_settled(match)} ({match.reason.value})")
    yield " ".join(
        [f"{entry.posting_date} note {names[owed.account]} {says} {TAG}", *(f"^{one}" for one in links)]
    )
    yield from _metadata(
        [("matches", match.reference), ("settled", match.settled), ("paid", match.paid)], indent=2
    )


def _settled(match: Match) -> str:
    settled, paid, left = map(_size, (match.settled, match.paid, match.left))
    opened = match.settled.units * match.left.units < 0
    # Only of a credit note less than nothing is settled, or left again.
    done, do = ("refunded", "refund") if (match.settled.units < 0) != opened else ("paid", "pay")
    if opened:
        return f"Open again: {left} left to {do}"
    amounts = f"{settled} with {paid}" if settled.currency != paid.currency else str(settled)
    return f"Part {done}: {amounts}, {left} left to {do}" if left.units else f"{done.capitalize()}: {amounts}"


def _size(amount: Money) -> Money:
    return Money(amount.currency, abs(amount.units))


def _links(entry: Entry) -> list[str]:
    settled = [entry.reconciliation_id, *entry.reconciled_entries]
    entries = [entry.reference, *(match.reference for match in entry.matches)]
    links = [link_of(safe_name(one)) for one in entries] + [f"pleo-rec-{safe_name(one)}" for one in settled]
    return [f"^{link}" for link in dict.fromkeys(links)]


def _entry_metadata(entry: Entry, fingerprint: str) -> Metadata:
    period, invoice, vendor, owed = entry.service_period, entry.invoice, entry.vendor, entry.owed
    return [
        ("pleo-id", entry.reference),
        ("pleo-job", entry.job_id),
        ("pleo-type", entry.item_type),
        ("pleo-subtype", entry.item_sub_type),
        ("pleo-kind", entry.kind.value),
        ("journal", entry.journal),
        ("fingerprint", fingerprint),
        ("reconciliation-id", entry.reconciliation_id),
        ("reconciled-entries", "; ".join(entry.reconciled_entries) or None),
        ("pleo-url", entry.pleo_url),
        ("expense-date", entry.expense_date if entry.expense_date != entry.posting_date else None),
        ("booked", str(entry.type_reason)),
        ("method", str(entry.method_reason)),
        ("vendor-id", vendor.id if vendor else None),
        ("vendor", vendor.name if vendor else None),
        ("invoice-number", invoice.number if invoice else None),
        ("invoice-date", invoice.issued if invoice else None),
        ("due-date", invoice.due if invoice else None),
        ("payable-account", owed.account if owed else None),
        ("payable-amount", owed.amount if owed else None),
        ("payable-other", owed.other if owed else None),
        ("matching", _unprefixed(entry.matching)),
        ("service-from", period[0] if period else None),
        ("service-to", period[1] if period else None),
        ("attendees", "; ".join(entry.attendees) or None),
        ("team", entry.team),
        ("employee", entry.user),
        *((f"missing-file-{number}", why) for number, why in enumerate(entry.missing_files, start=1)),
    ]


def _unprefixed(reason: Reason | None) -> str | None:
    return str(reason).removeprefix(f"{reason.rule}: ") if reason else None


def _posting_metadata(posting: Posting) -> Metadata:
    values: list[tuple[str, str | date | Money | None]] = [
        ("reason", str(posting.reason)),
        ("line-id", posting.line_id),
        ("tax-code", posting.tax_code),
        ("other-currency", posting.original),
    ]
    taken = {*_POSTING_KEYS, *_RESERVED_KEYS}
    for dimension in posting.dimensions:
        key = metadata_key(dimension.group, taken)
        taken.add(key)
        values.append((key, dimension.code))
    return values


def _metadata(values: Metadata, *, indent: int) -> Iterator[str]:
    """Lines for the values that are there: texts in quotes, dates and amounts as Beancount's own types."""
    for key, value in values:
        if value is not None:
            yield f"{' ' * indent}{key}: {quoted(value) if isinstance(value, str) else value}"
