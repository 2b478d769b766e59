"""The workflow of one company: Pleo's seven steps, one line each."""

from collections.abc import Mapping

from msgspec.structs import replace

from pleo_export.domain.failures import Finding
from pleo_export.domain.job import ExportJob
from pleo_export.domain.reference import ReferenceData
from pleo_export.workflow.begun import settle_begun
from pleo_export.workflow.complete import complete, send_decided_event, summary
from pleo_export.workflow.detect import detect_and_start, first_look, list_waiting
from pleo_export.workflow.fetch import agenda_of, fetch
from pleo_export.workflow.fresh_links import with_fresh_links
from pleo_export.workflow.plan import not_in_job
from pleo_export.workflow.ports import JobSummary, Parts
from pleo_export.workflow.problems import JobLostError, JobProblemError, SilentError, StoppedError
from pleo_export.workflow.record import record
from pleo_export.workflow.report import Reporter
from pleo_export.workflow.scope import retrieve_scope
from pleo_export.workflow.side_by_side import both
from pleo_export.workflow.spool import Spool
from pleo_export.workflow.validate import validate


async def export_pending(parts: Parts, *, recovering: bool = True) -> list[JobSummary]:
    """Export every job that waits for the company, oldest first, one after the other; with a plan, only its job.

    Between two jobs the company may give way to others; then the later jobs are left to another call.

    The first look takes up interrupted jobs of ours as well: those that are open here and, when `recovering`, whatever
    is in progress. The caller makes sure that only one worker does this for a company at a time. Errors of Pleo's API
    that outlast their retries are raised: whatever was recorded is durable, and the next call goes on from there. Raises
    PlanError before anything is recorded where the planned job is not the next one, and StoppedError or SilentError where
    the work ends before it is done.
    """
    interrupted, listed = await first_look(parts, recovering=recovering)
    summaries: list[JobSummary] = []
    if parts.stopping():
        raise StoppedError
    while (job := await detect_and_start(parts, interrupted, listed)) is not None:
        ended = await export_job(parts, job, taken_up=job.id in interrupted)
        interrupted -= {job.id}
        if parts.plan is not None:
            references = {item.accounting_entry_id for item in ended.items} | ended.earlier.keys()
            return [replace(ended, problem=ended.problem or not_in_job(parts.plan, references))]
        summaries.append(ended)
        if parts.stopping():
            raise StoppedError
        listed = await list_waiting(parts, interrupted)
        # What was interrupted comes first: a later call may not know any more that it is ours.
        if listed and not interrupted and await parts.gives_way():
            break
    return summaries


async def export_job(parts: Parts, job: ExportJob, *, taken_up: bool) -> JobSummary:
    """Take one job to its end, whatever that is; it was just started, or `taken_up` after an interruption."""
    try:
        if (await parts.store.job(job.id)).closing_event is not None:
            return await send_decided_event(parts, job)  # all that was left to do before the interruption
        return await _take_through(parts, job, taken_up=taken_up)
    except JobLostError as lost:
        if lost.ended:  # else it stays open here, so that the next call tries again
            await parts.store.abandoned(job.id, lost.problem)
        return await summary(parts, job, {}, lost.problem)


async def _take_through(parts: Parts, job: ExportJob, *, taken_up: bool) -> JobSummary:
    """Take the steps 2 to 7."""
    reporter = Reporter(parts, job)
    finding: Finding | None = None
    async with reporter.keeping_alive():
        try:
            try:
                reference = await validate(parts, job)
                earlier = await _settle(parts, job, reference, reporter)
            except JobProblemError as problem:
                # Of a job that was just started nothing is begun: it ends before any expense is looked at.
                earlier = await settle_begun(parts, job, problem) if taken_up else {}
                finding = problem.finding
                await reporter.flush()
        except SilentError:
            await reporter.progress()  # until the next call nobody else keeps the job from expiring
            raise
    return await complete(parts, job, earlier, finding)


async def _settle(
    parts: Parts, job: ExportJob, reference: ReferenceData, reporter: Reporter
) -> Mapping[str, str]:
    """Take the steps 3 to 6; return how Pleo's record stands of the items that needed nothing."""
    with Spool(parts.folder) as spool:
        # Two lists of the same length, read side by side; nothing is recorded before both are complete.
        agenda = agenda_of(*await both(retrieve_scope(parts, job), fetch(parts, job, spool)), spool)
        await record(with_fresh_links(parts, job.id), job, agenda, reference, reporter)
        return agenda.earlier
