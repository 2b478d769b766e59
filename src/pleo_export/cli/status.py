"""`pleo-export status`: what is remembered of the jobs so far."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Column, Table
from rich.text import Text

from pleo_export.cli.common import (
    ID_WIDTH,
    SETTINGS_DEFAULT,
    JsonOption,
    SettingsOption,
    complete,
    explained,
    out,
    print_json,
    show_failures,
    show_notes,
)
from pleo_export.cli.hosted import CompanyOption, remembered
from pleo_export.domain.grouping import failures_of
from pleo_export.domain.progress import ItemProgress, JobProgress, Phase

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many jobs, newest first.")]


Remembered = tuple[Sequence[JobProgress], Mapping[str, Sequence[ItemProgress]]]


def status(
    *,
    settings: SettingsOption = SETTINGS_DEFAULT,
    company: CompanyOption = None,
    limit: LimitOption = 10,
    as_json: JsonOption = False,
) -> None:
    """Show the latest jobs and how they ended. Reads what is remembered here; Pleo is not asked.

    Of the company of the settings file, as `run` remembers them; with --company, of one that the service works for.
    """
    with explained():
        jobs, items = complete(_jobs(settings, company, limit))
    if as_json:
        print_json([msgspec.to_builtins(job) | {"items": items[job.job_id]} for job in jobs])
    elif not jobs:
        hint = "" if company is not None else " Jobs of the service are shown with --company."
        out().print(f"No job was exported yet.{hint}")
    else:
        out().print(_table(jobs))
        for job in jobs:
            _show_items(job, items[job.job_id])


async def _jobs(settings: Path, company: str | None, limit: int) -> Remembered:
    """Return the latest jobs, and the items of each."""
    async with remembered(settings, company) as found:
        if found is None:
            return (), {}
        store, company_id = found
        jobs = await store.jobs(company_id, limit)
        return jobs, {job.job_id: await store.items(job.job_id) for job in jobs}


def _show_items(job: JobProgress, items: Sequence[ItemProgress]) -> None:
    """Tell why expenses of a job failed, and what recorded ones lack."""
    failed = failures_of(items)
    if failed or any(one.note for one in items):
        out().print(f"Job {job.job_id}: {len(failed)} failed.")
    show_failures(failed, out())
    show_notes(items, out())


def _table(jobs: Sequence[JobProgress]) -> Table:
    table = Table(
        Column("Job", no_wrap=True, min_width=ID_WIDTH),
        "Seen",
        "State",
        "Recorded",
        "Failed",
        "Open",
        "What happened",
        box=None,
        header_style="bold",
    )
    for job in jobs:
        counts = job.counts
        waiting = counts.get(Phase.PLANNED, 0) + counts.get(Phase.INTENDED, 0)
        table.add_row(
            job.job_id,
            f"{job.first_seen_at:%Y-%m-%d %H:%M} UTC",
            _state(job),
            str(counts.get(Phase.RECORDED, 0)),
            str(counts.get(Phase.REJECTED, 0)),
            str(waiting),
            Text(job.problem or job.closing_reason or ""),
        )
    return table


def _state(job: JobProgress) -> str:
    if job.problem is not None:
        return "lost"
    if job.closed_at is not None and job.closing_event is not None:
        return job.closing_event.value
    return "closing" if job.closing_event is not None else "open"
