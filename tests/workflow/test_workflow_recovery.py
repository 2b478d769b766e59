"""What becomes of an expense whose export was interrupted or got no answer."""

from datetime import date

import pytest

from pleo_export.accounting.port import (
    ConnectorError,
    ForbiddenError,
    NoAnswerError,
    PeriodClosedError,
    UnauthorisedError,
    Uniqueness,
    UnreachableError,
)
from pleo_export.domain.job import JobEvent
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.pleo.retrying import Before, at_any_time
from pleo_export.testing.faults import Moment, Verb
from pleo_export.workflow.detect import detect_and_start
from tests.workflow.workflow_scene import Around, ChangeSettings, Crash, Scene, at, eid, expense

INTERRUPTED = "The export of this expense was interrupted; nothing was recorded in memory. Export it again."


class DiesWhenStarted(Around):
    """Pleo's client, in a process that dies as soon as a job is started."""

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        await self.inner.send_event(event, before)
        raise Crash


async def only_item(scene: Scene) -> ItemProgress:
    (item,) = (await scene.run_one()).items
    return item


def look_up_only(scene: Scene) -> None:
    scene.connector.change(uniqueness=Uniqueness.LOOKUP_ONLY)


async def test_an_outcome_that_is_remembered_is_only_reported(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        assert await detect_and_start(parts, frozenset())
        await parts.store.plan(job_id, [eid(1)])
        await parts.store.intend(job_id, eid(1))
        await parts.store.entry_created(
            job_id,
            eid(1),
            external_id="JE-7",
            url=None,
            exported_at=scene.clock.now(),
            posted_on=date(2026, 5, 1),
        )
        await parts.store.recorded(job_id, eid(1))
    assert (await scene.run_one()).event == "completed"
    assert [verb for verb, _ in scene.connector.calls] == ["check", "reference_data"]
    assert (await scene.company.outcomes(job_id))[1]["externalId"] == "JE-7"


@pytest.mark.slow
async def test_an_entry_that_was_made_before_the_crash_is_found_and_completed(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, files=["pdf", "png"]))
    scene.connector.before = at("attach", 1, Crash())
    await scene.crash()
    assert scene.booked() == [1]
    item = await only_item(scene)
    assert item.phase is Phase.RECORDED
    assert scene.connector.asked("record") == []
    assert len(scene.books.files[eid(1)]) == 2
    assert await scene.company.statuses(job_id) == {1: "successful"}


async def test_an_attachment_that_is_there_already_is_left_alone(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf", "png"]))
    scene.faults.order(Verb.ATTACH, NoAnswerError("silence"), moment=Moment.AFTER)
    assert (await only_item(scene)).phase is Phase.RECORDED
    assert [file.attachment.position for file in scene.books.files[eid(1)].values()] == [1, 2]


async def test_an_intent_without_an_entry_is_carried_out_once_where_the_key_is_unique(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    assert (await only_item(scene)).phase is Phase.RECORDED
    assert [verb for verb, _ in scene.connector.calls][2:] == ["find", "record"]
    assert scene.booked() == [1]


async def test_an_intent_without_an_entry_fails_where_there_is_only_the_look_up(scene: Scene) -> None:
    look_up_only(scene)
    job_id = await scene.company.job_of(expense(1))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    item = await only_item(scene)
    assert (item.failure_reason, item.unknown) == (INTERRUPTED, False)
    assert scene.connector.asked("record") == []
    assert (await scene.company.outcomes(job_id))[1]["failureReasonType"] == "unexpected_failure"


@pytest.mark.slow
async def test_what_was_marked_but_not_intended_is_looked_up_and_recorded(scene: Scene) -> None:
    """The mark of a whole chunk is made at once, so a crash leaves many like this."""
    scene.connector.change(concurrency=1, uniqueness=Uniqueness.LOOKUP_ONLY)
    await scene.company.job_of(expense(1), expense(2), expense(3))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    summary = await scene.run_one()
    assert [item.phase for item in summary.items] == [Phase.REJECTED, Phase.RECORDED, Phase.RECORDED]
    assert scene.connector.asked("find") == [eid(1), eid(2), eid(3)]


async def test_what_somebody_else_began_is_never_recorded_blindly(scene: Scene) -> None:
    job_id = await scene.company.running_job_of(expense(1), expense(2))
    await scene.company.mark(job_id, 1)
    summary = await scene.run_one()
    assert [item.failure_reason for item in summary.items] == [INTERRUPTED, None]
    assert scene.connector.asked("find") == [eid(1), eid(2)]
    assert scene.connector.asked("record") == [eid(2)]


async def test_what_somebody_else_began_in_a_job_that_we_started_is_never_recorded_blindly(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        assert await detect_and_start(parts, frozenset())
    await scene.company.mark(job_id, 1)
    summary = await scene.run_one()
    assert [item.failure_reason for item in summary.items] == [INTERRUPTED, None]
    assert scene.connector.asked("record") == [eid(2)]


@pytest.mark.slow
async def test_what_somebody_else_began_is_not_recorded_blindly_after_another_crash_either(
    scene: Scene,
) -> None:
    job_id = await scene.company.running_job_of(expense(1), expense(2))
    await scene.company.mark(job_id, 1)
    scene.connector.before = at("find", 1, Crash())
    await scene.crash()
    await scene.run_one()
    assert eid(1) not in scene.connector.asked("record")
    assert 1 not in scene.booked()


@pytest.mark.slow
async def test_after_our_memory_is_lost_the_entries_are_found_again(scene: Scene) -> None:
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1, files=["pdf"]), expense(2), expense(3))
    scene.connector.before = at("record", 3, Crash())
    await scene.crash()
    scene.forget()
    summary = await scene.run_one()
    assert [item.phase for item in summary.items] == [Phase.RECORDED, Phase.RECORDED, Phase.REJECTED]
    assert summary.items[0].already_there
    assert scene.connector.asked("record") == []
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "successful", 3: "failed"}


async def test_a_crash_between_the_start_and_our_note_of_it_costs_nothing(scene: Scene) -> None:
    await scene.company.job_of(expense(1), expense(2))
    scene.connector.change(concurrency=1)
    async with scene.parts() as parts:
        await scene.crash(pleo=DiesWhenStarted(parts.pleo))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    assert (await scene.run_one()).event == "completed"
    assert scene.booked() == [1, 2]


async def test_a_lost_answer_is_found_by_the_next_try(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.faults.order(Verb.RECORD, NoAnswerError("silence"), moment=Moment.AFTER)
    item = await only_item(scene)
    assert (item.phase, item.already_there) == (Phase.RECORDED, True)
    assert scene.booked() == [1]


async def test_after_three_lost_answers_the_entry_is_looked_up_later(scene: Scene) -> None:
    await scene.company.job_of(expense(1), expense(2))
    scene.connector.change(concurrency=1)
    scene.faults.order(Verb.RECORD, NoAnswerError("silence"), moment=Moment.AFTER, times=3)
    summary = await scene.settle(rounds=1)
    assert summary.event == "completed"
    assert scene.connector.asked("record") == [eid(1)] * 3 + [eid(2)]
    assert scene.connector.asked("find") == [eid(1)]


async def test_with_the_look_up_as_only_guard_nothing_is_sent_twice_in_haste(scene: Scene) -> None:
    look_up_only(scene)
    await scene.company.job_of(expense(1))
    scene.faults.order(Verb.RECORD, NoAnswerError("silence"), moment=Moment.AFTER)
    summary = await scene.settle(rounds=1)
    assert summary.event == "completed"
    assert [verb for verb, _ in scene.connector.calls][2:] == ["record", "find"]


async def test_with_the_look_up_as_only_guard_a_call_that_had_no_effect_fails(scene: Scene) -> None:
    look_up_only(scene)
    await scene.company.job_of(expense(1))
    scene.faults.order(Verb.RECORD, NoAnswerError("silence"))
    (item,) = (await scene.settle(rounds=1)).items
    assert item.failure_reason == INTERRUPTED
    assert scene.booked() == []


@pytest.mark.parametrize(
    "later", [UnreachableError("down"), UnauthorisedError("login"), PeriodClosedError(date(2026, 5, 1), None)]
)
async def test_what_fails_after_a_lost_answer_is_looked_up_all_the_same(
    scene: Scene, later: Exception
) -> None:
    await scene.company.job_of(expense(1))
    scene.faults.order(Verb.RECORD, NoAnswerError("silence"), moment=Moment.AFTER)
    calls = 0

    async def fail_after_the_first(verb: str, _reference: str) -> None:
        nonlocal calls
        calls += verb == "record"
        if calls > 1 and verb == "record":
            raise later

    scene.connector.before = fail_after_the_first
    summary = await scene.settle(rounds=1)
    assert summary.event == "completed"
    assert scene.booked() == [1]


async def test_without_an_answer_to_the_end_the_outcome_is_told_as_unknown(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.change(concurrency=1)
    scene.faults.order(Verb.RECORD, NoAnswerError("silence"), times=3)
    scene.faults.order(Verb.FIND, NoAnswerError("silence"), times=100)
    summary = await scene.settle(rounds=2)
    assert (summary.items[0].unknown, summary.items[1].phase) == (True, Phase.RECORDED)
    told = (await scene.company.outcomes(job_id))[1]
    assert told["failureReasonType"] == "accounting_system_timeout"
    assert "It is not known whether this expense was recorded" in told["failureReason"]
    assert f"Look there for the reference {eid(1)}" in told["failureReason"]


@pytest.mark.slow
async def test_a_look_up_that_cannot_be_made_leaves_the_outcome_unknown(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(expiresIn=60)
    await scene.company.job_of(expense(1))
    await scene.crash_after_recording()
    scene.faults.order(Verb.FIND, UnreachableError("down"), times=100)
    (item,) = (await scene.settle(rounds=2)).items
    assert (item.failure_type, item.unknown) == ("accounting_system_timeout", True)
    assert scene.booked() == [1]


@pytest.mark.slow
@pytest.mark.parametrize("error", [UnauthorisedError("Wrong login."), ForbiddenError("No such right.")])
async def test_where_nobody_lets_us_in_the_outcome_is_told_as_unknown_after_one_more_look(
    scene: Scene, error: ConnectorError
) -> None:
    await scene.company.job_of(expense(1))
    await scene.crash_after_recording()
    scene.faults.order(Verb.FIND, error, times=100)
    (item,) = (await scene.settle(rounds=1)).items
    assert (item.failure_type, item.unknown) == (error.cause.item, True)
    assert "not known whether this expense was recorded, because memory did not let us" in str(
        item.failure_reason
    )
    assert error.sentence in str(item.failure_reason)
    assert f"Look there for the reference {eid(1)}" in str(item.failure_reason)
    assert scene.connector.asked("find") == [eid(1)] * 2
    assert scene.booked() == [1]


async def test_a_bug_in_the_look_up_of_what_somebody_else_began_is_told_as_unknown(scene: Scene) -> None:
    job_id = await scene.company.running_job_of(expense(1))
    await scene.company.mark(job_id, 1)
    scene.connector.before = at("find", 1, ZeroDivisionError())
    item = await only_item(scene)
    assert item.unknown
    assert "Look for the reference" in str(item.failure_reason)


@pytest.mark.slow
async def test_an_entry_that_cannot_be_checked_any_more_is_named(scene: Scene) -> None:
    await scene.company.job_of(expense(1, account="6100"))
    await scene.crash_after_recording()
    books = scene.books
    accounts = {code: account for code, account in books.reference_data.accounts.items() if code != "6100"}
    books.reference_data = type(books.reference_data)(accounts=accounts)
    item = await only_item(scene)
    assert f"memory holds an entry for this expense ({eid(1)}), but it cannot be checked" in str(
        item.failure_reason
    )
