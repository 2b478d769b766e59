"""An accounting system that does not answer keeps a service's worker for a minute or two, and the job stays open."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pleo_export.accounting.port import NoAnswerError, UnreachableError
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.testing.faults import Moment, Verb
from pleo_export.workflow.ports import JobSummary
from pleo_export.workflow.problems import SilentError
from tests.workflow.workflow_scene import NOON, ChangeSettings, Scene, at, eid, expense

A_MINUTE = 60.0
CALL_SECONDS = 40.0


async def silent(verb: str, _reference: str) -> None:
    if verb in ("record", "find", "check"):
        raise NoAnswerError("nothing came")


async def run(scene: Scene, **changes: Any) -> list[JobSummary]:
    """Export as a service does; whoever sleeps is woken as soon as nobody else works."""
    running = asyncio.create_task(scene.run(silence_seconds_max=A_MINUTE, **changes))
    while True:
        asleep = asyncio.create_task(scene.clock.until_asleep(2))
        await asyncio.wait({running, asleep}, return_when=asyncio.FIRST_COMPLETED)
        asleep.cancel()
        if running.done():
            return running.result()
        scene.clock.advance(30)


async def silence(scene: Scene, **changes: Any) -> str:
    with pytest.raises(SilentError) as raised:
        await run(scene, **changes)
    return str(raised.value)


async def item_of(scene: Scene, job_id: str, number: int = 1) -> ItemProgress:
    async with scene.parts() as parts:
        return await parts.store.item(job_id, eid(number))


@pytest.mark.slow
async def test_an_outcome_that_stays_unclear_ends_the_run_within_a_minute_and_the_job_goes_on_later(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.connector.before = at("find", 1, NoAnswerError("nothing came"))
    scene.faults.order(Verb.RECORD, NoAnswerError("nothing came"), moment=Moment.AFTER, times=3)
    said = await silence(scene)
    assert said.startswith(
        f"The accounting system (memory) does not answer, so it is not known what became of expenses of job {job_id}"
    )
    assert timedelta(seconds=60) <= scene.clock.now() - NOON <= timedelta(seconds=90)
    assert (await item_of(scene, job_id)).phase is Phase.INTENDED
    assert await scene.company.statuses(job_id) == {1: "in_progress"}
    scene.connector.before = at("record", 1, AssertionError("an unclear expense was recorded blindly"))
    (summary,) = await run(scene)
    assert (summary.event, summary.items[0].already_there) == ("completed", True)
    assert scene.booked() == [1]


@pytest.mark.slow
async def test_a_silent_system_is_not_asked_for_every_expense_of_the_job(scene: Scene) -> None:
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(*(expense(number, day=number) for number in range(1, 21)))

    async def slowly(verb: str, reference: str) -> None:
        scene.clock.advance(CALL_SECONDS)
        await silent(verb, reference)

    scene.connector.before = slowly
    await silence(scene)
    assert set(scene.connector.asked("record")) == {eid(1), eid(2)}
    assert scene.clock.now() - NOON < timedelta(minutes=6)
    scene.connector.before = at("find", 0, AssertionError())
    (summary,) = await run(scene)
    assert summary.event == "completed"
    assert sorted(scene.booked()) == list(range(1, 21))
    assert await scene.company.event_names(job_id) == ["started", "completed"]


async def test_one_expense_without_an_answer_does_not_keep_the_others_from_being_recorded(
    scene: Scene,
) -> None:
    scene.connector.change(concurrency=1)
    await scene.company.job_of(*(expense(number, day=number) for number in range(1, 6)))

    async def slowly(_verb: str, reference: str) -> None:
        if reference == eid(1):
            scene.clock.advance(CALL_SECONDS)
            raise NoAnswerError("nothing came")

    scene.connector.before = slowly
    await silence(scene)
    assert scene.booked() == [2, 3, 4, 5]


@pytest.mark.slow
@pytest.mark.parametrize("error", [NoAnswerError("nothing came"), UnreachableError("switched off")])
async def test_a_system_that_is_silent_at_the_next_look_too_leaves_the_job_open_and_alive(
    scene: Scene, error: Exception
) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.crash_after_recording()
    scene.faults.order(Verb.CHECK, error, times=3)
    told = len(await scene.company.updates(job_id))
    await silence(scene)
    assert len(await scene.company.updates(job_id)) > told
    assert await scene.company.event_names(job_id) == ["started"]
    (summary,) = await run(scene)
    assert summary.event == "completed"
    assert scene.booked() == [1]


@pytest.mark.slow
async def test_the_job_does_not_expire_while_somebody_looks_every_few_minutes(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=900)
    job_id = await scene.company.job_of(expense(1))
    await scene.crash_after_recording()
    scene.connector.before_check = silent
    for _ in range(6):
        await scene.company.pass_time(300)
        await silence(scene)
    assert (await scene.company.job(job_id))["status"] == "in_progress"


@pytest.mark.slow
async def test_after_most_of_the_jobs_time_an_outcome_that_is_unclear_still_is_told_as_unknown(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.change(concurrency=1)
    scene.connector.before = at("record", 1, NoAnswerError("nothing came"))
    said = await silence(scene, trouble=("Another trouble.", NOON - timedelta(days=1)))
    scene.connector.before = at("find", 1, NoAnswerError("nothing came"))
    await silence(scene, trouble=(said, scene.clock.now() - timedelta(minutes=40)))
    (summary,) = await run(scene, trouble=(said, scene.clock.now() - timedelta(minutes=48)))
    assert [(item.unknown, item.phase) for item in summary.items] == [
        (True, Phase.REJECTED),
        (False, Phase.RECORDED),
    ]
    assert (await scene.company.outcomes(job_id))[1]["failureReasonType"] == "accounting_system_timeout"


async def test_a_job_that_is_failed_because_of_the_silence_tells_which_outcomes_are_unknown(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2), expense(3))
    scene.connector.change(concurrency=1)
    await scene.crash_after_recording()
    scene.connector.before_check = silent
    said = await silence(scene)
    (summary,) = await run(scene, trouble=(said, scene.clock.now() - timedelta(minutes=48)))
    assert summary.event == "failed"
    # The second was intended while the first was called for, and nobody knows that it went no further.
    assert [item.unknown for item in summary.items] == [True, True, False]
    assert summary.items[2].phase is Phase.REJECTED
    assert "Look there for the reference" in (await scene.company.outcomes(job_id))[1]["failureReason"]


@pytest.mark.slow
async def test_a_connector_that_never_ends_a_call_is_as_good_as_silent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pleo_export.workflow.persist.CALL_SECONDS_MAX", 0.05)
    job_id = await scene.company.job_of(expense(1))

    async def hang(_verb: str, _reference: str) -> None:
        await asyncio.Event().wait()

    scene.connector.before = hang
    await silence(scene)
    assert (await item_of(scene, job_id)).phase is Phase.INTENDED


async def test_a_command_waits_for_the_answer_itself(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.connector.before = at("record", 1, NoAnswerError("nothing came"))
    summary = await scene.settle(rounds=96)
    assert summary.items[0].unknown
    assert scene.clock.now() - NOON >= timedelta(minutes=48)


@pytest.mark.slow
async def test_what_was_left_because_of_a_silence_is_done_later_although_the_silence_was_broken_meanwhile(
    scene: Scene,
) -> None:
    scene.connector.change(concurrency=4)
    await scene.company.job_of(*(expense(number, day=number) for number in range(1, 21)))
    answered = asyncio.Event()

    async def three_are_silent(verb: str, reference: str) -> None:
        if verb != "record":
            return
        if reference == eid(4):
            await answered.wait()
        elif not answered.is_set():
            scene.clock.advance(CALL_SECONDS)
            raise NoAnswerError("nothing came")

    async def until_some_are_left() -> None:
        await scene.clock.until_slept(6)
        for _ in range(200):
            await asyncio.sleep(0)
        answered.set()

    scene.connector.before = three_are_silent
    answering = asyncio.create_task(until_some_are_left())
    await silence(scene)
    await answering
    assert len(scene.booked()) < 20
    (summary,) = await run(scene)
    assert summary.event == "completed"
    assert sorted(scene.booked()) == list(range(1, 21))
