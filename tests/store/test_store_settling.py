"""What a person may make of a failed item, and whose word counts where a job comes with the expense again."""

import asyncio
import threading
from collections.abc import Container
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Phase, Settled
from pleo_export.domain.reconciling import ENTRY_LOST, Difference, Told
from pleo_export.store import Store, settling
from pleo_export.store.errors import (
    IllegalTransitionError,
    NotToSettleError,
    UnknownItemError,
)
from pleo_export.store.settling import TOLD_OF_FAILURE, Settlement
from tests.store.stores import (
    COMPANY,
    JOB,
    NOON,
    StoppedClock,
    create_entry,
    opened,
    planned,
    reject,
    succeed,
)

LATER = "job-2"
FOUND = Settlement(
    how=Settled.LOOKED_UP, by="ada", external_id="JE-7", url="https://b/JE-7", posted_on=date(2026, 2, 27)
)
BY_HAND = Settlement(how=Settled.BY_HAND, by="ada", external_id="HAND-1")


async def lose(store: Store, entry_id: str = "e1") -> None:
    """Leave an item of which nobody knows whether it was recorded, as Pleo was told."""
    await store.intend(JOB, entry_id)
    await store.rejected(JOB, entry_id, Rejection(Cause.OUTCOME_UNKNOWN, "No answer."), unknown=True)
    await store.reported(JOB, [entry_id])


async def fail(store: Store, entry_id: str = "e1") -> None:
    """Leave an item that failed for a known reason, as Pleo was told."""
    await reject(store, entry_id)
    await store.reported(JOB, [entry_id])


async def end(store: Store) -> None:
    await store.closing(JOB, JobEventType.COMPLETED_WITH_ERRORS)
    await store.closed(JOB)


@pytest.mark.parametrize("settlement", [FOUND, BY_HAND])
async def test_an_unknown_item_that_is_settled_is_a_success_here_and_stays_a_failure_in_pleo(
    url: str, settlement: Settlement
) -> None:
    clock = StoppedClock()
    async with planned(url, "e1", clock=clock) as store:
        await lose(store)
        now = clock.forward(60)
        item = await store.settle(COMPANY, JOB, "e1", settlement)
        assert (item.phase, item.unknown, item.failure_code) == (Phase.RECORDED, False, None)
        assert (item.settled_how, item.settled_by, item.settled_at) == (settlement.how, "ada", now)
        assert (item.external_id, item.posted_on) == (settlement.external_id, settlement.posted_on)
        assert (item.reported_at, item.report_problem) == (NOON, TOLD_OF_FAILURE)
        assert await store.unreported(JOB) == []


async def test_after_the_job_an_unknown_item_is_settled_as_well(url: str) -> None:
    async with planned(url, "e1") as store:
        await lose(store)
        await end(store)
        item = await store.settle(COMPANY, JOB, "e1", FOUND)
        assert (item.phase, item.reported_at) == (Phase.RECORDED, NOON)


async def test_a_failure_for_a_known_reason_is_settled_by_hand_and_not_by_looking(url: str) -> None:
    async with planned(url, "e1") as store:
        await fail(store)
        with pytest.raises(NotToSettleError, match="for a known reason"):
            await store.settle(COMPANY, JOB, "e1", FOUND)
        assert (await store.settle(COMPANY, JOB, "e1", BY_HAND)).settled_how is Settled.BY_HAND


async def test_a_failure_on_its_way_to_pleo_is_not_settled_before_it_has_arrived(url: str) -> None:
    async with planned(url, "e1") as store:
        await reject(store, "e1")
        with pytest.raises(NotToSettleError, match="has not ended here"):
            await store.settle(COMPANY, JOB, "e1", BY_HAND)
        await store.report_refused(JOB, "e1", "not part of this job")
        item = await store.settle(COMPANY, JOB, "e1", BY_HAND)
        assert item.report_problem == "not part of this job"


async def test_of_a_failure_that_pleo_never_heard_of_nothing_is_said_to_be_told(url: str) -> None:
    async with planned(url, "e1") as store:
        await reject(store, "e1")
        await store.abandoned(JOB, "It expired.")
        item = await store.settle(COMPANY, JOB, "e1", BY_HAND)
        assert (item.reported_at, item.report_problem) == (None, None)


@pytest.mark.parametrize("settlement", [FOUND, BY_HAND])
async def test_what_is_being_worked_on_or_succeeded_is_not_settled(url: str, settlement: Settlement) -> None:
    async with planned(url, "waits", "begun", "done") as store:
        await store.intend(JOB, "begun")
        await succeed(store, "done")
        for entry_id in ("waits", "begun", "done"):
            before = await store.item(JOB, entry_id)
            why = "recorded already, as JE-done" if entry_id == "done" else "has not ended here"
            with pytest.raises(NotToSettleError, match=f"Expense {entry_id} .*{why}"):
                await store.settle(COMPANY, JOB, entry_id, settlement)
            assert await store.item(JOB, entry_id) == before
        await store.abandoned(JOB, "It expired.")
        assert (await store.settle(COMPANY, JOB, "begun", settlement)).phase is Phase.RECORDED
        with pytest.raises(NotToSettleError, match="nothing was recorded for it"):
            await store.settle(COMPANY, JOB, "waits", settlement)


async def test_nobody_settles_an_item_of_another_company_or_one_that_is_not_there(url: str) -> None:
    async with planned(url, "e1") as store:
        await fail(store)
        for company_id, job_id, entry_id in (
            ("company-b", JOB, "e1"),
            (COMPANY, "no job", "e1"),
            (COMPANY, JOB, "ghost"),
        ):
            with pytest.raises(UnknownItemError):
                await store.settle(company_id, job_id, entry_id, BY_HAND)
        assert (await store.item(JOB, "e1")).phase is Phase.REJECTED


async def test_an_entry_that_is_known_stays_the_only_one(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.intend(JOB, "e1")
        known = await create_entry(store, "e1", "JE-7")
        await fail(store)
        with pytest.raises(NotToSettleError, match="remembered as JE-7, and now HAND-1 is named"):
            await store.settle(COMPANY, JOB, "e1", BY_HAND)
        same = Settlement(how=Settled.BY_HAND, by="ada", external_id="JE-7")
        item = await store.settle(COMPANY, JOB, "e1", same)
        assert (item.external_url, item.posted_on) == (known.external_url, known.posted_on)


async def test_what_a_later_job_recorded_or_is_about_to_is_not_recorded_by_hand(url: str) -> None:
    async with planned(url, "e1") as store:
        await fail(store)
        await end(store)
        await store.see_job(LATER, COMPANY)
        await store.plan(LATER, ["e1"])
        with pytest.raises(NotToSettleError, match=LATER):
            await store.settle(COMPANY, JOB, "e1", BY_HAND)
        await store.intend(LATER, "e1")
        await create_entry(store, "e1", "JE-8", LATER, complete=True)
        with pytest.raises(NotToSettleError, match=f"{LATER}: its entry is remembered as JE-8"):
            await store.settle(COMPANY, JOB, "e1", BY_HAND)


async def test_what_was_recorded_by_hand_is_taken_over_by_the_companys_next_job(url: str) -> None:
    async with planned(url, "e1", "e2") as store:
        for entry_id in ("e1", "e2"):
            await fail(store, entry_id)
        await end(store)
        earlier = await store.settle(COMPANY, JOB, "e1", BY_HAND)
        await store.see_job(LATER, COMPANY)
        await store.plan(LATER, ["e1", "e2"])
        assert await store.by_hand(LATER) == {"e1"}
        item = await store.adopt(LATER, "e1")
        assert (item.phase, item.external_id, item.already_there) == (Phase.RECORDED, "HAND-1", True)
        assert (item.settled_how, item.settled_by) == (Settled.BY_HAND, "ada")
        assert (item.exported_at, item.reported_at) == (earlier.exported_at, None)
        assert await store.by_hand(LATER) == set()
        for entry_id in ("e1", "e2"):
            with pytest.raises(IllegalTransitionError):
                await store.adopt(LATER, entry_id)


async def test_a_wrong_word_is_corrected_by_another_and_the_last_one_counts(url: str) -> None:
    clock = StoppedClock()
    right = replace(BY_HAND, by="bo", external_id="HAND-2")
    async with planned(url, "e1", clock=clock) as store:
        await fail(store)
        await end(store)
        await store.settle(COMPANY, JOB, "e1", BY_HAND)
        await store.see_job(LATER, COMPANY)
        await store.plan(LATER, ["e1"])
        await store.adopt(LATER, "e1")
        with pytest.raises(NotToSettleError, match="has not ended here"):
            await store.settle(COMPANY, LATER, "e1", right)
        await store.reported(LATER, ["e1"])
        now = clock.forward(60)
        item = await store.settle(COMPANY, LATER, "e1", right)
        assert (item.external_id, item.settled_by, item.exported_at) == ("HAND-2", "bo", now)
        assert (item.reported_at, item.report_problem) == (NOON, None)
        with pytest.raises(NotToSettleError, match="recorded already, as HAND-2"):
            await store.settle(COMPANY, LATER, "e1", FOUND)
        await store.closing(LATER, JobEventType.COMPLETED)
        await store.closed(LATER)
        await store.see_job("job-3", COMPANY)
        await store.plan("job-3", ["e1"])
        assert (await store.adopt("job-3", "e1")).external_id == "HAND-2"


async def test_another_companys_word_about_the_same_expense_counts_for_nothing(url: str) -> None:
    async with planned(url, "e1") as store:
        await fail(store)
        await store.settle(COMPANY, JOB, "e1", BY_HAND)
        await store.see_job(LATER, "company-b")
        await store.plan(LATER, ["e1"])
        assert await store.by_hand(LATER) == set()
        with pytest.raises(IllegalTransitionError):
            await store.adopt(LATER, "e1")


async def test_an_expense_that_was_looked_up_is_found_again_and_not_taken_over(url: str) -> None:
    async with planned(url, "e1") as store:
        await lose(store)
        await store.settle(COMPANY, JOB, "e1", FOUND)
        await store.see_job(LATER, COMPANY)
        await store.plan(LATER, ["e1"])
        assert await store.by_hand(LATER) == set()


async def test_what_waits_for_pleo_is_kept_until_the_company_is_removed(url: str) -> None:
    async with opened(url) as store:
        await store.add_company(COMPANY, "A", "", "/")
        await store.wait_until(COMPANY, NOON)
        assert (await store.company(COMPANY)).waiting_until == NOON
        await store.remove_company(COMPANY)
        assert (await store.company(COMPANY)).waiting_until is None


async def test_old_secrets_of_one_kind_are_forgotten_and_no_others(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        for kind in ("passing", "lasting"):
            await store.keep_secret("a", kind, b"old")
        now = clock.forward(60)
        await store.keep_secret("b", "passing", b"new")
        assert await store.forget_secrets("passing", now) == 1
        assert [(one.company_id, one.kind) for one in await store.secrets()] == [
            ("a", "lasting"),
            ("b", "passing"),
        ]


@pytest.mark.slow
async def test_what_is_being_settled_by_hand_is_seen_by_a_worker_that_plans_it_at_the_same_time(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided, go_on = threading.Event(), threading.Event()
    settled = settling._settled

    def held_up(*facts: Any) -> Any:
        decided.set()
        assert go_on.wait(10)
        return settled(*facts)

    async with planned(url, "e1") as page, opened(url) as store:
        await fail(page)
        await end(page)
        await store.take_lease(COMPANY, 1, "a worker")
        worker = store.fenced(COMPANY, 1)
        await worker.see_job(LATER, COMPANY)

        async def plan() -> Container[str]:
            await worker.plan(LATER, ["e1"])
            return await worker.by_hand(LATER)

        monkeypatch.setattr(settling, "_settled", held_up)
        settling_it = asyncio.create_task(page.settle(COMPANY, JOB, "e1", BY_HAND))
        await asyncio.to_thread(decided.wait, 10)
        planning = asyncio.create_task(plan())
        await asyncio.wait([planning], timeout=0.5)  # it would be through by then, if nothing kept it
        go_on.set()
        assert (await settling_it).settled_how is Settled.BY_HAND
        assert await planning == {"e1"}


def differs(kind: Difference) -> Told:
    return Told(kind=kind, sentence="It differs.", remedy="Mend it.")


@pytest.mark.parametrize("kind", ENTRY_LOST)
async def test_an_entry_that_is_lost_gives_way_to_one_that_a_person_made(url: str, kind: Difference) -> None:
    clock = StoppedClock()
    async with planned(url, "e1", "e2", clock=clock) as store:
        for entry_id in ("e1", "e2"):
            await succeed(store, entry_id)
        await store.reported(JOB, ["e1", "e2"])
        await end(store)
        await store.reconciled(COMPANY, JOB, {"e1": differs(kind), "e2": differs(kind)})
        with pytest.raises(NotToSettleError):
            await store.settle(COMPANY, JOB, "e1", FOUND)
        now = clock.forward(60)
        item = await store.settle(COMPANY, JOB, "e1", BY_HAND)
        assert (item.phase, item.external_id, item.settled_how) == (Phase.RECORDED, "HAND-1", Settled.BY_HAND)
        assert (item.external_url, item.posted_on, item.exported_at) == (None, None, now), (
            "not the lost one's"
        )
        assert (item.reported_at, item.report_problem, item.told_as_failed) == (NOON, None, False)
        assert [one.accounting_entry_id for one in await store.differences(COMPANY)] == ["e2"]


async def test_only_an_entry_that_was_found_lost_gives_way(url: str) -> None:
    async with planned(url, "e1") as store:
        await succeed(store, "e1")
        await end(store)
        await store.reconciled(COMPANY, JOB, {"e1": differs(Difference.OTHER_CONTENT)})
        with pytest.raises(NotToSettleError):
            await store.settle(COMPANY, JOB, "e1", BY_HAND)
        assert len(await store.differences(COMPANY, JOB, "e1")) == 1


async def test_an_entry_that_is_lost_gives_way_wherever_else_it_is_remembered(url: str) -> None:
    async with planned(url, "e1") as store:
        await succeed(store, "e1")
        await end(store)
        await store.see_job(LATER, COMPANY)
        await store.plan(LATER, ["e1"])
        await store.intend(LATER, "e1")
        await create_entry(store, "e1", "JE-e1", LATER, complete=True)
        await store.closing(LATER, JobEventType.COMPLETED)
        await store.closed(LATER)
        await store.reconciled(COMPANY, LATER, {"e1": differs(Difference.ENTRY_MISSING)})
        assert (await store.settle(COMPANY, LATER, "e1", BY_HAND)).external_id == "HAND-1"
