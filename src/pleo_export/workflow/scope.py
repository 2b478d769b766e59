"""Step 3: the control list. It fixes what has to be done, and after a crash it says what is done already."""

import logging
from collections.abc import Mapping
from sys import intern

from pleo_export.domain.job import ExportJob, ItemStatus
from pleo_export.domain.progress import Phase
from pleo_export.workflow.memory import compare_outcomes
from pleo_export.workflow.ports import Parts, StepTaken, in_step

REPORTED_AS = {Phase.RECORDED: ItemStatus.SUCCESSFUL, Phase.REJECTED: ItemStatus.FAILED}

log = logging.getLogger(__name__)


async def retrieve_scope(parts: Parts, job: ExportJob) -> Mapping[str, str]:
    """Return the status of every item of the job before anything is recorded."""
    step = StepTaken(step=3, name="Retrieve the control list", job_id=job.id)
    scope = await in_step(parts, step, _read_whole(parts, job))
    if len(scope) != job.number_of_items:
        # Which of the two is right nobody can tell from here; what is not listed cannot be recorded.
        log.warning(
            "job %s: Pleo says that %d expenses were selected, and its control list names %d",
            job.id,
            job.number_of_items,
            len(scope),
        )
    await compare_outcomes(parts, job, scope)
    return scope


async def _read_whole(parts: Parts, job: ExportJob) -> Mapping[str, str]:
    """Return the control list, read once more where it names fewer items than were selected."""
    scope = await read_control_list(parts, job)
    if len(scope) < job.number_of_items:
        scope = {**scope, **await read_control_list(parts, job)}
    return scope


async def read_control_list(parts: Parts, job: ExportJob) -> Mapping[str, str]:
    """Return the status of every item of the job, from all pages.

    Outcomes that Pleo shows without having acknowledged them are noted as reported, so that they are not sent again.
    """
    # A job has as many items as it likes, but only a handful of statuses.
    scope = {item.accounting_entry_id: intern(item.status) async for item in parts.pleo.job_items(job.id)}
    unheard = [
        item.accounting_entry_id
        for item in await parts.store.items(job.id)
        if item.final
        and item.reported_at is None
        and scope.get(item.accounting_entry_id) == REPORTED_AS[item.phase]
    ]
    if unheard:
        await parts.store.reported(job.id, unheard)
    return scope
