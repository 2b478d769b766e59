"""Who pressed what, and when."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from pleo_export.service.page.access.guard import Owning, Viewing
from pleo_export.service.page.parts import PageParts, Parts
from pleo_export.service.page.rendering import render

ACTIONS_A_PAGE = 100

Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


async def show(
    request: Request, parts: Parts, _: Viewing, company_id: str, before: Before = None
) -> HTMLResponse:
    """Show what was done for the company, the last action first."""
    company = await parts.store.company(company_id)
    return render(
        request, "audit.html", company=company, **await _actions(request, parts, company_id, before)
    )


async def show_all(request: Request, parts: Parts, _: Owning, before: Before = None) -> HTMLResponse:
    """Show what was done for any company or none, the last action first."""
    companies = {company.company_id: company.name for company in await parts.store.companies()}
    return render(
        request, "audit_of_all.html", companies=companies, **await _actions(request, parts, None, before)
    )


async def _actions(
    request: Request, parts: PageParts, company_id: str | None, before: int | None
) -> Mapping[str, Any]:
    found = await parts.store.actions(company_id, ACTIONS_A_PAGE + 1, before)
    return {
        "here": request.url.path,
        "actions": found[:ACTIONS_A_PAGE],
        "older": found[ACTIONS_A_PAGE - 1].id if len(found) > ACTIONS_A_PAGE else None,
        "before": before,
    }
