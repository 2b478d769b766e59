"""The diagnostics bundle: what whoever helps needs to know, without secrets, expenses and names of persons."""

import asyncio
import io
import platform
import tomllib
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import SecretStr

from pleo_export.config import Settings
from pleo_export.domain.failures import Finding
from pleo_export.domain.progress import ItemProgress
from pleo_export.engine import Run
from pleo_export.engine.errors import EngineError
from pleo_export.findings import findings_of, local_findings
from pleo_export.observe.redaction import REMOVED, redacted, redacted_value
from pleo_export.service.page.access.guard import Administering
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import HEADERS
from pleo_export.service.page.views.looking import LOOK_SECONDS, LookError, look
from pleo_export.service.page.views.settings import SECRET_ADDRESSES
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import sqlite_path
from pleo_export.version import VERSION
from pleo_export.workflow.ports import Sources

JOBS_MAX = 20
ITEMS_MAX = 200  # of each job, its first ones
ACTIONS_MAX = 200
ABOUT_PEOPLE = ("granted a role", "took a role away")  # their details name them
PACKAGES = ("fastapi", "starlette", "uvicorn", "aiohttp", "sqlalchemy", "dbos", "pydantic", "msgspec")
# Reasons and notes may quote an expense; links tell where the books are.
ITEM_TELLS = (
    "accounting_entry_id",
    "position",
    "phase",
    "external_id",
    "exported_at",
    "posted_on",
    "already_there",
    "failure_code",
    "failure_type",
    "unknown",
    "intended_at",
    "decided_at",
    "reported_at",
    "settled_how",
    "settled_at",
)
JOB_TELLS = (
    "job_id",
    "first_seen_at",
    "planned",
    "started_at",
    "closing_event",
    "closing_reason_type",
    "closed_at",
    "counts",
)
README = """Diagnostics of pleo-export for one company.

about.json     versions, and when this was made
service.json   settings of the service; of secrets only whether they are set
settings.json  settings of the company
company.json   how the company stands
findings.json  what `pleo-export doctor` finds now, without what was said by others
jobs.json      its last {jobs} jobs with their steps, and at most {items} items of each
engine.json    what waits, runs and ended for it
audit.json     the last {actions} actions of people

Left out: secrets, what an expense is about, reasons and notes that may quote it, links, and who acted. The service keeps no
log of its own; add the lines of the time in question from where your system keeps them. Look through everything before
you hand it on.
"""

router = APIRouter(max_body_size=FORM_BYTES_MAX)


@router.get("/companies/{company_id}/diagnostics.zip", response_class=Response)
async def diagnostics(request: Request, parts: Parts, visitor: Administering, company_id: str) -> Response:
    """Return the bundle. It says more than the page shows to others, so its making is noted."""
    await parts.store.note_action(visitor.name, company_id, "diagnostics")
    documents = {
        "about.json": _about(parts),
        "service.json": service_facts(parts.settings),
        "settings.json": await _settings(parts, company_id),
        "company.json": await _company(parts, company_id),
        "findings.json": await _findings(request, parts, company_id),
        "jobs.json": await _jobs(parts, company_id),
        "engine.json": await _runs(parts, company_id),
        "audit.json": await _actions(parts, company_id),
    }
    bundle = await asyncio.to_thread(zipped, documents)
    name = f"pleo-export-{parts.now():%Y%m%d-%H%M%S}.zip"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(bundle, media_type="application/zip", headers=headers)


def zipped(documents: Mapping[str, object]) -> bytes:
    """Return the documents as a ZIP file, whatever is in them redacted once more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        readme = README.format(jobs=JOBS_MAX, items=ITEMS_MAX, actions=ACTIONS_MAX)
        bundle.writestr("README.txt", readme)
        for name, document in documents.items():
            plain = redacted_value(msgspec.to_builtins(document))
            bundle.writestr(name, msgspec.json.format(msgspec.json.encode(plain), indent=2))
    return buffer.getvalue()


def _about(parts: PageParts) -> Mapping[str, object]:
    return {
        "pleo-export": VERSION,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: version(name) for name in PACKAGES},
        "database": "postgresql" if sqlite_path(parts.settings.database_url) is None else "sqlite",
        "made_at": parts.now(),
    }


def service_facts(settings: ServiceSettings) -> Mapping[str, object]:
    """Return the settings of the service; of a secret, or what may hold one, only whether it is set."""
    facts: dict[str, object] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        secret = isinstance(value, SecretStr) or "url" in name
        # Not under its own name: what speaks of a secret is taken out as a whole.
        facts[f"{name} is set" if secret or value is None else name] = (
            value is not None if secret or value is None else str(value)
        )
    return facts


async def _settings(parts: PageParts, company_id: str) -> object:
    text = (await parts.store.company(company_id)).settings or ""
    try:
        return without_addresses(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        return {"unreadable": str(error)}


def without_addresses(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings without those whose address itself gives access."""
    return {
        name: without_addresses(value)
        if isinstance(value, dict)
        else (REMOVED if name in SECRET_ADDRESSES else value)
        for name, value in settings.items()
    }


async def _company(parts: PageParts, company_id: str) -> Mapping[str, object]:
    company = await parts.store.company(company_id)
    left_out = ("settings", "folder", "name")
    return {name: value for name, value in msgspec.structs.asdict(company).items() if name not in left_out}


async def _findings(request: Request, parts: PageParts, company_id: str) -> object:
    async def ask(settings: Settings, sources: Sources) -> Sequence[Finding]:
        findings, _ = await findings_of(sources)
        return [*findings, *await asyncio.to_thread(local_findings, settings, LOOK_SECONDS / 2)]

    try:
        found = await look(request, parts, company_id, ask)
    except LookError as error:
        return {"not looked": redacted(str(error))}
    return [{"cause": one.cause.value, "severity": one.severity} for one in found]


async def _jobs(parts: PageParts, company_id: str) -> Sequence[Mapping[str, object]]:
    told = []
    for job in await parts.store.jobs(company_id, JOBS_MAX):
        items = (await parts.store.items(job.job_id))[:ITEMS_MAX]
        told.append(
            {name: getattr(job, name) for name in JOB_TELLS}
            | {
                "given_up": job.problem is not None,
                "steps": {str(step): at for step, at in (await parts.store.steps(job.job_id)).items()},
                "items": [_item(item) for item in items],
            }
        )
    return told


def _item(item: ItemProgress) -> Mapping[str, object]:
    facts: dict[str, object] = {name: getattr(item, name) for name in ITEM_TELLS}
    return facts | {"report_refused": item.report_problem is not None}


async def _runs(parts: PageParts, company_id: str) -> object:
    try:
        runs = await asyncio.to_thread(parts.engine.runs_of, company_id)
        workers = (await asyncio.to_thread(parts.engine.status)).workers
    except EngineError as error:
        return {"unreachable": redacted(str(error))}
    return {
        "waiting": _run(runs.waiting),
        "running": _run(runs.running),
        "ended": _run(runs.ended),
        "takeovers": runs.takeovers,
        "workers": [{"started_at": one.started_at, "seen_at": one.seen_at} for one in workers],
    }


def _run(run: Run | None) -> Mapping[str, object] | None:
    return None if run is None else run._asdict()


async def _actions(parts: PageParts, company_id: str) -> Sequence[Mapping[str, object]]:
    actions = await parts.store.actions(company_id, ACTIONS_MAX)
    return [
        {"at": one.at, "action": one.action, "detail": None if one.action in ABOUT_PEOPLE else one.detail}
        for one in actions
    ]
