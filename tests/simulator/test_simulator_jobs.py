from collections import Counter

import pytest

from pleo_export.simulator.vocabulary import JobEvent, JobStatus
from tests.simulator.simulator_api import Api

FINAL_EVENTS = ("completed", "completed_with_errors", "failed")


async def bring_to(api: Api, job_id: str, status: str) -> None:
    if status == "pending":
        return
    await api.event(job_id, "started")
    if status != "in_progress":
        await api.event(job_id, status)
    assert (await api.job(job_id))["status"] == status


async def test_a_new_job_is_pending_and_tells_all_its_fields(api: Api) -> None:
    await api.expenses(3)
    job = await api.job(await api.press_export())
    assert job == {
        "id": job["id"],
        "companyId": api.company.id,
        "status": "pending",
        "createdAt": "2026-01-05T12:00:00Z",
        "createdBy": job["createdBy"],
        "startedAt": None,
        "lastUpdatedAt": "2026-01-05T12:00:00Z",
        "completedAt": None,
        "expiredAt": None,
        "expiresIn": 3600,
        "failureReason": None,
        "failureReasonType": None,
        "isInteractive": True,
        "numberOfItems": 3,
        "vendorBasedBookkeeping": False,
    }


@pytest.mark.parametrize("event", list(JobEvent))
@pytest.mark.parametrize("status", list(JobStatus))
async def test_only_the_documented_transitions_are_accepted(api: Api, status: str, event: str) -> None:
    allowed = {("pending", "started"): "in_progress", ("pending", "failed"): "failed"}
    allowed |= {("in_progress", final): final for final in FINAL_EVENTS}
    await api.expenses(1)
    job_id = await api.press_export()
    await bring_to(api, job_id, status)

    answer = await api.event(job_id, event)

    if (status, event) in allowed:
        assert (answer.status, answer.content) == (202, b"")
        assert (await api.job(job_id))["status"] == allowed[status, event]
    else:
        assert answer.refusal == (422, "INVALID_EXPORT_JOB_STATUS_CHANGE")
        assert (await api.job(job_id))["status"] == status


async def test_a_job_tells_when_it_was_started_touched_and_finished(api: Api) -> None:
    await api.expenses(1)
    job_id = await api.press_export()
    api.clock.pass_time(minutes=1)
    await api.event(job_id, "started")
    api.clock.pass_time(minutes=1)
    await api.event(job_id, "completed")
    job = await api.job(job_id)
    assert job["startedAt"] == "2026-01-05T12:01:00Z"
    assert job["completedAt"] == job["lastUpdatedAt"] == "2026-01-05T12:02:00Z"


async def test_an_event_for_an_unknown_job_is_not_found(api: Api) -> None:
    answer = await api.event("6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10", "started")
    assert answer.refusal == (404, "EXPORT_NOT_FOUND")


@pytest.mark.parametrize("event", ["failed", "completed_with_errors"])
async def test_a_reason_is_kept_with_the_events_that_may_carry_one(api: Api, event: str) -> None:
    job_id = await api.job_in_progress()
    reason = {"failureReason": "Down", "failureReasonType": "accounting_system_unreachable"}
    assert (await api.event(job_id, event, **reason)).status == 202
    assert (await api.job(job_id)).items() >= reason.items()


@pytest.mark.parametrize(
    "body",
    [
        {"jobId": "JOB", "event": "completed", "failureReason": "no"},
        {"jobId": "JOB", "event": "completed", "failureReasonType": "job_expired"},
        {"jobId": "JOB", "event": "canceled"},
        {"jobId": "JOB", "event": "failed", "failureReasonType": "accounting_system_validation_failure"},
        {"exportJobId": "JOB", "event": "completed"},
        {"jobId": "not-a-uuid", "event": "completed"},
        [],
    ],
)
async def test_an_event_that_does_not_fit_the_schema_is_refused(api: Api, body: object) -> None:
    job_id = await api.job_in_progress()
    if isinstance(body, dict):
        body = {name: job_id if value == "JOB" else value for name, value in body.items()}
    assert (await api.post("/v3/export-job-events", body)).refusal == (400, "VALIDATION_FAILED")
    assert (await api.job(job_id))["status"] == "in_progress"


@pytest.mark.parametrize("body", [b"{", b"", b"\xff"])
async def test_a_body_that_is_no_json_is_refused(api: Api, body: bytes) -> None:
    answer = await api.post("/v3/export-job-events", body)
    assert answer.refusal in {(400, "JSON_MAPPING_EXCEPTION"), (400, "VALIDATION_FAILED")}


async def test_unfinished_items_of_a_failed_job_are_abandoned(api: Api) -> None:
    job_id = await api.job_in_progress()
    first, second, third = [item["accountingEntryId"] for item in await api.job_items(job_id)]
    await api.update(
        job_id,
        {"accountingEntryId": first, "status": "successful"},
        {"accountingEntryId": second, "status": "in_progress"},
    )
    await api.event(job_id, "failed")
    statuses = {item["accountingEntryId"]: item["status"] for item in await api.job_items(job_id)}
    assert statuses == {first: "successful", second: "abandoned", third: "abandoned"}


async def test_completing_with_pending_items_is_accepted_unless_set_otherwise(api: Api) -> None:
    job_id = await api.job_in_progress(1)
    await api.call("PATCH", "/control/settings", {"refuseUnfinished": True})
    assert (await api.event(job_id, "completed")).refusal == (422, "INVALID_EXPORT_JOB_STATUS_CHANGE")
    await api.call("PATCH", "/control/settings", {"refuseUnfinished": False})
    assert (await api.event(job_id, "completed")).status == 202
    assert [item["status"] for item in await api.job_items(job_id)] == ["pending"]


async def test_a_job_expires_an_hour_after_its_last_action(api: Api) -> None:
    job_id = await api.job_in_progress()
    api.clock.pass_time(seconds=3599)
    assert (await api.job(job_id))["status"] == "in_progress"
    api.clock.pass_time(seconds=1)
    job = await api.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "job_expired")
    assert job["expiredAt"] == "2026-01-05T13:00:00Z"
    assert {item["status"] for item in await api.job_items(job_id)} == {"abandoned"}
    assert (await api.event(job_id, "completed")).refusal == (422, "INVALID_EXPORT_JOB_STATUS_CHANGE")


async def test_an_item_update_puts_the_expiry_off_and_a_read_does_not(api: Api) -> None:
    job_id = await api.job_in_progress()
    api.clock.pass_time(minutes=50)
    (first, *_) = await api.job_items(job_id)
    await api.update(job_id, {"accountingEntryId": first["accountingEntryId"], "status": "in_progress"})
    api.clock.pass_time(minutes=50)
    assert (await api.job(job_id))["status"] == "in_progress"
    api.clock.pass_time(minutes=10)
    assert (await api.job(job_id))["status"] == "failed"


async def test_item_updates_can_leave_the_expiry_where_it_is(api: Api) -> None:
    await api.call("PATCH", "/control/settings", {"itemUpdatesRefresh": False})
    job_id = await api.job_in_progress()
    api.clock.pass_time(minutes=50)
    (first, *_) = await api.job_items(job_id)
    await api.update(job_id, {"accountingEntryId": first["accountingEntryId"], "status": "successful"})
    assert (await api.job(job_id))["lastUpdatedAt"] == "2026-01-05T12:00:00Z"
    api.clock.pass_time(minutes=10)
    assert (await api.job(job_id))["failureReasonType"] == "job_expired"
    statuses = [item["status"] for item in await api.job_items(job_id)]
    assert Counter(statuses) == {"successful": 1, "abandoned": len(statuses) - 1}


async def test_a_pending_job_expires_too(api: Api) -> None:
    await api.expenses(1)
    job_id = await api.press_export()
    api.clock.pass_time(hours=1)
    assert (await api.job(job_id))["failureReasonType"] == "job_expired"


async def test_the_expired_status_of_the_how_to_page_can_be_had(api: Api) -> None:
    await api.call("PATCH", "/control/settings", {"expiredStyle": "status", "expiresIn": 60})
    job_id = await api.job_in_progress()
    await api.post("/control/clock", {"advanceSeconds": 60})
    job = await api.job(job_id)
    assert (job["status"], job["expiresIn"]) == ("expired", 60)
    assert job["expiredAt"] == "2026-01-05T12:01:00Z"


async def test_several_exports_of_a_user_queue_and_are_listed_newest_first(api: Api) -> None:
    first_expense, second_expense = await api.expenses(2)
    first = await api.press_export(first_expense)
    api.clock.pass_time(seconds=1)
    second = await api.press_export(second_expense)
    listed = (await api.get("/v3/export-jobs", company_id=api.company.id, statuses=["pending"])).json["data"]
    assert [job["id"] for job in listed] == [second, first]


async def test_the_list_keeps_only_the_wanted_statuses(api: Api) -> None:
    first_expense, second_expense = await api.expenses(2)
    first = await api.press_export(first_expense)
    second = await api.press_export(second_expense)
    await api.event(first, "started")
    running = (await api.get("/v3/export-jobs", statuses=["in_progress", "failed"])).json["data"]
    assert [job["id"] for job in running] == [first]
    both = (await api.get("/v3/export-jobs", statuses=["in_progress", "pending"])).json["data"]
    assert {job["id"] for job in both} == {first, second}
    assert (await api.get("/v3/export-jobs", statuses="expired")).refusal == (
        400,
        "PARAMETER_VALIDATION_FAILED",
    )


async def test_the_api_creates_a_job_only_while_none_is_unfinished(api: Api) -> None:
    first, second = await api.expenses(2)
    order = {"companyId": api.company.id, "accountingEntryIds": [first], "isInteractive": False}
    created = await api.post("/v3/export-jobs", order | {"options": {"vendorBasedBookkeeping": True}})
    assert created.status == 201
    assert created.json["data"]["vendorBasedBookkeeping"] is True
    assert created.json["data"]["isInteractive"] is False
    blocked = await api.post("/v3/export-jobs", order | {"accountingEntryIds": [second]})
    assert blocked.refusal == (409, "EXPORT_ALREADY_IN_PROGRESS")
    await api.event(created.json["data"]["id"], "failed")
    assert (await api.post("/v3/export-jobs", order)).status == 201


@pytest.mark.parametrize("entry_ids", [[], ["6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10"]])
async def test_a_job_of_nothing_or_of_unknown_expenses_is_refused(api: Api, entry_ids: list[str]) -> None:
    order = {"companyId": api.company.id, "accountingEntryIds": entry_ids}
    assert (await api.post("/v3/export-jobs", order)).refusal == (400, "VALIDATION_FAILED")


async def test_one_seed_gives_the_same_job_ids_at_one_time_and_others_later() -> None:
    async def job_id(api: Api) -> str:
        await api.expenses(1)
        return await api.press_export()

    now, again, later = Api(), Api(), Api()
    later.clock.pass_time(seconds=1)
    now_id = await job_id(now)
    assert await job_id(again) == now_id
    assert await job_id(later) != now_id


@pytest.mark.parametrize(
    ("method", "path", "refusal"),
    [
        ("GET", "/v3/nothing", (404, "NOT_FOUND")),
        ("DELETE", "/v3/export-jobs", (405, "METHOD_NOT_ALLOWED")),
        ("GET", "/v3/export-jobs/not-a-uuid", (400, "PARAMETER_VALIDATION_FAILED")),
    ],
)
async def test_every_refusal_wears_the_envelope(
    api: Api, method: str, path: str, refusal: tuple[int, str]
) -> None:
    answer = await api.call(method, path)
    assert answer.refusal == refusal
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
