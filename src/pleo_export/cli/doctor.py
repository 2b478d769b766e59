"""`pleo-export doctor`: is everything ready, and what to do where it is not."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer
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
from pleo_export.domain.failures import Finding, JobFailureType, Severity
from pleo_export.domain.job import ExportJob, JobStatus
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
NEW_KEY = "Make a new API key in Pleo under Settings > API Keys and put it in place of the old one."
RIGHTS = (
    "Give the API key the rights export-jobs:read, export-jobs:write and export-items:read, and check that"
    " pleo.company_id is the key's company."
)


def doctor(*, settings: SettingsOption = SETTINGS_DEFAULT, as_json: JsonOption = False) -> None:
    """Check credentials, settings and the ledger, and say how to mend each finding. Changes nothing.

    The checks of the accounting system are those that every job makes before it records anything.
    """
    with explained():
        loaded = load_settings(settings)
        findings, jobs = complete(_examine(loaded, credential_for(loaded, settings)))
        findings = [*findings, *_local_findings(loaded)]
    if as_json:
        print_json({"findings": findings, "waiting_jobs": [job.id for job in jobs]})
    else:
        _show(findings, jobs, out())
    if any(finding.severity is Severity.ERROR for finding in findings):
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
        return [_pleo_finding(error, JobFailureType.AUTHENTICATION_FAILURE, NEW_KEY)], jobs
    except PleoForbiddenError as error:
        return [_pleo_finding(error, JobFailureType.AUTHORIZATION_FAILURE, RIGHTS)], jobs
    except MissingContraAccountsError as error:
        return [_pleo_finding(error, JobFailureType.MISSING_CONFIGURATION, error.remedy)], jobs
    except PleoError as error:
        return [_pleo_finding(error, JobFailureType.SERVICE_UNREACHABLE, error.remedy)], jobs
    return (), jobs


def _pleo_finding(error: PleoError, failure_type: JobFailureType, remedy: str) -> Finding:
    return Finding(
        type=failure_type, problem=f"{error.happened} ({error.method} {error.path}).", remedy=remedy
    )


def _local_findings(settings: Settings) -> Sequence[Finding]:
    return [
        *_key_file_findings(settings.pleo.api_key_file),
        *_store_findings(settings.store.path),
        *_vat_findings(settings),
        *_ledger_findings(settings),
    ]


def _store_findings(path: Path) -> Sequence[Finding]:
    if path.is_file() and path.stat().st_size:
        usable = may_be_store(path)
        problem = f"store.path = '{path}' is a file of another kind."
    else:
        folder = next(folder for folder in path.parents if folder.exists())
        usable = folder.is_dir() and os.access(folder, os.W_OK) and not path.is_dir()
        problem = f"store.path = '{path}' cannot be made in {folder}."
    if usable:
        return ()
    return [
        Finding(
            type=JobFailureType.INVALID_CONFIGURATION,
            problem=problem,
            remedy="Name another file in the settings.",
        )
    ]


def _vat_findings(settings: Settings) -> Sequence[Finding]:
    missing = [
        f"vat.{key}" for key in ("input_account", "output_account") if getattr(settings.vat, key) is None
    ]
    if not missing:
        return ()
    return [
        Finding(
            type=JobFailureType.MISSING_CONFIGURATION,
            problem=f"{' and '.join(missing)} not set: an expense whose tax code names no account will fail.",
            remedy="Set them, unless each tax code in Pleo names its accounts.",
            severity=Severity.WARNING,
        )
    ]


def _key_file_findings(key_file: Path | None) -> Sequence[Finding]:
    if key_file is None or not key_file.exists() or not key_file.stat().st_mode & OTHERS_MAY_READ:
        return ()
    return [
        Finding(
            type=JobFailureType.INVALID_CONFIGURATION,
            problem=f"Other users of this machine can read the API key in {key_file}.",
            remedy=f"Take that right away: chmod 600 {key_file}",
            severity=Severity.WARNING,
        )
    ]


def _ledger_findings(settings: Settings) -> Sequence[Finding]:
    folder = settings.ledger.folder
    if not (folder / "main.beancount").exists():
        return ()
    try:
        verdict = bean_check(folder, BEAN_CHECK_SECONDS)
    except BeanCheckError as error:
        return [_ledger_finding(str(error))]
    return [_ledger_finding(f"{one.filename}:{one.lineno}: {one.message}") for one in verdict.errors]


def _ledger_finding(problem: str) -> Finding:
    return Finding(
        type=JobFailureType.VALIDATION_FAILURE,
        problem=f"bean-check: {problem}",
        remedy="Correct that place in the ledger.",
    )


def _show(findings: Sequence[Finding], jobs: Sequence[ExportJob], console: Console) -> None:
    for finding in findings:
        colour = "red" if finding.severity is Severity.ERROR else "yellow"
        console.print(f"[{colour}]{finding.severity}[/{colour}]", end=" ")
        console.print(f"{finding.problem}\n      {finding.remedy}", markup=False)
    if not any(finding.severity is Severity.ERROR for finding in findings):
        console.print("[green]All well[/green]: Pleo, the settings and the ledger can be used.")
    for job in sorted(jobs, key=lambda job: job.created_at):
        console.print(
            f"waiting: job {job.id}, {job.status}, {job.number_of_items} expenses, made {job.created_at}"
        )
