"""Large jobs, many companies and long times: memory stays flat, and nobody waits for another's large job."""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from bench.measure import cost_of

from pleo_export.simulator.hands import simulator_process
from pleo_export.store import sqlite_url
from tests.e2e.fleet import Fleet
from tests.e2e.service_process import environment, until
from tests.e2e.story import API_KEY, PLEO_EXPORT, Story
from tests.scorecard import at_size, share
from tests.scorecard.plugin import Score

pytestmark = [
    pytest.mark.slow,
    pytest.mark.scorecard("J"),
    pytest.mark.timeout(at_size(300, 12 * 3600)),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process's memory"),
]

PEAK_MB_MAX, MORE_MB_MAX = 90, 16
LARGE_MAX = 10_000
FEW, LARGE = 100, at_size(1_000, LARGE_MAX)
COMPANIES, SMALL = at_size(20, 200), 5
LATENCY_SECONDS = 0.01
CYCLES = at_size(6, 480)
CYCLE_SECONDS = 60 if share() else 0
PATIENCE_SECONDS = 3600.0


def peak_mb(folder: Path, items: int) -> float:
    """The most memory of a run that exports so many expenses, each with a receipt, in one job."""
    folder.mkdir()
    with simulator_process() as url:
        story = Story(folder, url)
        story.expenses(items)
        story.press_export()
        command = [PLEO_EXPORT, "run", "--settings", str(story.settings)]
        cost = cost_of(command, os.environ | {"PLEO_EXPORT_API_KEY": API_KEY})
        assert len(story.entry_files()) == items
    return cost.peak_mb


def test_a_large_job_takes_hardly_more_memory_than_a_small_one(tmp_path: Path, score: Score) -> None:
    few, large = peak_mb(tmp_path / "few", FEW), peak_mb(tmp_path / "large", LARGE)
    score.note(items=LARGE, peak_mb=round(large, 1), more_mb=round(large - few, 1))
    assert large - few <= MORE_MB_MAX
    assert LARGE < LARGE_MAX or large <= PEAK_MB_MAX


@pytest.fixture
def env(tmp_path: Path) -> Mapping[str, str]:
    return environment(
        tmp_path,
        PLEO_EXPORT_DATABASE_URL=sqlite_url(tmp_path / "service.db"),
        PLEO_EXPORT_POLL_MINUTES="0.02",
        PLEO_EXPORT_LOG_LEVEL="warning",
    )


def test_nobody_waits_for_the_large_job_of_another(
    env: Mapping[str, str], tmp_path: Path, score: Score
) -> None:
    with simulator_process() as url, ExitStack() as stack:
        fleet = Fleet(tmp_path, url, env)
        stack.callback(fleet.end)
        fleet.add(COMPANIES)
        fleet.hands.call("PATCH", "trouble/settings", {"latencySeconds": LATENCY_SECONDS})
        large = fleet.press_export_of(fleet.companies[0], LARGE)
        pressed = {fleet.press_export_of(company, SMALL) for company in fleet.companies[1:]}
        fleet.start_worker()
        began = time.monotonic()
        until(lambda: fleet.at_work(pressed) == {fleet.companies[0]}, "all small jobs", PATIENCE_SECONDS)
        small_seconds = time.monotonic() - began
        assert fleet.at_work({large})
        until(lambda: not fleet.at_work({large, *pressed}), "the large job", PATIENCE_SECONDS)
        score.note(
            companies=COMPANIES,
            items_of_one=LARGE,
            all_others_done_seconds=round(small_seconds, 1),
            large_job_seconds=round(time.monotonic() - began, 1),
        )
        fleet.check()


def test_a_worker_that_works_for_long_needs_no_more_memory(
    env: Mapping[str, str], tmp_path: Path, score: Score
) -> None:
    with simulator_process() as url, ExitStack() as stack:
        fleet = Fleet(tmp_path, url, env)
        stack.callback(fleet.end)
        fleet.add(SMALL)
        fleet.start_worker()
        resident: list[float] = []
        for _ in range(CYCLES):
            pressed = {fleet.press_export_of(company, FEW // SMALL) for company in fleet.companies}
            until(lambda pressed=pressed: not fleet.at_work(pressed), "the jobs", PATIENCE_SECONDS)  # type: ignore[misc]
            resident.append(resident_mb(fleet.pids[0]))
            time.sleep(CYCLE_SECONDS)  # as long as it takes: hours in all
        # Half of the time is for it to have seen and loaded all that it ever needs.
        more = max(resident) - max(resident[: CYCLES // 2])
        score.note(cycles=CYCLES, resident_mb=round(max(resident), 1), more_mb=round(more, 1))
        assert more <= MORE_MB_MAX / 4
        fleet.check()


def resident_mb(pid: int) -> float:
    """What a process keeps in memory of its own, without what it shares with the parent that it was forked from."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024 / 1e6
