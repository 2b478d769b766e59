"""Why an entry is as it is, in the words a bookkeeper reads at its document. Pure."""

from collections.abc import Iterator

from pleo_export.domain.entry import Entry


def explanation(entry: Entry, untold: str = "") -> str:
    """Return the explanation as the HTML that Odoo keeps with a document; `untold` is why Odoo knows nothing of its tax."""
    from html import escape  # noqa: PLC0415 with it come the names of two thousand signs

    told = [*_told(entry), ("Odoo was not told of the tax, because", untold)]
    lines = (f"{escape(what)}: {escape(said)}" for what, said in told if said)
    return f"<p>{'<br/>'.join(lines)}</p>"


def _told(entry: Entry) -> Iterator[tuple[str, str | None]]:
    yield "Pleo", entry.pleo_url
    yield "Reference", entry.reference
    yield "Expense", " ".join(filter(None, (entry.item_type, entry.item_sub_type)))
    yield "Paid to", entry.payee
    yield "Reconciliation id", entry.reconciliation_id
    yield "Export job", entry.job_id
    if entry.expense_date != entry.posting_date:
        yield "Date of the expense", entry.expense_date.isoformat()
    if entry.service_period is not None:
        yield "Service period", " to ".join(day.isoformat() for day in entry.service_period)
    yield "Team", entry.team
    yield "Employee", entry.user
    yield "Attendees", "; ".join(entry.attendees)
    yield "Booked as", str(entry.type_reason)
    yield "Method", str(entry.method_reason)
    for number, leg in enumerate((*entry.postings, *entry.settlement, *entry.clearing), start=1):
        yield f"Line {number}", f"{leg.account} {leg.amount}: {leg.reason}"
        yield f"Tags of line {number}", ", ".join(f"{one.group} {one.code}" for one in leg.dimensions)
    yield "Matching", entry.matching.value if entry.matching else None
    for why in entry.missing_files:
        yield "Missing receipt", why
