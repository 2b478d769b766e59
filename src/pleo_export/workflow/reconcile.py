"""Compares three ways: Pleo's item states, our memory, and what stands in the accounting system.

Nothing is changed in Pleo or in the books. What differs in exports that have ended is kept, for the page.

What may be done about a difference without recording anything is done by `adopt`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

import msgspec

from pleo_export.accounting.port import EntryRefusedError, Recorded
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.job import ExportJob, ExportJobItem, ItemStatus, JobStatus
from pleo_export.domain.progress import ItemProgress
from pleo_export.domain.reconciling import (
    Adoption,
    Fix,
    Seen,
    Sighting,
    Told,
    difference,
    not_reported,
    unaccounted,
)
from pleo_export.pleo.errors import ExportNotFoundError
from pleo_export.store.errors import ContradictionError
from pleo_export.workflow.persist import persist
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.problems import require_well
from pleo_export.workflow.side_by_side import side_by_side

ANY_STATUS = tuple(status for status in JobStatus if status is not JobStatus.EXPIRED)
AT_WORK = "The export is still open in Pleo: what it lacks is settled by the next run."
FORGOTTEN = "Pleo does not know this export any more; only our memory and the books were compared."
NOT_OURS = (
    "Nothing of this export is remembered here or stands in the books. Another integration may have worked on it; or our"
    " memory and the books were both lost, or these are other books."
)


class Store(Protocol):
    """What is remembered of exports and of comparing them; see `store.Store` for each verb's meaning."""

    async def ensure_lease(self) -> None: ...
    async def items(self, job_id: str) -> Sequence[ItemProgress]: ...
    async def explanation(self, job_id: str, entry_id: str) -> Explanation | None: ...
    async def jobs_since(self, company_id: str, since: datetime) -> Sequence[str]: ...
    async def exported_later(self, job_id: str) -> AbstractSet[str]: ...
    async def adopt_found(self, job: ExportJob, adoption: Adoption) -> ItemProgress: ...
    async def reconciled(self, company_id: str, job_id: str, found: Mapping[str, Told]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Looking(Sources):
    """What comparing works with. `draw` gives a number from 0 to 1; `looked_up` is told how many more were looked up."""

    store: Store
    draw: Callable[[], float]
    looked_up: Callable[[int], None]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One difference; `entry` is what stands in the books, `link` where, and `shown` how Pleo shows the expense."""

    accounting_entry_id: str
    told: Told
    shown: str | None = None
    entry: Recorded | None = None
    link: str | None = None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One job: how many of its expenses were compared, what differs, and what else is to be said of it.

    `unaccounted`: the expenses that Pleo shows as exported in a job that nobody else knows anything of.
    """

    job_id: str
    job: ExportJob | None
    expenses: int = 0
    found: Sequence[Found] = ()
    note: str | None = None
    unaccounted: Sequence[str] = ()

    @property
    def ended(self) -> bool:
        """Whether no run settles the rest."""
        return self.job is None or not self.job.unfinished


class _Case(msgspec.Struct, frozen=True):
    job: ExportJob | None
    pleo: Mapping[str, ExportJobItem]
    here: Mapping[str, ItemProgress]


async def compare(
    looking: Looking, job_ids: Sequence[str], since: datetime | None
) -> AsyncIterator[Compared]:
    """Compare these jobs, the newest first; with `since`, also those of the company made since then that only Pleo knows.

    An expense is compared in its latest export only. Raises JobProblemError where the books are not there to be looked
    through, and the errors of Pleo, the accounting system and the store.
    """
    require_well(await looking.connector.check())
    later: set[str] = set()
    for job_id, job in await _jobs(looking, job_ids, since):
        case = await _case(looking, job_id, job)
        superseded = later | await looking.store.exported_later(job_id)
        later |= case.pleo.keys() | case.here.keys()
        compared = await _compared(looking, job_id, case, superseded)
        of_company = job is None or job.company_id == looking.company_id
        if compared.ended and of_company:
            told = {one.accounting_entry_id: one.told for one in compared.found}
            told |= dict.fromkeys(compared.unaccounted, unaccounted(looking.connector.name))
            await looking.store.reconciled(looking.company_id, job_id, told)
        yield compared


async def adopt(looking: Looking, compared: Compared, by: str) -> Sequence[str]:
    """Remember the entries that stand in the books; return the expenses for which that was done."""
    done: list[str] = []
    for one in compared.found:
        if one.told.kind.fix is not Fix.ADOPT or one.entry is None or compared.job is None:
            continue
        adoption = Adoption(
            accounting_entry_id=one.accounting_entry_id,
            external_id=one.entry.external_id,
            url=one.link,
            posted_on=one.entry.posted,
            shown=one.shown,
            by=by,
        )
        try:
            await looking.store.adopt_found(compared.job, adoption)
        except ContradictionError:
            continue  # changed since it was compared: the next look tells how it stands
        done.append(one.accounting_entry_id)
    return done


async def _jobs(
    looking: Looking, job_ids: Sequence[str], since: datetime | None
) -> Sequence[tuple[str, ExportJob | None]]:
    """Return the jobs with how Pleo shows them, the newest first; those that it has forgotten last."""
    jobs: dict[str, ExportJob | None] = {}
    for job_id in job_ids:
        try:
            jobs[job_id] = await looking.pleo.get_job(job_id)
        except ExportNotFoundError:
            jobs[job_id] = None
    if since is not None:
        listed = await looking.pleo.list_jobs(looking.company_id, ANY_STATUS)
        jobs |= {job.id: job for job in listed if job.created_at >= since and job.id not in jobs}
    oldest = datetime.min.replace(tzinfo=looking.clock.now().tzinfo)
    return sorted(
        jobs.items(), key=lambda one: (one[1].created_at if one[1] else oldest, one[0]), reverse=True
    )


async def _case(looking: Looking, job_id: str, job: ExportJob | None) -> _Case:
    here = {item.accounting_entry_id: item for item in await looking.store.items(job_id)}
    if job is None:
        return _Case(job, {}, here)
    return _Case(job, {item.accounting_entry_id: item async for item in looking.pleo.job_items(job_id)}, here)


async def _compared(looking: Looking, job_id: str, case: _Case, superseded: AbstractSet[str]) -> Compared:
    job, note = case.job, None
    if job is None:
        note = FORGOTTEN
    elif job.company_id != looking.company_id:
        return Compared(job_id=job_id, job=job, note=f"This export is of another company ({job.company_id}).")
    elif job.unfinished:
        shown = {entry_id: item.status for entry_id, item in case.pleo.items()}
        waiting = [
            Found(accounting_entry_id=entry_id, told=told, shown=shown[entry_id])
            for entry_id, told in not_reported(case.here.values(), shown)
        ]
        return Compared(job_id=job_id, job=job, note=AT_WORK, found=waiting)
    entry_ids = [one for one in dict.fromkeys([*case.pleo, *case.here]) if one not in superseded]
    slots = asyncio.Semaphore(looking.connector.capabilities.concurrency)

    async def look(entry_id: str) -> tuple[Recorded | None, Found | None]:
        async with slots:
            return await _look_up(looking, job_id, case, entry_id)

    # A few at a time: a task a look-up of ten thousand would be most of the memory.
    seen: list[tuple[Recorded | None, Found | None]] = []
    for start in range(0, len(entry_ids), 100):
        async with side_by_side() as group:
            tasks = [group.create_task(look(one)) for one in entry_ids[start : start + 100]]
        seen += [task.result() for task in tasks]
        looking.looked_up(len(tasks))
    if entry_ids and not case.here and not any(entry for entry, _ in seen):
        exported = [one for one in entry_ids if case.pleo[one].status == ItemStatus.SUCCESSFUL]
        return Compared(job_id=job_id, job=job, note=NOT_OURS, unaccounted=exported)
    # What was exported again meanwhile is compared in that export: the entry that was found may be of it.
    again = await looking.store.exported_later(job_id)
    found = [one for _, one in seen if one is not None and one.accounting_entry_id not in again]
    return Compared(job_id=job_id, job=job, expenses=len(seen), found=found, note=note)


async def _look_up(
    looking: Looking, job_id: str, case: _Case, entry_id: str
) -> tuple[Recorded | None, Found | None]:
    shown = case.pleo.get(entry_id)
    entry, sighting = await _sighting(looking, job_id, entry_id)
    seen = Seen(
        pleo=shown.status if shown else None,
        pleo_id=shown.external_id if shown else None,
        here=case.here.get(entry_id),
        entry=sighting,
    )
    told = difference(seen, looking.connector.name)
    if told is None:
        return entry, None
    found = Found(
        accounting_entry_id=entry_id,
        told=told,
        shown=seen.pleo,
        entry=entry,
        link=looking.connector.link(entry) if entry else None,
    )
    return entry, found


async def _sighting(looking: Looking, job_id: str, entry_id: str) -> tuple[Recorded | None, Sighting]:
    """Look for the entry, and whether its content is that of the expense as far as that is remembered."""
    try:
        found = await persist(looking, partial(looking.connector.find, entry_id))
    except EntryRefusedError as damaged:
        return None, Sighting(damaged=damaged.sentence)
    if found is None:
        return None, Sighting()
    explained = await looking.store.explanation(job_id, entry_id)
    made = explained.entry if explained else None
    same = made is None or found.fingerprint in (None, made.fingerprint)
    return found, Sighting(external_id=found.external_id, same=same)
