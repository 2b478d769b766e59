"""`pleo-export companies`: which companies the service works for."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pleo_export.cli.common import JsonOption, complete, explained, out, print_json
from pleo_export.cli.hosted import opened, service_settings
from pleo_export.cli.webhooks import take_back
from pleo_export.config import load_settings
from pleo_export.domain.progress import Company
from pleo_export.service.kinds import API_KEY

app = typer.Typer(help="Which companies the service works for.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The settings file of the company (see `init`).")]
CompanyArgument = Annotated[str, typer.Argument(help="The company's id.")]
NameOption = Annotated[str | None, typer.Option("--name", help="What people call it.")]
KeyOption = Annotated[
    Path | None,
    typer.Option("--api-key-file", help="A file with the company's API key; it is kept encrypted."),
]


@app.command()
def add(file: FileArgument, *, name: NameOption = None, api_key_file: KeyOption = None) -> None:
    """Add a company. Its settings are copied as they are now; relative paths in them start at the file's folder."""
    with explained():
        loaded = load_settings(file)
        text, folder = file.read_text(encoding="utf-8"), str(file.resolve().parent)
        key = api_key_file.read_text(encoding="ascii").strip() if api_key_file is not None else None
        company_id = loaded.pleo.company_id
        complete(_add(company_id, (name or company_id, text, folder), key))
    out().print(f"{loaded.pleo.company_id} was added. A running service takes it up within seconds.")


async def _add(company_id: str, facts: tuple[str, str, str], key: str | None) -> None:
    async with opened(service_settings()) as (store, companies, _):
        await store.add_company(company_id, *facts)
        if key is not None:
            await companies.keep_secret(company_id, API_KEY, key)


@app.command("list")
def list_companies(*, as_json: JsonOption = False) -> None:
    """Show every company with how it stands."""
    with explained():
        found = [one for one in complete(_all()) if one.in_service]
    if as_json:
        print_json([{"company_id": one.company_id, "name": one.name, "state": state(one)} for one in found])
        return
    table = Table("Company", "Name", "State", "Last looked at", "Trouble", box=None, header_style="bold")
    for one in found:
        looked = f"{one.last_checked_at:%Y-%m-%d %H:%M} UTC" if one.last_checked_at else "never"
        table.add_row(one.company_id, one.name, state(one), looked, one.trouble or "")
    out().print(table if found else "No company was added yet: pleo-export companies add FILE")


async def _all() -> list[Company]:
    async with opened(service_settings()) as (store, _, _):
        return await store.companies()


def state(company: Company) -> str:
    """Say in a word how a company stands."""
    if company.paused_at is not None:
        return "paused"
    return "in trouble" if company.trouble is not None else "working"


@app.command()
def show(company: CompanyArgument) -> None:
    """Show a company: its state, since when, and its settings."""
    with explained():
        found = complete(_one(company))
    out().print(f"{found.company_id} ({found.name}): {state(found)}", markup=False)
    if found.trouble is not None:
        out().print(f"since {found.trouble_since:%Y-%m-%d %H:%M} UTC: {found.trouble}", markup=False)
    out().print(found.settings or "", markup=False)


async def _one(company_id: str) -> Company:
    async with opened(service_settings()) as (store, _, _):
        return await store.company(company_id)


@app.command()
def pause(company: CompanyArgument) -> None:
    """Begin nothing more for a company; a job that runs is finished."""
    _change("pause", company)
    out().print(f"{company} is paused. Its jobs wait in Pleo, and expire there after an hour.")


@app.command()
def resume(company: CompanyArgument) -> None:
    """Work for a paused company again."""
    _change("resume", company)
    out().print(f"{company} is worked for again.")


@app.command()
def remove(company: CompanyArgument) -> None:
    """Forget a company's settings and secrets, and take its subscription back. What was exported, and the memory of it, stays."""
    take_back(company)
    _change("remove_company", company)
    out().print(f"{company} was removed.")


def _change(verb: str, company_id: str) -> None:
    async def change() -> None:
        async with opened(service_settings()) as (store, _, _):
            await getattr(store, verb)(company_id)

    with explained():
        complete(change())
