"""`pleo-export run`: one company, one pass."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    ExitCode,
    JsonOption,
    SettingsOption,
    complete,
    err,
    explained,
    out,
    print_json,
    show_failures,
    show_notes,
)
from pleo_export.cli.progress import live_view
from pleo_export.compose import credential_for, working
from pleo_export.config import Settings, load_settings
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import rejection
from pleo_export.domain.grouping import Failure, rejection_of
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.pleo.auth import Credential
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.plan import Plan, load_plan
from pleo_export.workflow.ports import JobSummary

STOPPED = (
    "Stopped before the end. Nothing is lost, and nothing will be recorded twice: the same command goes on where this one"
    " was. Pleo gives a job up after an hour; Export is then pressed again, and what stands in the books is recognised."
)

PlanOption = Annotated[
    Path | None,
    typer.Option(
        "--plan", help="Record exactly this plan of one job (see `preview --save`), and refuse what differs."
    ),
]


def run(
    *, settings: SettingsOption = SETTINGS_DEFAULT, plan: PlanOption = None, as_json: JsonOption = False
) -> None:
    """Export every job that waits in Pleo, oldest first, then stop. Made for cron.

    Safe to repeat and to interrupt: an expense is never recorded twice, and an interrupted job is taken up where it
    was. While one process works for a company, another one ends at once with exit code 4.
    """
    with explained(STOPPED):
        loaded = load_settings(settings)
        approved = load_plan(plan) if plan is not None else None
        summaries = complete(export(loaded, credential_for(loaded, settings), err(), approved))
    if as_json:
        print_json(summaries)
    else:
        show_summaries(summaries, out())
    if not all(went_well(summary) for summary in summaries):
        raise typer.Exit(ExitCode.SOMETHING_FAILED)


def went_well(summary: JobSummary) -> bool:
    """Whether every expense was recorded, and Pleo knows; and all of the plan, where there was one."""
    told = all(item.report_problem is None for item in summary.items)
    return summary.event is JobEventType.COMPLETED and told and summary.problem is None


async def export(
    settings: Settings, credential: Credential, console: Console, plan: Plan | None = None
) -> Sequence[JobSummary]:
    """Export all waiting jobs, or what is planned, with progress on the console."""
    with live_view(console) as view:
        async with working(settings, credential, view) as parts:
            return await export_pending(replace(parts, plan=plan))


def show_summaries(summaries: Sequence[JobSummary], console: Console) -> None:
    """Tell what became of each job, failures with their reasons, and what was recorded but lacks something."""
    if not summaries:
        console.print("Nothing to do: no export job waits in Pleo. Press Export there to make one.")
    for summary in summaries:
        recorded = [item for item in summary.items if item.phase is Phase.RECORDED]
        there = sum(item.already_there for item in recorded)
        failed = [item for item in summary.items if item.phase is Phase.REJECTED]
        already = f" ({there} of them stood there already)" if there else ""
        ending = summary.event or "not closed"
        console.print(
            f"Job {summary.job_id}: {ending}. {len(recorded)} recorded{already}, {len(failed)} failed."
        )
        for text in filter(None, (summary.reason, summary.problem)):
            console.print(f"  {text}", markup=False)
        show_failures(_failures(summary.items), console)
        show_notes(summary.items, console)


def _failures(items: Iterable[ItemProgress]) -> Iterator[Failure]:
    for item in items:
        if (rejected := rejection_of(item)) is not None:
            yield item.accounting_entry_id, rejected
        if item.report_problem is not None:
            yield item.accounting_entry_id, rejection(Cause.OUTCOME_NOT_TAKEN, said=item.report_problem)
