"""`pleo-export doctor`: is everything ready, and what to do where it is not."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer
from msgspec.structs import asdict
from rich.console import Console

from pleo_export.accounting.ledger import BeanCheckError, bean_check
from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    ExitCode,
    JsonOption,
    SettingsOption,
    complete,
    explained,
    out,
    print_json,
)
from pleo_export.compose import credential_for, reading
from pleo_export.config import Settings, load_settings
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Finding, Severity, finding
from pleo_export.domain.job import ExportJob, JobStatus
from pleo_export.domain.settings import VatHandling
from pleo_export.pleo.auth import Credential
from pleo_export.pleo.errors import (
    MissingContraAccountsError,
    PleoError,
    PleoForbiddenError,
    PleoUnauthorisedError,
)
from pleo_export.store.sqlite import may_be_store
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.validate import examine

BEAN_CHECK_SECONDS = 300.0
OTHERS_MAY_READ = 0o077


def doctor(*, settings: SettingsOption = SETTINGS_DEFAULT, as_json: JsonOption = False) -> None:
    """Check credentials, settings and the accounting system, and say how to mend each finding. Changes nothing.

    The checks of the accounting system are those that every job makes before it records anything.
    """
    with explained():
        loaded = load_settings(settings)
        findings, jobs = complete(_examine(loaded, credential_for(loaded, settings)))
        findings = [*findings, *_local_findings(loaded)]
    if as_json:
        print_json({"findings": [_plain(one) for one in findings], "waiting_jobs": [job.id for job in jobs]})
    else:
        _show(findings, jobs, out())
    if any(one.severity is Severity.ERROR for one in findings):
        raise typer.Exit(ExitCode.SOMETHING_FAILED)


async def _examine(
    settings: Settings, credential: Credential
) -> tuple[Sequence[Finding], Sequence[ExportJob]]:
    async with reading(settings, credential) as sources:
        pleo_findings, jobs = await _ask_pleo(sources)
        findings, _reference = await examine(sources.connector, sources.settings)
        return [*pleo_findings, *findings], jobs


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


def _local_findings(settings: Settings) -> Sequence[Finding]:
    return [
        *_key_file_findings(settings.pleo.api_key_file),
        *_key_file_findings(settings.odoo.api_key_file if settings.odoo is not None else None),
        *_store_findings(settings.store.path),
        *_vat_findings(settings),
        *_ledger_findings(settings),
    ]


def _store_findings(path: Path) -> Sequence[Finding]:
    if path.is_file() and path.stat().st_size:
        return () if may_be_store(path) else [finding(Cause.STORE_OF_ANOTHER_KIND, path=path)]
    folder = next(folder for folder in path.parents if folder.exists())
    if folder.is_dir() and os.access(folder, os.W_OK) and not path.is_dir():
        return ()
    return [finding(Cause.STORE_UNWRITABLE, path=path, folder=folder)]


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


def _ledger_findings(settings: Settings) -> Sequence[Finding]:
    if settings.ledger is None or not (settings.ledger.folder / "main.beancount").exists():
        return ()
    folder = settings.ledger.folder
    try:
        verdict = bean_check(folder, BEAN_CHECK_SECONDS)
    except BeanCheckError as error:
        return [finding(Cause.LEDGER_UNCHECKED, said=error)]
    return [
        finding(Cause.LEDGER_WRONG, said=f"{one.filename}:{one.lineno}: {one.message}")
        for one in verdict.errors
    ]


def _plain(found: Finding) -> dict[str, object]:
    return {**asdict(found), "type": found.type, "severity": found.severity}


def _show(findings: Sequence[Finding], jobs: Sequence[ExportJob], console: Console) -> None:
    for one in findings:
        colour = "red" if one.severity is Severity.ERROR else "yellow"
        console.print(f"[{colour}]{one.severity}[/{colour}]", end=" ")
        console.print(f"{one.problem} See errors.md#{one.cause}.\n      {one.remedy}", markup=False)
    if not any(one.severity is Severity.ERROR for one in findings):
        console.print("[green]All well[/green]: Pleo, the settings and the accounting system can be used.")
    for job in sorted(jobs, key=lambda job: job.created_at):
        console.print(
            f"waiting: job {job.id}, {job.status}, {job.number_of_items} expenses, made {job.created_at}"
        )
