from typing import Any

import pytest

from tests.simulator.simulator_api import Api

FINAL = ("successful", "failed", "abandoned")


async def only_item(api: Api, job_id: str) -> Any:
    (item,) = await api.job_items(job_id)
    return item


async def test_a_fresh_item_carries_all_eight_fields(api: Api) -> None:
    job_id = await api.job_in_progress(1)
    item = await only_item(api, job_id)
    assert item == {
        "accountingEntryId": item["accountingEntryId"],
        "exportJobId": job_id,
        "status": "pending",
        "exportedAt": None,
        "externalId": None,
        "externalUrl": None,
        "failureReason": None,
        "failureReasonType": None,
    }


async def test_an_update_stores_what_the_integration_reports(api: Api) -> None:
    job_id = await api.job_in_progress(2)
    good, bad = [item["accountingEntryId"] for item in await api.job_items(job_id)]
    booked = {
        "accountingEntryId": good,
        "status": "successful",
        "externalId": "JE-1",
        "externalUrl": "https://ledger.example/1",
    }
    rejected = {
        "accountingEntryId": bad,
        "status": "failed",
        "failureReason": "No such tag",
        "failureReasonType": "tag_unknown",
    }
    answer = await api.update(job_id, booked | {"exportedAt": "2026-01-05T14:30:00+02:00"}, rejected)
    assert answer.json["errors"] == []
    first, second = answer.json["data"]
    assert first.items() >= booked.items()
    assert first["exportedAt"] == "2026-01-05T12:30:00Z"
    assert second.items() >= rejected.items()
    assert await api.job_items(job_id) == [first, second]


async def test_entries_the_job_does_not_have_are_refused_one_by_one(api: Api) -> None:
    job_id = await api.job_in_progress(1)
    known = (await only_item(api, job_id))["accountingEntryId"]
    stranger = "99999999-9999-4999-8999-999999999999"
    answer = await api.update(
        job_id,
        {"accountingEntryId": stranger, "status": "successful"},
        {"accountingEntryId": known, "status": "successful"},
    )
    assert answer.status == 200
    assert [item["accountingEntryId"] for item in answer.json["data"]] == [known]
    (error,) = answer.json["errors"]
    assert (error["accountingEntryId"], error["type"]) == (stranger, "ACCOUNTING_ENTRY_DOES_NOT_EXIST")
    assert error["message"]


@pytest.mark.parametrize("second", ["pending", "in_progress", *FINAL])
@pytest.mark.parametrize("first", ["pending", "in_progress", *FINAL])
async def test_a_final_status_stays_and_any_other_may_change(api: Api, first: str, second: str) -> None:
    job_id = await api.job_in_progress(1)
    entry_id = (await only_item(api, job_id))["accountingEntryId"]
    await api.update(job_id, {"accountingEntryId": entry_id, "status": first})
    answer = await api.update(
        job_id, {"accountingEntryId": entry_id, "status": second, "externalId": "again"}
    )
    item = await only_item(api, job_id)
    if first in FINAL and first != second:
        assert answer.json["data"] == []
        assert [error["type"] for error in answer.json["errors"]] == ["EXPORT_ENTRY_STATUS_UPDATE_FAILED"]
        assert (item["status"], item["externalId"]) == (first, None)
    else:
        assert answer.json["errors"] == []
        assert (item["status"], item["externalId"]) == (second, "again")


async def test_where_final_words_do_not_stay_the_last_one_counts(api: Api) -> None:
    await api.call("PATCH", "/control/settings", {"finalItemsStay": False})
    job_id = await api.job_in_progress(1)
    entry_id = (await only_item(api, job_id))["accountingEntryId"]
    for status in ("successful", "in_progress", "successful", "failed"):
        answer = await api.update(job_id, {"accountingEntryId": entry_id, "status": status})
        assert answer.json["errors"] == []
        assert (await only_item(api, job_id))["status"] == status


async def test_of_two_updates_of_one_entry_in_a_call_the_last_wins(api: Api) -> None:
    job_id = await api.job_in_progress(1)
    entry_id = (await only_item(api, job_id))["accountingEntryId"]
    change = {"accountingEntryId": entry_id, "status": "successful"}
    await api.update(job_id, change | {"externalId": "A"}, change | {"externalId": "B"})
    assert (await only_item(api, job_id))["externalId"] == "B"


async def test_a_hundred_elements_are_taken_and_one_more_is_too_many(api: Api) -> None:
    job_id = await api.job_in_progress(101)
    page = await api.get(f"/v3/export-jobs/{job_id}/items", limit=100)
    more = await api.get(f"/v3/export-jobs/{job_id}/items", after=page.json["pagination"]["endCursor"])
    ids = [item["accountingEntryId"] for item in page.json["data"] + more.json["data"]]
    changes = [{"accountingEntryId": entry_id, "status": "successful"} for entry_id in ids]
    assert (await api.update(job_id, *changes)).refusal == (413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT")
    assert len((await api.update(job_id, *changes[:100])).json["data"]) == 100


@pytest.mark.parametrize("event", ["completed", "completed_with_errors", "failed"])
async def test_items_of_a_finished_job_are_frozen_but_readable(api: Api, event: str) -> None:
    job_id = await api.job_in_progress(1)
    entry_id = (await only_item(api, job_id))["accountingEntryId"]
    await api.event(job_id, event)
    answer = await api.update(job_id, {"accountingEntryId": entry_id, "status": "successful"})
    assert answer.refusal == (422, "EXPORT_JOB_STATUS_UNPROCESSABLE")
    assert (await only_item(api, job_id))["accountingEntryId"] == entry_id


@pytest.mark.parametrize(
    "change",
    [
        {"status": "successful"},
        {"accountingEntryId": "x", "status": "successful"},
        {"accountingEntryId": "99999999-9999-4999-8999-999999999999", "status": "done"},
        {
            "accountingEntryId": "99999999-9999-4999-8999-999999999999",
            "status": "failed",
            "failureReasonType": "job_expired",
        },
        {
            "accountingEntryId": "99999999-9999-4999-8999-999999999999",
            "status": "successful",
            "exportedAt": "2026-01-05T12:00:00",
        },
    ],
)
async def test_an_update_that_does_not_fit_the_schema_is_refused(api: Api, change: object) -> None:
    job_id = await api.job_in_progress(1)
    assert (await api.update(job_id, change)).refusal == (400, "VALIDATION_FAILED")


async def test_an_update_must_be_a_bare_array(api: Api) -> None:
    job_id = await api.job_in_progress(1)
    answer = await api.put(f"/v3/export-jobs/{job_id}/items", {"items": []})
    assert answer.refusal == (400, "VALIDATION_FAILED")


async def test_job_items_can_be_filtered_by_status(api: Api) -> None:
    job_id = await api.job_in_progress(3)
    first, *others = [item["accountingEntryId"] for item in await api.job_items(job_id)]
    await api.update(job_id, {"accountingEntryId": first, "status": "successful"})
    pending = (await api.get(f"/v3/export-jobs/{job_id}/items", status="pending")).json
    assert [item["accountingEntryId"] for item in pending["data"]] == others
    assert pending["pagination"]["total"] == 2


async def test_one_item_is_found_by_its_expense(api: Api) -> None:
    exported, other = await api.expenses(2)
    job_id = await api.press_export(exported)
    query = {"company_id": api.company.id, "accounting_entry_id": exported}
    assert (await api.get("/v3/export-job-items", **query)).json["data"]["exportJobId"] == job_id
    missing = await api.get("/v3/export-job-items", **query | {"accounting_entry_id": other})
    assert missing.refusal == (404, "EXPORT_ENTRY_NOT_FOUND")


async def test_items_are_found_by_their_expenses(api: Api) -> None:
    first, second, other = await api.expenses(3)
    job_id = await api.press_export(first, second)
    await api.update(job_id, {"accountingEntryId": first, "status": "failed"})
    search = {"accountingEntryIds": [second, first, other]}
    found = (await api.post("/v3/export-job-items:search", search)).json["data"]
    assert [item["accountingEntryId"] for item in found] == [second, first]
    failed = (await api.post("/v3/export-job-items:search", search | {"status": "failed"})).json["data"]
    assert [item["accountingEntryId"] for item in failed] == [first]
