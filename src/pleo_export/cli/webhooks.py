"""`pleo-export webhooks`: have Pleo tell of new export jobs."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from pleo_export.cli.common import ExitCode, complete, explained, fail, out
from pleo_export.cli.hosted import opened, service_settings
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.subscriptions import ensure_subscription, remove_subscriptions
from pleo_export.service.kinds import WEBHOOK_SECRETS

if TYPE_CHECKING:
    from pleo_export.service.companies import Companies

app = typer.Typer(help="Have Pleo tell of new export jobs at once.", no_args_is_help=True)

CompanyArgument = Annotated[str | None, typer.Argument(help="A company's id; without it, all of them.")]
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

    async def work() -> None:
        async with opened(service) as (store, companies, _):
            known = [one.company_id for one in await store.companies() if one.in_service]
            for company_id in known if company is None else [company]:
                settings = await companies.settings(company_id)
                credential = await companies.credential(company_id, settings)
                address = f"{base}/webhooks/pleo?company={quote(company_id)}"
                async with PleoClient(settings.pleo.base_url, credential) as pleo:
                    out().print(f"{company_id}: {await act(companies, pleo, company_id, address)}")

    with explained():
        complete(work())


def take_back(company: str) -> None:
    """Remove the subscription of a company that leaves, where there may be one and Pleo can be asked."""
    if service_settings().public_url is None:
        return
    try:
        _each(company, _remove)
    except typer.Exit:
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
    await companies.keep_secret(company_id, WEBHOOK_SECRETS, "")
    return f"{removed} subscriptions removed"
