from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.store import Store
from pleo_export.store.errors import (
    IllegalTransitionError,
    SecondEntryError,
    UnknownItemError,
    UnknownJobError,
)
from pleo_export.store.tables import NaiveDatetimeError
from tests.store.stores import JOB, NOON, StoppedClock, create_entry, opened, planned, reject, succeed

Step = Callable[[Store, str], Awaitable[object]]


async def intend(store: Store, entry_id: str) -> None:
    await store.intend(JOB, entry_id)


async def record(store: Store, entry_id: str) -> None:
    await store.recorded(JOB, entry_id)


async def report(store: Store, entry_id: str) -> None:
    await store.reported(JOB, [entry_id])


async def refuse_report(store: Store, entry_id: str) -> None:
    await store.report_refused(JOB, entry_id, "not part of this job")


# How to bring an item into each state, and the steps that are allowed from there with the phase they lead to.
WAYS: dict[str, list[Step]] = {
    "planned": [],
    "intended": [intend],
    "with an entry": [intend, create_entry],
    "recorded": [intend, create_entry, record],
    "rejected": [intend, reject],
    "recorded and reported": [intend, create_entry, record, report],
    "rejected and refused": [reject, refuse_report],
}
STEPS: list[Step] = [intend, create_entry, record, reject, report, refuse_report]
ALLOWED: dict[str, dict[Step, Phase]] = {
    "planned": {intend: Phase.INTENDED, reject: Phase.REJECTED},
    "intended": {create_entry: Phase.INTENDED, reject: Phase.REJECTED},
    "with an entry": {create_entry: Phase.INTENDED, record: Phase.RECORDED, reject: Phase.REJECTED},
    "recorded": {record: Phase.RECORDED, report: Phase.RECORDED, refuse_report: Phase.RECORDED},
    "rejected": {reject: Phase.REJECTED, report: Phase.REJECTED, refuse_report: Phase.REJECTED},
    "recorded and reported": {record: Phase.RECORDED, report: Phase.RECORDED},
    "rejected and refused": {reject: Phase.REJECTED, report: Phase.REJECTED, refuse_report: Phase.REJECTED},
}


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_an_item_takes_the_allowed_steps_and_refuses_all_others(
    url: str, state: str, step: Step
) -> None:
    async with planned(url, "e1") as store:
        for earlier in WAYS[state]:
            await earlier(store, "e1")
        before = await store.item(JOB, "e1")
        expected = ALLOWED[state].get(step)
        if expected:
            await step(store, "e1")
            assert (await store.item(JOB, "e1")).phase is expected
        else:
            with pytest.raises(IllegalTransitionError, match=rf"item e1 of job {JOB} cannot go from"):
                await step(store, "e1")
            assert await store.item(JOB, "e1") == before


async def test_a_refused_step_names_job_item_origin_and_target(url: str) -> None:
    async with planned(url, "e1") as store:
        with pytest.raises(IllegalTransitionError) as raised:
            await store.recorded(JOB, "e1")
        assert str(raised.value) == f"item e1 of job {JOB} cannot go from planned to recorded"
        await store.intend(JOB, "e1")
        with pytest.raises(IllegalTransitionError, match=r"from intended \(no entry known\) to recorded"):
            await store.recorded(JOB, "e1")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
async def test_an_item_that_was_never_planned_takes_no_step(url: str, step: Step) -> None:
    async with planned(url, "e1") as store:
        with pytest.raises(UnknownItemError, match="ghost"):
            await step(store, "ghost")
        with pytest.raises(UnknownItemError):
            await store.item(JOB, "ghost")
        assert len(await store.items(JOB)) == 1


async def test_all_that_is_known_of_an_entry_is_given_back_with_times_in_utc(url: str) -> None:
    at_two_in_berlin = datetime(2026, 3, 1, 14, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    async with planned(url, "e1") as store:
        await store.intend(JOB, "e1")
        await store.entry_created(
            JOB,
            "e1",
            external_id="JE-7",
            url=None,
            exported_at=at_two_in_berlin,
            posted_on=date(2026, 2, 28),
            already_there=True,
        )
        assert await store.item(JOB, "e1") == ItemProgress(
            job_id=JOB,
            accounting_entry_id="e1",
            position=0,
            phase=Phase.INTENDED,
            external_id="JE-7",
            exported_at=datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC),
            posted_on=date(2026, 2, 28),
            already_there=True,
            intended_at=NOON,
        )
        assert (await store.item(JOB, "e1")).exported_at.utcoffset() == timedelta(0)  # type: ignore[union-attr]


async def test_an_item_never_gets_a_second_entry(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.intend(JOB, "e1")
        await create_entry(store, "e1", "JE-1")
        with pytest.raises(SecondEntryError, match="stands as JE-1, so it cannot be JE-2 too"):
            await create_entry(store, "e1", "JE-2")
        assert (await store.item(JOB, "e1")).external_id == "JE-1"


async def test_of_several_rejections_the_first_stays(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.rejected(
            JOB, "e1", Rejection(Cause.OUTCOME_UNKNOWN, "Nobody can tell; check JE-1."), unknown=True
        )
        await reject(store, "e1", "something else")
        item = await store.item(JOB, "e1")
        assert (item.failure_code, item.failure_type, item.failure_reason, item.unknown) == (
            "outcome-unknown",
            "accounting_system_timeout",
            "Nobody can tell; check JE-1.",
            True,
        )


@pytest.mark.parametrize(
    ("with_the_entry", "at_the_end", "kept"),
    [(None, None, None), ("first", None, "first"), (None, "last", "last"), ("first", "last", "last")],
)
async def test_a_note_is_kept_with_a_recorded_item_and_the_last_one_counts(
    url: str, with_the_entry: str | None, at_the_end: str | None, kept: str | None
) -> None:
    async with planned(url, "e1") as store:
        await store.intend(JOB, "e1")
        assert (await create_entry(store, "e1", note=with_the_entry)).note == with_the_entry
        assert (await store.recorded(JOB, "e1", at_the_end)).note == kept
        assert (await store.recorded(JOB, "e1", "too late")).note == kept
        assert (await store.item(JOB, "e1")).note == kept


async def test_an_entry_that_is_complete_keeps_its_note(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.intend(JOB, "e1")
        item = await create_entry(store, "e1", complete=True, note="without receipt 2")
        assert (item.phase, item.note) == (Phase.RECORDED, "without receipt 2")


async def test_a_time_without_zone_is_refused_and_nothing_is_kept(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.intend(JOB, "e1")
        before = await store.item(JOB, "e1")
        with pytest.raises(NaiveDatetimeError, match="has no time zone"):
            await store.entry_created(
                JOB,
                "e1",
                external_id="JE-1",
                url=None,
                exported_at=NOON.replace(tzinfo=None),
                posted_on=date(2026, 3, 1),
            )
        assert await store.item(JOB, "e1") == before


async def test_planning_again_keeps_what_is_there_and_adds_the_new_behind(url: str) -> None:
    async with planned(url, "c", "a", "b") as store:
        await succeed(store, "a")
        await store.plan(JOB, ["b", "d", "a"])
        found = [(item.accounting_entry_id, item.phase) for item in await store.items(JOB)]
        assert found == [
            ("c", Phase.PLANNED),
            ("a", Phase.RECORDED),
            ("b", Phase.PLANNED),
            ("d", Phase.PLANNED),
        ]


async def test_the_same_expense_may_stand_in_two_jobs(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.see_job("job-2", "company-a")
        await store.plan("job-2", ["e1"])
        await store.intend("job-2", "e1")
        assert (await store.item(JOB, "e1")).phase is Phase.PLANNED


async def test_items_of_a_job_that_was_never_seen_cannot_be_planned(url: str) -> None:
    async with opened(url) as store:
        with pytest.raises(UnknownJobError, match="ghost"):
            await store.plan("ghost", ["e1"])
        assert await store.items("ghost") == []


async def test_unreported_are_the_final_items_pleo_has_not_answered_for_in_order(url: str) -> None:
    async with planned(url, "e4", "e3", "e2", "e1", "e0") as store:
        for entry_id in ("e1", "e3", "e4"):
            await succeed(store, entry_id)
        await reject(store, "e2")
        assert [item.accounting_entry_id for item in await store.unreported(JOB)] == ["e4", "e3", "e2", "e1"]
        await store.reported(JOB, ["e3"])
        await store.report_refused(JOB, "e2", "not part of this job")
        assert [item.accounting_entry_id for item in await store.unreported(JOB)] == ["e4", "e1"]
        assert (await store.item(JOB, "e2")).report_problem == "not part of this job"


async def test_the_first_report_counts_and_ends_an_earlier_refusal(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, "e1", clock=clock) as store:
        await reject(store, "e1")
        await store.report_refused(JOB, "e1", "try again")
        await store.reported(JOB, ["e1"])
        clock.forward(60)
        await store.reported(JOB, ["e1"])
        item = await store.item(JOB, "e1")
        assert (item.reported_at, item.report_problem) == (NOON, None)


async def test_a_report_with_one_unfinished_item_marks_none(url: str) -> None:
    async with planned(url, "e1", "e2", "e3") as store:
        await succeed(store, "e1")
        await store.intend(JOB, "e2")
        await reject(store, "e3")
        with pytest.raises(IllegalTransitionError, match=r"item e2 .* to reported"):
            await store.reported(JOB, ["e1", "e2", "e3"])
        assert len(await store.unreported(JOB)) == 2


async def test_an_empty_plan_and_an_empty_report_change_nothing(url: str) -> None:
    async with planned(url, "e1") as store:
        before = await store.items(JOB)
        await store.plan(JOB, [])
        await store.reported(JOB, [])
        assert await store.items(JOB) == before


@pytest.mark.parametrize("known", [False, True])
async def test_an_entry_that_is_complete_is_recorded_at_once(url: str, *, known: bool) -> None:
    async with planned(url, "e1", "e2") as store:
        await store.intend(JOB, "e1")
        if known:
            assert (await create_entry(store, "e1")).phase is Phase.INTENDED
        item = await create_entry(store, "e1", complete=True)
        assert item == await store.item(JOB, "e1")
        assert (item.phase, item.external_id, item.exported_at) == (Phase.RECORDED, "JE-1", NOON)
        with pytest.raises(IllegalTransitionError):
            await create_entry(store, "e2", complete=True)
        assert (await store.item(JOB, "e2")).phase is Phase.PLANNED


async def test_a_second_entry_is_refused_although_it_is_complete(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.intend(JOB, "e1")
        await create_entry(store, "e1", "JE-1")
        with pytest.raises(SecondEntryError):
            await create_entry(store, "e1", "JE-2", complete=True)
        item = await store.item(JOB, "e1")
        assert (item.phase, item.external_id) == (Phase.INTENDED, "JE-1")
