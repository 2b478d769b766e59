"""`kill -9` of the running job at random moments, then `run` again, until everything is done.

The oracle reads the ledger, Pleo's side and Pleo's log of calls only, never our own memory.
"""

import random
import time
from functools import partial
from pathlib import Path
from threading import Timer

import pytest

from pleo_export.accounting.ledger import trial_balance
from pleo_export.cli.common import ExitCode
from pleo_export.cli.scenarios import PAYABLE
from pleo_export.simulator.generator import PAYABLE_COUNT, generate
from pleo_export.simulator.hands import simulator_process
from pleo_export.testing.oracle import Evidence, Expected, ledger_entries, pleo_side
from pleo_export.testing.oracle import check as check_evidence
from tests.e2e.story import COMPANY_ID, Story, assert_ledger_clean

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS_MIN = 42
SEED = 20260105
ITEMS = 160
PAYABLE_KILLS_MIN = 12


def run_and_kill(story: Story, after_seconds: float, *, at_work: bool) -> int | None:
    """Start a run and kill it after a time, counted from the first sign of work or from the start of the process.

    Return None where it was killed, else its exit code.
    """
    with story.start("run") as process:
        assert process.stderr is not None
        if at_work:
            process.stderr.readline()
        timer = Timer(after_seconds, process.kill)
        timer.start()
        process.communicate(timeout=120)
        timer.cancel()
    return None if process.returncode == -9 else process.returncode


def test_each_expense_is_recorded_once_whenever_the_process_is_killed(tmp_path: Path) -> None:
    draw = random.Random(SEED)
    kills = 0
    jobs: list[tuple[str, list[str]]] = []
    with simulator_process() as url:
        story = Story(tmp_path, url)
        while kills < KILLS_MIN:
            seed = len(jobs)
            ids = story.expenses(ITEMS, seed=seed)
            jobs.append((story.press_export(ids), ids))
            while True:
                code = run_and_kill(story, draw.uniform(0.0, 0.6), at_work=draw.random() < 0.8)
                if code is not None:
                    assert code == ExitCode.ALL_WELL
                    break
                kills += 1
        assert kills >= KILLS_MIN
        check(story, jobs)


def test_bills_and_their_payments_meet_once_whenever_the_process_is_killed(tmp_path: Path) -> None:
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
                while run_and_kill(story, draw.uniform(0.0, 0.2), at_work=True) is None:
                    kills += 1
    assert {
        reference: len(paths) for reference, paths in story.entry_files().items() if len(paths) != 1
    } == {}
    found = {key: amount for key, amount in trial_balance(story.books).items() if amount}
    expected = PAYABLE.expected_balance()
    assert found == {key: months * amount for key, amount in expected.items() if amount}
    assert_ledger_clean(story.books)


def check(story: Story, jobs: list[tuple[str, list[str]]]) -> None:
    pleo = pleo_side(partial(story.bookkeeper.call, "GET"), [COMPANY_ID])
    expected = {one: Expected(outcome="successful", files=1) for _, ids in jobs for one in ids}
    books = ledger_entries(story.books)
    assert check_evidence(Evidence(books={COMPANY_ID: books}, pleo=pleo, expected=expected)) == []
    assert books.keys() == expected.keys()
    assert_ledger_clean(story.books)
    assert list((story.folder / "pleo-export.db.receipts" / COMPANY_ID).iterdir()) == []


def test_a_second_worker_for_the_same_company_leaves_at_once(tmp_path: Path) -> None:
    with simulator_process() as url:
        story = Story(tmp_path, url)
        story.expenses(ITEMS)
        story.press_export()
        with story.start("run") as first:
            assert first.stderr is not None
            first.stderr.readline()
            began = time.monotonic()
            code, _, stderr = story.call("run")
            assert code == ExitCode.BUSY
            assert "Another process is exporting" in stderr
            assert time.monotonic() - began < 10
            first.communicate(timeout=60)
        assert first.returncode == ExitCode.ALL_WELL
