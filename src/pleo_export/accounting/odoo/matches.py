"""Bills and payments are matched on their lines of the payable account: Odoo's own reconciliation.

Drafts are matched as well, and stay so when they are posted. A payment that came back is matched with the one it takes
back, which leaves the bill to be paid again. For that a match is broken; which one is written into the note of what came
back before, so that an attempt that ends in between can be finished or undone by the next one.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.loading import rewrite
from pleo_export.accounting.odoo.lookup import Found, Lookup
from pleo_export.accounting.odoo.note import Note
from pleo_export.accounting.port import EntryRefusedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, EntryKind, Match, Posting

_OPEN = ("reconciled", "=", False)


class OtherGoneError(EntryRefusedError):
    """A bill or payment that the entry belongs to is no longer in Odoo, or no longer on its account."""

    cause = Cause.ODOO_MATCH_GONE

    def __init__(self, reference: str) -> None:
        super().__init__(reference=reference)


class Line(msgspec.Struct, frozen=True):
    """A line of a document; `amount_residual_currency` is what of `amount_currency` is not matched yet."""

    id: int
    move_id: tuple[int, str]
    account_id: tuple[int, str]
    partner_id: tuple[int, str] | bool
    currency_id: tuple[int, str]
    amount_currency: Decimal
    amount_residual_currency: Decimal


class _Partial(msgspec.Struct):
    id: int
    debit_move_id: tuple[int, str]
    credit_move_id: tuple[int, str]
    debit_amount_currency: Decimal
    credit_amount_currency: Decimal


class Matches:
    """Matches the documents of an entry with those it belongs to."""

    def __init__(self, client: OdooClient, lookup: Lookup) -> None:
        self._client, self._lookup = client, lookup

    async def make(self, entry: Entry, documents: Sequence[int], note: Note) -> None:
        """Make the matches of an entry, as far as they are not made yet. Raises OtherGoneError, ConnectorError.

        `note` is that of its own document, the first one.
        """
        clearing = await self._lines(["move_id", "=", documents[-1]]) if entry.clearing else []
        legs = list(entry.clearing)
        for match in entry.matches:
            own, other = await self._pair(entry, documents[0], match.reference)
            bill, payment = (other, own) if entry.kind is EntryKind.PAYMENT else (own, other)
            if length := _cleared(legs, match):
                await self._reconcile(payment, clearing[length - 1])
                payment = clearing[0]
                del legs[:length], clearing[:length]
            if (bill.amount_currency > 0) == (payment.amount_currency > 0):
                note = await self._freed(documents[0], note, bill, abs(match.left.decimal))
                await self._reopen(bill, payment, abs(match.left.decimal), note)
            else:
                await self._reconcile(bill, payment)

    async def undo(self, documents: Sequence[Found]) -> None:
        """Match again what was broken for the documents of entries, which lose their own matches. Raises ConnectorError."""
        broken = [ids for one in documents if one.note for ids in one.note.broken]
        if not broken:
            return
        numbers = [one.id for one in documents]
        domain = [["debit_move_id.move_id", "in", numbers], ["credit_move_id.move_id", "in", numbers]]
        await self._break(await self._pairs(["|", *domain]))
        for ids in broken:
            await self._reconcile(*await self._lines(["id", "in", ids], _OPEN))

    async def _pair(self, entry: Entry, document: int, reference: str) -> tuple[Line, Line]:
        """Return the lines on which an entry and the one with this reference say what is owed or paid."""
        other = await self._lookup.document(reference)
        if other is None:
            raise OtherGoneError(reference)
        found = (await self._lookup.read([other])).get(other)
        note = found.note if found and not found.cancelled else None
        if note is None or note.owed is None or entry.owed is None:
            raise OtherGoneError(reference)
        codes = [entry.owed.account, note.owed.account]
        lines = await self._lines(["move_id", "in", [document, other]], ["account_id.code", "in", codes])
        by_document = {line.move_id[0]: line for line in lines}
        if other not in by_document or document not in by_document:
            raise OtherGoneError(reference)
        return by_document[document], by_document[other]

    async def _lines(self, *domain: Sequence[Any]) -> list[Line]:
        return await self._client.search_read("account.move.line", list[Line], domain, order="id")

    async def _reconcile(self, *lines: Line) -> None:
        """Let lines settle each other as far as they go; where one has nothing left, they have done so before."""
        if len(lines) > 1 and all(line.amount_residual_currency for line in lines):
            ids = [line.id for line in lines]
            await self._client.call("account.move.line", "reconcile", object, ids=ids)

    async def _freed(self, document: int, note: Note, bill: Line, left: Decimal) -> Note:
        """Take so much of a bill's settlement away that `left` is to pay; return the note that says what was broken.

        An attempt that was interrupted may have taken it away already, and has said so there.
        """
        pairs = await self._latest(bill, left - abs(bill.amount_residual_currency))
        if pairs:
            others = (pair.debit_move_id[0] + pair.credit_move_id[0] - bill.id for pair in pairs)
            before = [ids for ids in note.broken if ids[0] != bill.id]
            freed = dict.fromkeys((*_broken(note, bill), *others))
            note = replace(note, broken=(*before, (bill.id, *freed)))
            await rewrite(self._client, {document: note})
            await self._break(pairs)
        return note

    async def _reopen(self, bill: Line, returned: Line, left: Decimal, note: Note) -> None:
        """Give what was taken off a bill to what came back, and the bill what is left of it."""
        freed = ["id", "in", _broken(note, bill)]
        await self._reconcile(returned, *await self._lines(freed, _OPEN))
        (now,) = await self._lines(["id", "=", bill.id])
        if left < abs(now.amount_residual_currency):
            await self._reconcile(now, *await self._lines(freed, _OPEN))

    async def _latest(self, bill: Line, missing: Decimal) -> list[_Partial]:
        """Return a bill's latest matches that together are worth so much, as far as there are."""
        found: list[_Partial] = []
        if missing <= 0:
            return found
        domain = ["|", ["debit_move_id", "=", bill.id], ["credit_move_id", "=", bill.id]]
        for pair in await self._pairs(domain):
            if missing <= 0:
                break
            of_bill_first = pair.debit_move_id[0] == bill.id
            missing -= pair.debit_amount_currency if of_bill_first else pair.credit_amount_currency
            found.append(pair)
        return found

    async def _pairs(self, domain: Sequence[Any]) -> list[_Partial]:
        return await self._client.search_read(
            "account.partial.reconcile", list[_Partial], domain, order="id desc"
        )

    async def _break(self, pairs: Sequence[_Partial]) -> None:
        if pairs:
            ids = [pair.id for pair in pairs]
            await self._client.call("account.partial.reconcile", "unlink", object, ids=ids)


def _broken(note: Note, bill: Line) -> Sequence[int]:
    """Return the lines whose matches with a bill were broken."""
    return next((ids[1:] for ids in note.broken if ids[0] == bill.id), ())


def _cleared(legs: Sequence[Posting], match: Match) -> int:
    """Return how many of the first legs clear a match: two, or three with an exchange difference, or none."""
    if not legs or legs[0].amount != match.settled:
        return 0
    return next(
        (place + 1 for place in (1, 2) if legs[place : place + 1] and legs[place].amount == -match.paid), 0
    )
