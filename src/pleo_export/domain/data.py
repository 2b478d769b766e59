"""Step 5.3: the data of an entry, in Pleo's order: mandatory, invoice, optional; tax has a module of its own."""

from collections.abc import Mapping
from datetime import date

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.description import fill, initials
from pleo_export.domain.entry import Dimension, InvoiceDetails
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.item import Amounts, ExportItem, InvoiceInformation, Line, MoneyModel, Tag
from pleo_export.domain.money import Money, MoneyError
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import MappingSettings


def booked_side(amounts: Amounts, *, in_supplier_currency: bool) -> MoneyModel:
    """Return the side of a money pair that is booked: the wallet's, except for invoices."""
    return amounts.in_supplier_currency if in_supplier_currency else amounts.in_wallet_currency


def other_side(amounts: Amounts, *, in_supplier_currency: bool) -> Money | None:
    """Return the side of a money pair that is not booked, where it is in another currency.

    It is shown, not booked: an amount that its currency cannot represent is left out.
    """
    other = booked_side(amounts, in_supplier_currency=not in_supplier_currency)
    if amounts.in_supplier_currency.currency == amounts.in_wallet_currency.currency:
        return None
    try:
        return other.exact()
    except MoneyError:
        return None


def unexplained(item: ExportItem, total: Money, *, in_supplier_currency: bool, may_round: bool) -> Money:
    """Return what the lines leave of the item's amount: nothing or, where they `may_round`, what rounding costs.

    Raises RejectedItemError for an item without lines or with lines that do not add up, and
    MoneyError for an amount that cannot be booked exactly.
    """
    if not item.accounting_entry_lines:
        raise RejectedItemError(Cause.NO_LINES, total=total)
    lines = Money(total.currency, 0)
    for line in item.accounting_entry_lines:
        lines += booked_side(line.line_amount, in_supplier_currency=in_supplier_currency).exact()
    rest = total - lines
    if rest.units and not (may_round and rest.is_rounding):
        raise RejectedItemError(Cause.LINES_DO_NOT_ADD_UP, lines=lines, total=total)
    return rest


def describe(item: ExportItem, template: str, characters_max: int | None) -> str:
    """Return the description, filled in as far as the data is there; an expense that says nothing is named by its type."""
    supplier = item.vendor.name if item.vendor else (item.supplier.name if item.supplier else None)
    kind = item.type.replace("_", " ")
    user = item.user.name if item.user else None
    information = item.additional_information
    invoice = information.invoice_information
    values = {
        "supplier": supplier,
        "user": user,
        "initials": initials(user) if user else None,
        "note": item.note,
        "team": item.team.name if item.team else None,
        "type": kind,
        "attendees": ", ".join(without_nulls(information.attendees)),
        "invoice": invoice.invoice_number if invoice else None,
        "reconciliation_id": information.reconciliation_id,
    }
    return fill(template, values, characters_max) or kind


def payee(item: ExportItem) -> str | None:
    """Return who was paid: the vendor, else the supplier, else the person."""
    if item.vendor is not None:
        return item.vendor.name
    if item.supplier is not None and item.supplier.name:
        return item.supplier.name
    return item.user.name if item.user else None


def dimensions(
    line: Line, item: ExportItem, mapping: MappingSettings, reference: ReferenceData
) -> tuple[Dimension, ...]:
    """Return the dimension values of a line: its tags, and the team and the person where the company maps these.

    A dimension has one value. A tag counts more than a team or a person that go to the same one. Raises
    RejectedItemError for a value that does not exist, and for two tags that differ.
    """
    found: list[Dimension] = []
    for group, tag in _tags(line, mapping).items():
        if not reference.has_dimension_value(group, tag.code):
            mapped = (
                "" if group == tag.group_code else f" (here the dimension {group}, by mapping.dimensions)"
            )
            raise RejectedItemError(Cause.TAG_UNKNOWN, tag=tag.code, group=f"{tag.group_code}{mapped}")
        found.append(Dimension(group, tag.code))
    for what, dimension, who in (("team", mapping.team, item.team), ("user", mapping.user, item.user)):
        if dimension is None or who is None or any(one.group == dimension for one in found):
            continue
        code = who.code or who.name
        if not reference.has_dimension_value(dimension, code):
            # A person is told by the code alone: the sentence is logged and stored.
            shown = who.code or "of this expense"
            raise RejectedItemError(
                Cause.DIMENSION_VALUE_UNKNOWN, what=what, value=shown, dimension=dimension
            )
        found.append(Dimension(dimension, code))
    return tuple(found)


def _tags(line: Line, mapping: MappingSettings) -> Mapping[str, Tag]:
    """Return the tag of each dimension."""
    tags: dict[str, Tag] = {}
    for tag in filter(None, line.tags or ()):
        dimension = mapping.dimensions.get(tag.group_code, tag.group_code)
        other = tags.setdefault(dimension, tag)
        if other.code != tag.code:
            raise RejectedItemError(
                Cause.DIMENSION_TAKEN,
                first=f"{other.code} of {other.group_code}",
                second=f"{tag.code} of {tag.group_code}",
                dimension=dimension,
            )
    return tags


def invoice_details(information: InvoiceInformation | None) -> InvoiceDetails | None:
    """Return what the invoice says. Raises RejectedItemError for a date that is none."""
    if information is None:
        return None
    return InvoiceDetails(
        # As every system can keep it: it is compared with what was kept.
        number="".join(one if one.isprintable() else " " for one in information.invoice_number).strip(),
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
        raise RejectedItemError(Cause.INVOICE_DATE_INVALID, what=what, text=text) from None


def without_nulls(values: tuple[str | None, ...] | None) -> tuple[str, ...]:
    """Return the texts of a list in which Pleo may send nulls."""
    return tuple(value for value in values or () if value)
