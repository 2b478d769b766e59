"""How entries come to stand in Odoo: made once, matched, posted. Each step is a call, and each may be repeated.

    load       all documents of all entries in one transaction; what is there already stays as it is
    reconcile  a payment with its bill, while both may still be drafts
    complete   all documents of all entries in one transaction: those that are to be final are posted, then the dates are
               read back; of drafts that were to be matched the notes say that they are

An entry stands in the books once it was completed, a draft with nothing to match at once: until then `find` does not see
it, and the next attempt goes on where the last one ended.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

from pleo_export.accounting.odoo.batches import Outcome
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.errors import REFUSED, OdooBusyError, OdooFaultError
from pleo_export.accounting.odoo.leftovers import Leftovers, strays
from pleo_export.accounting.odoo.loader import Loader, Work
from pleo_export.accounting.odoo.loading import rewrite
from pleo_export.accounting.odoo.lookup import Found, Lookup
from pleo_export.accounting.odoo.matches import Matches
from pleo_export.accounting.odoo.names import Part
from pleo_export.accounting.odoo.plan import Plan
from pleo_export.accounting.odoo.planning import Planning
from pleo_export.accounting.port import ConnectorError, EntryRefusedError, PeriodClosedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry

_BESIDE = (Part.SETTLEMENT, Part.CLEARING)


class CancelledError(EntryRefusedError):
    """Somebody cancelled the entry in Odoo, and it is still there."""

    cause = Cause.ODOO_ENTRY_CANCELLED

    def __init__(self, reference: str, found: Found) -> None:
        super().__init__(reference=reference, entry=found.id)


class Recorder:
    """Records batches of entries."""

    def __init__(self, client: OdooClient, planning: Planning, lookup: Lookup) -> None:
        self._client, self._planning, self._lookup = client, planning, lookup
        self._matches, self._loader = Matches(client, lookup), Loader(client)
        self._leftovers = Leftovers(client, lookup, self._matches)
        # One batch is loaded while the one before it is completed, and both in their order.
        self._loading, self._completing = asyncio.Lock(), asyncio.Lock()

    async def record(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Return an outcome an entry, in their order. Raises ConnectorError where it is the same for all."""
        async with self._loading:
            planned = await self._planning.plan(entries, attempt=uuid4().hex)
            works = [Work(one) for one in planned if isinstance(one, Plan)]
            await self._loader.load(works)
        async with self._completing:
            await self._finish([one for one in works if one.outcome is None])
        done = (one.outcome for one in works)
        outcomes = [next(done) if isinstance(one, Plan) else one for one in planned]
        return [await self._unless_there(*pair) for pair in zip(entries, outcomes, strict=True)]

    async def _unless_there(self, entry: Entry, outcome: Outcome | None) -> Outcome:
        """Return the entry that stands there, whatever is to be said against recording it now."""
        assert outcome is not None, "every entry has an outcome in the end"
        if not isinstance(outcome, EntryRefusedError | PeriodClosedError):
            return outcome
        found = await self._lookup.find(entry.reference)
        if found is None:
            await self._leftovers.sweep(entry.reference)
        return found or outcome

    async def _finish(self, works: Sequence[Work]) -> None:
        """Match and complete what is not matched and completed yet."""
        there = dict(await self._lookup.read([document for one in works for document in one.documents]))
        for one in works:
            if one.documents[0] in there:
                there |= await self._tidied(one, there)
        for one in works:
            one.drafts = [there[number] for number in one.documents if _is_unfinished(number, there)]
            await self._match(one, there.get(one.documents[0]))
        left = [one for one in works if one.outcome is None]
        for final in (True, False):
            await self._complete([one for one in left if one.drafts and one.drafts[0].final is final])
        for one in left:
            found = there[one.documents[0]]
            one.outcome = one.outcome or found.recorded(created=found.attempt == one.plan.attempt)

    async def _tidied(self, work: Work, there: Mapping[int, Found]) -> Mapping[int, Found]:
        """Take away what does not belong to an entry as it is now, and make it anew; return what there is then.

        An entry that stands keeps the documents that were made with it, and gets no others.
        """
        own = there[work.documents[0]]
        parts = [there[one] for one in work.documents if one in there]
        if own.attempt != work.plan.attempt:
            parts = [own, *await self._lookup.parts(work.plan.entry.reference, _BESIDE)]
        away = strays(work.plan, own, parts)
        error = await self._leftovers.take_away(away)
        if not away or own.stands or own.cancelled:
            work.documents = [one.id for one in parts if one.id not in away]
            return {one.id: one for one in parts}
        await self._loader.load([work])
        now = await self._lookup.read(work.documents)
        if not now.keys().isdisjoint(away):
            work.outcome = work.outcome or error
        return now

    async def _match(self, work: Work, found: Found | None) -> None:
        if work.outcome is not None:
            return
        if found is None:
            work.outcome = OdooFaultError(f"the entry {work.documents[0]} may not be read")
        elif found.cancelled:
            work.outcome = CancelledError(work.plan.entry.reference, found)
        elif work.drafts and found.note:
            try:
                await self._matches.make(work.plan.entry, work.documents, found.note)
            except REFUSED as error:
                work.outcome = error
                if found.unfinished:
                    await self._give_back(work, error)

    async def _complete(self, works: Sequence[Work]) -> None:
        """Complete all in one call, and one by one where that fails; all are to be posted, or none."""
        if not works:
            return
        error: ConnectorError | None = None
        try:
            await self._done([draft for one in works for draft in one.drafts])
        except REFUSED as refusal:
            error = refusal
        if error is not None and len(works) > 1:
            for one in works:
                await self._complete([one])
            return
        now = await self._lookup.read([document for one in works for document in one.documents])
        for one in works:
            await self._judge(one, now, error)

    async def _done(self, drafts: Sequence[Found]) -> None:
        if drafts[0].final:
            await self._client.call("account.move", "action_post", object, ids=[one.id for one in drafts])
        else:
            await rewrite(self._client, {one.id: one.note.finished for one in drafts if one.note})

    async def _judge(self, work: Work, now: Mapping[int, Found], error: ConnectorError | None) -> None:
        """Say what became of an entry that was to be completed."""
        found = now.get(work.documents[0])
        if found is None:
            work.outcome = OdooBusyError("somebody else has just taken the draft of this entry away")
        elif any(_is_unfinished(draft.id, now) for draft in work.drafts) or not found.stands:
            await self._give_back(work, error or OdooFaultError("Odoo did nothing and gave no reason"))
        else:
            # Whose call it was that posted it: of several racing ones all but one are refused.
            created = error is None and found.id in [draft.id for draft in work.drafts]
            work.outcome = found.recorded(created=created)

    async def _give_back(self, work: Work, error: ConnectorError) -> None:
        """Delete the drafts of an entry that cannot be recorded, and say why."""
        work.outcome = error
        if not isinstance(error, OdooBusyError):
            await self._leftovers.take_away(work.documents)


def _is_unfinished(document: int, there: Mapping[int, Found]) -> bool:
    return document in there and there[document].unfinished
