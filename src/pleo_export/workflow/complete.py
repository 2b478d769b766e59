"""Step 7: close the job, once, with the event that its items' outcomes call for."""

from collections.abc import Mapping, Sequence

import msgspec

from pleo_export.crash_points import reach
from pleo_export.domain.catalogue import MOST_FREQUENT, Cause
from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.failures import Finding, Rejection, rejection
from pleo_export.domain.grouping import by_cause, rejection_of
from pleo_export.domain.job import ExportJob, ItemStatus, JobEvent, JobEventType
from pleo_export.domain.progress import ItemProgress, JobProgress, Phase
from pleo_export.pleo.errors import InvalidExportJobStatusChangeError
from pleo_export.workflow.ports import JobSummary, Parts, StepTaken, take_step
from pleo_export.workflow.problems import JobLostError
from pleo_export.workflow.scope import read_control_list


class Closing(msgspec.Struct, frozen=True):
    """The closing event, its reason, which Pleo takes with `failed` only, and the reason's type."""

    event: JobEventType
    reason: str | None = None
    reason_type: JobFailureType | None = None


async def complete(
    parts: Parts, job: ExportJob, scope: Mapping[str, str], finding: Finding | None = None
) -> JobSummary:
    """Close the job after every item's outcome was reported; `scope` holds how the others stood at the beginning.

    The `finding` is the problem that ended the job, where one did.
    """
    items = await parts.store.items(job.id)
    if any(item.report_problem is not None for item in items):
        scope = await read_control_list(parts, job)  # the event has to agree with what Pleo holds now
        items = await parts.store.items(job.id)
    await _close(parts, job, closing_for(scope, items, job.number_of_items, finding))
    return _summary(await parts.store.job(job.id), items, scope, None)


async def send_decided_event(parts: Parts, job: ExportJob) -> JobSummary:
    """Send the closing event that was decided before an interruption: nothing that changed since may change it."""
    decided = await parts.store.job(job.id)
    assert decided.closing_event is not None
    await _send(
        parts, job, Closing(decided.closing_event, decided.closing_reason, decided.closing_reason_type)
    )
    return await summary(parts, job, {})


async def summary(
    parts: Parts, job: ExportJob, scope: Mapping[str, str], problem: str | None = None
) -> JobSummary:
    """Return what became of the job and of each of its items."""
    return _summary(await parts.store.job(job.id), await parts.store.items(job.id), scope, problem)


def _summary(
    known: JobProgress, items: Sequence[ItemProgress], scope: Mapping[str, str], problem: str | None
) -> JobSummary:
    mine = {item.accounting_entry_id for item in items}
    return JobSummary(
        job_id=known.job_id,
        event=known.closing_event if known.closed_at else None,
        items=tuple(items),
        earlier={entry_id: status for entry_id, status in scope.items() if entry_id not in mine},
        reason=known.closing_reason,
        problem=problem,
    )


def closing_for(
    scope: Mapping[str, str], items: Sequence[ItemProgress], selected: int, finding: Finding | None = None
) -> Closing:
    """Decide the event: all recorded, some failed, or all failed with the problem of the job or the most frequent cause.

    An entry of which Pleo refused to hear counts as Pleo shows it in `scope`, which is to be fresh then. Of those that
    were `selected`, what Pleo never listed was not exported.
    """
    mine = {item.accounting_entry_id for item in items}
    successes = {
        item.accounting_entry_id
        for item in items
        if item.phase is Phase.RECORDED and item.report_problem is None
    }
    # What Pleo holds as successful counts, also where an older copy of our memory was restored.
    successes |= {entry_id for entry_id, status in scope.items() if status == ItemStatus.SUCCESSFUL}
    if finding is not None and not successes:
        return Closing(JobEventType.FAILED, f"{finding.problem} {finding.remedy}", finding.type)
    listed = len(mine | scope.keys())
    failures = max(selected, listed) - len(successes)
    if failures == 0:
        return Closing(JobEventType.COMPLETED)
    unlisted = Cause.EXPENSES_NOT_LISTED.told(selected=selected, listed=listed) if listed < selected else ()
    if successes:
        return Closing(JobEventType.COMPLETED_WITH_ERRORS, " ".join(unlisted) or None)
    if not items:
        nothing = Cause.NOTHING_EXPORTED
        return Closing(JobEventType.FAILED, " ".join(unlisted or nothing.told()), nothing.job)
    group = by_cause((item.accounting_entry_id, _why(item)) for item in items)[0]
    reason = MOST_FREQUENT.format(number=group.number, failures=failures, reason=next(iter(group.reasons)))
    return Closing(JobEventType.FAILED, reason, group.cause.job)


def _why(item: ItemProgress) -> Rejection:
    """Say why Pleo does not hold the item as successful."""
    if (rejected := rejection_of(item)) is not None:
        return rejected
    if item.report_problem is not None:
        return rejection(Cause.OUTCOME_NOT_TAKEN, said=item.report_problem)
    return rejection(Cause.ENDED_IN_PLEO)


async def _close(parts: Parts, job: ExportJob, closing: Closing) -> None:
    """Decide the closing event durably before it is sent, so that a repeat sends the same one."""
    await parts.store.closing(job.id, closing.event, closing.reason, closing.reason_type)
    reach("closing.decided")
    await _send(parts, job, closing)


async def _send(parts: Parts, job: ExportJob, closing: Closing) -> None:
    await take_step(parts, StepTaken(step=7, name=f"Complete ({closing.event})", job_id=job.id))
    is_failed = closing.event is JobEventType.FAILED  # the API reference takes a reason with nothing else
    try:
        await parts.pleo.send_event(
            JobEvent(
                job_id=job.id,
                event=closing.event,
                failure_reason=closing.reason if is_failed else None,
                failure_reason_type=closing.reason_type,
            ),
            parts.store.ensure_lease,
        )
    except InvalidExportJobStatusChangeError as error:
        fresh = await parts.pleo.get_job(job.id)
        if fresh.expired or fresh.status != closing.event:
            raise JobLostError(fresh) from error
    reach("closing.told")
    await parts.store.closed(job.id)
    reach("closing.kept")
