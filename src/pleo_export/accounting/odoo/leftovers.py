"""What attempts left in Odoo that is not to stay there: it is found, and taken away as if it had never been."""

from collections.abc import Sequence

from msgspec.structs import replace

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.errors import REFUSED
from pleo_export.accounting.odoo.lookup import Found, Lookup
from pleo_export.accounting.odoo.matches import Matches
from pleo_export.accounting.odoo.names import Part
from pleo_export.accounting.odoo.note import note_of
from pleo_export.accounting.odoo.plan import Plan
from pleo_export.accounting.port import ConnectorError


class Leftovers:
    """Takes drafts away."""

    def __init__(self, client: OdooClient, lookup: Lookup, matches: Matches) -> None:
        self._client, self._lookup, self._matches = client, lookup, matches

    async def sweep(self, reference: str) -> None:
        """Take away what an earlier attempt left of an entry that is refused by now. Raises ConnectorError."""
        if all(one.unfinished for one in await self._lookup.parts(reference, [Part.ENTRY])):
            parts = await self._lookup.parts(reference, Part)
            await self.take_away([one.id for one in parts if one.unfinished])

    async def take_away(self, documents: Sequence[int]) -> ConnectorError | None:
        """Delete documents and match again what was broken for them, and first that: who comes later can go on with it.

        Return why not: somebody else may have posted or deleted them in this moment.
        """
        try:
            there = await self._lookup.read(documents)
            await self._matches.undo([one for one in there.values() if one.is_draft])
            if documents:
                await self._client.call("account.move", "unlink", object, ids=documents)
        except REFUSED as error:
            return error
        return None


def strays(plan: Plan, own: Found, parts: Sequence[Found]) -> list[int]:
    """Return the drafts among the documents of an entry that do not belong to it as it is now."""
    if _is_left_over(plan, own):
        return [one.id for one in parts if one.unfinished]
    under_way = not (own.stands or own.cancelled)
    belonging = {own.attempt, plan.attempt} if under_way else {own.attempt}
    ours = [one for one in parts if one.unfinished or (one.is_draft and one.attempt == plan.attempt)]
    return [one.id for one in ours if one.attempt not in belonging]


def _is_left_over(plan: Plan, found: Found) -> bool:
    """Whether a draft is the rest of an attempt that was interrupted, and the entry is another one by now."""
    if found.note is None or not found.unfinished:
        return False
    now = note_of(plan.entry, Part.ENTRY, plan.fingerprint, found.note.attempt)
    return (replace(found.note, broken=()), found.date) != (now, plan.entry.posting_date)
