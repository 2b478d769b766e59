"""The store against a small model of what it should remember, whatever the order of the steps."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Phase
from pleo_export.store import Store, sqlite_url
from pleo_export.store.errors import ContradictionError
from tests.fuzz.fuzzing import first_seed, sized
from tests.scorecard.plugin import Score
from tests.scorecard.seeds import replayable
from tests.store.stores import COMPANY, StoppedClock, create_entry

pytestmark = [pytest.mark.slow, pytest.mark.scorecard("I")]

FINAL = {Phase.RECORDED, Phase.REJECTED}
ENTRIES = ("e1", "e2", "e3")
ENTRY = st.sampled_from(ENTRIES)
CLOSINGS = st.sampled_from([JobEventType.COMPLETED, JobEventType.COMPLETED_WITH_ERRORS])


@dataclass
class Item:
    """What the store should know of an item."""

    phase: Phase = Phase.PLANNED
    external_id: str | None = None
    unknown: bool = False
    reported: bool = False
    problem: bool = False


class Memory(RuleBasedStateMachine):
    """The steps of a job and its items in any order; those that contradict what is known are refused and change nothing."""

    store: ClassVar[Store]
    runner: ClassVar[asyncio.Runner]
    score: ClassVar[Score]
    numbers: ClassVar[Iterator[int]]

    @initialize()
    def a_job(self) -> None:
        self.score.note(examples=1)
        self.job = f"job-{next(self.numbers)}"
        self.items: dict[str, Item] = {}
        self.closing: JobEventType | None = None
        self.closed = self.given_up = False
        self.runner.run(self.store.see_job(self.job, COMPANY))

    def taken(self, allowed: bool, step: Coroutine[Any, Any, object]) -> None:  # noqa: FBT001  drawn
        """Take the step, which is either allowed or refused as a contradiction."""
        try:
            self.runner.run(step)
        except ContradictionError:
            assert not allowed
        else:
            assert allowed

    @rule(entries=st.lists(ENTRY, unique=True))
    def plan(self, entries: Sequence[str]) -> None:
        self.runner.run(self.store.plan(self.job, entries))
        for entry in entries:
            self.items.setdefault(entry, Item())

    @rule(entry=ENTRY)
    def intend(self, entry: str) -> None:
        allowed = entry in self.items and self.items[entry].phase is Phase.PLANNED
        self.taken(allowed, self.store.intend(self.job, entry))
        if allowed:
            self.items[entry].phase = Phase.INTENDED

    @rule(entry=ENTRY, external_id=st.sampled_from(["JE-1", "JE-2"]), complete=st.booleans())
    def create(self, entry: str, external_id: str, complete: bool) -> None:  # noqa: FBT001  drawn
        item = self.items.get(entry)
        allowed = (
            item is not None and item.phase is Phase.INTENDED and item.external_id in {None, external_id}
        )
        self.taken(allowed, create_entry(self.store, entry, external_id, self.job, complete=complete))
        if item is not None and allowed:
            item.external_id = external_id
            item.phase = Phase.RECORDED if complete else Phase.INTENDED

    @rule(entry=ENTRY)
    def record(self, entry: str) -> None:
        item = self.items.get(entry)
        with_entry = item is not None and item.phase is Phase.INTENDED and item.external_id is not None
        allowed = item is not None and (with_entry or item.phase is Phase.RECORDED)
        self.taken(allowed, self.store.recorded(self.job, entry))
        if item is not None and allowed:
            item.phase = Phase.RECORDED

    @rule(entry=ENTRY, unknown=st.booleans())
    def reject(self, entry: str, unknown: bool) -> None:  # noqa: FBT001  drawn
        item = self.items.get(entry)
        allowed = item is not None and item.phase is not Phase.RECORDED
        why = Rejection(Cause.ACCOUNT_UNKNOWN, "Nobody knows it.")
        self.taken(allowed, self.store.rejected(self.job, entry, why, unknown=unknown))
        if item is not None and allowed and item.phase is not Phase.REJECTED:
            item.phase, item.unknown = Phase.REJECTED, unknown

    @rule(entries=st.lists(ENTRY, unique=True, min_size=1))
    def report(self, entries: Sequence[str]) -> None:
        allowed = all(entry in self.items and self.items[entry].phase in FINAL for entry in entries)
        self.taken(allowed, self.store.reported(self.job, entries))
        for entry in entries if allowed else ():
            self.items[entry].reported, self.items[entry].problem = True, False

    @rule(entry=ENTRY)
    def refuse_report(self, entry: str) -> None:
        item = self.items.get(entry)
        allowed = item is not None and item.phase in FINAL and not item.reported
        self.taken(allowed, self.store.report_refused(self.job, entry, "not of this job"))
        if item is not None and allowed:
            item.problem = True

    @rule(event=CLOSINGS)
    def decide(self, event: JobEventType) -> None:
        undecided = self.closing is None and not self.closed and not self.given_up
        allowed = undecided or self.closing is event
        self.taken(allowed, self.store.closing(self.job, event))
        if allowed:
            self.closing = event

    @rule()
    def close(self) -> None:
        allowed = self.closing is not None
        self.taken(allowed, self.store.closed(self.job))
        if allowed:
            self.closed, self.given_up = True, False

    @rule()
    def give_up(self) -> None:
        allowed = not self.closed
        self.taken(allowed, self.store.abandoned(self.job, "It expired."))
        self.given_up = self.given_up or allowed

    @rule()
    def seen_again(self) -> None:
        """Pleo shows the job as unfinished: no end of it holds, but the decision how it ends does."""
        self.runner.run(self.store.see_job(self.job, COMPANY))
        self.closed = self.given_up = False

    @invariant()
    def what_is_remembered_is_what_happened(self) -> None:
        found = {one.accounting_entry_id: one for one in self.runner.run(self.store.items(self.job))}
        seen = {
            entry: Item(
                one.phase,
                one.external_id,
                one.unknown,
                one.reported_at is not None,
                one.report_problem is not None,
            )
            for entry, one in found.items()
        }
        assert seen == self.items
        waiting = {
            entry
            for entry, item in self.items.items()
            if item.phase in FINAL and not item.reported and not item.problem
        }
        assert {
            one.accounting_entry_id for one in self.runner.run(self.store.unreported(self.job))
        } == waiting
        job = self.runner.run(self.store.job(self.job))
        assert job.closing_event is self.closing
        assert (job.closed_at is not None, job.problem is not None) == (self.closed, self.given_up)


def test_the_memory_is_what_happened_in_whatever_order_it_happened(tmp_path: Path, score: Score) -> None:
    drawn = first_seed()
    score.note(uncaught=0)
    with asyncio.Runner() as runner:
        Memory.store = runner.run(Store.open(sqlite_url(tmp_path / "store.db"), StoppedClock()))
        Memory.runner, Memory.score, Memory.numbers = runner, score, count()
        try:
            with replayable(drawn):
                run_state_machine_as_test(seed(drawn)(Memory), settings=sized(40, 3_000))
        finally:
            runner.run(Memory.store.close())
