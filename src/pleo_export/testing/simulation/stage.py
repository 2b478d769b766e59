"""The stage of a run: Pleo's companies and their expenses, the accounting systems' lists, folders that are fast."""

import shutil
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

from pleo_export.accounting.ledger.chart import Chart
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import AccountSettings, CompanySettings, VatSettings
from pleo_export.simulator.generator import generate
from pleo_export.simulator.server import create_app
from pleo_export.simulator.world import World
from pleo_export.store.migrate import make_ready
from pleo_export.store.sqlite import SqliteFile

BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
BASE_URL = "http://127.0.0.1"
POOLS = 4  # how many different months of expenses there are
POOL_ITEMS = 36
NEIGHBOURS_ITEMS = 3
PAID_AGAIN = str(UUID(int=POOLS, version=5))
SETTINGS = CompanySettings(
    accounts=AccountSettings(wallet="1910", out_of_pocket="2450", contra="1990", accounts_payable="2400"),
    vat=VatSettings(input_account="2640", output_account="2610"),
)


def company_id(number: int) -> str:
    """Return the id of a company, the same in every run."""
    return str(UUID(int=number, version=4))


def api_key(number: int) -> str:
    """Return its API key."""
    return f"plp_key_of_company_{number}"


@cache
def month(pool: int) -> Mapping[str, Any]:
    """Return the expenses of a month by their reference: of every type, some of them impossible to book.

    Its invoice is paid twice, by mistake; the second payment is `PAID_AGAIN`.
    """
    company = company_id(pool + 1)
    made = {
        one.payload["accountingEntryId"]: one.payload
        for one in generate(pool, POOL_ITEMS, "demo", company_id=company)
        if [file["kind"] for file in one.payload["files"] or ()] != ["oversize"]
    }
    sent = next(one for one in made.values() if one["subType"] == "invoice_payment_sent")
    lines = [one | {"accountingEntryLineId": PAID_AGAIN} for one in sent["accountingEntryLines"]]
    return made | {PAID_AGAIN: sent | {"accountingEntryId": PAID_AGAIN, "accountingEntryLines": lines}}


def paid_twice(pool: int) -> Collection[str]:
    """Return the month's invoice with both of its payments."""
    kinds = {("invoice", None), ("invoice_payment", "invoice_payment_sent")}
    return [reference for reference, one in month(pool).items() if (one["type"], one["subType"]) in kinds]


# People and account numbers in what the simulator makes up; none of them may be told to anybody.
PEOPLE = ("Ada Lund", "Bo Karlsen", "Carla Weiss", "Dan Okafor", "Eva Horvath")


def owed(companies: Iterable[Any]) -> frozenset[str]:
    """Return the expenses before which it is asked what is owed to their vendor."""
    kinds = ("invoice", "invoice_payment")
    expenses = (one for company in companies for one in company["expenses"])
    return frozenset(one["accountingEntryId"] for one in expenses if one["type"] in kinds)


@cache
def lists() -> ReferenceData:
    """Return the accounts, vendors and tax codes of every company's books."""
    text = (files("pleo_export.cli") / "chart.toml").read_text(encoding="utf-8")
    return Chart.model_validate(tomllib.loads(text)).reference_data


@cache
def app() -> Any:
    """Return the simulator's application; each run gives it another world."""
    return create_app(World())


class Bench:
    """A folder where databases and receipts lie, in memory where the machine has such a place."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")  # noqa: S108 a folder of its own in it
        self._folder = tempfile.TemporaryDirectory(
            prefix="pleo-export-simulation-", dir=memory if memory.is_dir() else None
        )
        self._path = Path(self._folder.name)
        self.receipts = self._path / "receipts"
        self._ways: dict[int, SqliteFile] = {}
        template = SqliteFile(self._path / "template.db")
        with template.preparing() as connection:
            make_ready(connection)
        template.dispose()  # and with it what is beside the file

    def clear(self) -> None:
        """Make room for another run."""
        shutil.rmtree(self.receipts, ignore_errors=True)
        for way in self._ways.values():
            way.dispose()
        for file in self._path.glob("store.db*"):
            file.unlink()
        shutil.copy(self._path / "template.db", self._path / "store.db")

    def database(self, way: int) -> SqliteFile:
        """Return one of the ways to the run's database; they outlive runs, because they are dear to make."""
        if way not in self._ways:
            self._ways[way] = SqliteFile(self._path / "store.db")
        self._ways[way].dispose()
        with self._ways[way].preparing():
            return self._ways[way]


@cache
def bench() -> Bench:
    """Return the only one there is."""
    return Bench()
