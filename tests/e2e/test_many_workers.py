"""Many companies, several workers, and one of them killed at random every second or two.

The oracle reads the ledgers, Pleo's side and Pleo's log of calls only, never our own memory.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from pleo_export.clock import SystemClock
from pleo_export.simulator.hands import simulator_process
from pleo_export.store import Store, sqlite_url
from tests.e2e.fleet import Fleet
from tests.e2e.service_process import environment, until
from tests.store.postgres_server import PostgresServer, a_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WORKERS, COMPANIES, JOBS_EACH, ITEMS = 3, 20, 10, 2
KILLS_MIN = 30
SEED = 20260704


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "service.db")
        return
    # Not pytest's own folder: a server that root starts runs as another user, who may not enter there.
    with TemporaryDirectory(prefix="pleo-export-postgres-") as folder, a_server(Path(folder)) as server:
        yield server.url


def test_every_job_ends_once_in_order_and_without_overlap_whoever_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    draw = random.Random(SEED)
    env = environment(
        tmp_path,
        PLEO_EXPORT_DATABASE_URL=database_url,
        PLEO_EXPORT_POLL_MINUTES="0.05",
        PLEO_EXPORT_LOG_LEVEL="warning",
    )
    with simulator_process() as url, ExitStack() as stack:
        fleet = Fleet(tmp_path, url, env)
        stack.callback(fleet.end)
        asyncio.run(_add(database_url, fleet, COMPANIES))
        kills = 0
        jobs = fleet.press_export(JOBS_EACH, ITEMS)
        for _ in range(WORKERS):
            fleet.start_worker()
        while kills < KILLS_MIN or not fleet.all_ended(jobs):
            time.sleep(draw.uniform(1.0, 2.0))  # the faults come by the clock, as they do
            if kills < KILLS_MIN:
                fleet.kill_worker(draw)
                fleet.start_worker()
                kills += 1
            if fleet.all_ended(jobs):
                jobs = _merged(jobs, fleet.press_export(1, ITEMS))
        until(lambda: fleet.all_ended(jobs), "the end of all jobs", 240)
        fleet.check()


def _merged(left: Mapping[str, list[str]], right: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    both: defaultdict[str, list[str]] = defaultdict(list)
    for one in (left, right):
        for company_id, jobs in one.items():
            both[company_id] += jobs
    return both


async def _add(database_url: str, fleet: Fleet, number: int) -> None:
    store = await Store.open(database_url, SystemClock().now)
    for _ in range(number):
        company_id, text, folder = fleet.make_company()
        await store.add_company(company_id, company_id, text, folder)
    await store.close()


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with TemporaryDirectory(prefix="pleo-export-postgres-") as folder, a_server(Path(folder)) as server:
        yield server


def test_a_worker_that_was_frozen_does_nothing_more_once_another_has_taken_over(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with simulator_process() as url, ExitStack() as stack:
        fleet = Fleet(tmp_path, url, environment(tmp_path, PLEO_EXPORT_DATABASE_URL=postgres.url))
        stack.callback(fleet.end)
        asyncio.run(_add(postgres.url, fleet, 1))
        jobs = fleet.press_export(1, 300)
        fleet.start_worker()
        until(lambda: fleet.booked(1) > 5, "the first entries")
        frozen = fleet.freeze_worker()
        assert fleet.booked(1) < 300
        # The session that shows it alive ends, as keepalives end that of a machine that hangs; the others stay.
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        fleet.start_worker()
        until(lambda: fleet.all_ended(jobs), "the job, by the other worker", 120)
        calls = len(fleet.hands.audit())
        fleet.thaw(frozen)
        until(
            lambda: "taken it over" in fleet.said(0) or "has taken over" in fleet.said(0), "that it finds out"
        )
        new = fleet.hands.audit()[calls:]
        assert [one for one in new if one["method"] != "GET" and one["status"] < 300] == []
        fleet.check()


def test_the_work_goes_on_by_itself_after_the_database_was_killed_and_started_again(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    env = environment(tmp_path, PLEO_EXPORT_DATABASE_URL=postgres.url, PLEO_EXPORT_POLL_MINUTES="0.05")
    with simulator_process() as url, ExitStack() as stack:
        fleet = Fleet(tmp_path, url, env)
        stack.callback(fleet.end)
        asyncio.run(_add(postgres.url, fleet, 2))
        jobs = fleet.press_export(1, 300)
        for _ in range(2):
            fleet.start_worker()
        until(lambda: fleet.booked(1) > 5, "the first entries")
        postgres.kill()
        time.sleep(2.0)  # the server is away for a while, as it would be
        postgres.start()
        until(lambda: fleet.all_ended(jobs), "the jobs", 180)
        fleet.check()
