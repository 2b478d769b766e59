from datetime import timedelta, timezone

import pytest

from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Company, JobProgress, Phase
from pleo_export.store.errors import (
    ClosingDecidedError,
    IllegalJobStepError,
    JobOfAnotherCompanyError,
    UnknownJobError,
)
from tests.store.stores import COMPANY, JOB, NOON, StoppedClock, opened, planned, reject, succeed


async def test_a_company_remembers_when_it_was_first_seen_and_last_checked(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        await store.see_company("b")
        later = clock.forward(60)
        await store.see_company("b")
        await store.see_job("job-1", "a")
        assert await store.companies() == [
            Company(company_id="a", first_seen_at=later),
            Company(company_id="b", first_seen_at=NOON, last_checked_at=later),
        ]


async def test_a_job_seen_twice_keeps_its_first_sight_and_its_company(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        await store.see_job(JOB, COMPANY)
        clock.forward(60)
        await store.see_job(JOB, COMPANY)
        with pytest.raises(JobOfAnotherCompanyError, match="belongs to company company-a, not to company-b"):
            await store.see_job(JOB, "company-b")
        assert await store.job(JOB) == JobProgress(
            job_id=JOB, company_id=COMPANY, first_seen_at=NOON, counts=dict.fromkeys(Phase, 0)
        )
        assert [company.company_id for company in await store.companies()] == [COMPANY]


async def test_a_job_that_was_never_started_can_be_forgotten_and_another_cannot(url: str) -> None:
    async with opened(url) as store:
        assert [await store.see_job(JOB, COMPANY) for _ in range(2)] == [True, False]
        await store.forget_job(JOB)
        assert await store.see_job(JOB, COMPANY)
        await store.mark_started(JOB)
        await store.forget_job(JOB)
        assert [job.job_id for job in await store.open_jobs(COMPANY)] == [JOB]


async def test_jobs_come_newest_first_with_the_number_of_items_in_each_phase(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, "e1", "e2", "e3", "e4", clock=clock) as store:
        await succeed(store, "e1")
        await reject(store, "e2")
        await reject(store, "e3")
        for job_id in ("job-2", "job-3"):
            clock.forward(60)
            await store.see_job(job_id, COMPANY)
        await store.see_job("job-of-b", "company-b")
        found = await store.jobs(COMPANY, 10)
        assert [job.job_id for job in found] == ["job-3", "job-2", JOB]
        assert found[-1].counts == {
            Phase.PLANNED: 1,
            Phase.INTENDED: 0,
            Phase.RECORDED: 1,
            Phase.REJECTED: 2,
        }
        assert [job.job_id for job in await store.jobs(COMPANY, 2)] == ["job-3", "job-2"]


async def test_the_first_start_counts(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, clock=clock) as store:
        await store.mark_started(JOB)
        clock.forward(60)
        await store.mark_started(JOB)
        assert (await store.job(JOB)).started_at == NOON


async def test_a_clock_of_another_zone_is_kept_in_utc(url: str) -> None:
    clock = StoppedClock()
    clock.now = NOON.astimezone(timezone(timedelta(hours=5)))
    async with planned(url, "e1", clock=clock) as store:
        await store.mark_started(JOB)
        await reject(store, "e1")
        await store.reported(JOB, ["e1"])
        await store.closing(JOB, JobEventType.COMPLETED_WITH_ERRORS)
        await store.closed(JOB)
        job = await store.job(JOB)
        assert [job.first_seen_at, job.started_at, job.closed_at] == [NOON] * 3
        assert (await store.item(JOB, "e1")).reported_at == NOON


async def test_a_closing_decision_is_kept_before_it_is_sent_and_may_be_repeated(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, clock=clock) as store:
        for _ in range(2):
            await store.closing(JOB, JobEventType.FAILED, "No journal.", JobFailureType.MISSING_CONFIGURATION)
        job = await store.job(JOB)
        assert (job.closing_event, job.closing_reason, job.closing_reason_type, job.closed_at) == (
            JobEventType.FAILED,
            "No journal.",
            JobFailureType.MISSING_CONFIGURATION,
            None,
        )
        assert job.open
        await store.closed(JOB)
        clock.forward(60)
        await store.closed(JOB)
        job = await store.job(JOB)
        assert (job.closed_at, job.open) == (NOON, False)


@pytest.mark.parametrize("closed", [False, True])
async def test_a_closing_decision_cannot_be_changed(url: str, *, closed: bool) -> None:
    async with planned(url) as store:
        await store.closing(JOB, JobEventType.COMPLETED)
        if closed:
            await store.closed(JOB)
        with pytest.raises(ClosingDecidedError, match="to be closed as completed; that cannot become failed"):
            await store.closing(JOB, JobEventType.FAILED, "No journal.")
        with pytest.raises(ClosingDecidedError):
            await store.closing(JOB, JobEventType.COMPLETED, "with a reason this time")
        assert (await store.job(JOB)).closing_event is JobEventType.COMPLETED


async def test_started_is_no_closing_event(url: str) -> None:
    async with planned(url) as store:
        with pytest.raises(AssertionError):
            await store.closing(JOB, JobEventType.STARTED)


async def test_a_job_without_a_decision_cannot_be_closed(url: str) -> None:
    async with planned(url) as store:
        with pytest.raises(IllegalJobStepError, match="without a decided closing event"):
            await store.closed(JOB)
        assert (await store.job(JOB)).open


async def test_a_job_that_was_given_up_keeps_its_first_problem_and_no_closing_is_decided(
    url: str,
) -> None:
    async with planned(url) as store:
        await store.abandoned(JOB, "expired")
        await store.abandoned(JOB, "something else")
        with pytest.raises(IllegalJobStepError, match=r"given up \(expired\)"):
            await store.closing(JOB, JobEventType.COMPLETED)
        with pytest.raises(IllegalJobStepError, match="without a decided closing event"):
            await store.closed(JOB)
        job = await store.job(JOB)
        assert (job.problem, job.closing_event, job.open) == ("expired", None, False)


async def test_a_job_that_was_given_up_although_pleo_took_its_closing_event_is_closed(url: str) -> None:
    async with planned(url) as store:
        await store.closing(JOB, JobEventType.COMPLETED)
        await store.abandoned(JOB, "could not be closed")
        await store.closed(JOB)
        job = await store.job(JOB)
        assert (job.problem, job.closed_at, job.open) == (None, NOON, False)


async def test_a_job_that_is_seen_again_is_open_again_and_its_decided_closing_stays(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, clock=clock) as store:
        await store.closing(JOB, JobEventType.COMPLETED)
        for end in (store.closed(JOB), store.abandoned(JOB, "could not be closed")):
            await end
            assert await store.open_jobs(COMPANY) == []
            clock.forward(60)
            await store.see_job(JOB, COMPANY)
            (job,) = await store.open_jobs(COMPANY)
            assert (job.closing_event, job.first_seen_at) == (JobEventType.COMPLETED, NOON)


async def test_a_closed_job_cannot_be_given_up(url: str) -> None:
    async with planned(url) as store:
        await store.closing(JOB, JobEventType.COMPLETED)
        await store.closed(JOB)
        with pytest.raises(IllegalJobStepError, match=r"closed \(completed\)"):
            await store.abandoned(JOB, "expired")


async def test_open_jobs_are_the_unclosed_ones_of_the_company_oldest_first(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        for job_id in ("job-4", "job-3", "job-2", "job-1"):
            await store.see_job(job_id, COMPANY)
            clock.forward(60)
        await store.see_job("job-of-b", "company-b")
        await store.closing("job-3", JobEventType.COMPLETED)
        await store.closing("job-2", JobEventType.COMPLETED)
        await store.closed("job-2")
        await store.abandoned("job-1", "expired")
        assert [job.job_id for job in await store.open_jobs(COMPANY)] == ["job-4", "job-3"]


async def test_a_job_that_was_never_seen_takes_no_step(url: str) -> None:
    async with opened(url) as store:
        for step in (
            store.mark_started("ghost"),
            store.closing("ghost", JobEventType.COMPLETED),
            store.closed("ghost"),
            store.abandoned("ghost", "expired"),
            store.job("ghost"),
        ):
            with pytest.raises(UnknownJobError, match="ghost"):
                await step
