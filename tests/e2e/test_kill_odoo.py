"""`kill -9` of the running job, and of Odoo itself, while the books are in a real Odoo; then `run`, until it is done.

The oracle reads Odoo and Pleo's side only, never our own memory.
"""

import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest

from pleo_export.cli.demo_odoo_company import chart_of
from pleo_export.cli.scenarios import PAYABLE
from pleo_export.domain.entry import EntryState
from pleo_export.simulator.generator import PAYABLE_COUNT, generate
from pleo_export.simulator.hands import simulator_process
from pleo_export.testing.processes import KILLED
from tests.e2e.gate import Gate, gate_before
from tests.e2e.odoo_oracle import OdooOracle
from tests.e2e.odoo_story import settings_for
from tests.e2e.story import COMPANY_ID, Story, events_of
from tests.e2e.test_kill import run_and_kill
from tests.odoo.server import OdooDatabase, OdooServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS_MIN = {EntryState.FINAL: 40, EntryState.DRAFT: 20}
KILLS_OF_A_JOB_MAX = 20
ODOO_KILLS = 2
SHARE_OF_ANY_MOMENT = 0.2
RUN_SECONDS_MAX = 120
UNDER_WAY = {"pending", "in_progress"}
SEED = 20260105
# In each of these a process must have died: loading a batch, matching, attaching; and posting, where that is asked for.
STEPS = {"account.move/load", "account.move.line/reconcile", "ir.attachment/load"}
POSTING = {EntryState.FINAL: {"account.move/action_post"}, EntryState.DRAFT: set[str]()}
STANDS = {EntryState.FINAL: "posted", EntryState.DRAFT: "draft"}


class Company:
    """A company that books through vendors, its books in Odoo behind a gate; a month is two exports."""

    def __init__(self, folder: Path, url: str, odoo: OdooDatabase, gate: Gate, posting: EntryState) -> None:
        settings = {**settings_for(odoo, folder, PAYABLE), "bookkeeping.posting": posting.value}
        self.posting = posting
        self.story = Story(
            folder, url, settings={**settings, "odoo.url": gate.url}, chart=PAYABLE.chart_text()
        )
        self.gate, self.oracle = gate, OdooOracle(odoo, settings["odoo.company_id"])
        self.months, self.jobs = 0, dict[str, list[str]]()
        self.expected = set[str]()

    def exports(self) -> Iterator[str]:
        """Press Export for both halves of the next month, one after the other."""
        self.months += 1
        month = generate(self.months, PAYABLE_COUNT, "payable", company_id=COMPANY_ID)
        ids = self.story.expenses(PAYABLE_COUNT, scenario="payable", seed=self.months)
        self.expected |= {one for one, made in zip(ids, month, strict=True) if made.must_fail is None}
        for job in (1, 2):
            pressed = [one for one, made in zip(ids, month, strict=True) if made.job == job]
            job_id = self.story.press_export(pressed)
            self.jobs[job_id] = pressed
            yield job_id

    def run_and_strike(
        self, change: int, seconds: float, strike: Callable[[subprocess.Popen[str]], None]
    ) -> tuple[int, str | None]:
        """Run, and strike `seconds` after a call that changes something reached Odoo: the nth, as `change` says.

        Return the exit code, and that call or None where there were fewer.
        """
        calls: list[str] = []
        moment = SimpleQueue[str | None]()

        def note(call: str) -> None:
            calls.append(call)
            if len(calls) == change:
                moment.put(call)

        self.gate.on_change = note
        with self.story.start("run") as process:

            def note_the_end() -> None:
                process.wait()
                moment.put(None)

            ending = Thread(target=note_the_end)
            ending.start()
            try:
                call = moment.get()
                if call is not None:
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(seconds)
                    strike(process)
                process.communicate(timeout=RUN_SECONDS_MAX)
            finally:
                process.kill()
                ending.join()
        return process.returncode, call

    def check(self) -> None:
        """Each expense stands in Odoo once and whole, Pleo was told so, and what belongs together is matched."""
        self.check_each()
        names = chart_of(PAYABLE).names
        found = self.oracle.balance().items()
        balance = {(names[code], currency): total for (code, currency), total in found}
        expected = PAYABLE.expected_balance()
        assert balance == {key: self.months * amount for key, amount in expected.items() if amount}

    def check_each(self) -> None:
        """Each expense stands in Odoo once and whole, and Pleo was told so."""
        oracle = self.oracle
        entries = {owner: str(number) for number, owner in oracle.owners.items() if owner in self.expected}
        assert entries.keys() == self.expected
        ours = [owner for owner in oracle.owners.values() if owner]
        assert {owner[:36] for owner in ours} == self.expected
        assert [owner for owner, times in Counter(ours).items() if times > 1] == []
        assert {state for _, state, *_ in oracle.documents()} == {f'"{STANDS[self.posting]}"'}
        assert [file for file, times in oracle.files().items() if times > 1] == []
        self._check_pleo(entries)

    def _check_pleo(self, entries: Mapping[str, str]) -> None:
        audit, company = self.story.audit(), self.story.company()
        ids = {one["accountingEntryId"]: one.get("externalId") for one in company["expenses"]}
        assert {one: number for one, number in ids.items() if number} == entries
        for job_id, pressed in self.jobs.items():
            fails = len(set(pressed) - self.expected)
            ending = "completed_with_errors" if fails else "completed"
            assert events_of(audit, job_id) == Counter(("started", ending))
            counts = self.story.job(job_id)["itemCounts"]
            assert counts == {"successful": len(pressed) - fails} | ({"failed": fails} if fails else {})
        said = {
            (one["accountingEntryId"], one["status"], one.get("externalId"))
            for call in audit
            if call["method"] == "PUT" and call["status"] == HTTPStatus.OK
            for one in call["body"]
            if one["status"] != "in_progress"
        }
        assert len(said) == sum(map(len, self.jobs.values()))


@contextmanager
def company_in(odoo: OdooDatabase, folder: Path, posting: EntryState = EntryState.FINAL) -> Iterator[Company]:
    folder.mkdir()
    with simulator_process() as url, gate_before(odoo.url) as gate:
        yield Company(folder, url, odoo, gate, posting)


@pytest.mark.parametrize("posting", list(EntryState))
def test_each_expense_stands_in_odoo_once_whenever_the_process_is_killed(
    odoo: OdooDatabase, odoo_server: OdooServer, tmp_path: Path, posting: EntryState
) -> None:
    draw = random.Random(SEED)
    kills = Counter[str]()
    with company_in(odoo, tmp_path / "killed", posting) as company:
        # How far a run comes before it is killed depends on the machine; a step that was missed costs another month.
        while kills.total() < KILLS_MIN[posting] or not kills.keys() >= STEPS | POSTING[posting]:
            for _ in company.exports():
                kills.update(killed_in_a_job(company, draw))
        company.check()
    with company_in(odoo_server.fresh("other"), tmp_path / "left-alone", posting) as other:
        for _ in range(company.months):
            for _ in other.exports():
                other.story.call("run")
        other.check()
    assert other.expected == company.expected
    assert company.oracle.documents() == other.oracle.documents()
    assert company.oracle.lines() == other.oracle.lines()
    assert company.oracle.files() == other.oracle.files()
    assert company.oracle.matches() == other.oracle.matches()


def killed_in_a_job(company: Company, draw: random.Random) -> Iterator[str]:
    """Run until the job is done, and kill it up to so many times; yield what was under way each time."""
    for _ in range(KILLS_OF_A_JOB_MAX):
        call = run_once(company, draw)
        if call is None:
            return
        yield call
    company.story.call("run")


def run_once(company: Company, draw: random.Random) -> str | None:
    """Run, and kill the process at a moment of its work or around a call; return what was under way, None if it ended."""
    if draw.random() < SHARE_OF_ANY_MOMENT:
        code = run_and_kill(company.story, draw.uniform(0.0, 2.5))
        return "any moment" if code == KILLED else None
    code, call = company.run_and_strike(draw.randint(1, 4), draw.uniform(0.0, 0.4), subprocess.Popen.kill)
    return call if code == -signal.SIGKILL else None


def test_an_odoo_that_is_killed_and_comes_back_makes_each_expense_once(
    odoo: OdooDatabase, odoo_server: OdooServer, tmp_path: Path
) -> None:
    draw = random.Random(SEED)
    back: list[int] = []

    def restart(_: object) -> None:
        odoo_server.kill()
        odoo_server.start()
        back.append(odoo_server.process.pid)

    with company_in(odoo, tmp_path / "killed") as company:
        for job_id in company.exports():
            company.run_and_strike(draw.randint(1, 8), draw.uniform(0.0, 0.4), restart)
            while company.story.job(job_id)["status"] in UNDER_WAY:
                company.story.call("run")
        # An expense whose answer was lost is looked up after the others: a payment that came back may be recorded before
        # the one it takes back, and then stands unmatched, which the trial balance shows.
        company.check_each()
    assert len(back) == ODOO_KILLS
