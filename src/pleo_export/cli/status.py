"""`pleo-export status`: what is remembered of the jobs so far."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    JsonOption,
    SettingsOption,
    complete,
    explained,
    out,
    print_json,
)
from pleo_export.clock import SystemClock
from pleo_export.config import Settings, load_settings
from pleo_export.domain.progress import JobProgress, Phase
from pleo_export.store import Store

LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many jobs, newest first.")]


def status(
    *, settings: SettingsOption = SETTINGS_DEFAULT, limit: LimitOption = 10, as_json: JsonOption = False
) -> None:
    """Show the latest jobs and how they ended. Reads this machine only; Pleo is not asked."""
    with explained():
        loaded = load_settings(settings)
        jobs = complete(_jobs(loaded, limit)) if loaded.store.path.exists() else []
    if as_json:
        print_json(jobs)
    elif not jobs:
        out().print("No job was exported yet.")
    else:
        out().print(_table(jobs))


async def _jobs(settings: Settings, limit: int) -> Sequence[JobProgress]:
    store = await Store.open(settings.store.path, SystemClock().now)
    try:
        return await store.jobs(settings.pleo.company_id, limit)
    finally:
        await store.close()


def _table(jobs: Sequence[JobProgress]) -> Table:
    table = Table(
        "Job", "Seen", "State", "Recorded", "Failed", "Open", "What happened", box=None, header_style="bold"
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
            job.problem or job.closing_reason or "",
        )
    return table


def _state(job: JobProgress) -> str:
    if job.problem is not None:
        return "lost"
    if job.closed_at is not None and job.closing_event is not None:
        return job.closing_event.value
    return "closing" if job.closing_event is not None else "open"
