"""What attempts that were interrupted did to the bills and payments that stand: they are told as they were before.

An entry is matched while it is a draft, and posted then or, where it is to stay a draft, said to be done. Where it ended
in between, the next attempt must find the same matches for it as the first one did.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.lookup import Lookup
from pleo_export.accounting.odoo.names import Part
from pleo_export.accounting.odoo.note import Note
from pleo_export.domain.entry import EntryKind
from pleo_export.domain.matching import Document
from pleo_export.domain.money import Money


class _Partial(msgspec.Struct):
    debit_move_id: tuple[int, str]
    credit_move_id: tuple[int, str]
    debit_amount_currency: Decimal
    credit_amount_currency: Decimal


async def settled_by_drafts(
    client: OdooClient, lookup: Lookup, interrupted: Sequence[Note]
) -> Mapping[int, Decimal]:
    """Return how much of each line is matched with what interrupted attempts left behind. Raises ConnectorError."""
    left = [await lookup.document(note.pleo, part) for note in interrupted for part in Part]
    drafts = [document for document in left if document is not None]
    settled: defaultdict[int, Decimal] = defaultdict(Decimal)
    if not drafts:
        return settled
    domain = ["|", ["debit_move_id.move_id", "in", drafts], ["credit_move_id.move_id", "in", drafts]]
    for pair in await client.search_read("account.partial.reconcile", list[_Partial], domain):
        settled[pair.debit_move_id[0]] += pair.debit_amount_currency
        settled[pair.credit_move_id[0]] += pair.credit_amount_currency
    return settled


def closed_again(documents: Sequence[Document], interrupted: Sequence[Note]) -> Sequence[Document]:
    """Return the documents with those settled again that an interrupted attempt opened, as far as notes say so."""
    said = [one for note in interrupted for one in note.settles]
    amounts = {one.reference: one.owed.amount.units for one in documents}
    opened = {one.reference for one in said if one.settled.units * amounts.get(one.reference, 0) < 0}
    theirs = {one.reference for one in documents if opened.intersection(say.reference for say in one.settles)}
    theirs |= {say.reference for one in documents if one.reference in opened for say in one.settles}
    return [_closed(one, documents) if one.reference in opened | theirs else one for one in documents]


def _closed(document: Document, documents: Sequence[Document]) -> Document:
    payment = document.kind is EntryKind.PAYMENT
    says = [*document.settles]
    says += [say for one in documents for say in one.settles if say.reference == document.reference]
    units = sum(say.paid.units if payment else say.settled.units for say in says)
    settled = Money(document.owed.amount.currency, units)
    return replace(document, settled=max(settled, document.settled, key=lambda one: abs(one.units)))
