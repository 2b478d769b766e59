"""What is owed to a vendor and paid, as the documents in Odoo say now: a bookkeeper may have changed them.

How much of a bill is settled is Odoo's own count, whoever matched it with what. Which other document an entry settled when
it was recorded stands in its note.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from pleo_export.accounting.odoo.chart import Chart
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.interrupted import closed_again, settled_by_drafts
from pleo_export.accounting.odoo.lookup import Lookup, MoveRow, found_in
from pleo_export.accounting.odoo.note import Note, OwedNote
from pleo_export.domain.entry import EntryKind, Owed
from pleo_export.domain.matching import Document
from pleo_export.domain.money import Money, exponent


class _LineRow(msgspec.Struct):
    id: int
    move_id: tuple[int, str]
    account_id: tuple[int, str]
    currency_id: tuple[int, str]
    amount_currency: Decimal
    amount_residual_currency: Decimal


async def payables(
    client: OdooClient, lookup: Lookup, chart: Chart, partner: int | None
) -> Sequence[Document]:
    """Return the documents of a contact in the order they were recorded, or those without one. Raises ConnectorError."""
    # Odoo copies the note of a bill into the credit note that a bookkeeper makes of it.
    domain = [["partner_id", "=", partner or False], ["reversed_entry_id", "=", False]]
    domain += [["invoice_origin", "=like", '{"pleo":%"owed":%']]
    moves: dict[str, MoveRow] = {}
    interrupted: list[Note] = []
    for row in await client.search_read("account.move", list[MoveRow], domain, order="id"):
        found = found_in(row)
        if found.note is None or found.cancelled:
            continue
        if found.stands:
            # Somebody may have copied a bill, with its note: the first one counts.
            moves.setdefault(found.note.pleo, row)
        else:
            interrupted.append(found.note)
    interrupted = [note for note in interrupted if note.pleo not in moves]  # the others are copies
    matched = await settled_by_drafts(client, lookup, interrupted)
    lines: defaultdict[int, list[_LineRow]] = defaultdict(list)
    own = [["move_id", "in", [row.id for row in moves.values()]]]
    for line in await client.search_read("account.move.line", list[_LineRow], own) if moves else ():
        line.amount_residual_currency += matched.get(line.id, 0) * (1 if line.amount_currency > 0 else -1)
        lines[line.move_id[0]].append(line)
    documents = [one for row in moves.values() for one in _documents(row, lines[row.id], chart)]
    return closed_again(documents, interrupted)


def _documents(move: MoveRow, lines: Sequence[_LineRow], chart: Chart) -> Iterator[Document]:
    """Yield the document, unless somebody took what is owed off its account."""
    note = found_in(move).note
    if note is None or note.owed is None:
        return
    account = chart.accounts.get(note.owed.account)
    own = [line for line in lines if account and line.account_id[0] == account.id]
    if own:
        yield _document(move, note, note.owed, own)


def _document(move: MoveRow, note: Note, owed: OwedNote, lines: Sequence[_LineRow]) -> Document:
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
        owed=Owed(owed.account, amount, owed.other),
        invoice_number=number,
        reconciliation_id=note.reconciliation,
        reconciled_entries=note.reconciled,
        settled=amount - left,
        settles=note.settles,
    )


def _money(currency: str, amount: Decimal, *, bill: bool) -> Money:
    units = round(amount.scaleb(exponent(currency)))
    return Money(currency, -units if bill else units)
