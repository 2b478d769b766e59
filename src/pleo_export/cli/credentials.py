"""`pleo-export credentials`: the key that secrets are kept with, and the API keys of companies."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pleo_export.cli.common import ExitCode, complete, explained, fail, out
from pleo_export.cli.hosted import opened, service_settings
from pleo_export.service.kinds import API_KEY

app = typer.Typer(
    help="Secrets: the key they are kept with, and API keys of companies.", no_args_is_help=True
)

CompanyArgument = Annotated[str, typer.Argument(help="The company's id.")]
FileArgument = Annotated[Path, typer.Argument(help="A file that holds the API key from Pleo.")]


@app.command()
def new_key() -> None:
    """Make a key for PLEO_EXPORT_ENCRYPTION_KEY and print it. Keep it where the service finds it, and a copy elsewhere."""
    from pleo_export.vault import new_key as make_key  # noqa: PLC0415 loaded by these commands only

    typer.echo(make_key())


@app.command()
def set_api_key(company: CompanyArgument, file: FileArgument) -> None:
    """Keep a company's API key, encrypted, in place of the one before."""

    async def keep() -> None:
        async with opened(service_settings()) as (store, companies, _):
            await store.company(company)
            await companies.keep_secret(company, API_KEY, file.read_text(encoding="ascii").strip())

    with explained():
        complete(keep())
    out().print(f"The API key of {company} was kept.")


@app.command()
def connect(company: CompanyArgument) -> None:
    """Begin to connect a company by OAuth: prints the address that a person with a Pleo login opens within 15 minutes.

    Pleo sends the person back to PLEO_EXPORT_PUBLIC_URL, where `serve` or `web` keeps the tokens, encrypted.
    """
    from pleo_export.service.connecting import ConnectError  # noqa: PLC0415 loaded by these commands only

    async def begin() -> str:
        async with opened(service_settings()) as (store, _, connecting):
            return await connecting.begin((await store.company(company)).company_id)

    with explained():
        try:
            typer.echo(complete(begin()))
        except ConnectError as error:
            fail(str(error), ExitCode.WRONG_SETTINGS)


@app.command()
def rotate() -> None:
    """Encrypt every secret with the newest key. Put the new key before the old one first; afterwards drop the old one."""
    from pleo_export.service.opening import vault_of  # noqa: PLC0415 loaded by these commands only

    vault = vault_of(os.environ)
    if vault is None:
        fail("There is no encryption key; see PLEO_EXPORT_ENCRYPTION_KEY.", ExitCode.WRONG_SETTINGS)

    async def again() -> int:
        changed = 0
        async with opened(service_settings()) as (store, _, _):
            for kept in await store.secrets():
                about = f"{kept.company_id} {kept.kind}"
                sealed = vault.reseal(kept.ciphertext, about)
                if sealed != kept.ciphertext:
                    changed += await store.replace_secret(
                        kept.company_id, kept.kind, old=kept.ciphertext, new=sealed
                    )
        return changed

    with explained():
        changed = complete(again())
    out().print(f"{changed} secrets were encrypted anew.")
