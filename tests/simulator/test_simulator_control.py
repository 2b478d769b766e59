import pytest

from pleo_export.simulator.builder import Builder, Plan
from pleo_export.simulator.vocabulary import ItemSubType, ItemType
from pleo_export.simulator.world import NewCompany
from tests.simulator.simulator_api import Api

STRANGER = "99999999-9999-4999-8999-999999999999"


async def test_the_simulator_tells_that_it_is_alive(api: Api) -> None:
    api.authorization = None
    assert (await api.get("/control/health")).json == {"status": "ok"}


async def test_an_expense_goes_from_unexported_over_the_queue_to_exported(api: Api) -> None:
    (entry_id,) = await api.expenses(1)

    async def status() -> str:
        (expense,) = (await api.seen())["expenses"]
        word: str = expense["exportStatus"]
        return word

    assert await status() == "unexported"
    job_id = await api.press_export()
    assert await status() == "queue"
    await api.event(job_id, "started")
    assert await status() == "exporting"
    change = {
        "accountingEntryId": entry_id,
        "status": "successful",
        "externalId": "JE-1",
        "externalUrl": "https://l/1",
    }
    await api.update(job_id, change)
    await api.event(job_id, "completed")
    (expense,) = (await api.seen())["expenses"]
    assert expense["exportStatus"] == "exported"
    assert (expense["jobId"], expense["externalId"], expense["externalUrl"]) == (
        job_id,
        "JE-1",
        "https://l/1",
    )


async def test_a_failed_expense_tells_why_and_can_be_exported_again(api: Api) -> None:
    good, bad = await api.expenses(2)
    job_id = await api.press_export()
    await api.event(job_id, "started")
    reason = {"failureReason": "No such tag", "failureReasonType": "tag_unknown"}
    await api.update(
        job_id,
        {"accountingEntryId": good, "status": "successful"},
        {"accountingEntryId": bad, "status": "failed", **reason},
    )
    await api.event(
        job_id, "completed_with_errors", failureReason="1 of 2", failureReasonType="validation_failure"
    )
    seen = {expense["accountingEntryId"]: expense for expense in (await api.seen())["expenses"]}
    assert seen[bad].items() >= ({"exportStatus": "unexported"} | reason).items()
    assert seen[good]["exportStatus"] == "exported"
    assert seen[good]["failureReason"] is None
    again = await api.job(await api.press_export())
    assert again["numberOfItems"] == 1


async def test_an_expense_of_a_failed_job_tells_the_reason_of_the_job(api: Api) -> None:
    job_id = await api.job_in_progress(1)
    await api.event(job_id, "failed", failureReason="Down", failureReasonType="accounting_system_unreachable")
    (expense,) = (await api.seen())["expenses"]
    assert (expense["exportStatus"], expense["failureReason"]) == ("unexported", "Down")


async def test_the_company_shows_its_jobs_with_counts(api: Api) -> None:
    job_id = await api.job_in_progress(3)
    first, *_ = await api.job_items(job_id)
    await api.update(job_id, {"accountingEntryId": first["accountingEntryId"], "status": "successful"})
    (job,) = (await api.seen())["jobs"]
    assert (job["id"], job["itemCounts"]) == (job_id, {"successful": 1, "pending": 2})


async def test_the_company_shows_what_exported_expenses_did_to_its_wallets(api: Api) -> None:
    out, back = (
        Builder(7, api.company.id).build(Plan(type=ItemType.CARD_PURCHASE, value=1_000)),
        Builder(8, api.company.id).build(Plan(type=ItemType.REFUND, value=300)),
    )
    own = Builder(9, api.company.id).build(Plan(type=ItemType.OUT_OF_POCKET, value=77))
    failed = Builder(10, api.company.id).build(Plan(type=ItemType.FEE, value=5))
    returned = Builder(11, api.company.id).build(
        Plan(
            type=ItemType.INVOICE_PAYMENT,
            sub_type=ItemSubType.INVOICE_PAYMENT_RETURNED,
            value=40,
            currency="SEK",
        )
    )
    ids = api.world.add_expenses(api.company, [out, back, own, returned, failed])
    job_id = await api.press_export()
    await api.event(job_id, "started")
    assert (await api.seen())["walletMovements"] == {}
    await api.update(job_id, *({"accountingEntryId": entry, "status": "successful"} for entry in ids[:-1]))
    await api.event(job_id, "completed_with_errors")
    assert (await api.seen())["walletMovements"] == {"EUR": -700, "SEK": 40}


async def test_the_company_does_not_tell_which_expense_must_fail(api: Api) -> None:
    await api.expenses(30, scenario="demo")
    answer = await api.get(f"/control/companies/{api.company.id}")
    assert len(answer.json["expenses"]) == 30
    for secret in (b"must_fail", b"mustFail", b"tag_unknown", b"receipt_gone", b'"gone"'):
        assert secret not in answer.content


async def test_an_expense_in_an_unfinished_job_can_neither_be_exported_nor_corrected(api: Api) -> None:
    (entry_id,) = await api.expenses(1)
    job_id = await api.press_export()
    path = f"/control/companies/{api.company.id}"
    again = await api.post(f"{path}/export", {"accountingEntryIds": [entry_id]})
    assert again.refusal == (409, "EXPENSE_LOCKED")
    correction = {"note": "corrected"}
    assert (await api.put(f"{path}/expenses/{entry_id}", correction)).refusal == (409, "EXPENSE_LOCKED")
    await api.event(job_id, "failed")
    assert (await api.put(f"{path}/expenses/{entry_id}", correction)).status == 200
    (item,) = await api.export_items(await api.press_export())
    assert item["note"] == "corrected"
    assert item["accountingEntryId"] == entry_id


async def test_a_correction_keeps_what_it_does_not_name(api: Api) -> None:
    (entry_id,) = await api.expenses(1)
    path = f"/control/companies/{api.company.id}/expenses/{entry_id}"
    await api.put(path, {"note": None})
    (before,) = await api.export_items(await api.press_export())
    assert before["note"] is None
    assert before["accountingEntryLines"]
    assert len(before["files"]) == 1


@pytest.mark.parametrize("fields", [{"type": "gift"}, {"amount": None}, {"colour": "red"}])
async def test_a_correction_must_leave_an_export_item(api: Api, fields: dict[str, object]) -> None:
    (entry_id,) = await api.expenses(1)
    path = f"/control/companies/{api.company.id}/expenses/{entry_id}"
    assert (await api.put(path, fields)).refusal == (400, "VALIDATION_FAILED")


async def test_what_does_not_exist_is_not_found(api: Api) -> None:
    path = f"/control/companies/{api.company.id}"
    assert (await api.get(f"/control/companies/{STRANGER}")).refusal == (404, "COMPANY_NOT_FOUND")
    assert (await api.put(f"{path}/expenses/{STRANGER}", {})).refusal == (404, "EXPENSE_NOT_FOUND")
    wanted = {"accountingEntryIds": [STRANGER]}
    assert (await api.post(f"{path}/export", wanted)).refusal == (404, "EXPENSE_NOT_FOUND")
    assert (await api.post(f"{path}/export")).refusal == (400, "VALIDATION_FAILED")


async def test_a_company_or_an_expense_cannot_be_made_twice(api: Api) -> None:
    again = await api.post("/control/companies", {"id": api.company.id, "name": "Twin"})
    assert again.refusal == (409, "COMPANY_EXISTS")
    await api.expenses(2, seed=1)
    order = {"seed": 1, "count": 1}
    answer = await api.post(f"/control/companies/{api.company.id}/expenses:generate", order)
    assert answer.refusal == (409, "EXPENSE_EXISTS")
    assert len((await api.seen())["expenses"]) == 2


async def test_the_clock_moves_when_told_to(api: Api) -> None:
    assert (await api.get("/control/clock")).json == {"now": "2026-01-05T12:00:00Z"}
    assert (await api.post("/control/clock", {"advanceSeconds": 90})).json == {"now": "2026-01-05T12:01:30Z"}
    assert (await api.get("/control/clock")).json == {"now": "2026-01-05T12:01:30Z"}


async def test_the_log_holds_every_public_call_with_its_body_and_no_credential(api: Api) -> None:
    (entry_id,) = await api.expenses(1)
    job_id = await api.press_export()
    await api.event(job_id, "started")
    file = (await api.export_items(job_id))[0]["files"][0]
    await api.get(file["url"])
    await api.event(job_id, "started")
    api.authorization = "Bearer wrong"
    await api.get("/v3/export-jobs")
    answer = await api.get("/control/audit")

    seen = [(e["sequence"], e["method"], e["path"], e["companyId"], e["status"]) for e in answer.json]
    company, events = api.company.id, "/v3/export-job-events"
    name = file["url"].rsplit("/", 1)[1]
    assert seen == [
        (1, "POST", events, company, 202),
        (2, "GET", "/v3/export-items", company, 200),
        (3, "GET", f"/files/-/{name}", None, 200),
        (4, "POST", events, company, 422),
        (5, "GET", "/v3/export-jobs", None, 401),
    ]
    assert entry_id in name
    assert answer.json[0]["body"] == {"jobId": job_id, "event": "started"}
    assert answer.json[0]["time"] == "2026-01-05T12:00:00Z"
    assert (answer.json[1]["query"], answer.json[1]["body"]) == (f"job_id={job_id}&limit=100", None)
    for secret in (api.company.access_token, "wrong", file["url"].split("/")[-2]):
        assert secret.encode() not in answer.content


async def test_the_log_can_be_read_from_where_one_left_off(api: Api) -> None:
    for _ in range(3):
        await api.get("/v3/export-jobs")
    later = (await api.get("/control/audit", since=2)).json
    assert [entry["sequence"] for entry in later] == [3]


async def test_one_call_does_not_lend_its_company_to_the_next_in_the_log(api: Api) -> None:
    await api.get("/v3/export-jobs")
    api.authorization = None
    await api.get("/v3/export-jobs")
    assert [entry["companyId"] for entry in (await api.get("/control/audit")).json] == [api.company.id, None]


async def test_companies_keep_their_expenses_apart(api: Api) -> None:
    other = api.world.add_company(NewCompany(name="Other"))
    await api.expenses(2)
    order = {"seed": 1, "count": 2}
    assert (await api.post(f"/control/companies/{other.id}/expenses:generate", order)).status == 201
    await api.press_export()
    assert [e.export_status for e in other.expenses.values()] == ["unexported", "unexported"]


async def test_settings_are_told_and_wrong_ones_refused(api: Api) -> None:
    changed = await api.call("PATCH", "/control/settings", {"maxLimit": 7})
    assert changed.json == {
        "defaultLimit": 20,
        "maxLimit": 7,
        "expiresIn": 3600,
        "expiredStyle": "failed",
        "refuseUnfinished": False,
        "itemUpdatesRefresh": True,
        "finalItemsStay": True,
        "callsPerMinute": 0,
    }
    for wrong in ({"maxLimit": 0}, {"colour": "red"}, {"expiredStyle": "late"}):
        assert (await api.call("PATCH", "/control/settings", wrong)).refusal == (400, "VALIDATION_FAILED")
