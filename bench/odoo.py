"""Entries a second into a real Odoo: `python -m bench.odoo`. One at a time, as many at once as a job records, and bills.

The peer is what one would write in an afternoon: create and post, one entry after the other, without any memory of what was
recorded already.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import requests
from msgspec.structs import replace
from tests.accounting.odoo.books import FACTS, OdooBooks
from tests.odoo.archive import NoOdooError
from tests.odoo.server import OdooDatabase, odoo_server

from bench.side_results import Side
from pleo_export.accounting.odoo import OdooConnector
from pleo_export.domain.entry import Entry
from pleo_export.testing.samples import sample_bill, sample_entry

ROUNDS, ENTRIES, BATCHED = 3, 50, 300

PLAIN, BY_JOB = "a plain script, one by one", "pleo-export, as a job does"
NUMBERS = count()


def main() -> None:
    with odoo_server() as server:
        books = OdooBooks(server, server.fresh())
        database = books.database
        figures: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, rate in rounds(database):
                figures.setdefault(name, []).append(rate)
    for name, rates in figures.items():
        print(f"{name:<40} {statistics.median(rates):6.1f} entries a second")
    ratio = statistics.median(figures[BY_JOB]) / statistics.median(figures[PLAIN])
    replace(Side.load(), odoo_ratio=ratio).save()


def rounds(database: OdooDatabase) -> Iterator[tuple[str, float]]:
    yield PLAIN, plain(database, ENTRIES)
    yield "pleo-export, one by one", ours(database, ENTRIES, 1, sample_entry)
    yield BY_JOB, ours(database, BATCHED, None, sample_entry)
    yield "a plain script, bills", plain(database, ENTRIES, bill=True)
    yield (
        "pleo-export, bills as a job does",
        ours(database, BATCHED, None, partial(sample_bill, settlement=())),
    )
    yield "the same, each paid by card", ours(database, BATCHED, None, sample_bill)


def ours(database: OdooDatabase, number: int, at_once: int | None, sample: Callable[..., Entry]) -> float:
    """Entries a second by the connector, with at most so many calls of `record` at once."""

    async def run() -> float:
        connector = OdooConnector(database.settings, database.key)
        await connector.reference_data()
        slots = asyncio.Semaphore(at_once or connector.capabilities.concurrency)

        async def record() -> None:
            async with slots:
                await connector.record(sample(f"bench-{next(NUMBERS)}", facts=FACTS))

        began = time.perf_counter()
        await asyncio.gather(*(record() for _ in range(number)))
        took = time.perf_counter() - began
        await connector.close()
        return number / took

    return asyncio.run(run())


def plain(database: OdooDatabase, number: int, *, bill: bool = False) -> float:
    """Entries a second by a plain script."""
    session = requests.Session()
    session.headers.update({"Authorization": f"bearer {database.key}", "X-Odoo-Database": database.name})

    def call(model: str, method: str, **arguments: Any) -> Any:
        answer = session.post(f"{database.url}/json/2/{model}/{method}", json=arguments, timeout=60)
        answer.raise_for_status()
        return answer.json()

    accounts = {
        one["code"]: one["id"]
        for one in database.call("account.account", "search_read", domain=[], fields=["code"])
    }
    (journal,) = database.call("account.journal", "search", domain=[["code", "=", "MISC"]])
    partner = database.call("res.partner", "search", domain=[["ref", "=", FACTS.vendor.id]])[0]
    began = time.perf_counter()
    for _ in range(number):
        lines = [(FACTS.expense, 10.0), (FACTS.tax, 2.5), (FACTS.wallet, -12.5)]
        move: dict[str, Any] = {
            "move_type": "entry",
            "journal_id": journal,
            "date": FACTS.open_day.isoformat(),
            "ref": f"bench-{next(NUMBERS)}",
            "line_ids": [
                [0, 0, {"account_id": accounts[code], "name": "Paper", "balance": amount}]
                for code, amount in lines
            ],
        }
        if bill:
            move = {
                "move_type": "in_invoice",
                "partner_id": partner,
                "invoice_date": FACTS.open_day.isoformat(),
                "ref": f"bench-{next(NUMBERS)}",
                "invoice_line_ids": [
                    [
                        0,
                        0,
                        {
                            "account_id": accounts[FACTS.expense],
                            "name": "Paper",
                            "price_unit": 100.0,
                            "tax_ids": [],
                        },
                    ]
                ],
            }
        made = call("account.move", "create", vals_list=[move])
        call("account.move", "action_post", ids=made)
    return number / (time.perf_counter() - began)


if __name__ == "__main__":
    try:
        main()
    except NoOdooError as error:
        print(error)
