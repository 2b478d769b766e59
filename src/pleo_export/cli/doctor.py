"""`pleo-export doctor`: is everything ready, and what to do where it is not."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer
from msgspec.structs import asdict
from rich.console import Console

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
from pleo_export.domain.job import ExportJob
from pleo_export.findings import findings_of, local_findings
from pleo_export.pleo.auth import Credential
from pleo_export.store.sqlite import may_be_store

BEAN_CHECK_SECONDS = 300.0


def doctor(*, settings: SettingsOption = SETTINGS_DEFAULT, as_json: JsonOption = False) -> None:
    """Check credentials, settings and the accounting system, and say how to mend each finding. Changes nothing.

    The checks of the accounting system are those that every job makes before it records anything.
    """
    with explained():
        loaded = load_settings(settings)
        findings, jobs = complete(_examine(loaded, credential_for(loaded, settings)))
        here = (*local_findings(loaded, BEAN_CHECK_SECONDS), *_store_findings(loaded.store.path))
        findings = [*findings, *here]
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
        return await findings_of(sources)


def _store_findings(path: Path) -> Sequence[Finding]:
    usable = os.access(path.parent, os.W_OK) and os.access(path, os.R_OK | os.W_OK)
    if path.is_file() and not usable:
        return [finding(Cause.STORE_UNWRITABLE, path=path, folder=path.parent)]
    if path.is_file() and path.stat().st_size:
        return () if may_be_store(path) else [finding(Cause.STORE_OF_ANOTHER_KIND, path=path)]
    folder = next(folder for folder in path.parents if folder.exists())
    if folder.is_dir() and os.access(folder, os.W_OK) and not path.is_dir():
        return ()
    return [finding(Cause.STORE_UNWRITABLE, path=path, folder=folder)]


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
