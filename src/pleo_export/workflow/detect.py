"""Step 1: find the oldest job that is ready, and take it. Detecting never changes anything; starting does."""

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from msgspec.structs import replace

from pleo_export.crash_points import reach
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.job import ExportJob, JobEvent, JobEventType, JobStatus
from pleo_export.domain.progress import JobProgress
from pleo_export.pleo.errors import ExportNotFoundError, InvalidExportJobStatusChangeError
from pleo_export.workflow.memory import compare_end
from pleo_export.workflow.plan import PlanNeededError, require_next
from pleo_export.workflow.ports import Parts, StepTaken
from pleo_export.workflow.problems import JobLostError
from pleo_export.workflow.side_by_side import both

LOOKS_MAX = (
    5  # how often the list is read anew because somebody else was faster, or a job could not be started
)

log = logging.getLogger(__name__)


class FirstLook(NamedTuple):
    """The unfinished jobs that were `listed`, and which of them were `interrupted`."""

    interrupted: frozenset[str]
    listed: Sequence[ExportJob] | None


NO_LOOK = FirstLook(frozenset(), None)


async def first_look(parts: Parts, *, recovering: bool) -> FirstLook:
    """Return the jobs that were interrupted, and close here those that ended in Pleo while nobody was looking.

    To be asked once, before any job is started. When `recovering`, whatever is in progress is our own from before; else
    only what is open here, and without that Pleo is not asked. A job that is seen in progress later, after a lost race,
    is another worker's.
    """
    known = {job.job_id: job for job in await parts.store.open_jobs(parts.company_id)}
    if not (known or recovering):
        return NO_LOOK
    # The list comes first: with a wrong credential it fails before anything is judged by what cannot be seen.
    listed = await parts.pleo.list_jobs(parts.company_id, [JobStatus.PENDING, JobStatus.IN_PROGRESS])
    unfinished = {job.id: job.status for job in listed if job.unfinished}
    await _settle_finished_jobs(parts, [job for job_id, job in known.items() if job_id not in unfinished])
    in_progress = (job_id for job_id, status in unfinished.items() if status == JobStatus.IN_PROGRESS)
    return FirstLook(frozenset(one for one in in_progress if recovering or one in known), listed)


async def detect_and_start(
    parts: Parts, interrupted: AbstractSet[str], listed: Sequence[ExportJob] | None = None
) -> ExportJob | None:
    """Return the oldest job, now `in_progress` and ours, or None where there is none.

    `pending` jobs count and those that were `interrupted`: these are taken up again and never started twice. What was
    just `listed` is not asked for again. A job that Pleo lists and does not let start is passed over.
    Raises PlanError, before the step is taken, where there is a plan and its job is not the oldest.
    """
    look = _listed(parts, interrupted, listed)
    found, _ = await both(look, parts.store.see_company(parts.company_id))
    jobs = _waiting(parts, interrupted, found)
    parts.notify(StepTaken(step=1, name="Detect and start"))
    passed_over = set[str]()
    for _ in range(LOOKS_MAX):
        if not jobs:
            return None
        started = await _start(parts, jobs[0], interrupted)
        if started is not None:
            return started
        passed_over.add(jobs[0].id)
        found = await _listed(parts, interrupted)
        jobs = _waiting(parts, interrupted, [job for job in found if job.id not in passed_over])
    if jobs:
        told = ", ".join(sorted(passed_over))
        log.warning("none of the jobs %s could be started; the younger ones wait for the next look", told)
    return None


async def _listed(
    parts: Parts, interrupted: AbstractSet[str], listed: Sequence[ExportJob] | None = None
) -> Sequence[ExportJob]:
    """Return the jobs that may be taken, as Pleo lists them; what was just `listed` is not asked for again."""
    return await list_waiting(parts, interrupted) if listed is None else listed


async def list_waiting(parts: Parts, interrupted: AbstractSet[str]) -> Sequence[ExportJob]:
    """Return the jobs that Pleo lists as waiting, and where some were `interrupted` those in progress."""
    statuses = [JobStatus.PENDING, *([JobStatus.IN_PROGRESS] if interrupted else [])]
    return await parts.pleo.list_jobs(parts.company_id, statuses)


def _waiting(parts: Parts, interrupted: AbstractSet[str], listed: Sequence[ExportJob]) -> Sequence[ExportJob]:
    """Return the jobs that may be taken: those that were begun, then the oldest. Raises PlanError for another's plan."""
    # Which of two jobs is older is not published; `createdAt` with the id as tie-break is the same every time. What was
    # made in the same second as one that was begun must not come before it.
    jobs = sorted(
        (
            job
            for job in listed
            if job.unfinished and (job.status == JobStatus.PENDING or job.id in interrupted)
        ),
        key=lambda job: (job.status == JobStatus.PENDING, job.created_at, job.id),
    )
    if parts.plan is not None:
        require_next(parts.plan, parts.company_id, [job.id for job in jobs])
    return jobs


async def _start(parts: Parts, job: ExportJob, interrupted: AbstractSet[str]) -> ExportJob | None:
    if job.status == JobStatus.IN_PROGRESS:
        job = await parts.pleo.get_job(job.id)  # a pending one that is none any more cannot be started
    if not job.unfinished or (job.status == JobStatus.IN_PROGRESS and job.id not in interrupted):
        return None
    is_new = await parts.store.see_job(job.id, job.company_id, planned=parts.plan is not None)
    reach("job.seen")
    if parts.plan is None and (await parts.store.job(job.id)).planned:
        raise PlanNeededError(job.id)
    if job.status == JobStatus.IN_PROGRESS:
        return job
    started = JobEvent(job_id=job.id, event=JobEventType.STARTED)
    try:
        await parts.pleo.send_event(started, parts.store.ensure_lease)
    except InvalidExportJobStatusChangeError:
        # Another worker was faster: normal, so look at the list again. Were it kept here, it would be taken for ours at
        # the next look; which it may be where we knew it, because an earlier start was interrupted.
        if is_new:
            await parts.store.forget_job(job.id)
        return None
    reach("job.started_told")
    await parts.store.mark_started(job.id)
    reach("job.started_kept")
    return replace(job, status=JobStatus.IN_PROGRESS, last_updated_at=parts.clock.now())


async def _settle_finished_jobs(parts: Parts, finished: Sequence[JobProgress]) -> None:
    for known in finished:
        try:
            job = await parts.pleo.get_job(known.job_id)
        except ExportNotFoundError:
            # Nothing can be told about it any more, and it must not keep the company's other jobs waiting.
            await parts.store.abandoned(known.job_id, " ".join(Cause.JOB_GONE.told()))
            continue
        if job.unfinished:
            continue
        if known.closing_event is not None and job.status == known.closing_event and not job.expired:
            await parts.store.closed(job.id)
        else:
            await compare_end(parts, known, job)
            await parts.store.abandoned(job.id, JobLostError(job).problem)
