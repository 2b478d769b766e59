"""`pleo-export reconcile`: do Pleo, our memory and the books say the same, and what to do where they do not."""

import os
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from pleo_export.cli.common import (
    SETTINGS_DEFAULT,
    ExitCode,
    JsonOption,
    SettingsOption,
    complete,
    confirmed,
    err,
    explained,
    out,
    print_json,
)
from pleo_export.cli.hosted import opened, opened_engine, service_settings
from pleo_export.cli.preview import check_job_id, no_such_job
from pleo_export.clock import SystemClock
from pleo_export.compose import credential_for, reading, working
from pleo_export.config import load_settings
from pleo_export.domain.job import ExportJob
from pleo_export.domain.reconciling import Difference, Fix
from pleo_export.store import Store, sqlite_url
from pleo_export.workflow.problems import JobLostError
from pleo_export.workflow.reconcile import Compared, Found, Looking, adopt, compare
from pleo_export.workflow.report import Reporter

DAYS = 30
EXPENSES_SHOWN_MAX = 10  # of one kind and job; the others are counted

CompanyArgument = Annotated[
    str | None,
    typer.Argument(help="The id of a company that the service works for; else that of the settings."),
]
JobOption = Annotated[
    str | None,
    typer.Option("--job", help=f"One export job, however old; else those of the last {DAYS} days."),
]
FixOption = Annotated[
    bool,
    typer.Option("--fix", help="Remember entries that stand in the books, and tell Pleo what it waits for."),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask before a fix.")]


def reconcile(  # noqa: PLR0913  each an option
    company: CompanyArgument = None,
    *,
    job: JobOption = None,
    fix: FixOption = False,
    yes: YesOption = False,
    settings: SettingsOption = SETTINGS_DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Compare Pleo, what is remembered here and the books, expense by expense, and say what each difference means.

    Nothing is recorded in the books or deleted there. What is found is kept, so that the page shows it; without --fix
    nothing else is changed.
    """
    if job is not None:
        check_job_id(job)
    with explained():
        compared = complete(_of_service(company, job) if company else _of_run(settings, job))
        fixable = sum(one.told.kind.fix is not None for of_job in compared for one in of_job.found)
        if fix and fixable and (yes or confirmed(f"{_summary(compared)} Fix {fixable} of them?")):
            complete(_fix_in_service(company, compared) if company else _fix_in_run(settings, compared))
            compared = complete(_of_service(company, job) if company else _of_run(settings, job))
    if as_json:
        print_json([_plain(one) for one in compared])
    else:
        _show(compared, out())
    if any(one.found or one.unaccounted for one in compared):
        raise typer.Exit(ExitCode.SOMETHING_FAILED)


async def _of_run(settings: Path, job: str | None) -> Sequence[Compared]:
    async with _looking_by_settings(settings) as looking:
        return await _compare(looking, job)


async def _of_service(company: str, job: str | None) -> Sequence[Compared]:
    async with _looking_by_company(company) as looking:
        return await _compare(looking, job)


async def _compare(looking: Looking, job: str | None) -> Sequence[Compared]:
    if job is not None:
        compared = [one async for one in compare(looking, [job], None)]
        if all(_is_nobodys(one, looking.company_id) for one in compared):
            no_such_job(job)
        return compared
    since = looking.clock.now() - timedelta(days=DAYS)
    known = await looking.store.jobs_since(looking.company_id, since)
    return [one async for one in compare(looking, known, since)]


def _is_nobodys(compared: Compared, company_id: str) -> bool:
    """Whether the company has no such job."""
    if compared.job is None:
        return not compared.expenses
    return compared.job.company_id != company_id


async def _fix_in_run(settings: Path, compared: Sequence[Compared]) -> None:
    async with _looking_by_settings(settings) as looking:
        for one in compared:
            await adopt(looking, one, person())
    loaded = load_settings(settings)
    for job in _unreported(compared):
        # Only who works for the company alone may speak to Pleo.
        async with working(loaded, credential_for(loaded, settings)) as parts:
            # Where Pleo has ended it meanwhile, the second look tells how it stands.
            with suppress(JobLostError):
                await Reporter(parts, job).flush()


async def _fix_in_service(company: str, compared: Sequence[Compared]) -> None:
    async with _looking_by_company(company) as looking:
        for one in compared:
            await adopt(looking, one, person())
    if not _unreported(compared):
        return
    async with opened(service_settings()) as (store, _, _):
        active = (await store.company(company)).active
    if not active:
        err().print(f"{company} is paused, so Pleo is told of nothing. Resume it first.", markup=False)
        return
    with opened_engine(service_settings()) as engine:
        engine.fire(company, "reconcile")
    err().print("The service tells Pleo what it waits for. Compare again in a moment.", markup=False)


def person() -> str:
    """Name the person who runs the command; in a container there may be no name for the number."""
    try:
        return getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return f"user {os.getuid()}"


def _unreported(compared: Sequence[Compared]) -> Sequence[ExportJob]:
    return [
        of_job.job
        for of_job in compared
        if of_job.job is not None and any(one.told.kind.fix is Fix.REPORT for one in of_job.found)
    ]


@asynccontextmanager
async def _looking_by_settings(settings: Path) -> AsyncIterator[Looking]:
    loaded = load_settings(settings)
    store = await Store.open(sqlite_url(loaded.store.path), SystemClock().now)
    try:
        async with reading(loaded, credential_for(loaded, settings)) as sources:
            with _progress() as looked_up:
                yield Looking(**vars(sources), store=store, draw=random.random, looked_up=looked_up)
    finally:
        await store.close()


@asynccontextmanager
async def _looking_by_company(company: str) -> AsyncIterator[Looking]:
    from pleo_export.service.sources import looking_at  # noqa: PLC0415  no other command pays for the service

    async with opened(service_settings()) as (store, companies, _):
        with _progress() as looked_up:
            async with looking_at(store, companies, company, looked_up) as looking:
                yield looking


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Count what is looked up, on a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} expenses looked up"))
    console = err()
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("")
        yield lambda number: bar.advance(task, number)


def _show(compared: Sequence[Compared], console: Console) -> None:
    for of_job in compared:
        if of_job.note is not None or of_job.found:
            console.print(f"Job {of_job.job_id}: {of_job.note or ''}".rstrip(": "), markup=False)
        for kind, alike in _by_kind(of_job.found).items():
            console.print(f"  {kind}: {len(alike)}, see reconcile.md#{kind}", markup=False)
            for one in alike[:EXPENSES_SHOWN_MAX]:
                console.print(f"    {one.accounting_entry_id}: {one.told.sentence}", markup=False)
            if len(alike) > EXPENSES_SHOWN_MAX:
                console.print(f"    and {len(alike) - EXPENSES_SHOWN_MAX} more", markup=False)
            console.print(f"    What to do: {alike[0].told.remedy}", markup=False)
    console.print(_summary(compared), markup=False)


def _by_kind(found: Sequence[Found]) -> Mapping[Difference, Sequence[Found]]:
    kinds: dict[Difference, list[Found]] = {}
    for one in found:
        kinds.setdefault(one.told.kind, []).append(one)
    return kinds


def _summary(compared: Sequence[Compared]) -> str:
    expenses = sum(of_job.expenses for of_job in compared)
    found = [one for of_job in compared for one in of_job.found]
    unaccounted = sum(len(of_job.unaccounted) for of_job in compared)
    fixable = sum(one.told.kind.fix is not None for one in found)
    jobs = sum(not of_job.unaccounted and of_job.ended for of_job in compared)
    if not jobs and not found and not unaccounted:
        return "Nothing was compared."
    what = f"{len(found)} differ" if found else "Pleo, our memory and the books agree"
    sentences = [
        f"{expenses} expenses of {jobs} {'job' if jobs == 1 else 'jobs'} were compared: {what}."
        if jobs or not unaccounted
        else "",
        f"--fix settles {fixable} of them." if fixable else "",
        f"{unaccounted} expenses that Pleo shows as exported stand neither here nor in the books."
        if unaccounted
        else "",
    ]
    return " ".join(filter(None, sentences))


def _plain(compared: Compared) -> dict[str, object]:
    return {
        "job_id": compared.job_id,
        "note": compared.note,
        "expenses": compared.expenses,
        "unaccounted": compared.unaccounted,
        "differences": [
            {
                "accounting_entry_id": one.accounting_entry_id,
                **asdict(one.told),
                "fix": one.told.kind.fix,
                "pleo": one.shown,
                "entry": one.entry.external_id if one.entry else None,
            }
            for one in compared.found
        ],
    }
