"""What becomes of each expense: made durable first, then told to whoever watches, in words that say what is known."""

from collections.abc import Sequence

from pleo_export.accounting.port import ConnectorError, ForbiddenError
from pleo_export.domain.catalogue import ENTRY_STANDS, Cause
from pleo_export.domain.entry import Entry
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import Finding, Rejection, rejection
from pleo_export.domain.item import ExportItem
from pleo_export.domain.job import ExportJob, ItemStatus
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.workflow.attachments import may_miss
from pleo_export.workflow.fetch import Work
from pleo_export.workflow.ports import ItemSettled, Parts
from pleo_export.workflow.silence import SILENT


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
        elif may_miss(self._parts):
            missing = _unattached(system, refusal).reason
            note = f"{item.note} {missing}" if item.note else recorded_without([missing])
            self.tell(await self._parts.store.recorded(self._job.id, work.entry_id, note))
        else:
            await self.reject(work, _unattached(system, refusal))

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


async def settle_begun(parts: Parts, job: ExportJob, finding: Finding) -> bool:
    """Give every expense an outcome where some were begun before the finding ended the job; return whether any was.

    What is recorded is a success. Of what was begun and not settled nobody knows: the accounting system cannot be asked.
    """
    items = await parts.store.items(job.id)
    if all(item.phase in {Phase.PLANNED, Phase.REJECTED} for item in items):
        return False
    outcomes, refusal = Outcomes(parts, job), ConnectorError(finding.problem)
    if finding.cause.item is None:
        why = rejection(Cause.EXPORT_INTERRUPTED, system=parts.connector.name)
    else:
        why = Rejection(finding.cause, f"{finding.problem} {finding.remedy}")
    for item in items:
        work = Work(item.accounting_entry_id, why, ItemStatus.IN_PROGRESS)
        if item.phase is Phase.INTENDED:
            await outcomes.give_up(work, None if finding.cause in SILENT else refusal)
        elif item.phase is Phase.PLANNED:
            await outcomes.reject(work, why)
    return True


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
