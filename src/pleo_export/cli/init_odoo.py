"""What `init` asks about Odoo, and what it shows of the company there before anything is written."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from pleo_export.accounting.odoo import OdooConnector, OdooSettings
from pleo_export.accounting.odoo.chart import Journal
from pleo_export.accounting.odoo.client import Company, OdooClient
from pleo_export.cli.common import ExitCode, complete, confirmed, fail, out
from pleo_export.cli.hosted import api_key_in
from pleo_export.config import Secrets
from pleo_export.domain.reference import ReferenceData
from pleo_export.pleo.auth import require_sendable
from pleo_export.toml_text import Value

KEY_FILE = "odoo-api-key.txt"
PURPOSES = {"general": "general", "purchases": "purchase", "payments": "general"}
"""Which type of journal each setting of `journals` wants."""

OdooUrlOption = Annotated[str | None, typer.Option("--odoo-url", help="Odoo's address.")]
OdooDatabaseOption = Annotated[str | None, typer.Option("--odoo-database", help="The name of its database.")]
OdooCompanyOption = Annotated[
    str | None, typer.Option("--odoo-company", help="The company there, by its number or name.")
]
OdooKeyOption = Annotated[
    Path | None, typer.Option("--odoo-api-key-file", help="A file with an API key of Odoo.")
]


class OdooAnswers(NamedTuple):
    """What is known of Odoo before anything is asked; what is None is asked for."""

    url: str | None
    database: str | None
    company: str | None
    api_key_file: Path | None


class Access(NamedTuple):
    """A way into Odoo: the settings that lead there, the API key, the file it lies in, and whether it was typed in."""

    settings: OdooSettings
    key: str
    file: Path | None
    typed: bool

    def values(self, folder: Path) -> dict[str, Value]:
        """Return the settings by their dotted names; a key that was typed in is kept in a file in `folder`."""
        values: dict[str, Value] = {
            "odoo.url": self.settings.url,
            "odoo.database": self.settings.database,
        }
        if self.settings.company_id is not None:
            values["odoo.company_id"] = self.settings.company_id
        if self.typed:
            _keep(self.key, folder)
            values["odoo.api_key_file"] = KEY_FILE
        elif self.file is not None:
            values["odoo.api_key_file"] = str(self.file.resolve())
        return values


class Found(NamedTuple):
    """What there is in Odoo: the company, its books and its journals."""

    company: Company
    books: ReferenceData
    journals: Sequence[Journal]

    def values(self) -> dict[str, Value]:
        """Return the settings of the journals: for each purpose the first that takes such entries."""
        first = {one.type: one.code for one in reversed(self.journals)}
        values: dict[str, Value] = {}
        for purpose, kind in PURPOSES.items():
            if kind in first:
                values[f"journals.{purpose}"] = first[kind]
        return values


def odoo_values(answers: OdooAnswers, folder: Path) -> dict[str, Value]:
    """Ask for what is missing, look into Odoo, show what is there, and return the settings by their dotted names.

    Raises ConnectorError where Odoo cannot be used.
    """
    access = asked(answers, folder)
    version, companies = complete(_companies(access))
    company = _chosen(companies, answers.company)
    access = access._replace(settings=access.settings.model_copy(update={"company_id": company.id}))
    out().print(f"Odoo {version} at {access.settings.url}, database {access.settings.database}", markup=False)
    found = complete(_found(access, company))
    _show(found)
    chosen_now = answers.company is None and len(companies) > 1
    asks = None in (answers.url, answers.database) or access.typed or chosen_now
    if asks and not confirmed("Write the settings for this company?", default=True):
        fail("Nothing was written.", ExitCode.SOMETHING_FAILED)
    return {**access.values(folder), **found.values()}


def asked(answers: OdooAnswers, folder: Path) -> Access:
    """Return the way into Odoo; what is not known of it is asked for, but for a key that could not be kept in `folder`."""
    if answers.api_key_file is None and Secrets().odoo_api_key is None and (folder / KEY_FILE).exists():
        there = folder / KEY_FILE
        fail(
            f"{there} is there already and stays as it is. Use it with --odoo-api-key-file, or move it away.",
            ExitCode.WRONG_SETTINGS,
        )
    url = answers.url or typer.prompt("Odoo's address (https://…)")
    database = answers.database or typer.prompt("The name of its database")
    try:
        settings = OdooSettings(url=url, database=database)
    except ValidationError as error:
        fail(
            "; ".join(f"--odoo-{one['loc'][0]}: {one['msg']}" for one in error.errors()),
            ExitCode.WRONG_SETTINGS,
        )
    key, typed = _key(answers)
    return Access(settings, key, answers.api_key_file, typed)


def _key(answers: OdooAnswers) -> tuple[str, bool]:
    """Return the API key, and whether it was typed in just now."""
    if answers.api_key_file is not None:
        return api_key_in(answers.api_key_file), False
    if (given := Secrets().odoo_api_key) is not None:
        key, typed = given.get_secret_value(), False
    else:
        key, typed = typer.prompt("An API key of Odoo (it is not shown)", hide_input=True).strip(), True
    require_sendable(key, "API key of Odoo")
    return key, typed


def _keep(key: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Whatever may have come there meanwhile is not written into.
    with os.fdopen(os.open(folder / KEY_FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(key + "\n")


async def _companies(access: Access) -> tuple[str, Sequence[Company]]:
    client = OdooClient(access.settings, access.key)
    try:
        return await client.version(), await client.companies()
    finally:
        await client.close()


async def _found(access: Access, company: Company) -> Found:
    client, connector = OdooClient(access.settings, access.key), OdooConnector(access.settings, access.key)
    own = ["company_id", "=", company.id]
    try:
        journals = await client.search_read("account.journal", list[Journal], [own])
        return Found(company, await connector.reference_data(), journals)
    finally:
        await client.close()
        await connector.close()


def _chosen(companies: Sequence[Company], wanted: str | None) -> Company:
    """Return the company that was named, or the only one, or the one that is chosen now."""
    if wanted is None and len(companies) == 1:
        return companies[0]
    there = ", ".join(f"{one.id} {one.name}" for one in sorted(companies, key=lambda one: one.id))
    if wanted is None:
        wanted = str(typer.prompt(f"Which company (number or name) of {there}"))
    fitting = [one for one in companies if wanted in (str(one.id), one.name)]
    if len(fitting) != 1:
        fail(f"--odoo-company {wanted!r} is none of what this key may see: {there}.", ExitCode.WRONG_SETTINGS)
    return fitting[0]


def _show(found: Found) -> None:
    company, books = found.company, found.books
    out().print(
        f"  company {company.name} (number {company.id}), books in {company.currency},"
        f" {len(books.accounts)} accounts, {len(books.tax_codes or ())} taxes on purchases",
        markup=False,
    )
    chosen = found.values()
    table = Table("Journal", "Name", "Type", "Taken for", box=None, header_style="bold")
    for one in found.journals:
        purposes = (name.partition(".")[2] for name, code in chosen.items() if code == one.code)
        table.add_row(Text(one.code), Text(one.name), one.type, ", ".join(purposes))
    out().print(table)
