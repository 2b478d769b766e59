from datetime import date

import pytest
from msgspec.structs import replace

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.failures import Finding
from pleo_export.domain.job import ItemUpdate, ItemUpdateError, ItemUpdateResult, JobEvent, JobEventType
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.pleo.retrying import Before, at_any_time
from pleo_export.workflow.complete import Closing, closing_for
from pleo_export.workflow.detect import detect_and_start
from pleo_export.workflow.ports import ItemSettled, StepTaken
from tests.workflow.workflow_scene import Around, ChangeSettings, Crash, Scene, eid, expense


class DiesClosing(Around):
    """Pleo's client, in a process that dies before it sends a closing event, or after."""

    def __init__(self, inner: object, *, sent: bool) -> None:
        super().__init__(inner)
        self._sent = sent

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        if event.event is JobEventType.STARTED or self._sent:
            await self.inner.send_event(event, before)
        if event.event is not JobEventType.STARTED:
            raise Crash


class EndedByOthers(Around):
    """Pleo's client, where somebody ends the job just before we close it."""

    def __init__(self, scene: Scene, inner: object, ending: str) -> None:
        super().__init__(inner)
        self._company, self._ending = scene.company, ending

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        if event.event is not JobEventType.STARTED:
            await self._company.event(event.job_id, self._ending)
        await self.inner.send_event(event, before)


class NeverTold(Around):
    """Pleo's client, to which Pleo refuses the outcome of expense 2."""

    async def update_items(
        self, job_id: str, updates: list[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        told = [one for one in updates if (one.accounting_entry_id, one.status) != (eid(2), "successful")]
        result: ItemUpdateResult = await self.inner.update_items(job_id, told, before)
        error = ItemUpdateError(
            accounting_entry_id=eid(2), message="Locked.", type="ACCOUNTING_ENTRY_UPDATE_FAILED"
        )
        return result if len(told) == len(updates) else replace(result, errors=(error,))


class TakesButRefuses(Around):
    """Pleo's client, to which Pleo calls an outcome refused that it has."""

    async def update_items(
        self, job_id: str, updates: list[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        result: ItemUpdateResult = await self.inner.update_items(job_id, updates, before)
        if updates[0].status != "successful":
            return result
        error = ItemUpdateError(
            accounting_entry_id=eid(1), message="Again?", type="ACCOUNTING_ENTRY_UPDATE_FAILED"
        )
        return replace(result, errors=(error,))


def item(
    number: int,
    failure: Cause | None = None,
    phase: Phase | None = None,
    report_problem: str | None = None,
) -> ItemProgress:
    return ItemProgress(
        job_id="job",
        accounting_entry_id=eid(number),
        position=number,
        phase=phase or (Phase.REJECTED if failure else Phase.RECORDED),
        failure_code=failure,
        failure_type=failure.item if failure else None,
        failure_reason=failure and f"Why {number}.",
        report_problem=report_problem,
    )


async def test_a_job_is_completed_when_everything_was_recorded(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    assert (await scene.run_one()).event == "completed"
    assert (await scene.company.events(job_id))[1:] == [{"jobId": job_id, "event": "completed"}]


async def test_a_job_is_completed_with_errors_when_some_failed_and_carries_no_reason(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2, account="9999"))
    assert (await scene.run_one()).event == "completed_with_errors"
    assert (await scene.company.events(job_id))[1:] == [{"jobId": job_id, "event": "completed_with_errors"}]


async def test_a_job_fails_when_everything_failed_and_says_why_in_words(scene: Scene) -> None:
    job_id = await scene.company.job_of(*(expense(number, account="9999") for number in (1, 2)))
    summary = await scene.run_one()
    event = (await scene.company.events(job_id))[-1]
    assert (event["event"], event["failureReasonType"]) == ("failed", "validation_failure")
    assert event["failureReason"].startswith("No expense was exported. The most frequent cause (2 of 2): ")
    assert "Account 9999 does not exist" in event["failureReason"]
    assert summary.reason == event["failureReason"]


def test_the_most_frequent_cause_names_the_failure_of_a_job() -> None:
    unreachable, unknown = Cause.SYSTEM_UNREACHABLE, Cause.ACCOUNT_UNKNOWN
    closing = closing_for({}, [item(1, unknown), item(2, unreachable), item(3, unreachable)], 3)
    assert closing.event is JobEventType.FAILED
    assert closing.reason == "No expense was exported. The most frequent cause (2 of 3): Why 2."
    assert closing.reason_type is JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE


def test_causes_with_the_same_type_of_pleos_count_apart() -> None:
    closing = closing_for(
        {}, [item(1, Cause.NO_LINES), item(2, Cause.KIND_UNKNOWN), item(3, Cause.KIND_UNKNOWN)], 3
    )
    assert str(closing.reason).endswith("(2 of 3): Why 2.")


@pytest.mark.parametrize("code", [None, "a-code-of-a-later-version"])
def test_items_that_another_version_rejected_fail_the_job_with_the_reason_it_gave(code: str | None) -> None:
    closing = closing_for({}, [replace(item(1, Cause.NO_LINES), failure_code=code)], 1)
    assert closing.reason == "No expense was exported. The most frequent cause (1 of 1): Why 1."
    assert closing.reason_type is JobFailureType.VALIDATION_FAILURE


def test_what_pleo_holds_as_successful_counts_even_where_our_memory_is_older() -> None:
    scope = {eid(1): "successful", eid(2): "successful"}
    assert closing_for(scope, [item(1, phase=Phase.INTENDED)], 2).event is JobEventType.COMPLETED


def test_a_job_whose_items_all_failed_before_is_failed() -> None:
    closing = closing_for({eid(1): "failed", eid(2): "abandoned"}, [], 2)
    assert (closing.event, closing.reason) == (
        JobEventType.FAILED,
        "No expense was exported. Export the expenses again in Pleo.",
    )


def test_an_entry_that_pleo_did_not_hear_of_counts_as_pleo_shows_it() -> None:
    untold = [item(1), item(2, report_problem="LOCKED: No.")]
    assert closing_for({eid(2): "failed"}, untold, 2).event is JobEventType.COMPLETED_WITH_ERRORS
    assert closing_for({eid(2): "successful"}, untold, 2).event is JobEventType.COMPLETED


def test_a_job_of_which_pleo_heard_nothing_says_so() -> None:
    closing = closing_for({eid(1): "failed"}, [item(1, report_problem="LOCKED: No.")], 1)
    assert closing.event is JobEventType.FAILED
    assert "Pleo did not take the outcome of this expense (LOCKED: No.)" in str(closing.reason)


def test_a_job_whose_items_were_ended_by_others_before_we_knew_an_outcome_is_failed() -> None:
    closing = closing_for({eid(1): "failed"}, [item(1, phase=Phase.INTENDED)], 1)
    assert closing.event is JobEventType.FAILED
    assert "ended in Pleo before its outcome was known" in str(closing.reason)


def test_a_job_without_items_is_completed() -> None:
    assert closing_for({}, [], 0).event is JobEventType.COMPLETED


def test_a_job_of_which_pleo_listed_a_part_is_not_simply_completed() -> None:
    scope = {eid(1): "successful"}
    closing = closing_for(scope, [item(2)], 3)
    assert closing.event is JobEventType.COMPLETED_WITH_ERRORS
    assert "3 expenses were selected for this export, and it listed 2 of them" in str(closing.reason)
    assert closing_for(scope, [item(2)], 1) == Closing(JobEventType.COMPLETED)


def test_a_job_of_which_pleo_listed_nothing_is_failed() -> None:
    closing = closing_for({}, [], 3)
    assert (closing.event, closing.reason_type) == (JobEventType.FAILED, JobFailureType.VALIDATION_FAILURE)
    assert "3 expenses were selected for this export, and it listed 0 of them" in str(closing.reason)


def test_what_was_not_listed_counts_among_the_failures_of_a_job() -> None:
    closing = closing_for({}, [item(1, Cause.NO_LINES)], 3)
    assert closing.reason == "No expense was exported. The most frequent cause (1 of 3): Why 1."


@pytest.mark.slow
@pytest.mark.parametrize("sent", [False, True])
async def test_exactly_one_closing_event_is_taken_whenever_we_crash_around_it(
    scene: Scene, *, sent: bool
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2, account="9999"))
    async with scene.parts() as parts:
        await scene.crash(pleo=DiesClosing(parts.pleo, sent=sent))
    await scene.run()
    assert await scene.company.event_names(job_id) == ["started", "completed_with_errors"]
    assert scene.connector.calls == []
    async with scene.parts() as parts:
        assert (await parts.store.job(job_id)).closed_at is not None
        assert await parts.store.open_jobs(scene.company.id) == []


async def test_a_decision_to_fail_stands_even_if_its_cause_is_gone_after_a_crash(scene: Scene) -> None:
    """The other way round a job would be failed whose expenses were all recorded meanwhile."""
    job_id = await scene.company.job_of(expense(1))
    scene.connector.findings = [Finding(cause=Cause.COMPANY_DIFFERS, problem="Closed.", remedy="Open it.")]
    async with scene.parts() as parts:
        await scene.crash(pleo=DiesClosing(parts.pleo, sent=False))
    scene.connector.findings = []
    summary = await scene.run_one()
    assert (summary.event, summary.reason) == ("failed", "Closed. Open it.")
    event = (await scene.company.events(job_id))[-1]
    assert (event["failureReason"], event["failureReasonType"]) == (
        "Closed. Open it.",
        "invalid_configuration",
    )
    assert scene.booked() == []


async def test_a_failed_check_after_a_crash_ends_the_job_as_its_expenses_stand(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        job = await detect_and_start(parts, frozenset())
        assert job is not None
        await parts.store.plan(job_id, [eid(1), eid(2)])
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
    scene.connector.findings = [Finding(cause=Cause.COMPANY_DIFFERS, problem="Closed.", remedy="Open it.")]
    assert (await scene.run_one()).event == "completed_with_errors"
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "failed"}


async def test_a_job_that_somebody_else_ended_is_not_told_as_closed_by_us(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=EndedByOthers(scene, parts.pleo, "failed"))
    assert summary.event is None
    assert "ended as 'failed' by somebody else" in str(summary.problem)
    assert await scene.company.event_names(job_id) == ["started", "failed"]
    assert await scene.run() == []


async def test_a_failing_job_that_somebody_else_ended_is_given_up_calmly(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    scene.connector.findings = [Finding(cause=Cause.COMPANY_DIFFERS, problem="Closed.", remedy="Open it.")]
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=EndedByOthers(scene, parts.pleo, "completed"))
    assert summary.event is None
    assert "ended as 'completed' by somebody else" in str(summary.problem)


class ExpiresMeanwhile(Around):
    """Pleo's client, where the job expires just before we close it."""

    def __init__(self, scene: Scene, inner: object) -> None:
        super().__init__(inner)
        self._company = scene.company

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        if event.event is not JobEventType.STARTED:
            await self._company.pass_time(3600)
        await self.inner.send_event(event, before)


async def test_a_failing_job_that_expired_is_not_told_as_closed_by_us(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, account="9999"))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=ExpiresMeanwhile(scene, parts.pleo))
    assert (await scene.company.job(job_id))["failureReasonType"] == "job_expired"
    assert summary.event is None
    assert "expired" in str(summary.problem)


@pytest.mark.slow
async def test_a_job_that_pleo_keeps_open_does_not_stop_the_next_one(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    """Pleo refused an outcome, and may refuse to close the job for that."""
    await pleo_settings(refuseUnfinished=True)
    stuck = await scene.company.job_of(expense(1), expense(2))
    await scene.company.pass_time(5)
    await scene.company.job_of(expense(3))
    async with scene.parts() as parts:
        first, second = await scene.run(pleo=NeverTold(parts.pleo))
    assert (first.job_id, first.event) == (stuck, None)
    assert "could not be closed" in str(first.problem)
    assert second.event == "completed"


async def test_the_steps_and_outcomes_can_be_watched(scene: Scene) -> None:
    await scene.company.job_of(expense(1), expense(2, account="9999"))
    await scene.run_one()
    steps = [notice.step for notice in scene.notices if isinstance(notice, StepTaken)]
    assert steps == [1, 2, 3, 4, 5, 6, 7, 1]
    settled = [notice.item.phase for notice in scene.notices if isinstance(notice, ItemSettled)]
    assert sorted(settled) == [Phase.RECORDED, Phase.REJECTED]


async def test_an_outcome_that_pleo_has_although_it_called_it_refused_is_no_problem(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=TakesButRefuses(parts.pleo))
    assert summary.event == "completed"
    assert summary.items[0].report_problem is None
    assert summary.items[0].reported_at is not None
