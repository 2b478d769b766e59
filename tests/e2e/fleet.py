"""Several companies of one simulated Pleo, and the workers that export for them."""

import asyncio
import fcntl
import os
import random
import signal
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from pleo_export.cli.init import example_chart, settings_text
from pleo_export.clock import SystemClock
from pleo_export.service.opening import engine_url
from pleo_export.simulator.hands import Hands
from pleo_export.store import Store
from pleo_export.store.database import database_at
from pleo_export.store.tables import jobs
from pleo_export.testing.oracle import Evidence, Expected, check, ledger_entries, pleo_side
from pleo_export.testing.processes import KILLED, kill, start
from tests.e2e.story import assert_ledger_clean
from tests.engine.fleet import may_be_written

FINAL = {"completed", "completed_with_errors", "failed"}


class Fleet:
    """Companies with a ledger each, in folders below `folder`, and worker processes."""

    def __init__(self, folder: Path, url: str, env: Mapping[str, str]) -> None:
        self._folder, self._url, self._env = folder, url, env
        self.hands, self._database = Hands(url), database_at(env["PLEO_EXPORT_DATABASE_URL"])
        self.companies: list[str] = []
        self._workers: list[BaseProcess] = []
        self._expenses = 0

    def add(self, companies: int) -> None:
        """Make companies, in Pleo and in the service."""

        async def add() -> None:
            store = await Store.open(self._env["PLEO_EXPORT_DATABASE_URL"], SystemClock().now)
            for _ in range(companies):
                company_id, text, folder = self._make_company()
                await store.add_company(company_id, company_id, text, folder)
            await store.close()

        asyncio.run(add())

    def _make_company(self) -> tuple[str, str, str]:
        """Make a company; return its id, its settings and their folder."""
        number = len(self.companies) + 1
        company_id = str(UUID(int=number, version=4))
        folder = self._folder / f"company-{number}"
        folder.mkdir()
        (folder / "chart.toml").write_text(example_chart(), encoding="utf-8")
        (folder / "key.txt").write_text(f"plp_key_{number}", encoding="ascii")
        text = settings_text(
            {
                "pleo.company_id": company_id,
                "pleo.base_url": self._url,
                "pleo.api_key_file": "key.txt",
                "vat.input_account": "2640",
                "vat.output_account": "2610",
            }
        )
        self.hands.create_company(
            f"Company {number}", id=company_id, apiKey=f"plp_key_{number}", vendorBasedBookkeeping=True
        )
        self.companies.append(company_id)
        return company_id, text, str(folder)

    def press_export(self, times: int, items: int) -> Mapping[str, list[str]]:
        """Press Export several times for every company; return the jobs by company, oldest first."""
        return {one: [self.press_export_of(one, items) for _ in range(times)] for one in self.companies}

    def press_export_of(self, company_id: str, items: int) -> str:
        """Press Export for so many new expenses; return the job."""
        self._expenses += 1
        ids = self.hands.generate(company_id, items, seed=self._expenses, scenario="plain", receipts=0)
        return self.hands.press_export(company_id, ids)

    def start_worker(self) -> None:
        log = self._folder / f"worker-{len(self._workers)}.log"
        self._workers.append(start("worker", env=self._env, log=log))

    def kill_worker(self, draw: random.Random) -> None:
        assert kill(draw.choice([worker for worker in self._workers if worker.is_alive()])) == KILLED

    @property
    def pids(self) -> Sequence[int]:
        """The processes of the workers, in the order they were started."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def freeze(self, pid: int) -> None:
        """Stop a worker where it is, as a machine that hangs would, but not while it holds a lock of a file.

        Such a lock, of the ledger or of SQLite, would keep all others on this machine from going on until it is freed.
        """
        while not self._frozen(pid):
            self.thaw(pid)

    def _frozen(self, pid: int) -> bool:
        os.kill(pid, signal.SIGSTOP)
        # Its threads stop one after the other; until the last has, one may still take such a lock.
        while not all("\nState:\tT" in status for status in _threads(pid)):
            pass
        ledgers_free = not any(map(_locked, self._folder.glob("company-*/ledger/.pending/*.lock")))
        url = self._env["PLEO_EXPORT_DATABASE_URL"]
        return ledgers_free and may_be_written(url) and may_be_written(engine_url(url))

    def thaw(self, pid: int) -> None:
        os.kill(pid, signal.SIGCONT)

    def said(self, worker: int) -> str:
        return (self._folder / f"worker-{worker}.log").read_text(encoding="utf-8", errors="replace")

    def books(self, company: int) -> Path:
        """The ledger of the company with this number."""
        return self._folder / f"company-{company}" / "ledger"

    def booked(self, company: int) -> int:
        """How many entries stand in the ledger of the company with this number."""
        return sum(path.name.count(".") == 1 for path in self.books(company).glob("2[0-9]*/*/*.beancount"))

    def end(self) -> None:
        self._database.dispose()
        for worker in self._workers:
            kill(worker)

    def statuses(self, company_id: str) -> Mapping[str, str]:
        return {job["id"]: job["status"] for job in self.hands.company(company_id)["jobs"]}

    def rows(self, query: Select[Any]) -> Sequence[Any]:
        """Look into the service's store."""
        with self._database.reader.connect() as connection:
            return connection.execute(query).all()

    def at_work(self, pressed: Collection[str]) -> set[str]:
        """The companies whose one job among these is not closed, as the store knows it."""
        closed = jobs.c.closed_at.is_not(None)
        done = self.rows(select(jobs.c.company_id).where(jobs.c.job_id.in_(pressed), closed))
        return set(self.companies) - {company for (company,) in done}

    def all_ended(self, jobs: Mapping[str, Sequence[str]]) -> bool:
        return all(
            self.statuses(company_id).get(job) in FINAL for company_id, ids in jobs.items() for job in ids
        )

    def check(self) -> None:
        """Every job completed once, in order, one at a time; each expense once in its ledger."""
        folders = {one: self._folder / f"company-{number}" for number, one in enumerate(self.companies, 1)}
        books = {one: ledger_entries(folder / "ledger") for one, folder in folders.items()}
        pleo = pleo_side(partial(self.hands.call, "GET"), self.companies)
        expected = {
            one["accountingEntryId"]: Expected(outcome="successful", files=0)
            for company in pleo.companies.values()
            for one in company["expenses"]
        }
        assert check(Evidence(books=books, pleo=pleo, expected=expected)) == []
        assert sum(map(len, books.values())) == len(expected)
        assert_ledger_clean(self._folder / "company-1" / "ledger")


def _threads(pid: int) -> Iterator[str]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            yield (task / "status").read_text(encoding="utf-8", errors="replace")


def _locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
