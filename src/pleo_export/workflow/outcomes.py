"""What becomes of each expense: made durable first, then told to whoever watches, in words that say what is known."""

import logging
from collections.abc import Sequence

from pleo_export.accounting.port import ClosedPeriod, ConnectorError, ForbiddenError, Recorded
from pleo_export.crash_points import reach
from pleo_export.domain.catalogue import ENTRY_STANDS, Cause
from pleo_export.domain.entry import Entry
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import RejectedItemError, Rejection, rejection
from pleo_export.domain.item import ExportItem
from pleo_export.domain.job import ExportJob
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.domain.settings import ClosedPeriodStrategy
from pleo_export.store.errors import StoreError
from pleo_export.workflow.attachments import may_miss
from pleo_export.workflow.fetch import Work
from pleo_export.workflow.ports import ItemSettled, Parts

log = logging.getLogger(__name__)


class Outcomes:
    """The final outcomes of one job's items."""

    def __init__(self, parts: Parts, job: ExportJob) -> None:
        self._parts, self._job = parts, job

    def tell(self, item: ItemProgress) -> None:
        """Tell whoever watches of an outcome that is durable."""
        self._parts.notify(ItemSettled(job_id=self._job.id, item=item))

    async def give_up(self, work: Work, refusal: ConnectorError | None) -> None:
        """Say what is not known; `refusal` is why the accounting system could not be asked, None: it did not answer."""
        system, item = self._parts.connector.name, await self._item(work)
        if item.external_id is None:
            await self.reject(work, _unknown(system, work.entry_id, refusal), unknown=True)
        else:
            await self.miss_receipts(work, _unattached(system, refusal))

    async def miss_receipts(self, work: Work, why: Rejection) -> None:
        """Say of an entry that stands why it may be without its receipts: a failure, unless it may miss them."""
        item = await self._item(work)
        if may_miss(self._parts):
            note = f"{item.note} {why.reason}" if item.note else recorded_without([why.reason])
            self.tell(await self._parts.store.recorded(self._job.id, work.entry_id, note))
        else:
            await self.reject(work, why)

    async def keep(
        self,
        entry: Entry,
        recorded: Recorded,
        note: str | None,
        *,
        complete: bool,
        explanation: Explanation | None = None,
    ) -> None:
        """Make the entry's identity durable, if it is the right entry and stands on a day it may stand on.

        Where nothing is to be attached (`complete`), this is the outcome, in the same commit. Raises RejectedItemError.
        """
        connector = self._parts.connector
        if recorded.fingerprint not in (None, entry.fingerprint):
            raise RejectedItemError(Cause.ENTRY_DIFFERS, system=connector.name, entry=recorded.external_id)
        moved = self._moved_by_itself(entry, recorded)
        item = await self._parts.store.entry_created(
            self._job.id,
            entry.reference,
            external_id=recorded.external_id,
            url=connector.link(recorded),
            exported_at=self._parts.clock.now(),
            posted_on=recorded.posted,
            already_there=not recorded.created,
            note=note,
            complete=complete and not moved,
            explanation=explanation,
        )
        reach("entry.kept")
        if moved:
            raise RejectedItemError(moved)
        if item.final:
            self.tell(item)

    def _moved_by_itself(self, entry: Entry, recorded: Recorded) -> Rejection | None:
        """Refuse a date that the accounting system moved by itself, unless the company wants dates moved.

        No date of a plan may be moved. The entry of an earlier export stands on whatever date it was moved to, by us or
        by a person; only a system that moves dates by itself is asked about that.
        """
        connector, strategy = self._parts.connector, self._parts.settings.bookkeeping.closed_period
        moves = connector.capabilities.closed_period is ClosedPeriod.MOVES_THE_DATE
        wanted = strategy is not ClosedPeriodStrategy.FAIL and self._parts.plan is None
        if recorded.posted == entry.posting_date or wanted or not (recorded.created or moves):
            return None
        return rejection(
            Cause.DATE_MOVED, system=connector.name, posted=recorded.posted, asked=entry.posting_date
        )

    async def end(self, work: Work, error: Exception, *, begun: bool) -> None:
        """Make an outcome of what ended the work on one item; `begun` as for `fault`. Raises StoreError."""
        if isinstance(error, RejectedItemError):
            await self.reject(work, error.rejection)
        elif isinstance(error, ConnectorError):
            await self.reject(work, Rejection(error.cause, str(error)))
        elif isinstance(error, StoreError):
            raise error  # no outcome of any item could be kept: not this item's fault
        else:
            # A fault of ours with one expense must not keep the others from being recorded.
            log.error("item %s of job %s failed", work.entry_id, self._job.id, exc_info=error)
            await self.fault(work, error, begun=begun)

    async def fault(self, work: Work, error: Exception, *, begun: bool) -> None:
        """Say the truth about a fault of this program: after the intent nobody knows what was recorded.

        `begun`: somebody had begun with the item before, as Pleo says.
        """
        now = await self._item(work)
        begun = begun or now.phase is Phase.INTENDED
        unknown = begun and now.external_id is None
        fault = type(error).__name__
        if unknown:
            said = rejection(
                Cause.FAULT_WHILE_RECORDING,
                fault=fault,
                reference=work.entry_id,
                system=self._parts.connector.name,
            )
        elif begun:
            said = rejection(Cause.FAULT_AFTER_RECORDING, fault=fault)
        else:
            said = rejection(Cause.FAULT_BEFORE_RECORDING, fault=fault)
        await self.reject(work, said, unknown=unknown)

    async def reject(self, work: Work, why: Rejection, *, unknown: bool = False) -> None:
        """Let an item fail for a reason; `unknown`: nobody can tell whether an entry exists. One that does is named."""
        item = await self._item(work)
        if item.external_id is not None:
            stands = ENTRY_STANDS.format(entry=item.external_id, system=self._parts.connector.name)
            why = Rejection(why.cause, f"{why.reason} {stands}")
        # Of what was intended the entry is remembered as well.
        explanation = explained(work, None) if item.intended_at is None else None
        self.tell(
            await self._parts.store.rejected(self._job.id, work.entry_id, why, explanation, unknown=unknown)
        )

    async def _item(self, work: Work) -> ItemProgress:
        return await self._parts.store.item(self._job.id, work.entry_id)


def explained(work: Work, entry: Entry | None) -> Explanation:
    """Return what is kept of an expense and its entry."""
    return Explanation.of(work.expense if isinstance(work.expense, ExportItem) else None, entry)


def _unattached(system: str, refusal: ConnectorError | None) -> Rejection:
    if refusal is None:
        return rejection(Cause.RECEIPTS_UNANSWERED, system=system)
    return rejection(Cause.RECEIPTS_SHUT_OUT, system=system, said=refusal.sentence)


def _unknown(system: str, reference: str, refusal: ConnectorError | None) -> Rejection:
    if refusal is None:
        return rejection(Cause.OUTCOME_UNKNOWN, system=system, reference=reference)
    if isinstance(refusal, ForbiddenError):
        return rejection(
            Cause.OUTCOME_BEHIND_RIGHT, system=system, reference=reference, said=refusal.sentence
        )
    return rejection(Cause.OUTCOME_BEHIND_LOGIN, system=system, reference=reference, said=refusal.sentence)


def recorded_without(missing: Sequence[str]) -> str | None:
    """Say with a recorded expense which receipts are not with it."""
    return " ".join(["Recorded without all of its receipts.", *missing]) if missing else None
