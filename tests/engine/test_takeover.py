"""Real worker processes, killed, frozen and stopped."""

import random
import signal
import statistics
import time
from itertools import pairwise
from pathlib import Path

import pytest

from pleo_export.engine import Pace, RunState
from tests.engine.bench import eventually, numbered
from tests.engine.fleet import Fleet, Moment, wait_seconds
from tests.store.postgres_server import PostgresServer

pytestmark = pytest.mark.slow

KILLS = 5
SHORT_SILENCE = Pace(silence=2.0)
CHAOS_SECONDS = 25.0
COMPANIES = 12


def test_a_killed_workers_company_is_carried_on_within_seconds(url: str, tmp_path: Path) -> None:
    with Fleet(url, tmp_path, work="60") as fleet:
        fleet.start(2)
        fleet.engine.fire("company-a", "webhook")
        fleet.wait_for("begin")
        delays = []
        for kill in range(KILLS):
            victim = fleet.child_at_work()
            killed_at = time.time()
            victim.kill()
            delays.append(fleet.wait_for("begin", kill + 2).at - killed_at)
            fleet.start()
        tokens = [moment.token for moment in fleet.of("begin")]
        (running,) = fleet.engine.status().running
        takeovers = fleet.engine.status().takeovers
    assert statistics.median(delays) < 3, delays
    assert tokens == sorted(set(tokens))
    assert (running.attempt, takeovers) == (KILLS + 1, KILLS)


def test_a_frozen_worker_is_taken_over_and_wakes_up_with_a_smaller_token(url: str, tmp_path: Path) -> None:
    with Fleet(url, tmp_path, work="4", pace=SHORT_SILENCE) as fleet:
        fleet.start(2)
        fleet.engine.fire("company-a", "webhook")
        first = fleet.wait_for("work")
        frozen = fleet.child_at_work()
        fleet.freeze(frozen)
        second = fleet.wait_for("begin", 2)
        frozen.signal(signal.SIGCONT)
        eventually(lambda: len(fleet.of("end")) == 2)
        eventually(lambda: not fleet.engine.status().running)
        status = fleet.engine.status()
    assert second.token > first.token
    assert second.pid != first.pid
    assert (status.waiting, status.failed) == ((), ())
    assert status.last_takeover is not None
    assert (status.last_takeover.state, status.last_takeover.attempt) == (RunState.DONE, 2)


def test_a_worker_that_was_frozen_works_again_afterwards(url: str, tmp_path: Path) -> None:
    with Fleet(url, tmp_path, work="0.1", pace=SHORT_SILENCE) as fleet:
        (frozen, other) = fleet.start(2)
        fleet.freeze(frozen)
        eventually(lambda: [worker.id for worker in fleet.engine.status().workers] == [other.worker])
        frozen.signal(signal.SIGCONT)
        eventually(lambda: len(fleet.engine.status().workers) == 2)
        other.kill()
        fleet.engine.fire("company-a", "webhook")
        assert fleet.wait_for("end").pid == frozen.process.pid


def test_work_that_kills_its_worker_is_not_tried_for_ever(url: str, tmp_path: Path) -> None:
    with Fleet(url, tmp_path, work="die", pace=Pace(confirm=0.3)) as fleet:
        fleet.engine.fire("company-a", "webhook")
        for death in range(6):
            fleet.start()
            fleet.wait_for("begin", death + 1)
        fleet.engine.fire("company-b", "webhook")
        fleet.start()
        fleet.wait_for("end")
        eventually(lambda: len(fleet.engine.status().failed) == 1)
        (failed,) = fleet.engine.status().failed
        assert failed.company_id == "company-a"
        assert failed.problem is not None
        assert failed.problem.startswith("6 workers in a row were lost at the work for this company. Worker ")
        assert [moment.company for moment in fleet.of("begin")] == 6 * ["company-a"] + ["company-b"]
        assert fleet.engine.fire("company-a", "button")


def test_a_worker_that_is_stopped_hands_over_to_another(url: str, tmp_path: Path) -> None:
    with Fleet(url, tmp_path, work="60") as fleet:
        fleet.start(2)
        fleet.engine.fire("company-a", "webhook")
        fleet.wait_for("begin")
        stopped = fleet.child_at_work()
        stopped.signal(signal.SIGTERM)
        assert stopped.process.wait(10) == 0
        second = fleet.wait_for("begin", 2)
        (running,) = fleet.engine.status().running
        workers = [worker.id for worker in fleet.engine.status().workers]
    first_end = fleet.of("end")[0]
    assert second.at >= first_end.at
    assert (running.attempt, running.cause) == (1, "The worker was stopped.")
    assert stopped.worker not in workers


def test_a_restart_of_the_database_loses_nothing_and_takes_nobody_over(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    with Fleet(postgres_url, tmp_path, work="6") as fleet:
        fleet.start(2)
        fleet.engine.fire("company-a", "webhook")
        fleet.wait_for("work")
        postgres.kill()
        wait_seconds(1)
        postgres.start()
        eventually(lambda: len(fleet.of("end")) == 1)
        eventually(lambda: not fleet.engine.status().running)
        status = fleet.engine.status()
        assert (status.takeovers, status.failed, status.waiting) == (0, (), ())
        assert len(fleet.of("begin")) == 1
        fleet.engine.fire("company-b", "webhook")
        eventually(lambda: len(fleet.of("begin")) == 2)


def storm(fleet: Fleet, chance: random.Random) -> dict[str, float]:
    """Fire for every company, several times, and kill two workers meanwhile; return when each was fired for last."""
    last: dict[str, float] = {}
    companies = list(numbered(COMPANIES)) * 3
    chance.shuffle(companies)
    deaths = set(chance.sample(range(len(companies)), 2))
    for number, company in enumerate(companies):
        last[company] = time.time()
        fleet.engine.fire(company, "webhook")
        if number in deaths:
            chance.choice(fleet.living()).kill()
            fleet.start()
        wait_seconds(0.03)
    return last


def overlapping(moments: list[Moment]) -> list[tuple[Moment, Moment]]:
    """Moments of a smaller token after a larger one was begun: two at work for one company."""
    return [(one, other) for one, other in pairwise(moments) if other.token < one.token]


def wholly_drained_after(moments: list[Moment], at: float) -> bool:
    finished = {moment.token for moment in moments if moment.what == "end"}
    return any(moment.what == "begin" and moment.token in finished and moment.at >= at for moment in moments)


def test_no_trigger_is_lost_and_no_company_drained_twice_at_once_whoever_dies(
    url: str, tmp_path: Path
) -> None:
    chance = random.Random(20260301)
    storms = 0
    with Fleet(url, tmp_path, work="0.4") as fleet:
        fleet.start(3)
        ends = time.monotonic() + CHAOS_SECONDS
        while time.monotonic() < ends:
            fired = storm(fleet, chance)
            storms += 1
            eventually(lambda: not (fleet.engine.status().waiting or fleet.engine.status().running))
            moments = fleet.moments()
            for company, last in fired.items():
                its = [moment for moment in moments if moment.company == company]
                assert overlapping(its) == []
                assert wholly_drained_after(its, last)
        status = fleet.engine.status()
    assert storms >= 3
    assert status.takeovers >= storms
    assert status.failed == ()
