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

    async def make(self, entry: Entry, documents: Sequence[int], broken: list[list[int]]) -> None:
        """Make the matches of an entry, as far as they are not made yet. Raises OtherGoneError, ConnectorError.

        Lines whose matches with each other had to be broken are added to `broken`, for `restore`.
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
                await self._reopen(bill, payment, abs(match.left.decimal), broken)
            else:
                await self._reconcile(bill, payment)

    async def restore(self, broken: Sequence[Sequence[int]]) -> None:
        """Match lines again, once that for which their matches were broken is gone. Raises ConnectorError."""
        for ids in broken:
            await self._reconcile(*await self._lines(["id", "in", ids]))

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
        if all(line.amount_residual_currency for line in lines):
            ids = [line.id for line in lines]
            await self._client.call("account.move.line", "reconcile", object, ids=ids)

    async def _reopen(self, bill: Line, returned: Line, left: Decimal, broken: list[list[int]]) -> None:
        """Take so much of a bill's settlement away that `left` is to pay, and give it to what came back.

        An attempt that was interrupted may have taken it away already: then it is found among what is open.
        """
        missing = left - abs(bill.amount_residual_currency)
        freed = await self._free(bill, missing) if missing > 0 else []
        broken += [[bill.id, *freed]] if freed else []
        taken = await self._lines(["id", "in", freed]) if freed else await self._open(returned)
        if not taken:
            return
        await self._reconcile(returned, *taken)
        now = await self._lines(["id", "in", [bill.id, *(line.id for line in taken)]])
        if left < abs(next(line.amount_residual_currency for line in now if line.id == bill.id)):
            await self._reconcile(*(line for line in now if line.amount_residual_currency))

    async def _free(self, bill: Line, missing: Decimal) -> list[int]:
        """Break a bill's latest matches until so much of it is open again; return the lines it was matched with."""
        domain = ["|", ["debit_move_id", "=", bill.id], ["credit_move_id", "=", bill.id]]
        freed, pairs = [], []
        for pair in await self._client.search_read(
            "account.partial.reconcile", list[_Partial], domain, order="id desc"
        ):
            if missing <= 0:
                break
            of_bill_first = pair.debit_move_id[0] == bill.id
            missing -= pair.debit_amount_currency if of_bill_first else pair.credit_amount_currency
            freed.append((pair.credit_move_id if of_bill_first else pair.debit_move_id)[0])
            pairs.append(pair.id)
        if pairs:
            await self._client.call("account.partial.reconcile", "unlink", object, ids=pairs)
        return freed

    async def _open(self, returned: Line) -> list[Line]:
        """Return the latest open payment of the same vendor that is as large as what came back."""
        partner = returned.partner_id[0] if isinstance(returned.partner_id, tuple) else False
        lines = await self._lines(
            ["account_id", "=", returned.account_id[0]],
            ["partner_id", "=", partner],
            ["currency_id", "=", returned.currency_id[0]],
            ["reconciled", "=", False],
            ["parent_state", "!=", "cancel"],
        )
        return [one for one in lines if one.amount_residual_currency == -returned.amount_currency][-1:]


def _cleared(legs: Sequence[Posting], match: Match) -> int:
    """Return how many of the first legs clear a match: two, or three with an exchange difference, or none."""
    if not legs or legs[0].amount != match.settled:
        return 0
    return next(
        (place + 1 for place in (1, 2) if legs[place : place + 1] and legs[place].amount == -match.paid), 0
    )
