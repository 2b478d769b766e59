"""Step 1: find the oldest job that is ready, and take it. Detecting never changes anything; starting does."""

from msgspec.structs import replace

from pleo_export.domain.job import ExportJob, JobEvent, JobEventType, JobStatus
from pleo_export.pleo.errors import InvalidExportJobStatusChangeError
from pleo_export.workflow.ports import Parts, StepTaken
from pleo_export.workflow.problems import JobLostError

LOOKS_MAX = 5  # how often the list is read anew because somebody else was faster


async def detect_and_start(parts: Parts, *, recovering: bool) -> ExportJob | None:
    """Return the oldest job, now `in_progress` and ours, or None where there is none.

    Normally only `pending` jobs count. When recovering (after a start or a lost connection) an `in_progress` job is
    our own interrupted one: it is taken up again and never started twice.
    """
    statuses = [JobStatus.PENDING, *([JobStatus.IN_PROGRESS] if recovering else [])]
    parts.notify(StepTaken(step=1, name="Detect and start"))
    await parts.store.see_company(parts.company_id)
    if recovering:
        await _settle_finished_jobs(parts)
    for _ in range(LOOKS_MAX):
        # Which of two jobs is older is not published; `createdAt` with the id as tie-break is the same every time.
        jobs = sorted(
            await parts.pleo.list_jobs(parts.company_id, statuses), key=lambda job: (job.created_at, job.id)
        )
        if not jobs:
            return None
        started = await _start(parts, await parts.pleo.get_job(jobs[0].id), recovering=recovering)
        if started is not None:
            return started
    return None


async def _start(parts: Parts, job: ExportJob, *, recovering: bool) -> ExportJob | None:
    if not job.unfinished:
        return None
    if job.status == JobStatus.IN_PROGRESS:
        return await _take_up(parts, job) if recovering else None
    await parts.store.see_job(job.id, job.company_id)
    try:
        await parts.pleo.send_event(JobEvent(job_id=job.id, event=JobEventType.STARTED))
    except InvalidExportJobStatusChangeError:
        return None  # another worker was faster: normal, so look at the list again
    await parts.store.mark_started(job.id)
    return replace(job, status=JobStatus.IN_PROGRESS, last_updated_at=parts.clock.now())


async def _take_up(parts: Parts, job: ExportJob) -> ExportJob:
    """Go on with an interrupted job. Where we remember it, the start was ours, even if its answer never came."""
    known = {one.job_id: one for one in await parts.store.open_jobs(parts.company_id)}.get(job.id)
    await parts.store.see_job(job.id, job.company_id)
    if known is not None and known.started_at is None:
        await parts.store.mark_started(job.id)
    return job


async def _settle_finished_jobs(parts: Parts) -> None:
    """Close here what ended in Pleo while nobody was looking: expired, or closed just before a crash."""
    for known in await parts.store.open_jobs(parts.company_id):
        job = await parts.pleo.get_job(known.job_id)
        if job.unfinished:
            continue
        if known.closing_event is not None and job.status == known.closing_event:
            await parts.store.closed(job.id)
        else:
            await parts.store.abandoned(job.id, JobLostError(job).problem)
