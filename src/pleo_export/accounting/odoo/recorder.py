"""How entries come to stand in Odoo: made once, matched, posted. Each step is a call, and each may be repeated.

    load       all documents of all entries in one transaction; what is there already stays as it is
    reconcile  a payment with its bill, while both may still be drafts
    post       all documents of all entries in one transaction; then the dates are read back

An entry that is to be final stands in the books once it was posted: until then `find` does not see it, and the next
attempt goes on where the last one ended.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.odoo.batches import Outcome
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.documents import rows, table
from pleo_export.accounting.odoo.errors import OdooBusyError, OdooFaultError, TooLargeError, refused
from pleo_export.accounting.odoo.loading import CONFLICTS_MAX, ONCE, Loaded, pause
from pleo_export.accounting.odoo.lookup import Found, Lookup
from pleo_export.accounting.odoo.matches import Matches
from pleo_export.accounting.odoo.names import Part
from pleo_export.accounting.odoo.note import note_of
from pleo_export.accounting.odoo.plan import Plan
from pleo_export.accounting.odoo.planning import Planning
from pleo_export.accounting.port import ConnectorError, EntryRefusedError, PeriodClosedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry

# What Odoo says against one entry; anything else is no answer about it, and the same for all.
REFUSED = (EntryRefusedError, OdooFaultError, OdooBusyError)

_BESIDE = (Part.SETTLEMENT, Part.CLEARING)


class CancelledError(EntryRefusedError):
    """Somebody cancelled the entry in Odoo, and it is still there."""

    cause = Cause.ODOO_ENTRY_CANCELLED

    def __init__(self, reference: str, found: Found) -> None:
        super().__init__(reference=reference, entry=found.id)


class Work(msgspec.Struct):
    """An entry under way: its documents in Odoo once they are there, its outcome once that is known.

    `drafts` are the documents that are left to post, `broken` the lines whose matches were broken for it.
    """

    plan: Plan
    documents: list[int] = []
    drafts: list[int] = []
    broken: list[list[int]] = []
    outcome: Outcome | None = None


class Recorder:
    """Records batches of entries."""

    def __init__(self, client: OdooClient, planning: Planning, lookup: Lookup) -> None:
        self._client, self._planning, self._lookup = client, planning, lookup
        self._matches = Matches(client, lookup)
        # One batch is loaded while the one before it is posted, and both in their order.
        self._loading, self._posting = asyncio.Lock(), asyncio.Lock()

    async def record(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        """Return an outcome an entry, in their order. Raises ConnectorError where it is the same for all."""
        async with self._loading:
            planned = await self._planning.plan(entries, attempt=uuid4().hex)
            works = [Work(one) for one in planned if isinstance(one, Plan)]
            await self._load(works)
        async with self._posting:
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
            await self._sweep(entry.reference)
        return found or outcome

    async def _sweep(self, reference: str) -> None:
        """Take away what an earlier attempt left of an entry that is refused by now."""
        if all(one.unfinished for one in await self._lookup.parts(reference, [Part.ENTRY])):
            parts = await self._lookup.parts(reference, Part)
            await self._unlink([one.id for one in parts if one.unfinished])

    async def _load(self, works: Sequence[Work]) -> None:
        """Make the documents of all that can be made; whoever is refused costs the others a retry and no more."""
        if not works:
            return
        blamed = await self._blamed(works)
        if len(works) == 1:
            # Odoo may tell of a conflict in any language: whoever is refused is asked for once more.
            blamed = blamed and await self._blamed(works)
            await self._blame(works[0], blamed.get(0))
        elif blamed:
            # Odoo blames the first entry for errors of others too, so each is told alone what is wrong with it.
            await self._load([one for place, one in enumerate(works) if place not in blamed])
            for place in blamed:
                await self._load([works[place]])

    async def _blame(self, work: Work, error: ConnectorError | None) -> None:
        """Note why an entry was not loaded; a bill is loaded once more without asking Odoo for its tax."""
        if work.plan.is_bill and not work.plan.untold and isinstance(error, EntryRefusedError):
            work.plan = replace(work.plan, untold=error.sentence)
            await self._load([work])
        else:
            work.outcome = error

    async def _blamed(self, works: Sequence[Work]) -> Mapping[int, ConnectorError]:
        """Load all or nothing; return who Odoo says is to blame for nothing, by place."""
        error: ConnectorError | None = None
        for attempt in range(CONFLICTS_MAX):
            await pause(attempt)
            blamed = await self._loaded(works)
            error = next((one for one in blamed.values() if isinstance(one, OdooBusyError)), None)
            if error is None:
                return blamed
        return dict.fromkeys(range(len(works)), error) if error else {}

    async def _loaded(self, works: Sequence[Work]) -> Mapping[int, ConnectorError]:
        own = [list(rows(one.plan)) for one in works]
        fields, data = table([row for one in own for row in one], works[0].plan.chart)
        try:
            answer = await self._client.call(
                "account.move", "load", Loaded, context=ONCE, fields=fields, data=data
            )
        except TooLargeError as error:  # together; each alone may pass
            return dict.fromkeys(range(len(works)), error)
        if isinstance(answer.ids, list):
            ids = iter(answer.ids)
            for one in works:
                one.documents = [next(ids) for _ in one.plan.parts]
            return {}
        owners = [place for place, one in enumerate(own) for _ in one]
        blamed: dict[int, ConnectorError] = {}
        for message in answer.messages:
            said = refused(message.message)
            touched = owners[message.rows.first : message.rows.last + 1] if message.rows else owners
            blamed.update(dict.fromkeys(touched, said))
        return blamed or dict.fromkeys(owners, EntryRefusedError("Odoo gave no reason"))

    async def _finish(self, works: Sequence[Work]) -> None:
        """Match and post what is not matched and posted yet."""
        there = dict(await self._lookup.read([document for one in works for document in one.documents]))
        for one in works:
            if one.documents[0] in there:
                there |= await self._tidied(one, there)
        for one in works:
            one.drafts = [document for document in one.documents if _is_unfinished(document, there)]
            await self._match(one, there.get(one.documents[0]))
        left = [one for one in works if one.outcome is None]
        await self._post([one for one in left if one.drafts])
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
        strays = _strays(work.plan, own, parts)
        error = await self._unlink(strays)
        if not strays or own.stands or own.cancelled:
            work.documents = [one.id for one in parts if one.id not in strays]
            return {one.id: one for one in parts}
        await self._load([work])
        now = await self._lookup.read(work.documents)
        if not now.keys().isdisjoint(strays):
            work.outcome = work.outcome or error
        return now

    async def _match(self, work: Work, found: Found | None) -> None:
        if work.outcome is not None:
            return
        if found is None:
            work.outcome = OdooFaultError(f"the entry {work.documents[0]} may not be read")
        elif found.cancelled:
            work.outcome = CancelledError(work.plan.entry.reference, found)
        elif work.drafts or not found.stands:
            try:
                await self._matches.make(work.plan.entry, work.documents, work.broken)
            except REFUSED as error:
                if not found.stands and (found.final or found.attempt == work.plan.attempt):
                    await self._give_back(work, error)
                else:  # it stands, or is a draft of an earlier attempt that people may have changed
                    work.outcome = error

    async def _post(self, works: Sequence[Work]) -> None:
        """Post all in one call, and one by one where that fails."""
        if not works:
            return
        documents = [document for one in works for document in one.drafts]
        error: ConnectorError | None = None
        try:
            await self._client.call("account.move", "action_post", object, ids=documents)
        except REFUSED as refusal:
            error = refusal
        if error is not None and len(works) > 1:
            for one in works:
                await self._post([one])
            return
        now = await self._lookup.read([document for one in works for document in one.documents])
        for one in works:
            found = now.get(one.documents[0])
            if found is None:
                one.outcome = OdooBusyError("somebody else has just taken the draft of this entry away")
            elif any(_is_unfinished(document, now) for document in one.drafts) or not found.stands:
                await self._give_back(one, error or OdooFaultError("Odoo posted nothing and gave no reason"))
            else:
                # Whose call it was that posted it: of several racing ones all but one are refused.
                one.outcome = found.recorded(created=error is None and found.id in one.drafts)

    async def _give_back(self, work: Work, error: ConnectorError) -> None:
        """Delete the drafts of an entry that cannot be recorded, and say why."""
        work.outcome = error
        if not isinstance(error, OdooBusyError):
            await self._unlink(work.documents)
            with suppress(*REFUSED):
                await self._matches.restore(work.broken)

    async def _unlink(self, documents: Sequence[int]) -> ConnectorError | None:
        """Delete documents; return why not: somebody else may have posted or deleted them in this moment."""
        try:
            if documents:
                await self._client.call("account.move", "unlink", object, ids=documents)
        except REFUSED as error:
            return error
        return None


def _is_unfinished(document: int, there: Mapping[int, Found]) -> bool:
    return document in there and there[document].unfinished


def _strays(plan: Plan, own: Found, parts: Sequence[Found]) -> list[int]:
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
    return (found.note, found.date) != (now, plan.entry.posting_date)
