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

import pytest

from pleo_export.clock import SystemClock
from pleo_export.simulator.hands import simulator_process
from pleo_export.store import Store, sqlite_url
from tests.e2e.fleet import Fleet
from tests.e2e.service_process import environment, until
from tests.store.postgres_server import a_server

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
        fleet.check(jobs)


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
