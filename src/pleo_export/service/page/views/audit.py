"""Who pressed what, and when."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.parts import Parts
from pleo_export.service.page.rendering import render

ACTIONS_A_PAGE = 100


async def show(
    request: Request,
    parts: Parts,
    _: Viewing,
    company_id: str,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> HTMLResponse:
    """Show what was done for the company, the last action first."""
    found = await parts.store.actions(company_id, ACTIONS_A_PAGE + 1, before)
    return render(
        request,
        "audit.html",
        company=await parts.store.company(company_id),
        actions=found[:ACTIONS_A_PAGE],
        older=found[ACTIONS_A_PAGE - 1].id if len(found) > ACTIONS_A_PAGE else None,
        before=before,
    )
