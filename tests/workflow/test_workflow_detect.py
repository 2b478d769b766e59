from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import pytest
from msgspec.structs import replace

from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.job import ExportJob, JobEvent, JobEventType, JobStatus
from pleo_export.domain.progress import JobProgress
from pleo_export.pleo.errors import (
    ExportNotFoundError,
    Facts,
    InvalidExportJobStatusChangeError,
    PleoForbiddenError,
    PleoNoAnswerError,
)
from pleo_export.pleo.retrying import Before, at_any_time
from pleo_export.store.errors import UnknownJobError
from pleo_export.workflow.detect import LOOKS_MAX, detect_and_start
from pleo_export.workflow.ports import Parts
from tests.workflow.workflow_scene import NOON, Around, ChangeSettings, ClosesAtSecondTry, Scene, expense

NOBODYS = "99999999-9999-4999-8999-999999999999"


class Faster(Around):
    """Another worker, who starts the next jobs just before we do."""

    def __init__(self, parts: Parts, scene: Scene, times: int) -> None:
        super().__init__(parts.pleo)
        self._scene, self._times = scene, times

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        if self._times and event.event is JobEventType.STARTED:
            self._times -= 1
            await self._scene.company.event(event.job_id, "started")
        await self.inner.send_event(event, before)


class AnswerLost(Around):
    """Pleo's client, which sends an event and never learns what became of it."""

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        await self.inner.send_event(event, before)
        raise PleoNoAnswerError(Facts(method="POST", path="/v3/export-job-events"))


class Finisher(Around):
    """Somebody who ends a job between our look at the list and our start of the job."""

    def __init__(self, parts: Parts, scene: Scene, job_id: str) -> None:
        super().__init__(parts.pleo)
        self._scene, self._job_id = scene, job_id

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        if event.job_id == self._job_id and event.event is JobEventType.STARTED:
            await self._scene.company.event(self._job_id, "failed")
        await self.inner.send_event(event, before)


class Stuck(Around):
    """Pleo's client, to which Pleo lists these jobs as pending and never lets them start."""

    def __init__(self, inner: object, job_ids: AbstractSet[str]) -> None:
        super().__init__(inner)
        self._job_ids = job_ids

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        if event.job_id in self._job_ids:
            raise InvalidExportJobStatusChangeError(Facts(method="POST", path="/events", status=422))
        await self.inner.send_event(event, before)


class ListsExpired(Around):
    """Pleo's client, to which Pleo lists a job that has expired as pending."""

    def __init__(self, inner: object, job_id: str) -> None:
        super().__init__(inner)
        self._job_id = job_id

    async def list_jobs(self, company_id: str, statuses: Sequence[JobStatus]) -> list[ExportJob]:
        listed = await self.inner.list_jobs(company_id, statuses)
        return [replace(job, expired_at=NOON) if job.id == self._job_id else job for job in listed]


class ForgetsOnce(Around):
    """Pleo's client, to which Pleo once denies to know a job that it lists."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner)
        self._denied = False

    async def get_job(self, job_id: str) -> ExportJob:
        if not self._denied:
            self._denied = True
            raise ExportNotFoundError(Facts(method="GET", path="/v3/export-jobs", status=404))
        job: ExportJob = await self.inner.get_job(job_id)
        return job


async def remembered(scene: Scene, job_id: str) -> JobProgress:
    async with scene.parts() as parts:
        return await parts.store.job(job_id)


async def interrupt(scene: Scene, job_id: str) -> None:
    """Start the job, and no more."""
    async with scene.parts() as parts:
        job = await detect_and_start(parts, frozenset())
        assert job is not None
        assert job.id == job_id


@pytest.mark.slow
async def test_the_job_created_first_is_exported_first(scene: Scene) -> None:
    older = await scene.company.job_of(expense(1))
    await scene.company.pass_time(5)
    younger = await scene.company.job_of(expense(2))
    assert [summary.job_id for summary in await scene.run()] == [older, younger]


@pytest.mark.slow
async def test_of_jobs_created_in_the_same_second_the_smaller_id_comes_first(scene: Scene) -> None:
    ids = [await scene.company.job_of(expense(number)) for number in (1, 2, 3, 4)]
    created = {job_id: (await scene.company.job(job_id))["createdAt"] for job_id in ids}
    exported = [summary.job_id for summary in await scene.run()]
    assert exported == sorted(ids, key=lambda job_id: (created[job_id], job_id))


async def test_without_a_job_nothing_happens(scene: Scene) -> None:
    assert await scene.run() == []
    assert scene.connector.calls == []


async def test_a_job_in_progress_is_left_alone_in_normal_operation(scene: Scene) -> None:
    job_id = await scene.company.running_job_of(expense(1))
    assert await scene.run(recovering=False) == []
    assert await scene.company.event_names(job_id) == ["started"]
    assert scene.booked() == []


@pytest.mark.slow
async def test_an_interrupted_job_is_taken_up_without_being_started_again(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    assert (await scene.run_one()).event is JobEventType.COMPLETED
    sent = [
        one["body"]["event"] for one in await scene.company.audit() if one["path"] == "/v3/export-job-events"
    ]
    assert sent == ["started", "completed"]


@pytest.mark.slow
async def test_no_job_is_started_before_an_interrupted_one_has_ended(scene: Scene) -> None:
    ids = [await scene.company.job_of(expense(number)) for number in (1, 2, 3)]
    # The last by its id, as one that was made and started before the others came, all in one second.
    await scene.company.event(max(ids), "started")
    first, *_ = await scene.run()
    assert first.job_id == max(ids)


async def test_all_interrupted_jobs_are_taken_up_in_one_go(scene: Scene) -> None:
    first = await scene.company.running_job_of(expense(1))
    await scene.company.pass_time(5)
    second = await scene.company.running_job_of(expense(2))
    assert [summary.job_id for summary in await scene.run()] == [first, second]


@pytest.mark.parametrize("recovering", [True, False])
async def test_whoever_loses_the_race_for_a_job_looks_again_and_leaves_it_to_the_winner(
    scene: Scene, *, recovering: bool
) -> None:
    lost = await scene.company.job_of(expense(1))
    await scene.company.pass_time(5)
    won = await scene.company.job_of(expense(2))
    async with scene.parts() as parts:
        (summary,) = await scene.run(recovering=recovering, pleo=Faster(parts, scene, times=1))
    assert summary.job_id == won
    assert scene.booked() == [2]
    assert (await scene.company.job(lost))["status"] == "in_progress"
    assert await scene.company.updates(lost) == []


async def test_a_job_lost_to_another_worker_is_not_taken_for_ours_at_the_next_look(scene: Scene) -> None:
    lost = await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        assert await scene.run(pleo=Faster(parts, scene, times=1)) == []
        await scene.company.mark(lost, 1)
        assert await scene.run(recovering=False) == []
        assert await parts.store.open_jobs(scene.company.id) == []
    assert await scene.company.statuses(lost) == {1: "in_progress", 2: "pending"}
    assert scene.booked() == []


async def test_a_lost_job_that_its_winner_has_ended_casts_no_doubt_on_our_memory(scene: Scene) -> None:
    lost = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        await scene.run(pleo=Faster(parts, scene, times=1))
        await scene.company.event(lost, "completed")
        assert await scene.run(recovering=False) == []
        with pytest.raises(UnknownJobError):
            await parts.store.job(lost)


async def test_beside_an_interrupted_job_of_ours_that_of_another_worker_is_left_alone(scene: Scene) -> None:
    await scene.company.running_job_of(expense(1))
    ours = await scene.company.job_of(expense(2))
    await interrupt(scene, ours)
    assert [summary.job_id for summary in await scene.run(recovering=False)] == [ours]
    assert scene.booked() == [2]


async def test_a_job_whose_start_was_taken_and_not_answered_is_ours(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        with pytest.raises(PleoNoAnswerError):
            await scene.run(pleo=AnswerLost(parts.pleo))
    (summary,) = await scene.run(recovering=False)
    assert (summary.job_id, summary.event) == (job_id, "completed")


async def test_a_job_whose_first_start_was_taken_late_is_ours_although_the_second_is_refused(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        await parts.store.see_job(job_id, scene.company.id)  # and died when `started` was on its way
        assert await scene.run(recovering=False, pleo=Faster(parts, scene, times=1)) == []
    (summary,) = await scene.run(recovering=False)
    assert (summary.job_id, summary.event) == (job_id, "completed")


async def test_a_job_lost_to_another_worker_does_not_hide_our_interrupted_one(scene: Scene) -> None:
    lost = await scene.company.job_of(expense(1))
    await scene.company.pass_time(5)
    ours = await scene.company.running_job_of(expense(2))
    async with scene.parts() as parts:
        (summary,) = await scene.run(pleo=Faster(parts, scene, times=1))
    assert summary.job_id == ours
    assert await scene.company.updates(lost) == []


async def test_a_worker_that_loses_every_race_gives_way(scene: Scene) -> None:
    jobs = [await scene.company.job_of(expense(number)) for number in range(1, LOOKS_MAX + 2)]
    async with scene.parts() as parts:
        assert await scene.run(pleo=Faster(parts, scene, times=100)) == []
    statuses = [(await scene.company.job(job_id))["status"] for job_id in jobs]
    assert sorted(statuses) == ["in_progress"] * LOOKS_MAX + ["pending"]


async def test_a_job_that_ends_before_it_is_started_is_passed_over(scene: Scene) -> None:
    ended = await scene.company.job_of(expense(1))
    await scene.company.pass_time(5)
    other = await scene.company.job_of(expense(2))
    async with scene.parts() as parts:
        (summary,) = await scene.run(pleo=Finisher(parts, scene, ended))
    assert summary.job_id == other
    assert "started" not in await scene.company.event_names(ended)


async def test_a_job_that_is_listed_as_pending_and_cannot_be_started_keeps_no_other_waiting(
    scene: Scene,
) -> None:
    stuck = await scene.company.job_of(expense(1))
    await scene.company.pass_time(5)
    other = await scene.company.job_of(expense(2))
    async with scene.parts() as parts:
        (summary,) = await scene.run(pleo=Stuck(parts.pleo, {stuck}))
    assert summary.job_id == other
    assert scene.booked() == [2]


async def test_a_job_that_has_expired_and_is_listed_as_pending_is_passed_over(scene: Scene) -> None:
    expired = await scene.company.job_of(expense(1))
    await scene.company.pass_time(5)
    other = await scene.company.job_of(expense(2))
    async with scene.parts() as parts:
        (summary,) = await scene.run(pleo=ListsExpired(parts.pleo, expired))
    assert summary.job_id == other
    assert await scene.company.event_names(expired) == []


async def test_it_is_logged_where_too_many_jobs_cannot_be_started_to_get_to_the_next_one(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [await scene.company.job_of(expense(number)) for number in range(1, LOOKS_MAX + 2)]
    async with scene.parts() as parts:
        assert await scene.run(pleo=Stuck(parts.pleo, set(jobs))) == []
    assert "could be started; the younger ones wait" in caplog.text
    assert sum(job_id in caplog.text for job_id in jobs) == LOOKS_MAX


@pytest.mark.parametrize("style", ["failed", "status"])
async def test_a_job_that_expired_while_nobody_looked_is_given_up(
    scene: Scene, pleo_settings: ChangeSettings, style: str
) -> None:
    await pleo_settings(expiredStyle=style)
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    await scene.company.pass_time(3601)
    assert await scene.run() == []
    known = await remembered(scene, job_id)
    assert known.problem is not None
    assert "expired" in known.problem
    assert scene.booked() == []


async def test_a_job_that_somebody_else_ended_is_given_up(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    await scene.company.event(job_id, "completed")
    assert await scene.run() == []
    assert "ended as 'completed' by somebody else" in str((await remembered(scene, job_id)).problem)


async def test_a_job_whose_closing_event_arrived_just_before_a_crash_is_closed(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    async with scene.parts() as parts:
        await parts.store.closing(job_id, JobEventType.COMPLETED)
    await scene.company.event(job_id, "completed")
    assert await scene.run() == []
    known = await remembered(scene, job_id)
    assert known.closed_at == scene.clock.now()
    assert known.problem is None


async def test_a_job_that_expired_before_it_could_be_failed_is_not_taken_for_closed(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    async with scene.parts() as parts:
        await parts.store.closing(job_id, JobEventType.FAILED, "No.", JobFailureType.VALIDATION_FAILURE)
    await scene.company.pass_time(3601)
    assert await scene.run() == []
    known = await remembered(scene, job_id)
    assert known.closed_at is None
    assert "expired" in str(known.problem)


async def test_a_job_that_pleo_no_longer_knows_does_not_keep_the_others_waiting(scene: Scene) -> None:
    async with scene.parts() as parts:
        await parts.store.see_job(NOBODYS, scene.company.id)
    job_id = await scene.company.job_of(expense(1))
    assert (await scene.run_one()).job_id == job_id
    assert "no longer knows" in str((await remembered(scene, NOBODYS)).problem)


@pytest.mark.slow
async def test_with_the_key_of_another_company_no_job_is_judged(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    own, scene.company.token = scene.company.token, (await scene.company.another()).token
    with pytest.raises(PleoForbiddenError):
        await scene.run()
    assert (await remembered(scene, job_id)).open
    scene.company.token = own
    assert (await scene.run_one()).event == "completed"


@pytest.mark.slow
async def test_a_job_that_is_listed_is_not_given_up_because_it_cannot_be_found(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    async with scene.parts() as parts:
        with pytest.raises(ExportNotFoundError):
            await scene.run(pleo=ForgetsOnce(parts.pleo))
    assert (await remembered(scene, job_id)).open
    assert (await scene.run_one()).event == "completed"


async def test_a_job_that_was_given_up_by_mistake_is_taken_up_again(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    async with scene.parts() as parts:
        await parts.store.abandoned(job_id, "Nobody knows it.")
    assert (await scene.run_one()).event == "completed"
    known = await remembered(scene, job_id)
    assert (known.problem, known.closed_at) == (None, scene.clock.now())


@pytest.mark.parametrize("recovering", [True, False])
async def test_a_closing_event_that_pleo_refuses_once_is_taken_by_the_next_call(
    scene: Scene, *, recovering: bool
) -> None:
    """Also by one that looks for new jobs only: else the job would stand in Pleo until it expires."""
    job_id = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        stuck = await scene.run_one(pleo=ClosesAtSecondTry(parts.pleo))
    assert (stuck.event, "could not be closed" in str(stuck.problem)) == (None, True)
    (closed,) = await scene.run(recovering=recovering)
    assert (closed.event, closed.problem) == ("completed", None)
    assert (await remembered(scene, job_id)).problem is None


async def test_a_job_that_is_closed_here_and_not_in_pleo_is_closed_there_too(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await interrupt(scene, job_id)
    async with scene.parts() as parts:
        await parts.store.closing(job_id, JobEventType.COMPLETED)
        await parts.store.closed(job_id)
        assert (await scene.run_one(pleo=ClosesAtSecondTry(parts.pleo))).event is None
    assert (await scene.run_one()).event == "completed"
    assert await scene.company.event_names(job_id) == ["started", "completed"]


async def test_a_company_gives_way_between_two_jobs_but_not_while_interrupted_ones_are_left(
    scene: Scene,
) -> None:
    async def always() -> bool:
        return True

    interrupted = [await scene.company.running_job_of(expense(number)) for number in (1, 2)]
    for number in (3, 4):
        await scene.company.job_of(expense(number))
    first = await scene.run(gives_way=always)
    assert sorted(job.job_id for job in first) == sorted(interrupted)
    later = [len(await scene.run(gives_way=always)) for _ in range(3)]
    assert later == [1, 1, 0]
