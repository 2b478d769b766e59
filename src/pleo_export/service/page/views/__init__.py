"""What the page shows. Nothing here changes anything."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response

from pleo_export.service.page.views import (
    audit,
    company,
    downloads,
    health,
    item,
    job,
    overview,
    preview,
    settings,
)
from pleo_export.service.web import serve

LOOKS_AT_ONCE = 2  # at Pleo and the accounting system, by all visitors together

ITEM = "/companies/{company_id}/jobs/{job_id}/items/{entry_id}"


VIEWS: Mapping[str, Callable[..., Coroutine[Any, Any, Response]]] = {
    "/": overview.show,
    "/audit": audit.show_all,
    "/companies/{company_id}": company.show,
    "/companies/{company_id}/preview": preview.waiting,
    "/companies/{company_id}/preview/{job_id}": preview.show,
    "/companies/{company_id}/settings": settings.show,
    "/companies/{company_id}/health": health.show,
    "/companies/{company_id}/audit": audit.show,
    # Before the job's page, whose id would take the ending too.
    "/companies/{company_id}/jobs/{job_id}.csv": downloads.as_csv,
    "/companies/{company_id}/jobs/{job_id}.json": downloads.as_json,
    "/companies/{company_id}/jobs/{job_id}": job.show,
    ITEM: item.show,
}
router = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
for path, view in VIEWS.items():
    router.get(path)(view)


def add_views(app: FastAPI) -> None:
    """Let the page be looked at."""
    app.state.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
    serve(app, router)
