"""Workers that hang until others have taken their companies over, and then go on: no further effect comes from them."""

import hashlib
import json
import random
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from sqlalchemy import select

from pleo_export.simulator.hands import simulator_process
from pleo_export.store import sqlite_path
from pleo_export.store.tables import items, leases
from tests.e2e.fleet import Fleet
from tests.e2e.service_process import environment, until
from tests.scorecard import at_size
from tests.scorecard.plugin import Score

pytestmark = [pytest.mark.slow, pytest.mark.timeout(at_size(300, 6 * 3600))]

ITEMS = 40
PATIENCE_SECONDS = 120.0


class Effects(NamedTuple):
    """All that was done for some jobs: what Pleo took, what stands in the ledgers, and what the store knows."""

    calls: Sequence[str]
    files: Mapping[str, str]
    rows: Sequence[str]


class Freezing:
    """Workers for as many companies, of which some freeze in each round of exports."""

    def __init__(self, fleet: Fleet, database_url: str, folder: Path, seed: int) -> None:
        self._fleet, self._folder, self._draw = fleet, folder, random.Random(seed)
        self._url = database_url
        self._done: list[tuple[Collection[str], Effects]] = []
        self.freezes = 0

    def round(self, *, freezing: bool = True) -> None:
        """Freeze owners of companies in the middle of their jobs, and thaw them once others have taken over."""
        entries = self._entries()
        pressed = {job for ids in self._fleet.press_export(1, ITEMS).values() for job in ids}
        if freezing:
            enough = entries + self._draw.randint(1, ITEMS)
            until(lambda: self._entries() >= enough, "the first entries")
            self._freeze_some(pressed)
        until(lambda: not self._fleet.at_work(pressed), "the end of the jobs", PATIENCE_SECONDS)
        self._done.append((pressed, self._effects(pressed)))

    def assert_nothing_came_afterwards(self) -> None:
        """Whoever was frozen has worked for others since; for the jobs of its time nothing was done any more."""
        for pressed, effects in self._done:
            assert self._effects(pressed) == effects

    def _freeze_some(self, pressed: Collection[str]) -> None:
        owners = sorted(set(self._owners(pressed).values()))
        most = min(len(owners), len(self._fleet.pids) - 1)
        chosen = self._draw.sample(owners, self._draw.randint((most + 1) // 2, most))
        for pid in chosen:
            self._fleet.freeze(pid)
        left = {company: pid for company, pid in self._owners(pressed).items() if pid in chosen}
        self.freezes += len(set(left.values()))
        one_machine = sqlite_path(self._url) is not None
        if not one_machine:
            _end_signs_of_life(self._url)
        until(lambda: self._taken_over(left), "that others take over", PATIENCE_SECONDS)
        if (
            not one_machine
        ):  # else the lock of a file keeps the company from the others until its owner goes on
            until(lambda: not self._fleet.at_work(pressed), "the jobs, by the others", PATIENCE_SECONDS)
            self._done.append((pressed, self._effects(pressed)))
        for pid in chosen:
            self._fleet.thaw(pid)

    def _taken_over(self, left: Mapping[str, int]) -> bool:
        holders = self._holders()
        return all(holders[company] != pid for company, pid in left.items())

    def _owners(self, pressed: Collection[str]) -> Mapping[str, int]:
        """Who works for each company whose job of this round is not done."""
        holders = self._holders()
        return {company: holders[company] for company in self._fleet.at_work(pressed) if company in holders}

    def _holders(self) -> Mapping[str, int]:
        rows = self._fleet.rows(select(leases.c.company_id, leases.c.holder))
        return {company: int(holder.rpartition(":")[2]) for company, holder in rows}

    def _entries(self) -> int:
        return sum(self._fleet.booked(number) for number in range(1, len(self._fleet.companies) + 1))

    def _effects(self, pressed: Collection[str]) -> Effects:
        rows = self._fleet.rows(
            select(items).where(items.c.job_id.in_(pressed)).order_by(items.c.accounting_entry_id)
        )
        references = {row.accounting_entry_id for row in rows}
        calls = [
            json.dumps([one["method"], one["path"], one["body"]])
            for one in self._fleet.hands.audit()
            if one["method"] != "GET" and one["status"] < 300
        ]
        files = {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self._folder.glob("company-*/ledger/[0-9]*/*/*")
            if path.name[:36] in references
        }
        return Effects(
            [call for call in calls if any(job in call for job in pressed)], files, [str(row) for row in rows]
        )


def _end_signs_of_life(url: str) -> None:
    """End the sessions by which workers show that they live, as keepalives end those of a machine that hangs.

    The living begin new ones at once.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")


@pytest.mark.scorecard("G")
@pytest.mark.parametrize(("workers", "freezes"), [(2, at_size(2, 100)), (8, at_size(3, 150))])
def test_a_worker_that_hung_does_nothing_more_once_another_has_taken_over(
    database_url: str, workers: int, freezes: int, tmp_path: Path, score: Score
) -> None:
    score.note(freezes=0, effects_of_stale_workers=0)
    env = environment(
        tmp_path,
        PLEO_EXPORT_DATABASE_URL=database_url,
        PLEO_EXPORT_POLL_MINUTES="0.03",
        PLEO_EXPORT_LOG_LEVEL="warning",
    )
    with simulator_process() as url, ExitStack() as stack:
        fleet = Fleet(tmp_path, url, env)
        stack.callback(fleet.end)
        fleet.add(workers)
        freezing = Freezing(fleet, database_url, tmp_path, seed=workers)
        for _ in range(workers):
            fleet.start_worker()
        while freezing.freezes < freezes:
            freezing.round()
        freezing.round(freezing=False)
        freezing.assert_nothing_came_afterwards()
        fleet.check()
        score.note(freezes=freezing.freezes)
