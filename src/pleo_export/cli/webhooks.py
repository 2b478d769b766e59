"""`pleo-export webhooks`: have Pleo tell of new export jobs."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from pleo_export.cli.common import ExitCode, complete, err, explained, fail, out
from pleo_export.cli.hosted import nobody, opened, service_settings
from pleo_export.config import SettingsError
from pleo_export.pleo.auth import UnusableSecretError
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.retrying import CallError
from pleo_export.pleo.subscriptions import ensure_subscription, remove_subscriptions
from pleo_export.service.errors import ConnectError
from pleo_export.service.kinds import WEBHOOK_SECRETS
from pleo_export.vault.errors import VaultError

if TYPE_CHECKING:
    from pleo_export.service.companies import Companies

app = typer.Typer(help="Have Pleo tell of new export jobs at once.", no_args_is_help=True)

CompanyArgument = Annotated[str | None, typer.Argument(help="A company's id; without it, all of them.")]
# One company's, which keeps no other from its turn.
TROUBLE = (CallError, ConnectError, SettingsError, UnusableSecretError, VaultError)
SECRETS_KEPT = 2  # the one before the newest: what Pleo signed a moment ago counts


@app.command()
def ensure(company: CompanyArgument = None) -> None:
    """Subscribe to new export jobs at PLEO_EXPORT_PUBLIC_URL, or mend the subscription; keeps its secret encrypted.

    Safe to repeat: nothing piles up.
    """
    _each(company, _ensure)


@app.command()
def remove(company: CompanyArgument = None) -> None:
    """Take the subscription back. Polling goes on."""
    _each(company, _remove)


Act = Callable[["Companies", PleoClient, str, str], Awaitable[str]]


def _each(company: str | None, act: Act) -> None:
    service = service_settings()
    if service.public_url is None:
        fail(
            "Set PLEO_EXPORT_PUBLIC_URL to the address by which Pleo reaches `serve`.",
            ExitCode.WRONG_SETTINGS,
        )
    base = service.public_url.rstrip("/")

    async def work() -> bool:
        failed = False
        async with opened(service) as (store, companies, _):
            if company is not None:
                await _one(companies, company, base, act)
                return False
            in_service = [one for one in await store.companies() if one.in_service]
            if not in_service:
                fail(nobody(service).plain, ExitCode.WRONG_SETTINGS)
            for one in in_service:
                try:
                    await _one(companies, one.company_id, base, act)
                except TROUBLE as error:
                    failed = True
                    err().print(f"{one.company_id}: {error}", style="red", markup=False)
        return failed

    with explained():
        if complete(work()):
            raise typer.Exit(ExitCode.SOMETHING_FAILED)


async def _one(companies: "Companies", company_id: str, base: str, act: Act) -> None:
    settings = await companies.settings(company_id)
    credential = await companies.credential(company_id, settings)
    address = f"{base}/webhooks/pleo?company={quote(company_id)}"
    async with PleoClient(settings.pleo.base_url, credential) as pleo:
        out().print(f"{company_id}: {await act(companies, pleo, company_id, address)}")


def take_back(company: str) -> None:
    """Remove the subscription of a company that leaves, where there may be one and Pleo can be asked."""
    if service_settings().public_url is None:
        return
    try:
        _each(company, _remove)
    except typer.Exit as ended:
        if ended.exit_code == ExitCode.STOPPED:
            raise
        out().print("Its subscription could not be removed in Pleo; webhooks for it are ignored from now on.")


async def _ensure(companies: "Companies", pleo: PleoClient, company_id: str, address: str) -> str:
    ensured = await ensure_subscription(pleo.subscriptions, address)
    before = (await companies.secret(company_id, WEBHOOK_SECRETS) or "").split()
    secrets = list(dict.fromkeys([ensured.secret, *before]))[:SECRETS_KEPT]
    await companies.keep_secret(company_id, WEBHOOK_SECRETS, "\n".join(secrets))
    surplus = f", {ensured.removed} surplus removed" if ensured.removed else ""
    return f"subscription {ensured.done}{surplus}"


async def _remove(companies: "Companies", pleo: PleoClient, company_id: str, address: str) -> str:
    removed = await remove_subscriptions(pleo.subscriptions, address)
    await companies.drop_secret(company_id, WEBHOOK_SECRETS)
    return f"{removed} subscriptions removed"
