"""`kill -9` of the running job at every named place and at random moments, then `run` again, until everything is done.

The oracle reads the ledger, Pleo's side and Pleo's log of calls only, never our own memory.
"""

import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from pleo_export.accounting.ledger import trial_balance
from pleo_export.cli.common import ExitCode
from pleo_export.cli.scenarios import PAYABLE
from pleo_export.simulator.generator import PAYABLE_COUNT, generate
from pleo_export.simulator.hands import simulator_process
from pleo_export.testing.processes import KILLED, ended, kill
from tests.e2e.judged import assert_promises_kept
from tests.e2e.killing import ENDED, OF_A_RUN, Killing
from tests.e2e.story import COMPANY_ID, Story
from tests.scorecard import at_size
from tests.scorecard.plugin import Score
from tests.scorecard.seeds import replayable, seeds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(at_size(600, 6 * 3600))]

SEED = 20260105
ITEMS = 160
PAYABLE_KILLS_MIN = 12
KILLS_OF_A_JOB_MAX = 8
LANES = 2  # as many as there are likely to be cores
SEEDS_A_LANE = 10**6


@pytest.mark.scorecard("A")
@pytest.mark.parametrize("lane", range(LANES))
def test_each_expense_is_recorded_once_wherever_the_run_is_killed(
    lane: int, tmp_path: Path, score: Score
) -> None:
    score.note(kills=0, violations=0)
    for seed in seeds(lambda: score.sum("kills") >= at_size(25, 10_000 // LANES), lane * SEEDS_A_LANE):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with replayable(seed), simulator_process() as url:
            killing = Killing(Story(folder, url), seed)
            killing.everywhere()
            assert killing.kills.keys() >= set(OF_A_RUN)
            assert_promises_kept(killing.story, killing.expected)
        shutil.rmtree(folder)
        score.note(kills=killing.kills.total(), expenses=len(killing.expected))


def run_and_kill(story: Story, seconds: float) -> int:
    """Start a run and kill it after a time, unless it ends before; return its exit code."""
    process = story.fork("run")
    process.join(seconds)
    code = kill(process)
    assert code in {KILLED, *ENDED}
    return code


def killed_again_and_again(story: Story, draw: random.Random) -> int:
    """Kill runs until one has ended the work; return how many were killed."""
    for kills in range(KILLS_OF_A_JOB_MAX):
        if run_and_kill(story, draw.uniform(0.0, 0.3)) != KILLED:
            return kills
    assert ended(story.fork("run")) in ENDED
    return KILLS_OF_A_JOB_MAX


@pytest.mark.scorecard("A")
def test_bills_and_their_payments_meet_once_whenever_the_process_is_killed(
    tmp_path: Path, score: Score
) -> None:
    draw = random.Random(SEED)
    kills = months = 0
    with simulator_process() as url:
        story = Story(tmp_path, url, settings=PAYABLE.settings, chart=PAYABLE.chart_text())
        while kills < PAYABLE_KILLS_MIN:
            months += 1
            month = generate(months, PAYABLE_COUNT, "payable", company_id=COMPANY_ID)
            ids = story.expenses(PAYABLE_COUNT, scenario="payable", seed=months)
            for job in (1, 2):
                story.press_export([one for one, made in zip(ids, month, strict=True) if made.job == job])
                kills += killed_again_and_again(story, draw)
        assert_promises_kept(story, {})
    score.note(kills=kills, months=months, violations=0)
    found = {key: amount for key, amount in trial_balance(story.books).items() if amount}
    expected = PAYABLE.expected_balance()
    assert found == {key: months * amount for key, amount in expected.items() if amount}


def test_a_second_worker_for_the_same_company_leaves_at_once(tmp_path: Path) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        story.expenses(ITEMS)
        story.press_export()
        with story.start("run") as first:
            assert first.stderr is not None
            first.stderr.readline()
            first.send_signal(
                signal.SIGSTOP
            )  # it holds the company, and is not done before the other has looked
            try:
                began = time.monotonic()
                code, _, stderr = story.call("run")
                assert code == ExitCode.BUSY
                assert "Another process is exporting" in stderr
                assert time.monotonic() - began < 10
            finally:
                first.send_signal(signal.SIGCONT)
            first.communicate(timeout=60)
        assert first.returncode == ExitCode.ALL_WELL
