import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from pleo_export.domain.job import ItemStatus, ItemUpdate, ItemUpdateResult
from pleo_export.domain.progress import Phase
from pleo_export.pleo import limits
from pleo_export.pleo.errors import (
    ExportJobStatusUnprocessableError,
    Facts,
    PleoNoAnswerError,
    PleoUnavailableError,
    ValidationFailedError,
)
from pleo_export.pleo.retrying import Before, at_any_time
from pleo_export.workflow.detect import detect_and_start
from pleo_export.workflow.ports import ItemSettled, Notice
from pleo_export.workflow.report import FINISH_SECONDS, REPORT_SECONDS_MAX, Reporter
from tests.workflow.workflow_scene import (
    Around,
    ChangeSettings,
    Crash,
    Scene,
    at,
    eid,
    expense,
    nothing,
    with_parts,
)

MORE_THAN_AN_UPDATE = limits.items_per_update_max + 1
FINAL = (ItemStatus.SUCCESSFUL, ItemStatus.FAILED)


class DiesReporting(Around):
    """Pleo's client, in a process that dies when Pleo has taken the first outcome."""

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        if updates[0].status in FINAL:
            raise Crash
        return result


class Down(Around):
    """Pleo's client, while Pleo takes no outcomes, or nothing of other `statuses`; `noticed` once that is known."""

    def __init__(self, inner: object, statuses: Sequence[ItemStatus] = FINAL) -> None:
        super().__init__(inner)
        self._statuses, self.noticed = statuses, asyncio.Event()

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        if updates[0].status in self._statuses:
            self.noticed.set()
            raise PleoUnavailableError(Facts(method="PUT", path="/items", status=503))
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        return result


class Strict(Around):
    """Pleo's client, to which Pleo calls a job finished that is not."""

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        raise ExportJobStatusUnprocessableError(Facts(method="PUT", path="/items", status=422))


class OnlyRealNews(Around):
    """Pleo's client, to which Pleo refuses an update that changes nothing."""

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        if updates[0].status is ItemStatus.PENDING:
            raise ValidationFailedError(Facts(method="PUT", path="/items", status=400))
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        return result


class Diary(Around):
    """Pleo's client, which notes every mark and outcome in one diary with the connector's calls."""

    def __init__(self, scene: Scene, inner: object) -> None:
        super().__init__(inner)
        self._calls = scene.connector.calls

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        self._calls += [(one.status, one.accounting_entry_id) for one in updates]
        return result


def final_elements(updates: Sequence[Sequence[Any]]) -> list[Any]:
    return [element for update in updates for element in update if element["status"] in FINAL]


@pytest.mark.slow
async def test_a_large_job_is_reported_in_pieces_and_every_mark_comes_before_its_entry(scene: Scene) -> None:
    job_id = await scene.company.job_of(*(expense(number) for number in range(1, 251)))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=Diary(scene, parts.pleo))
    assert summary.event == "completed"
    updates = await scene.company.updates(job_id)
    assert Counter(len(update) for update in updates) == {limits.items_per_update_max: 4, 50: 2}
    sent = Counter(element["accountingEntryId"] for element in final_elements(updates))
    assert sent == {eid(number): 1 for number in range(1, 251)}
    diary = scene.connector.calls
    place = {call: position for position, call in enumerate(diary)}
    for number in range(1, 251):
        marked, made, told = (place[verb, eid(number)] for verb in ("in_progress", "record", "successful"))
        assert marked < made < told


class AnswersLate(Around):
    """Pleo's client, whose answer to the first outcomes is heard once the last expense is settled."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner)
        self.taken, self.settled = asyncio.Event(), asyncio.Event()

    def notify(self, notice: Notice) -> None:
        if isinstance(notice, ItemSettled) and notice.item.accounting_entry_id == eid(MORE_THAN_AN_UPDATE):
            self.settled.set()

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        if updates[0].status in FINAL and not self.taken.is_set():
            self.taken.set()
            await self.settled.wait()
            for _ in range(100):  # whoever waits for that goes on
                await asyncio.sleep(0)
        return result


@pytest.mark.slow
async def test_outcomes_that_are_being_told_when_all_is_recorded_are_told_once(scene: Scene) -> None:
    job_id = await scene.company.job_of(*map(expense, range(1, MORE_THAN_AN_UPDATE + 1)))
    async with scene.parts() as parts:
        pleo = AnswersLate(parts.pleo)

        async def wait(_verb: str, reference: str) -> None:
            if reference == eid(MORE_THAN_AN_UPDATE):
                await pleo.taken.wait()

        scene.connector.before = wait
        assert (await scene.run_one(pleo=pleo, notify=pleo.notify)).event == "completed"
    assert len(final_elements(await scene.company.updates(job_id))) == MORE_THAN_AN_UPDATE


async def test_an_outcome_is_told_with_everything_pleo_wants_to_know(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2, account="9999"))
    await scene.run_one()
    told = {one["accountingEntryId"]: one for one in final_elements(await scene.company.updates(job_id))}
    assert told[eid(1)] == {
        "accountingEntryId": eid(1),
        "status": "successful",
        "exportedAt": "2026-06-01T12:00:00Z",
        "externalId": eid(1),
        "externalUrl": f"memory:{eid(1)}",
    }
    assert told[eid(2)].keys() == {"accountingEntryId", "status", "failureReason", "failureReasonType"}


async def test_an_outcome_that_pleo_refuses_is_shown_and_the_job_ends_as_pleo_shows_its_items(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2), expense(3))

    async def meddle(verb: str, reference: str) -> None:
        if (verb, reference) == ("record", eid(2)):
            change = [{"accountingEntryId": eid(2), "status": "failed", "failureReason": "No."}]
            await scene.company.api("PUT", f"/export-jobs/{job_id}/items", change)

    scene.connector.before = meddle
    summary = await scene.run_one()
    assert summary.event == "completed_with_errors"
    assert await scene.company.event_names(job_id) == ["started", "completed_with_errors"]
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "failed", 3: "successful"}
    problems = {item.accounting_entry_id: item.report_problem for item in summary.items}
    assert problems[eid(1)] is problems[eid(3)] is None
    assert str(problems[eid(2)]).startswith("EXPORT_ENTRY_STATUS_UPDATE_FAILED: ")
    ours = [
        one for one in final_elements(await scene.company.updates(job_id)) if one.get("externalId") == eid(2)
    ]
    assert len(ours) == 1


@pytest.mark.slow
async def test_an_outcome_that_pleo_took_without_our_hearing_is_not_sent_again(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2, account="9999"))
    async with scene.parts() as parts:
        await scene.crash(pleo=DiesReporting(parts.pleo))
    summary = await scene.run_one()
    assert all(item.reported_at is not None for item in summary.items)
    assert len(final_elements(await scene.company.updates(job_id))) == 2


async def test_while_pleo_is_down_outcomes_wait_and_nothing_is_recorded_again(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        with pytest.raises(PleoUnavailableError):
            await scene.run(pleo=Down(parts.pleo))
    assert await scene.company.statuses(job_id) == {1: "in_progress", 2: "in_progress"}
    scene.connector.calls.clear()
    assert (await scene.run_one()).event == "completed"
    assert scene.connector.asked("record") == scene.connector.asked("find") == []
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "successful"}


async def test_what_cannot_be_marked_is_not_recorded(scene: Scene) -> None:
    await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        with pytest.raises(PleoUnavailableError):
            await scene.run(pleo=Down(parts.pleo, [ItemStatus.IN_PROGRESS]))
    assert scene.booked() == []
    assert (await scene.run_one()).event == "completed"


@pytest.mark.slow
async def test_nothing_more_is_begun_once_pleo_does_not_hear_of_what_was_recorded(scene: Scene) -> None:
    numbers = range(1, limits.items_per_update_max + 51)
    await scene.company.job_of(*map(expense, numbers))
    async with scene.parts() as parts:
        pleo = Down(parts.pleo)

        async def wait(_verb: str, reference: str) -> None:
            if reference > eid(limits.items_per_update_max):
                await pleo.noticed.wait()

        scene.connector.before = wait
        with pytest.raises(PleoUnavailableError):
            await scene.run(pleo=pleo)
    assert len(scene.booked()) < len(numbers)


@pytest.mark.slow
async def test_a_job_that_pleo_calls_finished_although_it_is_not_is_not_given_up(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        with pytest.raises(ExportJobStatusUnprocessableError):
            await scene.run(pleo=Strict(parts.pleo))
    assert (await scene.run_one()).event == "completed"


@pytest.mark.slow
async def test_what_is_marked_already_is_not_marked_again(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    assert (await scene.run_one()).event == "completed"
    statuses = [[one["status"] for one in update] for update in await scene.company.updates(job_id)]
    sign_of_life = ["in_progress"]
    assert statuses == [["in_progress"] * 2, sign_of_life, ["successful"] * 2]


class Slow:
    """Holds up the recording of one expense, or with 0 the check, until a test lets it go on.

    `settled`: another one's outcome is durable, so that the next sign of life can tell it.
    """

    def __init__(self, number: int) -> None:
        self.reached, self.released, self._number = asyncio.Event(), asyncio.Event(), number
        self.settled = asyncio.Event()

    def notify(self, notice: Notice) -> None:
        if isinstance(notice, ItemSettled):
            self.settled.set()

    async def __call__(self, verb: str, reference: str) -> None:
        if reference == (eid(self._number) if self._number else ""):
            self.reached.set()
            await self.released.wait()


async def let_time_pass(scene: Scene, job_id: str, *, seconds: int, beats: int) -> None:
    """Move our time and Pleo's together, beat by beat; each one tells Pleo something."""
    await scene.clock.until_asleep(1)
    for _ in range(beats):
        told, slept = len(await scene.company.updates(job_id)), len(scene.clock.slept)
        await scene.company.pass_time(seconds)
        scene.clock.advance(seconds)
        await scene.clock.until_slept(slept + 1)
        assert len(await scene.company.updates(job_id)) == told + 1


@pytest.mark.slow
async def test_a_long_entry_does_not_let_the_job_expire(scene: Scene, pleo_settings: ChangeSettings) -> None:
    await pleo_settings(expiresIn=60)
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.before = slow = Slow(2)
    running = asyncio.ensure_future(scene.run_one(notify=slow.notify))
    await slow.reached.wait()
    await slow.settled.wait()
    await let_time_pass(scene, job_id, seconds=10, beats=12)
    assert (await scene.company.job(job_id))["status"] == "in_progress"
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "in_progress"}
    slow.released.set()
    assert (await running).event == "completed"
    assert {seconds for seconds in scene.clock.slept if seconds > 0} == {10.0}
    told = final_elements(await scene.company.updates(job_id))
    assert [one["accountingEntryId"] for one in told] == [eid(1), eid(2)]


@pytest.mark.slow
async def test_where_item_updates_do_not_put_the_expiry_off_a_long_job_takes_one_more_export(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=600, itemUpdatesRefresh=False)
    job_id = await scene.company.job_of(expense(1), expense(2), expense(3))
    scene.connector.change(concurrency=1)
    scene.connector.before = slow = Slow(2)
    running = asyncio.ensure_future(scene.run_one(notify=slow.notify))
    await slow.reached.wait()
    await slow.settled.wait()
    await let_time_pass(scene, job_id, seconds=100, beats=5)
    await scene.company.pass_time(100)
    await beat(scene, seconds=100)
    slow.released.set()
    summary = await running
    assert (summary.event, "expired in Pleo" in str(summary.problem)) == (None, True)
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "abandoned", 3: "abandoned"}
    again = await scene.company.press_export()
    assert (await scene.run_one()).event == "completed"
    assert await scene.company.statuses(again) == {2: "successful", 3: "successful"}
    assert scene.booked() == [1, 2, 3]


@pytest.mark.slow
async def test_a_long_look_up_of_an_interrupted_entry_does_not_let_the_job_expire(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    job_id = await scene.company.job_of(expense(1))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    scene.connector.before = slow = Slow(1)
    running = asyncio.ensure_future(scene.run_one())
    await slow.reached.wait()
    await let_time_pass(scene, job_id, seconds=10, beats=7)
    slow.released.set()
    assert (await running).event == "completed"


async def test_a_long_check_does_not_let_the_job_expire(scene: Scene, pleo_settings: ChangeSettings) -> None:
    await pleo_settings(expiresIn=60)
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.before_check = slow = Slow(0)
    running = asyncio.ensure_future(scene.run_one())
    await slow.reached.wait()
    await let_time_pass(scene, job_id, seconds=10, beats=7)
    assert await scene.company.statuses(job_id) == {1: "pending", 2: "pending"}
    slow.released.set()
    assert (await running).event == "completed"


async def test_a_job_that_is_taken_up_shortly_before_its_expiry_gets_its_whole_time_again(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.before = at("record", 2, Crash())
    await scene.crash()
    before = await scene.company.statuses(job_id)
    await scene.company.pass_time(3590)
    scene.connector.before_check = slow = Slow(0)
    running = asyncio.ensure_future(scene.run_one())
    await slow.reached.wait()
    await scene.clock.until_asleep(1)
    assert await scene.company.statuses(job_id) == before
    await scene.company.pass_time(3590)
    slow.released.set()
    assert (await running).event == "completed"


async def test_a_sign_of_life_that_pleo_refuses_stops_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await scene.company.running_job_of(expense(1))
    async with scene.parts() as parts:
        assert (await scene.run_one(pleo=OnlyRealNews(parts.pleo))).event == "completed"
    assert "refused the sign of life" in caplog.text
    assert len(await scene.company.updates(job_id)) == 2


async def test_a_job_whose_items_are_all_settled_has_no_sign_of_life_and_needs_none(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    await scene.company.api(
        "PUT", f"/export-jobs/{job_id}/items", [{"accountingEntryId": eid(1), "status": "failed"}]
    )
    told = len(await scene.company.updates(job_id))
    assert (await scene.run_one()).event == "failed"
    assert len(await scene.company.updates(job_id)) == told


async def test_in_a_job_that_lives_for_long_pleo_hears_from_us_every_half_minute(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    await scene.run_one()
    assert scene.clock.slept == [30.0]


@pytest.mark.slow
@pytest.mark.parametrize("style", ["failed", "status"])
async def test_a_job_that_expires_in_mid_work_is_stopped_and_its_entries_are_recognised_later(
    scene: Scene, pleo_settings: ChangeSettings, style: str
) -> None:
    await pleo_settings(expiredStyle=style)
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1), expense(2), expense(3))

    async def fall_asleep(_verb: str, reference: str) -> None:
        if reference == eid(2):
            await scene.company.pass_time(3601)

    scene.connector.before = fall_asleep
    summary = await scene.run_one()
    assert summary.event is None
    assert "expired in Pleo" in str(summary.problem)
    assert "export the remaining expenses again" in str(summary.problem)
    assert summary.items[0].phase is Phase.RECORDED
    assert await scene.company.event_names(job_id) == ["started"]
    booked = scene.booked()
    scene.connector.before = nothing
    again = await scene.company.press_export(1, 2, 3)
    second = await scene.run_one()
    assert second.event == "completed"
    assert {item.accounting_entry_id for item in second.items if item.already_there} == {
        eid(number) for number in booked
    }
    assert scene.booked() == [1, 2, 3]
    assert await scene.company.statuses(again) == dict.fromkeys((1, 2, 3), "successful")


class Away(Around):
    """Pleo's client, which gets no answer any more once it is `away`."""

    away = False

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        if self.away:
            raise PleoNoAnswerError(Facts(method="PUT", path="/items"))
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        return result


async def beat(scene: Scene, seconds: float = REPORT_SECONDS_MAX) -> None:
    """Let the time for a sign of life come, and wait until it was given, or was not."""
    await scene.clock.until_asleep(1)
    slept = len(scene.clock.slept)
    scene.clock.advance(seconds)
    async with asyncio.timeout(20):
        await scene.clock.until_slept(slept + 1)


@pytest.mark.parametrize("ending", ["failed", "away"])
async def test_where_pleo_cannot_be_told_any_more_what_was_begun_is_kept_and_no_more_begun(
    scene: Scene, ending: str
) -> None:
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(*(expense(number) for number in range(1, 6)))
    scene.connector.before = slow = Slow(1)
    async with scene.parts() as parts:
        pleo = Away(parts.pleo)
        running = asyncio.ensure_future(scene.run(pleo=pleo))
        await slow.reached.wait()
        if ending == "away":
            pleo.away = True
        else:
            await scene.company.event(job_id, ending)
        await beat(scene)
        slow.released.set()
        if ending == "away":
            with pytest.raises(PleoNoAnswerError):
                await running
        else:
            (summary,) = await running
            assert "ended as 'failed' by somebody else" in str(summary.problem)
        phases = [item.phase for item in await parts.store.items(job_id)]
    assert phases == [Phase.RECORDED] * len(scene.booked()) + [Phase.PLANNED] * (5 - len(scene.booked()))
    assert scene.booked() in ([1], [1, 2]), "what was to come next may be begun already"


async def test_that_pleo_cannot_be_told_is_raised_although_nothing_is_told_any_more(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        job = await detect_and_start(parts, frozenset())
        assert job is not None
        pleo = Away(parts.pleo)
        pleo.away = True
        reporter = Reporter(with_parts(parts, pleo=pleo), job)

        async def work() -> None:
            async with reporter.keeping_alive(), reporter.as_they_come():
                await beat(scene)

        with pytest.raises(PleoNoAnswerError):
            await work()
    assert not reporter.heard


async def test_a_job_that_expires_during_a_long_entry_stops_that_entry_after_a_minute(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    await scene.company.job_of(expense(1), expense(2))
    scene.connector.before = slow = Slow(1)
    running = asyncio.ensure_future(scene.run_one())
    await slow.reached.wait()
    await scene.company.pass_time(61)
    await beat(scene)
    scene.clock.advance(FINISH_SECONDS)
    summary = await running
    assert "expired" in str(summary.problem)
    assert summary.items[0].phase is Phase.INTENDED
    assert scene.connector.busy == 0
