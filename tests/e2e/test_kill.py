"""`kill -9` of the running job at random moments, then `run` again, until everything is done.

The oracle reads the ledger, Pleo's side and Pleo's log of calls only, never our own memory.
"""

import hashlib
import random
import re
import time
from collections import Counter
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from pleo_export.accounting.ledger import trial_balance
from pleo_export.cli.common import ExitCode
from pleo_export.cli.scenarios import PAYABLE
from pleo_export.simulator.generator import PAYABLE_COUNT, generate
from pleo_export.simulator.hands import simulator_process
from tests.e2e.story import COMPANY_ID, Story, assert_ledger_clean, events_of

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
    audit, company = story.audit(), story.company()
    expenses = {expense["accountingEntryId"]: expense for expense in company["expenses"]}
    entries = story.entry_files()
    expected = {entry_id for _, ids in jobs for entry_id in ids}
    assert entries.keys() == expected
    assert {entry_id: len(paths) for entry_id, paths in entries.items() if len(paths) != 1} == {}
    assert {expenses[entry_id]["exportStatus"] for entry_id in expected} == {"exported"}
    for entry_id in expected:
        assert expenses[entry_id]["externalId"] == entries[entry_id][0].stem
    for job_id, ids in jobs:
        assert story.job(job_id)["itemCounts"] == {"successful": len(ids)}
        assert events_of(audit, job_id) == Counter(started=1, completed=1)
        check_order_of_calls(audit, job_id)
    check_receipts(story, audit, expected)
    assert_ledger_clean(story.books)
    assert list((story.folder / "pleo-export.db.receipts" / COMPANY_ID).iterdir()) == []


def check_order_of_calls(audit: list[Any], job_id: str) -> None:
    closing = max(
        entry["sequence"]
        for entry in audit
        if entry["path"] == "/v3/export-job-events"
        and entry["body"]["jobId"] == job_id
        and entry["status"] == 202
    )
    updates = [entry for entry in audit if entry["method"] == "PUT" and job_id in entry["path"]]
    assert updates
    assert all(entry["sequence"] < closing for entry in updates)
    assert all(len(entry["body"]) <= 100 for entry in updates)


def check_receipts(story: Story, audit: list[Any], expected: set[str]) -> None:
    """Each receipt stands once beside its entry, and its digest is the one that its directive names."""
    directives = Counter[str]()
    for path in story.books.glob("[0-9]*/*/*.beancount"):
        text = path.read_text(encoding="utf-8")
        for name, digest in re.findall(r' document \S+ "([^"]+)".*?sha256: "(\w+)"', text, re.DOTALL):
            directives[name[:36]] += 1
            assert hashlib.sha256((path.parent / name).read_bytes()).hexdigest() == digest
    assert directives == Counter(dict.fromkeys(expected, 1))


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
