"""Step 3: the control list. It fixes what has to be done, and after a crash it says what is done already."""

from collections.abc import Mapping

from pleo_export.domain.job import ExportJob
from pleo_export.workflow.ports import Parts, StepTaken


async def retrieve_scope(parts: Parts, job: ExportJob) -> Mapping[str, str]:
    """Return the status of every item of the job, from all pages, before anything is recorded."""
    parts.notify(StepTaken(step=3, name="Retrieve the control list", job_id=job.id))
    return {item.accounting_entry_id: item.status async for item in parts.pleo.job_items(job.id)}
