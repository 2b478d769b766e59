"""`pleo-export companies`: which companies the service works for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from pleo_export.cli.common import ID_WIDTH, JsonOption, complete, explained, out, print_json
from pleo_export.cli.credentials import end_connection
from pleo_export.cli.hosted import api_key_in, nobody, opened, opened_engine, service_settings, to_be_copied
from pleo_export.cli.webhooks import take_back
from pleo_export.config import Settings, SettingsError, load_settings
from pleo_export.domain.progress import Company
from pleo_export.pleo.auth import UnusableSecretError
from pleo_export.service.errors import ConnectError
from pleo_export.service.kinds import API_KEY, ODOO_API_KEY
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.standing import Standing, moment, sentences, standing, whereabouts
from pleo_export.vault.errors import VaultError

app = typer.Typer(help="Which companies the service works for.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The settings file of the company (see `init`).")]
CompanyArgument = Annotated[str, typer.Argument(help="The company's id.")]
NameOption = Annotated[str | None, typer.Option("--name", help="What people call it.")]
KeyOption = Annotated[
    Path | None,
    typer.Option("--api-key-file", help="A file with the company's API key; it is kept encrypted."),
]
OdooKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--odoo-api-key-file", help="A file with the company's API key of Odoo; it is kept encrypted."
    ),
]


@app.command()
def add(
    file: FileArgument,
    *,
    name: NameOption = None,
    api_key_file: KeyOption = None,
    odoo_api_key_file: OdooKeyOption = None,
) -> None:
    """Add a company. Its settings are copied as they are now; relative paths in them start at the file's folder."""
    with explained():
        loaded = load_settings(file)
        text, folder = to_be_copied(file)
        files = {API_KEY: api_key_file, ODOO_API_KEY: odoo_api_key_file}
        keys = {kind: api_key_in(key_file) for kind, key_file in files.items() if key_file is not None}
        company_id = loaded.pleo.company_id
        lacking = complete(_add(loaded, (name or company_id, text, folder), keys))
    out().print(f"{company_id} was added.")
    _take_up(company_id, "added")
    out().print(lacking or "A running service takes it up within seconds.", markup=False)


async def _add(loaded: Settings, facts: tuple[str, str, str], keys: Mapping[str, str]) -> str | None:
    """Add the company; return what keeps it from being worked for yet."""
    company_id = loaded.pleo.company_id
    async with opened(service_settings()) as (store, companies, _):
        secrets = {kind: companies.sealed(company_id, kind, key) for kind, key in keys.items()}
        await store.add_company(company_id, *facts, secrets)
        try:
            await companies.credential(company_id, loaded)
        except (ConnectError, SettingsError, UnusableSecretError, VaultError) as error:
            return str(error)
    return None


@app.command()
def change(file: FileArgument) -> None:
    """Take a company's settings over once more, as its file has them now. The next job is exported with them."""
    with explained():
        loaded = load_settings(file)
        text, folder = to_be_copied(file)
        complete(_change_settings(loaded.pleo.company_id, text, folder))
    out().print(f"{loaded.pleo.company_id} has these settings now.")


async def _change_settings(company_id: str, text: str, folder: str) -> None:
    async with opened(service_settings()) as (store, _, _):
        await store.change_company(company_id, text, folder)


@app.command("list")
def list_companies(*, as_json: JsonOption = False) -> None:
    """Show every company with how it stands."""
    with explained():
        service = service_settings()
        added = [one for one in complete(_all(service)) if one.in_service]
        with opened_engine(service) as engine:
            found = [standing(one, engine.runs_of(one.company_id)) for one in added]
    if as_json:
        print_json(found)
    else:
        out().print(_table(found) if found else nobody(service))


def _table(found: Sequence[Standing]) -> Table:
    table = Table(
        Column("Company", no_wrap=True, min_width=ID_WIDTH),
        "Name",
        "State",
        "Last looked at",
        "Now",
        "Trouble",
        box=None,
        header_style="bold",
    )
    for one in found:
        trouble = f"since {moment(one.trouble_since)}: {one.trouble}" if one.trouble is not None else ""
        now = ", ".join(whereabouts(one))
        looked_at = moment(one.last_checked_at)
        table.add_row(one.company_id, Text(one.name or ""), one.state, looked_at, now, Text(trouble))
    return table


async def _all(service: ServiceSettings) -> list[Company]:
    async with opened(service) as (store, _, _):
        return await store.companies()


@app.command()
def show(company: CompanyArgument) -> None:
    """Show a company: its state and since when, what is done for it now, and its settings. Its jobs are shown by `status`."""
    with explained():
        service = service_settings()
        found = complete(_one(service, company))
        with opened_engine(service) as engine:
            known = standing(found, engine.runs_of(found.company_id))
    for line in (*sentences(known), found.settings or ""):
        out().print(line, markup=False)


async def _one(service: ServiceSettings, company_id: str) -> Company:
    async with opened(service) as (store, _, _):
        return await store.company_in_service(company_id)


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
    _take_up(company, "resumed")


@app.command()
def remove(company: CompanyArgument) -> None:
    """Forget a company's settings and secrets, and take its subscription and its connection by OAuth back.

    What was exported, and the memory of it, stays.
    """

    async def leave() -> str:
        async with opened(service_settings()) as (store, companies, _):
            ended = await end_connection(companies, company)
            await store.remove_company(company)
            return ended

    with explained():
        complete(_one(service_settings(), company))
    take_back(company)
    with explained():
        ended = complete(leave())
    out().print(f"{company} was removed. {ended}".rstrip(), markup=False)


def _take_up(company_id: str, cause: str) -> None:
    """Have a running service look at the company now. What was changed before stays where the engine cannot be told."""
    with opened_engine(service_settings()) as engine:
        engine.fire(company_id, cause)


def _change(verb: str, company_id: str) -> None:
    async def change() -> None:
        async with opened(service_settings()) as (store, _, _):
            await getattr(store, verb)(company_id)

    with explained():
        complete(change())
