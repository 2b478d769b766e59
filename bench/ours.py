"""pleo-export as it is measured: the real workflow, client, downloads and store, on a connector to the world's books.

    python -m bench.ours --url http://127.0.0.1:1234 --folder somewhere --concurrency 5

Everything is durable: SQLite with `synchronous=FULL` in that folder. The world has no limit of calls a minute, so ours of 500 is
lifted; `--pleo-limit` keeps it.
"""

import argparse
import asyncio
import logging
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from aiolimiter import AsyncLimiter

from bench import expenses
from bench.http_connector import HttpConnector
from pleo_export.clock import SystemClock
from pleo_export.compose import parts_of
from pleo_export.config import Settings
from pleo_export.domain.job import JobEventType
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.transport import rate_limiter
from pleo_export.store import Store, sqlite_url
from pleo_export.testing.expenses import CONTRA, INPUT_VAT, OUTPUT_VAT, PAYABLE, POCKET, WALLET
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.pace import Pace
from pleo_export.workflow.ports import Notice, Sources

UNLIMITED = 1e6  # calls a second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--concurrency", type=int, default=5)
    parser.add_argument("--companies", type=int, default=1)
    parser.add_argument("--pleo-limit", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    given.folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    limiter = rate_limiter() if given.pleo_limit else AsyncLimiter(UNLIMITED, 1.0)
    bench = Bench(given.url, given.folder, given.concurrency, limiter)
    asyncio.run(export_all(bench, given.companies))
    print(f"{time.perf_counter() - began:.3f} s")


class Bench(NamedTuple):
    """Where the world is, where things are kept, how many calls the books take at once, and what Pleo lets through."""

    url: str
    folder: Path
    concurrency: int
    limiter: AsyncLimiter


async def export_all(bench: Bench, companies: int) -> None:
    """Export the one job of every company, all at once, as a worker does."""
    store = await Store.open(sqlite_url(bench.folder / "store.db"), SystemClock().now)
    try:
        async with asyncio.TaskGroup() as group:
            for company in range(companies):
                group.create_task(_export(bench, company, store))
    finally:
        await store.close()


async def _export(bench: Bench, company: int, store: Store) -> None:
    url, folder, concurrency, limiter = bench
    settings = settings_for(url, folder, company)
    async with AsyncExitStack() as stack:
        connector = HttpConnector(url, concurrency)
        stack.push_async_callback(connector.close)
        client = PleoClient(url, ApiKey("plp_bench"), limiter=limiter)
        sources = Sources(
            company_id=settings.pleo.company_id,
            settings=settings.company,
            pleo=await stack.enter_async_context(client),
            connector=connector,
            clock=SystemClock(),
            pace=Pace(asyncio.sleep, concurrency),
        )
        receipts = folder / "receipts" / settings.pleo.company_id
        parts = await stack.enter_async_context(parts_of(settings, sources, store, receipts, _quiet))
        (summary,) = await export_pending(parts)
        assert summary.event is JobEventType.COMPLETED, summary.reason or summary.problem


def settings_for(url: str, folder: Path, company: int) -> Settings:
    """Return the settings of a company; the ledger they name is never opened."""
    return Settings.model_validate(
        {
            "pleo": {"company_id": expenses.company_id(company), "base_url": url},
            "accounts": {
                "wallet": WALLET,
                "out_of_pocket": POCKET,
                "contra": CONTRA,
                "accounts_payable": PAYABLE,
            },
            "vat": {"input_account": INPUT_VAT, "output_account": OUTPUT_VAT},
            "bookkeeping": {"method_when_missing": "journal"},
            "ledger": {"folder": folder / "ledger", "chart": folder / "chart.toml"},
        }
    )


def _quiet(_notice: Notice) -> None: ...


if __name__ == "__main__":
    main()
