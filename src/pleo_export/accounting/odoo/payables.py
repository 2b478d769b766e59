"""What is owed to a vendor and paid, as the documents in Odoo say now: a bookkeeper may have changed them.

How much of a bill is settled is Odoo's own count, whoever matched it with what. Which other document an entry settled when
it was recorded stands in its note.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from pleo_export.accounting.odoo.chart import Chart
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.names import Part
from pleo_export.accounting.odoo.note import Note, read_note
from pleo_export.domain.entry import EntryKind, Owed
from pleo_export.domain.matching import Document
from pleo_export.domain.money import Money, exponent


class _MoveRow(msgspec.Struct):
    id: int
    ref: str | bool
    invoice_origin: str | bool


class _LineRow(msgspec.Struct):
    move_id: tuple[int, str]
    account_id: tuple[int, str]
    currency_id: tuple[int, str]
    amount_currency: Decimal
    amount_residual_currency: Decimal


async def payables(client: OdooClient, chart: Chart, partner: int | None) -> Sequence[Document]:
    """Return the documents of a contact in the order they were recorded, or those without one. Raises ConnectorError."""
    moves = await client.search_read(
        "account.move",
        list[_MoveRow],
        [
            ["partner_id", "=", partner or False],
            ["state", "!=", "cancel"],
            ["invoice_origin", "=like", '{"pleo":%"owed":%'],
        ],
        order="id",
    )
    if not moves:
        return []
    lines: defaultdict[int, list[_LineRow]] = defaultdict(list)
    for line in await client.search_read(
        "account.move.line", list[_LineRow], [["move_id", "in", [one.id for one in moves]]]
    ):
        lines[line.move_id[0]].append(line)
    documents = []
    for move in moves:
        note = read_note(move.invoice_origin)
        if note is not None and note.owed is not None and note.part is Part.ENTRY:
            account = chart.accounts.get(note.owed.account)
            own = [line for line in lines[move.id] if account and line.account_id[0] == account.id]
            if own:
                documents.append(_document(move, note, note.owed.account, own))
    return documents


def _document(move: _MoveRow, note: Note, account: str, lines: Sequence[_LineRow]) -> Document:
    bill = note.kind is not EntryKind.PAYMENT
    currency = lines[0].currency_id[1]
    amount = _money(currency, sum((one.amount_currency for one in lines), Decimal(0)), bill=bill)
    left = _money(currency, sum((one.amount_residual_currency for one in lines), Decimal(0)), bill=bill)
    number = note.invoice
    if bill and number is not None and isinstance(move.ref, str):
        number = move.ref
    return Document(
        reference=note.pleo,
        kind=note.kind,
        owed=Owed(account, amount, note.owed.other if note.owed else None),
        invoice_number=number,
        reconciliation_id=note.reconciliation,
        reconciled_entries=note.reconciled,
        settled=amount - left,
        settles=note.settles,
    )


def _money(currency: str, amount: Decimal, *, bill: bool) -> Money:
    units = round(amount.scaleb(exponent(currency)))
    return Money(currency, -units if bill else units)
