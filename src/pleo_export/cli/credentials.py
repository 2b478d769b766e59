"""`pleo-export credentials`: the key that secrets are kept with, and the API keys of companies."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pleo_export.cli.common import ExitCode, complete, explained, fail, out
from pleo_export.cli.hosted import api_key_in, opened, service_settings
from pleo_export.config import SettingsError
from pleo_export.pleo.retrying import CallError
from pleo_export.service.errors import ConnectError
from pleo_export.service.kinds import API_KEY, CONNECTING, OAUTH, ODOO_API_KEY, WEBHOOK_SECRETS
from pleo_export.store.second_factors import KIND as SECOND_FACTOR
from pleo_export.vault.errors import VaultError

if TYPE_CHECKING:
    from pleo_export.service.companies import Companies
    from pleo_export.store import Store
    from pleo_export.vault import Vault

app = typer.Typer(
    help="Secrets: the key they are kept with, and API keys of companies.", no_args_is_help=True
)

CompanyArgument = Annotated[str, typer.Argument(help="The company's id.")]
FileArgument = Annotated[Path, typer.Argument(help="A file that holds the API key.")]
OfOption = Annotated[
    Literal["pleo", "odoo"], typer.Option("--of", help="Whose key it is: Pleo's or the accounting system's.")
]
KINDS = {"pleo": API_KEY, "odoo": ODOO_API_KEY}
# How a secret that cannot be opened any more is replaced, of the company or the user.
GIVEN_ANEW = {
    API_KEY: "pleo-export credentials set-api-key {} FILE",
    ODOO_API_KEY: "pleo-export credentials set-api-key {} FILE --of odoo",
    OAUTH: "pleo-export credentials connect {}",
    WEBHOOK_SECRETS: "pleo-export webhooks remove {0} and pleo-export webhooks ensure {0}",
    SECOND_FACTOR: "pleo-export users reset-second-factor {}",
}


@app.command()
def new_key() -> None:
    """Make a key for PLEO_EXPORT_ENCRYPTION_KEY and print it. Keep it where the service finds it, and a copy elsewhere."""
    from pleo_export.vault import new_key as make_key  # noqa: PLC0415 loaded by these commands only

    typer.echo(make_key())


@app.command()
def set_api_key(company: CompanyArgument, file: FileArgument, *, of: OfOption = "pleo") -> None:
    """Keep a company's API key, encrypted, in place of the one before; one of Pleo's also takes the place of a connection."""

    async def keep() -> str:
        async with opened(service_settings()) as (store, companies, _):
            await store.company_in_service(company)
            await companies.keep_secret(company, KINDS[of], api_key_in(file))
            # Afterwards: until then the connection is what the company is worked for with.
            return await end_connection(companies, company) if of == "pleo" else ""

    with explained():
        ended = complete(keep())
    out().print(f"The API key of {company} was kept. {ended}".rstrip(), markup=False)


@app.command()
def disconnect(company: CompanyArgument) -> None:
    """End a company's connection by OAuth: Pleo removes the app from the company and revokes its tokens."""

    async def end() -> str:
        async with opened(service_settings()) as (store, companies, _):
            return await end_connection(companies, (await store.company(company)).company_id)

    with explained():
        out().print(complete(end()) or f"{company} is not connected by OAuth.", markup=False)


async def end_connection(companies: "Companies", company_id: str) -> str:
    """End a company's connection by OAuth and tell what became of it; nothing where there was none."""
    try:
        there_was = await companies.disconnect(company_id)
    except (CallError, ConnectError, SettingsError, VaultError) as error:
        return f"Its connection by OAuth was forgotten, but not ended in Pleo; remove the app there. {error}"
    return "Its connection by OAuth was ended." if there_was else ""


@app.command()
def connect(company: CompanyArgument) -> None:
    """Begin to connect a company by OAuth: prints the address that a person with a Pleo login opens within 15 minutes.

    Pleo sends the person back to PLEO_EXPORT_PUBLIC_URL, where `serve` or `web` keeps the tokens, encrypted.
    """

    async def begin() -> str:
        async with opened(service_settings()) as (store, _, connecting):
            return await connecting.begin((await store.company_in_service(company)).company_id)

    with explained():
        typer.echo(complete(begin()))


@app.command()
def rotate() -> None:
    """Encrypt every secret with the newest key.

    Put the new key before the old one first and restart every process; afterwards drop the old one and restart them again.
    """
    from pleo_export.service.opening import vault_of  # noqa: PLC0415 loaded by these commands only

    with explained():
        vault = vault_of(os.environ)
    if vault is None:
        fail("There is no encryption key; see PLEO_EXPORT_ENCRYPTION_KEY.", ExitCode.WRONG_SETTINGS)

    async def again() -> tuple[int, list[str]]:
        async with opened(service_settings()) as (store, _, _):
            return await _rotated(store, vault)

    with explained():
        changed, unreadable = complete(again())
    out().print(f"{changed} secrets were encrypted anew.")
    if unreadable:
        told = "\n".join(unreadable)
        fail(
            f"{len(unreadable)} could not be opened:\n{told}\nDrop no key before this command ends without any.",
            ExitCode.SOMETHING_FAILED,
        )


async def _rotated(store: "Store", vault: "Vault") -> tuple[int, list[str]]:
    """Encrypt what can be opened with the newest key; return how much that was, and what to do for each of the others."""
    changed, unreadable = 0, []
    names = {user.user_id: user.name for user in await store.people.all()}
    for kept in await store.secrets():
        try:
            sealed = vault.reseal(kept.ciphertext, f"{kept.company_id} {kept.kind}")
        except VaultError as error:
            if kept.kind != CONNECTING:  # of use for some minutes only, and then swept
                whose = names.get(kept.company_id, kept.company_id)
                anew = GIVEN_ANEW[kept.kind].format(whose)
                unreadable.append(f"  {whose}, {kept.kind}: {error} If that cannot be: {anew}")
            continue
        if sealed != kept.ciphertext:
            changed += await store.replace_secret(kept.company_id, kept.kind, old=kept.ciphertext, new=sealed)
    return changed, unreadable
