"""`pleo-export serve`, `web`, `worker`, `check`: the service that runs by itself."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pleo_export.cli.common import ExitCode, complete, explained, fail, out
from pleo_export.cli.hosted import nobody, opened, opened_engine, service_settings, to_be_copied
from pleo_export.config import load_settings
from pleo_export.service.settings import ServiceSettings
from pleo_export.store.errors import ContradictionError

ForOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        "-s",
        help="Add the company of this settings file, or take its settings over as they are now.",
    ),
]
NameOption = Annotated[
    str | None, typer.Option("--name", help="What people call this company, where it is new.")
]
CompanyArgument = Annotated[str | None, typer.Argument(help="A company's id; without it, all of them.")]


def serve(*, settings: ForOption = None, name: NameOption = None) -> None:
    """Run the whole service: webhooks, polling, the button and the worker, until it is stopped.

    It works for every company that was added (see `companies`), the one of --settings included. Settings of the service
    itself come from the environment: PLEO_EXPORT_DATABASE_URL and others, see docs/reference/service.md.
    """
    _run(settings, name, web=True, work=True)


def web(*, settings: ForOption = None, name: NameOption = None) -> None:
    """Run the web part only: it takes triggers and leaves the work to `worker` processes."""
    _run(settings, name, web=True, work=False)


def worker(*, settings: ForOption = None, name: NameOption = None) -> None:
    """Run a worker only. Any number may work on one PostgreSQL database, on any number of machines."""
    _run(settings, name, web=False, work=True)


def check(company: CompanyArgument = None) -> None:
    """Look for export jobs now, in addition to polling and webhooks. A running service does the work."""
    with explained():
        service = service_settings()
        found = complete(_ids(service, company))
        with opened_engine(service) as engine:
            for company_id in found:
                new = engine.fire(company_id, "check")
                out().print(f"{company_id}: {'noted' if new else 'was waiting already'}", markup=False)


async def _ids(service: ServiceSettings, company: str | None) -> Sequence[str]:
    async with opened(service) as (store, _, _):
        if company is None:
            in_service = [one for one in await store.companies() if one.in_service]
            if not in_service:
                fail(nobody(service).plain, ExitCode.WRONG_SETTINGS)
            if all_paused := not any(one.active for one in in_service):
                out().print("Every company is paused, so nothing is looked for.")
            return [] if all_paused else [one.company_id for one in in_service if one.active]
        if not (await store.company_in_service(company)).active:
            paused = f"{company} is paused, so nothing is looked for. Resume it first."
            fail(paused, ExitCode.WRONG_SETTINGS)
        return [company]


def _run(settings: Path | None, name: str | None, *, web: bool, work: bool) -> None:
    from pleo_export.engine.errors import EngineError  # noqa: PLC0415 loaded by these commands only
    from pleo_export.service.run import run_service  # noqa: PLC0415 likewise

    with explained():
        service = service_settings()
        if settings is not None:
            loaded = load_settings(settings)
            text, folder = to_be_copied(settings)
            company_id = loaded.pleo.company_id
            asyncio.run(_take_over(service, company_id, (name or company_id, text, folder)))
        try:
            ended = asyncio.run(run_service(service, web=web, work=work))
        except EngineError as error:
            fail(str(error), ExitCode.NOT_REACHED)
    sys.stdout.flush()
    if not ended:
        # What is still at work is taken over by another worker, or by the next start.
        os._exit(ExitCode.ALL_WELL)


async def _take_over(service: ServiceSettings, company_id: str, facts: tuple[str, str, str]) -> None:
    """Make a company one of the service's, with its name and the settings that its file in that folder holds now."""
    async with opened(service) as (store, _, _):
        try:
            await store.add_company(company_id, *facts)
        except ContradictionError:
            await store.change_company(company_id, *facts[1:])
