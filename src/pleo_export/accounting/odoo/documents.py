"""From an entry to what Odoo gets for it: one to three documents, as rows for `account.move/load`. Pure.

a journal entry or payment    a journal entry
a bill, a credit note         a vendor bill or refund: every line, the tax and what is owed are as Pleo says
its settlement, a clearing    a journal entry each, in the same call
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

import msgspec

from pleo_export.accounting.odoo.chart import Chart, Currency
from pleo_export.accounting.odoo.explanation import explanation
from pleo_export.accounting.odoo.names import Part, entry_id
from pleo_export.accounting.odoo.note import note_of, written
from pleo_export.accounting.odoo.plan import (
    MOVE_TYPES,
    CurrencyInactiveError,
    CurrencyRoundingError,
    DimensionUnknownError,
    Plan,
)
from pleo_export.accounting.odoo.taxes import NO_TAG, Marked, Tag, marked, marked_for_bill
from pleo_export.accounting.odoo.values import values
from pleo_export.domain.entry import Entry, EntryKind, Posting
from pleo_export.domain.money import Money

Row = Mapping[str, str]

_HEAD = (
    "id",
    "move_type",
    "journal_id/.id",
    "date",
    "invoice_date",
    "invoice_date_due",
    "ref",
    "partner_id/.id",
    "currency_id/.id",
    "invoice_currency_rate",
    "invoice_origin",
    "narration",
)
_LINE = (
    "line_ids/account_id/.id",
    "line_ids/display_type",
    "line_ids/name",
    "line_ids/partner_id/.id",
    "line_ids/currency_id/.id",
    "line_ids/amount_currency",
    "line_ids/balance",
    "line_ids/price_unit",
    "line_ids/quantity",
    "line_ids/date_maturity",
    "line_ids/tax_ids/.id",
    "line_ids/tax_repartition_line_id/.id",
    "line_ids/tax_tag_ids/.id",
    "line_ids/tax_base_amount",
    "line_ids/analytic_distribution",
    "line_ids/matching_number",
)
FIELDS = _HEAD + _LINE
# Odoo would put something of its own where nothing is said about these.
_NEVER_LEFT_OUT = ("line_ids/tax_ids/.id", "line_ids/tax_tag_ids/.id", "line_ids/analytic_distribution")


def table(cells: Sequence[Row], chart: Chart) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return the fields that rows need, and the rows in their order: Odoo looks at each cell, and takes its time."""
    own = str(chart.currencies[chart.company.currency].id)
    fields = [field for field in FIELDS if not {row.get(field, "") for row in cells} <= _left_out(field, own)]
    return fields, [[row.get(field, "") for field in fields] for row in cells]


def _left_out(field: str, own_currency: str) -> set[str]:
    """Return what need not be said, because Odoo takes it where nothing is said."""
    if field in _NEVER_LEFT_OUT:
        return set()
    return {own_currency} if field == "line_ids/currency_id/.id" else {""}


def rows(plan: Plan) -> Iterator[Row]:
    """Yield the rows of an entry's documents."""
    for part in plan.parts:
        legs = _marked(plan, part)
        lines = _entry_lines(plan, legs) if part is Part.ENTRY else _lines(plan, legs)
        head = {**_head(plan, part), "narration": _narration(plan, part, legs)}
        for number, line in enumerate(lines):
            yield line if number else {**head, **line}


def _head(plan: Plan, part: Part) -> Row:
    entry, chart = plan.entry, plan.chart
    bill = plan.is_bill and part is Part.ENTRY
    head = {
        "id": entry_id(chart.company.id, entry.reference, part),
        "move_type": MOVE_TYPES[entry.kind] if bill else "entry",
        "journal_id/.id": str(plan.journal(part).id),
        "date": entry.posting_date.isoformat(),
        "ref": _ref(entry) if bill else entry.reference,
        "partner_id/.id": _number(plan.partner),
        "currency_id/.id": str(_currency(chart, plan.legs(part)[0].weight.currency).id),
        "invoice_currency_rate": str(_rate(plan)) if bill else "1",
        "invoice_origin": written(note_of(entry, part, plan.fingerprint, plan.attempt)),
    }
    if bill:
        issued, due = _dates(entry)
        head |= {"invoice_date": issued.isoformat(), "invoice_date_due": due.isoformat()}
    return head


def _narration(plan: Plan, part: Part, legs: Sequence[Marked]) -> str:
    if part is not Part.ENTRY:
        return ""
    untold = plan.untold
    if any(tag == NO_TAG and leg.tax_code in plan.chart.taxes for leg, tag in legs):
        untold = untold or "By its own tax it would be another amount, or stand on another account."
    return explanation(plan.entry, untold)


def _ref(entry: Entry) -> str:
    """Return what a bookkeeper looks a bill up by: the vendor's own number, where there is one."""
    return (entry.invoice.number if entry.invoice else "") or entry.reference


def _dates(entry: Entry) -> tuple[date, date]:
    issued = (entry.invoice.issued if entry.invoice else None) or entry.expense_date
    due = (entry.invoice.due if entry.invoice else None) or issued
    return issued, due


def _marked(plan: Plan, part: Part) -> Sequence[Marked]:
    """Return the legs of a document with what Odoo is told of their tax."""
    legs, taxes = plan.legs(part), plan.chart.taxes
    if part is not Part.ENTRY or plan.untold:
        return [(leg, NO_TAG) for leg in legs]
    if not plan.is_bill:
        return marked(legs, taxes)
    return marked_for_bill(
        legs,
        taxes,
        refund=plan.entry.kind is EntryKind.CREDIT_NOTE,
        by_line=plan.chart.company.rounds_by_line,
        paid=bool(plan.entry.settlement),
    )


def _entry_lines(plan: Plan, legs: Sequence[Marked]) -> list[Row]:
    entry = plan.entry
    if not plan.is_bill:
        return _lines(plan, legs)
    refund = entry.kind is EntryKind.CREDIT_NOTE
    owed = next(place for place, (leg, _) in enumerate(legs) if leg is entry.postings[plan.owed_at])
    pairs = list(zip(_lines(plan, legs, owed), legs, strict=True))
    lines = [_bill_line(line, leg, tag, pairs, refund=refund) for line, (leg, tag) in pairs]
    lines[owed] = _owed_line(plan, lines[owed])
    return lines


def _lines(plan: Plan, legs: Sequence[Marked], exact: int = -1) -> list[Row]:
    own = plan.chart.company.currency
    worth = _values(plan, [leg for leg, _ in legs], exact)
    return [_line(plan, leg, Money(own, value), tag) for (leg, tag), value in zip(legs, worth, strict=True)]


def _values(plan: Plan, legs: Sequence[Posting], exact: int) -> Sequence[int]:
    own = _currency(plan.chart, plan.chart.company.currency)
    return values(legs, own, plan.entry.owed, plan.rates, exact)


def _line(plan: Plan, leg: Posting, value: Money, tag: Tag) -> Row:
    entry, chart = plan.entry, plan.chart
    for amount in (leg.amount, value):
        if amount.units % (currency := _currency(chart, amount.currency)).step:
            raise CurrencyRoundingError(amount, currency)
    return {
        "line_ids/account_id/.id": str(tag.account or chart.accounts[leg.account].id),
        "line_ids/display_type": "tax" if tag.share else "product",
        "line_ids/name": entry.description,
        "line_ids/partner_id/.id": _number(plan.partner),
        "line_ids/currency_id/.id": str(_currency(chart, leg.amount.currency).id),
        "line_ids/amount_currency": f"{leg.amount.decimal:f}",
        "line_ids/balance": f"{value.decimal:f}",
        "line_ids/tax_ids/.id": _number(tag.tax),
        "line_ids/tax_repartition_line_id/.id": _number(tag.share),
        "line_ids/tax_tag_ids/.id": ",".join(map(str, tag.tags)),
        "line_ids/analytic_distribution": _distribution(chart, leg),
        "line_ids/matching_number": _mark(plan, leg),
    }


def _bill_line(
    line: Row, leg: Posting, tag: Tag, pairs: Sequence[tuple[Row, Marked]], *, refund: bool
) -> Row:
    if tag.share:
        return {**line, "line_ids/tax_base_amount": f"{_base(leg, pairs):f}"}
    price = -leg.amount if refund else leg.amount
    return {**line, "line_ids/price_unit": f"{price.decimal * tag.times:f}", "line_ids/quantity": "1"}


def _base(leg: Posting, pairs: Sequence[tuple[Row, Marked]]) -> Decimal:
    """Return what the expenses are worth on which a tax is due; of tax that stays on their account those on that one."""
    due = [
        (one.account, Decimal(line["line_ids/balance"]))
        for line, (one, tag) in pairs
        if tag.tax and one.tax_code == leg.tax_code
    ]
    own = [worth for account, worth in due if account == leg.account]
    return sum(own or [worth for _, worth in due], Decimal(0))


def _owed_line(plan: Plan, line: Row) -> Row:
    _, due = _dates(plan.entry)
    return {
        **line,
        "line_ids/display_type": "payment_term",
        "line_ids/price_unit": "",
        "line_ids/quantity": "",
        "line_ids/date_maturity": due.isoformat(),
    }


def _mark(plan: Plan, leg: Posting) -> str:
    """Return what has Odoo match a bill with its settlement once both are posted, whoever posts them."""
    entry = plan.entry
    settled = entry.settlement and leg.account == entry.settlement[0].account
    # Where nothing is owed, both are settled from the beginning, and Odoo refuses to match them.
    return "I" + entry_id(plan.chart.company.id, entry.reference) if settled and leg.amount.units else ""


def _distribution(chart: Chart, leg: Posting) -> str:
    """Return the analytic accounts of a leg, one of each plan, for the whole of it."""
    if not chart.analytic:
        return ""  # nothing is kept there; what the expense was tagged with stands in its notes
    unknown = next((one for one in leg.dimensions if (one.group, one.code) not in chart.analytic), None)
    if unknown is not None:
        raise DimensionUnknownError(unknown)
    accounts = ",".join(str(chart.analytic[one.group, one.code]) for one in leg.dimensions)
    return msgspec.json.encode({accounts: 100}).decode() if accounts else ""


def _currency(chart: Chart, code: str) -> Currency:
    if code not in chart.currencies:
        raise CurrencyInactiveError(code)
    return chart.currencies[code]


def _rate(plan: Plan) -> Decimal:
    """Return how many units of a bill's currency one unit of the company's is."""
    own, entry = plan.chart.company.currency, plan.entry
    owed = entry.postings[plan.owed_at]
    if owed.weight.currency == own:
        return Decimal(1)
    worth = _values(plan, entry.postings, plan.owed_at)[plan.owed_at]
    return (
        owed.weight.decimal / Money(own, worth).decimal
        if worth
        else plan.rates.get(owed.weight.currency, Decimal(1))
    )


def _number(found: int | None) -> str:
    return "" if found is None else str(found)
