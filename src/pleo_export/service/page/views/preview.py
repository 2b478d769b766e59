"""What a job that waits in Pleo would record; nothing is written."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse

from pleo_export.config import Settings
from pleo_export.domain.grouping import by_cause
from pleo_export.domain.job import ExportJob, JobStatus
from pleo_export.service.page.access.errors import NotHereError
from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.parts import Parts
from pleo_export.service.page.rendering import render
from pleo_export.service.page.views.item import legs
from pleo_export.service.page.views.job import group
from pleo_export.service.page.views.looking import LookError, look
from pleo_export.service.page.views.pages import Number, Paging, address
from pleo_export.service.page.words import advice
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.preview import Previewed, preview_job

EXPENSES_A_PAGE = 50


async def waiting(request: Request, parts: Parts, _: Viewing, company_id: str) -> HTMLResponse:
    """Show which jobs wait in Pleo."""

    async def ask(_: Settings, sources: Sources) -> Sequence[ExportJob]:
        return await sources.pleo.list_jobs(company_id, (JobStatus.PENDING, JobStatus.IN_PROGRESS))

    jobs: Sequence[ExportJob] = ()
    problem = None
    try:
        jobs = sorted(await look(request, parts, company_id, ask), key=lambda job: job.created_at)
    except LookError as error:
        problem = str(error)
    company = await parts.store.company(company_id)
    return render(request, "waiting.html", company=company, jobs=jobs, problem=problem)


async def show(
    request: Request, parts: Parts, _: Viewing, company_id: str, job_id: str, page: Number = 1
) -> HTMLResponse:
    """Show every expense of the job beside the entry it would become."""
    _require_id(job_id)

    async def ask(_: Settings, sources: Sources) -> Sequence[Previewed]:
        return await preview_job(sources, job_id)

    found: Sequence[Previewed] = ()
    problem = None
    try:
        found = await look(request, parts, company_id, ask)
    except LookError as error:
        problem = str(error)
    failing = [(one.accounting_entry_id, one.rejection) for one in found if one.rejection is not None]
    first = (page - 1) * EXPENSES_A_PAGE
    return render(
        request,
        "preview.html",
        company=await parts.store.company(company_id),
        job_id=job_id,
        problem=problem,
        shown=found[first : first + EXPENSES_A_PAGE],
        failing=len(failing),
        groups=[group(one) for one in by_cause(failing)],
        legs=legs,
        advice=advice,
        address=lambda **changed: address(request, **changed),
        paging=Paging(page, EXPENSES_A_PAGE, len(found)),
    )


def _require_id(job_id: str) -> None:
    try:
        UUID(job_id)
    except ValueError:
        raise NotHereError from None
