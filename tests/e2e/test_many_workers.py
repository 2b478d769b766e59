"""Many companies, several workers, and one of them killed at random every second or two.

The oracle reads the ledgers, Pleo's side and Pleo's log of calls only, never our own memory.
"""

import random
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from pleo_export.simulator.hands import simulator_process
from tests.e2e.fleet import Fleet
from tests.e2e.service_process import environment, until
from tests.scorecard.plugin import Score
from tests.store.postgres_server import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WORKERS, COMPANIES, JOBS_EACH, ITEMS = 3, 20, 10, 2
KILLS_MIN = 30
SEED = 20260704


@pytest.mark.scorecard("A")
def test_every_job_ends_once_in_order_and_without_overlap_whoever_is_killed(
    database_url: str, tmp_path: Path, score: Score
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
        fleet.add(COMPANIES)
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
    score.note(kills=kills, violations=0)


def _merged(left: Mapping[str, list[str]], right: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    both: defaultdict[str, list[str]] = defaultdict(list)
    for one in (left, right):
        for company_id, jobs in one.items():
            both[company_id] += jobs
    return both


def test_the_work_goes_on_by_itself_after_the_database_was_killed_and_started_again(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    env = environment(tmp_path, PLEO_EXPORT_DATABASE_URL=postgres.url, PLEO_EXPORT_POLL_MINUTES="0.05")
    with simulator_process() as url, ExitStack() as stack:
        fleet = Fleet(tmp_path, url, env)
        stack.callback(fleet.end)
        fleet.add(2)
        jobs = fleet.press_export(1, 300)
        for _ in range(2):
            fleet.start_worker()
        until(lambda: fleet.booked(1) > 5, "the first entries")
        postgres.kill()
        time.sleep(2.0)  # the server is away for a while, as it would be
        postgres.start()
        until(lambda: fleet.all_ended(jobs), "the jobs", 180)
        fleet.check()
