"""What stands in the way of exporting, and how to mend it: for `doctor` and for the page."""

from collections.abc import Sequence
from pathlib import Path

from pleo_export.accounting.ledger import BeanCheckError, bean_check
from pleo_export.config import Settings
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Finding, finding
from pleo_export.domain.job import ExportJob, JobStatus
from pleo_export.domain.settings import VatHandling
from pleo_export.pleo.errors import (
    MissingContraAccountsError,
    PleoError,
    PleoForbiddenError,
    PleoUnauthorisedError,
)
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.validate import examine

OTHERS_MAY_READ = 0o077


async def findings_of(sources: Sources) -> tuple[Sequence[Finding], Sequence[ExportJob]]:
    """Ask Pleo and the accounting system; return what was found, and the jobs that wait in Pleo. Changes nothing."""
    pleo_findings, jobs = await _ask_pleo(sources)
    findings, _reference = await examine(sources.connector, sources.settings)
    return [*pleo_findings, *findings], jobs


def local_findings(settings: Settings, bean_check_seconds: float) -> Sequence[Finding]:
    """Look at the files that the settings name. Blocks; the check of a large ledger takes a while."""
    return [
        *_key_file_findings(settings.pleo.api_key_file),
        *_key_file_findings(settings.odoo.api_key_file if settings.odoo is not None else None),
        *_vat_findings(settings),
        *_ledger_findings(settings, bean_check_seconds),
    ]


async def _ask_pleo(sources: Sources) -> tuple[Sequence[Finding], Sequence[ExportJob]]:
    """Look for jobs, and read the first expense of one: that needs all the rights of reading, and contra accounts."""
    jobs: Sequence[ExportJob] = ()
    waiting = (JobStatus.PENDING, JobStatus.IN_PROGRESS)
    try:
        jobs = await sources.pleo.list_jobs(sources.company_id, waiting)
        for job in jobs[:1]:
            async for _ in sources.pleo.export_items(job.id):
                break
    except PleoUnauthorisedError as error:
        return [finding(Cause.PLEO_UNAUTHORISED, call=_call(error))], jobs
    except PleoForbiddenError as error:
        return [finding(Cause.PLEO_FORBIDDEN, call=_call(error))], jobs
    except MissingContraAccountsError as error:
        return [finding(Cause.CONTRA_ACCOUNTS_MISSING, said=error.said)], jobs
    except PleoError as error:
        failed = finding(Cause.PLEO_FAILED, happened=error.happened, call=_call(error), remedy=error.remedy)
        return [failed], jobs
    return (), jobs


def _call(error: PleoError) -> str:
    return f"{error.method} {error.path}"


def _vat_findings(settings: Settings) -> Sequence[Finding]:
    missing = [
        f"vat.{key}" for key in ("input_account", "output_account") if getattr(settings.vat, key) is None
    ]
    if not missing or settings.vat.handling is VatHandling.BY_CODE:
        return ()
    return [finding(Cause.VAT_ACCOUNTS_UNSET, keys=" and ".join(missing))]


def _key_file_findings(key_file: Path | None) -> Sequence[Finding]:
    if key_file is None or not key_file.exists() or not key_file.stat().st_mode & OTHERS_MAY_READ:
        return ()
    return [finding(Cause.KEY_READABLE, path=key_file)]


def _ledger_findings(settings: Settings, seconds: float) -> Sequence[Finding]:
    if settings.ledger is None or not (settings.ledger.folder / "main.beancount").exists():
        return ()
    folder = settings.ledger.folder
    try:
        verdict = bean_check(folder, seconds)
    except BeanCheckError as error:
        return [finding(Cause.LEDGER_UNCHECKED, said=error)]
    return [
        finding(Cause.LEDGER_WRONG, said=f"{one.filename}:{one.lineno}: {one.message}")
        for one in verdict.errors
    ]
