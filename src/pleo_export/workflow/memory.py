"""What our memory of a job is worth. A database can be lost, or be an older copy of itself; then the world knows more.

What is in progress in Pleo and only planned here is looked up before it is recorded. Evidence that the world knows more
makes the whole job doubtful: everything is looked up then. That is kept with the job, logged, and shown on the page.
"""

import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from pleo_export.domain.job import ExportJob, ItemStatus, JobStatus
from pleo_export.domain.progress import ItemProgress, JobProgress
from pleo_export.workflow.ports import Parts

RESTORED = "So the database was lost, or is an older copy: the accounting system is asked before anything is recorded."
BEGUN = "Pleo shows expenses of this export as begun, and nothing here says that it was started. " + RESTORED
OUTCOMES_UNKNOWN = (
    "Pleo was told what became of {number} expenses of this export, and nothing of that is known here. "
    + RESTORED
)
ENTRY_UNKNOWN = (
    "{system} holds an entry for expense {entry_id}, and nothing here says that it was ever begun. "
    + RESTORED
)
CLOSED = "Pleo was told that this export is {status}, and nothing of that is known here. " + RESTORED

_TOLD = frozenset({ItemStatus.SUCCESSFUL, ItemStatus.FAILED})
_CLOSED_BY_US = frozenset({JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS})

log = logging.getLogger(__name__)


class Memory:
    """What we remember of the beginnings of one job's items, and whether it can be trusted.

    `others`: items in progress in Pleo that we know nothing of; whoever began them may have used another reference, so
    they are never recorded. `marked`: those we marked, as it seems.
    """

    def __init__(
        self,
        parts: Parts,
        job: ExportJob,
        others: AbstractSet[str],
        marked: AbstractSet[str],
        *,
        doubtful: bool,
    ) -> None:
        self._parts, self._job = parts, job
        self.others, self._marked, self._doubtful = others, marked, doubtful

    def looks_first(self, entry_id: str) -> bool:
        """Whether a planned item is looked up before it is recorded."""
        return self._doubtful or entry_id in self._marked

    def may_be_recorded(self, entry_id: str, *, intended: bool, sure: bool) -> bool:
        """Whether an item may be recorded that was looked up and is surely absent.

        `sure`: the accounting system itself prevents a second entry, so that a call that is still under way does no harm.
        """
        if intended:
            return sure
        if entry_id in self.others:
            return False
        return sure or not (self._doubtful and entry_id in self._marked)

    async def found(self, entry_id: str) -> None:
        """Note that an entry stands there for an item of which this job has nothing but the plan."""
        if self._doubtful or await self._parts.store.was_intended(self._job.id, entry_id):
            return
        self._doubtful = True
        sentence = ENTRY_UNKNOWN.format(system=self._parts.connector.name, entry_id=entry_id)
        await _doubt(self._parts, self._job.id, sentence)


async def recall(
    parts: Parts, job: ExportJob, marked: AbstractSet[str], before: Mapping[str, ItemProgress]
) -> Memory:
    """Return what our memory of the job is worth; `marked` are the items in progress in Pleo, `before` is what we know.

    Where nothing is in progress nobody has begun anything, so every mark from now on is ours.
    """
    known = await parts.store.job(job.id)
    ours, doubtful = known.started_at is not None, known.doubt is not None
    if not ours and not marked:
        await parts.store.mark_started(job.id)
        ours = True
    if not ours:
        doubtful = True
        await _doubt(parts, job.id, BEGUN)
    others = {one for one in marked if not ours or one not in before}
    return Memory(parts, job, others, marked, doubtful=doubtful)


async def compare_outcomes(parts: Parts, job: ExportJob, scope: Mapping[str, str]) -> None:
    """Doubt our memory of the job where Pleo holds outcomes, by its control list, that are not known here."""
    known = {item.accounting_entry_id for item in await parts.store.items(job.id) if item.final}
    if number := sum(status in _TOLD and entry_id not in known for entry_id, status in scope.items()):
        await _doubt(parts, job.id, OUTCOMES_UNKNOWN.format(number=number))


async def compare_end(parts: Parts, known: JobProgress, job: ExportJob) -> None:
    """Doubt our memory of a job that Pleo shows as closed by an integration, and that is open here."""
    if known.closing_event is None and job.status in _CLOSED_BY_US:
        await _doubt(parts, job.id, CLOSED.format(status=job.status.replace("_", " ")))


async def _doubt(parts: Parts, job_id: str, sentence: str) -> None:
    if await parts.store.doubt(job_id, sentence):
        log.warning("job %s: %s", job_id, sentence)
