"""`pleo-export preview`: what would be recorded, posting by posting, and why."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated, NoReturn
from uuid import UUID

import typer
from msgspec.structs import asdict
from rich.console import Console

from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    ExitCode,
    JsonOption,
    SettingsOption,
    complete,
    err,
    explained,
    fail,
    out,
    print_json,
)
from pleo_export.clock import SystemClock
from pleo_export.compose import credential_for, reading
from pleo_export.config import Settings, load_settings
from pleo_export.domain.entry import without_links
from pleo_export.domain.grouping import by_cause
from pleo_export.domain.item import ExportItem
from pleo_export.pleo.auth import Credential
from pleo_export.pleo.errors import ExportNotFoundError
from pleo_export.workflow.plan import planned, save_plan
from pleo_export.workflow.preview import Previewed, preview_job

JobArgument = Annotated[str, typer.Argument(help="The id of a job that waits in Pleo (see `doctor`).")]
SaveOption = Annotated[
    Path | None, typer.Option("--save", help="Keep what is shown as a plan for `run --plan`, in a new file.")
]


def preview(
    job: JobArgument,
    *,
    settings: SettingsOption = SETTINGS_DEFAULT,
    save: SaveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a job would record and why, posting by posting. Nothing is changed in Pleo or in the books.

    Each entry is shown exactly as `run` would write it. Receipts are not downloaded.
    """
    with explained():
        check_job_id(job)
        loaded = load_settings(settings)
        previews = complete(_preview(loaded, credential_for(loaded, settings), job))
        if save is not None:
            _save(loaded.pleo.company_id, job, previews, save)
            named = "" if settings == SETTINGS_DEFAULT else f" --settings {quote(str(settings))}"
            run = f"pleo-export run{named} --plan {quote(str(save))}"
            err().print(f"Saved: {save}. Once it is approved: {run}", markup=False)
    if as_json:
        print_json([_plain(one) for one in previews])
    else:
        _show(previews, out())
    if any(one.rejection is not None for one in previews):
        raise typer.Exit(ExitCode.SOMETHING_FAILED)


def check_job_id(job_id: str) -> None:
    """End the command where this can be no job's id."""
    try:
        UUID(job_id)
    except ValueError:
        fail(
            f"{job_id!r} is no job id. `pleo-export doctor` lists the jobs that wait.",
            ExitCode.WRONG_SETTINGS,
        )


async def _preview(settings: Settings, credential: Credential, job_id: str) -> Sequence[Previewed]:
    async with reading(settings, credential) as sources:
        try:
            return await preview_job(sources, job_id)
        except ExportNotFoundError:
            no_such_job(job_id)


def no_such_job(job_id: str) -> NoReturn:
    """End the command because Pleo does not know a job."""
    fail(
        f"Pleo knows no job {job_id} of this company. `pleo-export doctor` lists the jobs that wait.",
        ExitCode.WRONG_SETTINGS,
    )


def _save(company_id: str, job_id: str, previews: Sequence[Previewed], path: Path) -> None:
    outcomes = {
        one.accounting_entry_id: outcome
        for one in previews
        if (outcome := one.entry or one.rejection) is not None
    }
    save_plan(planned(company_id, job_id, SystemClock().now(), outcomes), path)


def _show(previews: Sequence[Previewed], console: Console) -> None:
    for one in previews:
        console.print(f"; {_heading(one)}", markup=False, style="bold")
        if one.entry is not None and one.text is not None:
            console.print(one.text, markup=False)
            files = len(one.entry.attachments)
            console.print(f"; {files} receipt{'s' * (files != 1)} to attach\n" if files else "", markup=False)
        if one.rejection is not None:
            console.print(
                f"; would fail, {one.rejection.cause}: {one.rejection.reason}\n", markup=False, style="red"
            )
    failing = [(one.accounting_entry_id, one.rejection) for one in previews if one.rejection is not None]
    recorded = len(previews) - len(failing)
    console.print(f"; {recorded} would be recorded, {len(failing)} would fail", markup=False)
    for group in by_cause(failing):
        console.print(f";   {group.cause}: {group.number}, see errors.md#{group.cause}", markup=False)


def _heading(one: Previewed) -> str:
    expense = one.expense
    if not isinstance(expense, ExportItem):
        return one.accounting_entry_id
    amount = expense.amount.in_wallet_currency
    return f"{expense.type} {one.accounting_entry_id}, {amount.value / 100:.2f} {amount.currency}"


def _plain(one: Previewed) -> dict[str, object]:
    return {
        "accounting_entry_id": one.accounting_entry_id,
        "entry": without_links(one.entry) if one.entry else None,
        "text": one.text,
        "rejection": one.rejection and {**asdict(one.rejection), "type": one.rejection.type},
    }
