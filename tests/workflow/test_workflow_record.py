import asyncio
import gc
from datetime import date
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryBooks
from pleo_export.accounting.port import (
    ClosedPeriod,
    EntryRefusedError,
    ForbiddenError,
    RateLimitedError,
    Recorded,
    UnauthorisedError,
    UnreachableError,
)
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Attachment, Entry, StoredFile
from pleo_export.domain.job import ItemStatus, ItemUpdate, ItemUpdateError, ItemUpdateResult
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.domain.settings import BookkeepingSettings, ClosedPeriodStrategy
from pleo_export.pleo.retrying import Before, at_any_time
from pleo_export.store import Store, sqlite_url
from pleo_export.store.errors import StoreFullError
from pleo_export.testing.faults import Verb
from pleo_export.workflow.fetch import Work
from pleo_export.workflow.pace import Pace
from pleo_export.workflow.ports import ItemSettled, JobSummary, Receipts
from pleo_export.workflow.problems import StoppedError
from pleo_export.workflow.turns import Turn, Turns
from tests.workflow.workflow_scene import BOOKS, NOON, Around, Scene, at, eid, expense


class BrokenReceipts:
    """Receipts of a program with a bug."""

    async def download(self, attachment: Attachment) -> StoredFile:
        raise ZeroDivisionError


class Mover(Around):
    """An accounting system that quietly posts on the first of June."""

    async def record(self, entry: Entry) -> Recorded:
        recorded: Recorded = await self.inner.record(entry)
        return replace(recorded, posted=date(2026, 6, 1))


class FullDisk(Around):
    """A store that cannot keep what became of an entry."""

    def __init__(self, scene: Scene, inner: object) -> None:
        super().__init__(inner)
        self._path = scene.folder / "store.db"

    async def entry_created(self, job_id: str, entry_id: str, **_facts: object) -> None:
        raise StoreFullError(self._path)


class Counting(Around):
    """A store that notes what is recorded in a step of its own."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner)
        self.recorded_later: list[str] = []

    async def recorded(self, job_id: str, entry_id: str, note: str | None = None) -> ItemProgress:
        self.recorded_later.append(entry_id)
        item: ItemProgress = await self.inner.recorded(job_id, entry_id, note)
        return item


class Refusing(Around):
    """Pleo's client, to which Pleo refuses the mark of expense 2."""

    async def update_items(
        self, job_id: str, updates: list[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        refused = ItemUpdate(accounting_entry_id=eid(2), status=ItemStatus.IN_PROGRESS)
        result: ItemUpdateResult = await self.inner.update_items(
            job_id, [one for one in updates if one != refused], before
        )
        error = ItemUpdateError(
            accounting_entry_id=eid(2), message="Locked.", type="ACCOUNTING_ENTRY_UPDATE_FAILED"
        )
        return replace(result, errors=(error,)) if refused in updates else result


def of(summary: JobSummary, number: int) -> ItemProgress:
    return next(item for item in summary.items if item.accounting_entry_id == eid(number))


def locked(scene: Scene, through: date) -> None:
    scene.use_books(MemoryBooks(replace(BOOKS, locked_through=through)))


async def test_a_rejected_expense_does_not_stop_the_others(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2, account="9999"), expense(3))
    summary = await scene.run_one()
    assert scene.booked() == [1, 3]
    assert of(summary, 2).failure_type == "account_unknown"
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "failed", 3: "successful"}


async def test_what_the_accounting_system_refuses_is_told_in_its_words(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.faults.order(Verb.RECORD, EntryRefusedError("The journal is full.", Cause.SYSTEM_FORBIDDEN))
    summary = await scene.run_one()
    assert scene.booked() == [2]
    assert of(summary, 1).failure_code == "system-forbidden"
    assert "lack a right: The journal is full. Give the user" in str(of(summary, 1).failure_reason)
    assert (await scene.company.outcomes(job_id))[1]["failureReasonType"] == "authorization_failure"


async def test_a_bug_of_the_connector_costs_one_expense_and_is_told_as_unknown(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2), expense(3))
    scene.connector.before = at("record", 2, ZeroDivisionError())
    item = of(await scene.run_one(), 2)
    assert scene.booked() == [1, 3]
    assert item.unknown
    assert f"Look for the reference {eid(2)} in memory" in str(item.failure_reason)
    assert (await scene.company.outcomes(job_id))[2]["failureReasonType"] == "unexpected_failure"
    assert "ZeroDivisionError" in caplog.text


async def test_a_bug_before_the_intent_is_told_as_not_recorded(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf"]), expense(2))
    receipts: Receipts = BrokenReceipts()
    item = of(await scene.run_one(receipts=receipts), 1)
    assert scene.booked() == [2]
    assert not item.unknown
    assert item.failure_code == "fault-before-recording"
    assert "(ZeroDivisionError). Nothing was recorded." in str(item.failure_reason)


async def test_a_bug_after_the_entry_was_made_names_the_entry(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf"]))
    scene.connector.before = at("attach", 1, ZeroDivisionError())
    item = of(await scene.run_one(), 1)
    assert not item.unknown
    assert str(item.failure_reason).endswith(f"Its entry ({eid(1)}) stands in memory all the same.")


async def test_no_more_entries_are_recorded_at_once_than_the_system_takes(scene: Scene) -> None:
    scene.connector.change(concurrency=3)
    await scene.company.job_of(*(expense(number) for number in range(1, 10)))
    three = asyncio.Barrier(3)  # would wait for ever if fewer came at once

    async def meet(_verb: str, _reference: str) -> None:
        await three.wait()

    scene.connector.before = meet
    await scene.run_one()
    assert scene.connector.busiest == 3
    assert len(scene.booked()) == 9


@pytest.mark.slow
async def test_what_was_learnt_of_the_systems_pace_in_one_job_counts_in_the_next(scene: Scene) -> None:
    pace = Pace(scene.clock.sleep, 1)
    await scene.company.job_of(expense(1))
    await scene.company.pass_time(1)
    await scene.company.job_of(expense(2))
    with patch.object(pace, "turn", wraps=pace.turn) as turn:
        await scene.run(pace=pace)
    assert len(scene.books.entries) == 2
    assert [verb for verb, _ in scene.connector.calls].count("record") == 2
    assert turn.call_count == len(scene.connector.calls)


async def test_the_intent_is_durable_before_the_accounting_system_is_called(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    phases: list[Phase] = []

    async def look(verb: str, reference: str) -> None:
        assert verb == "record"
        other = await Store.open(sqlite_url(scene.folder / "store.db"), scene.clock.now)
        phases.append((await other.item(job_id, reference)).phase)
        await other.close()

    scene.connector.before = look
    await scene.run_one()
    assert phases == [Phase.INTENDED, Phase.INTENDED]


async def test_an_expense_that_pleo_refuses_to_mark_is_not_recorded(scene: Scene) -> None:
    await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        item = of(await scene.run_one(pleo=Refusing(parts.pleo)), 2)
    assert scene.booked() == [1]
    assert "Pleo refused to mark this expense as being exported, so nothing was recorded: Locked." in str(
        item.failure_reason
    )


async def test_an_unreachable_accounting_system_fails_the_expense_after_three_tries(scene: Scene) -> None:
    scene.connector.change(concurrency=1)
    scene.draw = 1.0
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.faults.order(Verb.RECORD, UnreachableError("The ledger is switched off."), times=3)
    item = of(await scene.run_one(), 1)
    assert "The accounting system was not reached: The ledger is switched off." in str(item.failure_reason)
    assert not item.unknown
    assert (await scene.company.outcomes(job_id))[1]["failureReasonType"] == "accounting_system_unreachable"
    assert scene.connector.asked("record") == [eid(1)] * 3 + [eid(2)]
    assert [seconds for seconds in scene.clock.slept if seconds < 30] == [2.0, 4.0]
    assert scene.booked() == [2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnauthorisedError("login"), "accounting_system_authentication_failure"),
        (ForbiddenError("right"), "authorization_failure"),
        (RateLimitedError(86_400), "accounting_system_rate_limit"),
    ],
)
async def test_what_cannot_get_better_soon_is_not_tried_again(
    scene: Scene, error: Exception, kind: str
) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.faults.order(Verb.RECORD, error)
    await scene.run_one()
    assert (await scene.company.outcomes(job_id))[1]["failureReasonType"] == kind
    assert scene.connector.asked("record") == [eid(1)]


async def test_a_rate_limit_is_waited_for_as_long_as_asked(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.faults.order(Verb.RECORD, RateLimitedError(7))
    assert (await scene.run_one()).event == "completed"
    assert any(6.9 < seconds <= 7 for seconds in scene.clock.slept)


async def test_a_closed_period_fails_the_expense_where_the_company_wants_that(scene: Scene) -> None:
    locked(scene, date(2026, 5, 10))
    job_id = await scene.company.job_of(expense(1, day=10), expense(2, day=11))
    await scene.run_one()
    assert scene.booked() == [2]
    failed = (await scene.company.outcomes(job_id))[1]
    assert failed["failureReasonType"] == "accounting_system_validation_failure"
    assert "2026-05-10 is closed; the first open day is 2026-05-11" in failed["failureReason"]
    assert "Open it in the accounting system" in failed["failureReason"]


@pytest.mark.parametrize(
    ("strategy", "day"),
    [(ClosedPeriodStrategy.TODAY, NOON.date()), (ClosedPeriodStrategy.NEXT_OPEN, date(2026, 5, 11))],
)
async def test_a_closed_period_moves_the_entry_where_the_company_wants_that(
    scene: Scene, strategy: ClosedPeriodStrategy, day: date
) -> None:
    locked(scene, date(2026, 5, 10))
    scene.bookkeeping = BookkeepingSettings(closed_period=strategy)
    await scene.company.job_of(expense(1, day=10))
    item = of(await scene.run_one(), 1)
    entry = scene.books.entries[eid(1)]
    assert item.posted_on == entry.posting_date == day
    assert entry.expense_date == date(2026, 5, 10)


async def test_the_date_is_adjusted_once_and_then_the_expense_fails(scene: Scene) -> None:
    locked(scene, date(2026, 12, 31))
    scene.bookkeeping = BookkeepingSettings(closed_period=ClosedPeriodStrategy.TODAY)
    await scene.company.job_of(expense(1))
    item = of(await scene.run_one(), 1)
    assert scene.connector.asked("record") == [eid(1)] * 2
    assert "2026-06-01 is closed" in str(item.failure_reason)


@pytest.mark.parametrize("strategy", list(ClosedPeriodStrategy))
async def test_a_date_that_the_system_moves_by_itself_is_an_error_unless_dates_may_move(
    scene: Scene, strategy: ClosedPeriodStrategy
) -> None:
    scene.bookkeeping = BookkeepingSettings(closed_period=strategy)
    scene.connector.inner = Mover(scene.connector.inner)
    scene.connector.change(closed_period=ClosedPeriod.MOVES_THE_DATE)
    await scene.company.job_of(expense(1))
    item = of(await scene.run_one(), 1)
    if strategy is ClosedPeriodStrategy.FAIL:
        assert "posted this expense on 2026-06-01 in place of 2026-05-01" in str(item.failure_reason)
        assert f"Its entry ({eid(1)}) stands in memory" in str(item.failure_reason)
    else:
        assert (item.phase, item.posted_on) == (Phase.RECORDED, date(2026, 6, 1))


@pytest.mark.slow
async def test_an_expense_exported_again_is_recognised_and_not_recorded_again(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf"]))
    first = await scene.run_one()
    entry = scene.books.entries[eid(1)]
    again = await scene.company.press_export(1)
    second = await scene.run_one()
    assert (of(first, 1).already_there, of(second, 1).already_there) == (False, True)
    assert scene.books.entries == {eid(1): entry}
    assert len(scene.books.files[eid(1)]) == 1
    assert (await scene.company.outcomes(again))[1]["externalId"] == eid(1)


@pytest.mark.slow
async def test_the_same_reference_with_other_content_is_an_explicit_failure(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    await scene.run_one()
    entry = scene.books.entries[eid(1)]
    other = {name: expense(5)[name] for name in ("amount", "accountingEntryLines")}
    await scene.company.control("PUT", f"/companies/{scene.company.id}/expenses/{eid(1)}", other)
    await scene.company.press_export(1)
    item = of(await scene.run_one(), 1)
    assert item.failure_type == "accounting_system_validation_failure"
    assert f"already holds an entry for this expense ({eid(1)}) with other content" in str(
        item.failure_reason
    )
    assert scene.books.entries == {eid(1): entry}


async def test_a_full_disk_of_ours_stops_the_run_and_blames_no_expense(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        with pytest.raises(StoreFullError):
            await scene.run(store=FullDisk(scene, parts.store))
    assert await scene.company.statuses(job_id) == {1: "in_progress"}
    assert (await scene.run_one()).event == "completed"
    assert scene.booked() == [1]


async def test_an_entry_names_the_job_it_came_with(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.run_one()
    assert scene.books.entries[eid(1)].job_id == job_id


async def test_an_expense_without_receipts_is_recorded_in_the_commit_that_keeps_its_identity(
    scene: Scene,
) -> None:
    await scene.company.job_of(expense(1), expense(2, files=["pdf"]))
    async with scene.parts() as parts:
        store = Counting(parts.store)
        summary = await scene.run_one(store=store)
    assert {item.phase for item in summary.items} == {Phase.RECORDED}
    assert store.recorded_later == [eid(2)]
    settled = [notice for notice in scene.notices if isinstance(notice, ItemSettled)]
    assert len(settled) == 2


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1, 2])
async def test_work_that_is_asked_to_stop_finishes_what_was_begun_and_goes_on_later(
    scene: Scene, after: int
) -> None:
    job_id = await scene.company.job_of(*(expense(number, day=number) for number in range(1, 21)))
    with pytest.raises(StoppedError):
        await scene.run(stopping=lambda: len(scene.books.entries) >= after)
    begun = len(scene.books.entries)
    assert begun < 20
    told = await scene.company.statuses(job_id)
    assert list(told.values()).count("successful") == begun
    summary = await scene.run_one()
    assert scene.booked() == list(range(1, 21))
    assert {item.phase for item in summary.items} == {Phase.RECORDED}
    assert (await scene.company.event_names(job_id))[-1] == "completed"


def of_jobs() -> list[Turn | Turns | Work]:
    return [one for one in gc.get_objects() if isinstance(one, Turn | Turns | Work)]


@pytest.mark.slow
async def test_what_a_job_held_is_freed_at_its_end_and_not_when_garbage_is_collected(scene: Scene) -> None:
    await scene.company.job_of(*(expense(number) for number in range(1, 11)))
    before = of_jobs()  # of other tests
    gc.disable()
    try:
        await scene.run_one()
        left = of_jobs()
    finally:
        gc.enable()
    assert scene.booked() == list(range(1, 11))
    assert len(left) == len(before)
