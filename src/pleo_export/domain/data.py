"""Step 5.3: the data of an entry, in Pleo's order: mandatory, invoice, optional; tax has a module of its own."""

from datetime import date

from pleo_export.domain.entry import Dimension, InvoiceDetails
from pleo_export.domain.failures import ItemFailureType, RejectedItemError
from pleo_export.domain.item import Amounts, ExportItem, InvoiceInformation, Line, MoneyModel
from pleo_export.domain.money import Money, MoneyError
from pleo_export.domain.reference import ReferenceData


def booked_side(amounts: Amounts, *, in_supplier_currency: bool) -> MoneyModel:
    """Return the side of a money pair that is booked: the wallet's, except for invoices."""
    return amounts.in_supplier_currency if in_supplier_currency else amounts.in_wallet_currency


def original_amount(amounts: Amounts, *, in_supplier_currency: bool) -> Money | None:
    """Return what the supplier charged, where that is in another currency than the one booked.

    It is shown, not booked: an amount that its currency cannot represent is left out.
    """
    if in_supplier_currency or amounts.in_supplier_currency.currency == amounts.in_wallet_currency.currency:
        return None
    try:
        return amounts.in_supplier_currency.exact()
    except MoneyError:
        return None


def check_lines(item: ExportItem, *, in_supplier_currency: bool) -> Money:
    """Return the amount of the item after checking that its lines add up to it.

    Raises RejectedItemError (`validation_failure`) for an item without lines or with lines that do not add up, and
    MoneyError for an amount that cannot be booked exactly.
    """
    total = booked_side(item.amount, in_supplier_currency=in_supplier_currency).exact()
    if not item.accounting_entry_lines:
        raise RejectedItemError(
            ItemFailureType.VALIDATION_FAILURE,
            f"Pleo sent this expense of {total} without any line, so there is nothing to book."
            " Open it in Pleo, choose a category and export it again.",
        )
    lines = Money(total.currency, 0)
    for line in item.accounting_entry_lines:
        lines += booked_side(line.line_amount, in_supplier_currency=in_supplier_currency).exact()
    if lines != total:
        raise RejectedItemError(
            ItemFailureType.VALIDATION_FAILURE,
            f"The lines of this expense add up to {lines}, but the expense is {total}."
            " Correct the split in Pleo and export it again.",
        )
    return total


def describe(item: ExportItem) -> str:
    """Return the description Pleo asks for: supplier, user and note, as far as they are there."""
    supplier = item.vendor.name if item.vendor else (item.supplier.name if item.supplier else None)
    parts = (supplier, item.user.name if item.user else None, item.note)
    return " - ".join(part.strip() for part in parts if part and part.strip()) or item.type.replace("_", " ")


def payee(item: ExportItem) -> str | None:
    """Return who was paid: the vendor, else the supplier, else the person."""
    if item.vendor is not None:
        return item.vendor.name
    if item.supplier is not None and item.supplier.name:
        return item.supplier.name
    return item.user.name if item.user else None


def dimensions(line: Line, reference: ReferenceData) -> tuple[Dimension, ...]:
    """Return a dimension value for each tag of a line. Raises RejectedItemError (`tag_unknown`)."""
    found = []
    for tag in line.tags or ():
        if tag is None:
            continue
        known = reference.dimensions
        if known is not None and tag.code not in known.get(tag.group_code, frozenset()):
            raise RejectedItemError(
                ItemFailureType.TAG_UNKNOWN,
                f"Tag {tag.code} of {tag.group_code} does not exist in the accounting system."
                " Choose another tag in Pleo, or add it there; then export the expense again.",
            )
        found.append(Dimension(tag.group_code, tag.code))
    return tuple(found)


def invoice_details(information: InvoiceInformation | None) -> InvoiceDetails | None:
    """Return what the invoice says. Raises RejectedItemError for a date that is none."""
    if information is None:
        return None
    return InvoiceDetails(
        number=information.invoice_number,
        issued=_day(information.invoice_date, "invoice date"),
        due=_day(information.due_date, "due date"),
    )


def _day(text: str | None, what: str) -> date | None:
    """Read a date, or the date of a timestamp: Pleo's reference allows both spellings."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise RejectedItemError(
            ItemFailureType.VALIDATION_FAILURE,
            f"The {what} '{text}' of this invoice is no date. Correct it in Pleo and export the invoice again.",
        ) from None


def without_nulls(values: tuple[str | None, ...] | None) -> tuple[str, ...]:
    """Return the texts of a list in which Pleo may send nulls."""
    return tuple(value for value in values or () if value)
