"""Bills and payments are matched on their lines of the payable account: Odoo's own reconciliation.

Drafts are matched as well, and stay so when they are posted. A payment that came back is matched with the one it takes
back, which leaves the bill to be paid again.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.lookup import Lookup
from pleo_export.accounting.port import EntryRefusedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, EntryKind, Match, Posting


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

    async def make(self, entry: Entry, documents: Sequence[int]) -> None:
        """Make the matches of an entry, as far as they are not made yet. Raises OtherGoneError, ConnectorError."""
        clearing = await self._lines(["move_id", "=", documents[-1]]) if entry.clearing else []
        legs = list(entry.clearing)
        for match in entry.matches:
            own, other = await self._owed(entry.reference, match), await self._owed(match.reference, match)
            bill, payment = (other, own) if entry.kind is EntryKind.PAYMENT else (own, other)
            if length := _cleared(legs, match):
                await self._reconcile(payment, clearing[length - 1])
                payment = clearing[0]
                del legs[:length], clearing[:length]
            if (bill.amount_currency > 0) == (payment.amount_currency > 0):
                await self._reopen(bill, payment, abs(match.left.decimal))
            else:
                await self._reconcile(bill, payment)

    async def _owed(self, reference: str, match: Match) -> Line:
        """Return the line on which a document says that something is owed or paid."""
        document = await self._lookup.document(reference)
        note = (await self._lookup.read([document]))[document].note if document is not None else None
        if note is None or note.owed is None:
            raise OtherGoneError(match.reference)
        lines = await self._lines(["move_id", "=", document], ["account_id.code", "=", note.owed.account])
        if not lines:
            raise OtherGoneError(match.reference)
        return lines[-1]

    async def _lines(self, *domain: Sequence[Any]) -> list[Line]:
        return await self._client.search_read("account.move.line", list[Line], domain, order="id")

    async def _reconcile(self, one: Line, *others: Line) -> None:
        """Let lines settle each other as far as they go, unless they do already."""
        ids = [one.id, *(line.id for line in others)]
        now = await self._lines(["id", "in", ids])
        there = await self._partials(one)
        paired = {pair.debit_move_id[0] for pair in there} | {pair.credit_move_id[0] for pair in there}
        if all(line.amount_residual_currency for line in now) and not paired.intersection(ids[1:]):
            await self._client.call("account.move.line", "reconcile", object, ids=ids)

    async def _partials(self, line: Line) -> list[_Partial]:
        """Return what a line is matched with, the latest first."""
        domain = ["|", ["debit_move_id", "=", line.id], ["credit_move_id", "=", line.id]]
        return await self._client.search_read(
            "account.partial.reconcile", list[_Partial], domain, order="id desc"
        )

    async def _reopen(self, bill: Line, returned: Line, left: Decimal) -> None:
        """Take so much of a bill's settlement away that `left` is to pay, and give it to what came back.

        An attempt that was interrupted may have taken it away already: then it is found among what is open.
        """
        (bill,) = await self._lines(["id", "=", bill.id])
        missing = left - abs(bill.amount_residual_currency)
        freed: list[int] = []
        for pair in await self._partials(bill):
            if missing <= 0:
                break
            mine, theirs = pair.debit_move_id[0], pair.credit_move_id[0]
            missing -= pair.debit_amount_currency if mine == bill.id else pair.credit_amount_currency
            freed.append(theirs if mine == bill.id else mine)
            await self._client.call("account.partial.reconcile", "unlink", object, ids=[pair.id])
        taken = await self._lines(["id", "in", freed]) if freed else await self._open(returned)
        if taken:
            await self._reconcile(returned, *taken)
        if missing < 0 and taken:
            await self._reconcile(bill, *taken)

    async def _open(self, returned: Line) -> list[Line]:
        """Return the latest open payment of the same vendor that is as large as what came back."""
        partner = returned.partner_id[0] if isinstance(returned.partner_id, tuple) else False
        return (
            await self._lines(
                ["account_id", "=", returned.account_id[0]],
                ["partner_id", "=", partner],
                ["currency_id", "=", returned.currency_id[0]],
                ["amount_residual_currency", "=", float(-returned.amount_currency)],
                ["parent_state", "!=", "cancel"],
            )
        )[-1:]


def _cleared(legs: Sequence[Posting], match: Match) -> int:
    """Return how many of the first legs clear a match: two, or three with an exchange difference, or none."""
    if not legs or legs[0].amount != match.settled:
        return 0
    return next(
        (place + 1 for place in (1, 2) if legs[place : place + 1] and legs[place].amount == -match.paid), 0
    )
