"""What stands in the way of exporting a company's jobs, and how to mend it: what `doctor` finds."""

import asyncio
from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import HTMLResponse

from pleo_export.config import Settings
from pleo_export.domain.failures import Finding, Severity
from pleo_export.domain.job import ExportJob
from pleo_export.findings import findings_of, local_findings
from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.parts import Parts
from pleo_export.service.page.rendering import render
from pleo_export.service.page.views.looking import LOOK_SECONDS, LookError, look
from pleo_export.service.page.views.overview import standing_of
from pleo_export.service.page.words import cause_name
from pleo_export.workflow.ports import Sources


async def show(request: Request, parts: Parts, _: Viewing, company_id: str) -> HTMLResponse:
    """Look at Pleo, the settings and the accounting system, and show what was found."""
    findings: Sequence[Finding] = ()
    jobs: Sequence[ExportJob] = ()
    problem = None
    try:
        findings, jobs = await look(request, parts, company_id, _ask)
    except LookError as error:
        problem = str(error)
    company = await parts.store.company(company_id)
    standing = await standing_of(parts, [company])
    return render(
        request,
        "health.html",
        company=company,
        state=standing.states[company_id],
        runs=standing.runs[company_id],
        engine_away=standing.engine_away,
        findings=sorted(findings, key=lambda one: one.severity is not Severity.ERROR),
        errors=sum(one.severity is Severity.ERROR for one in findings),
        jobs=sorted(jobs, key=lambda job: job.created_at),
        problem=problem,
        cause_name=cause_name,
        looked_at=parts.now(),
    )


async def _ask(settings: Settings, sources: Sources) -> tuple[Sequence[Finding], Sequence[ExportJob]]:
    findings, jobs = await findings_of(sources)
    # The check of the ledger ends before the look does, so that it is killed and not left behind.
    here = await asyncio.to_thread(local_findings, settings, LOOK_SECONDS / 2)
    return [*findings, *here], jobs
