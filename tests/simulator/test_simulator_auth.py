import pytest

from pleo_export.simulator.world import NewCompany
from tests.simulator.simulator_api import Api, basic, bearer


async def test_an_access_token_opens_the_company(api: Api) -> None:
    api.authorization = bearer(api.company)
    assert (await api.get("/v3/export-jobs")).status == 200


async def test_an_api_key_with_an_empty_password_opens_the_company(api: Api) -> None:
    api.authorization = basic(api.company.api_key)
    assert (await api.get("/v3/export-jobs")).status == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic", "Basic %%%", "Basic /w==", basic("wrong"), "Digest x"],
)
async def test_a_missing_or_wrong_credential_is_refused(api: Api, authorization: str | None) -> None:
    api.authorization = authorization
    assert (await api.get("/v3/export-jobs")).refusal == (401, "UNAUTHENTICATED")


async def test_an_api_key_is_no_token_and_its_password_must_be_empty(api: Api) -> None:
    for authorization in (
        f"Bearer {api.company.api_key}",
        basic(api.company.access_token),
        basic(api.company.api_key, "secret"),
    ):
        api.authorization = authorization
        assert (await api.get("/v3/export-jobs")).status == 401


async def test_another_company_is_out_of_reach(api: Api) -> None:
    other = api.world.add_company(NewCompany(name="Other"))
    (entry_id,) = await api.expenses(1)
    order = {"companyId": other.id, "accountingEntryIds": [entry_id]}
    for answer in (
        await api.get("/v3/export-jobs", company_id=other.id),
        await api.post("/v3/export-jobs", order),
        await api.get("/v3/export-job-items", company_id=other.id, accounting_entry_id=entry_id),
        await api.post("/v3/export-job-items:search", {"accountingEntryIds": []}, company_id=other.id),
    ):
        assert answer.refusal == (403, "ACCESS_DENIED")


async def test_a_job_of_another_company_does_not_exist(api: Api) -> None:
    job_id = await api.job_in_progress()
    api.authorization = bearer(api.world.add_company(NewCompany(name="Other")))
    for answer in (
        await api.get(f"/v3/export-jobs/{job_id}"),
        await api.get(f"/v3/export-jobs/{job_id}/items"),
        await api.update(job_id),
        await api.event(job_id, "completed"),
        await api.get("/v3/export-items", job_id=job_id),
    ):
        assert answer.refusal == (404, "EXPORT_NOT_FOUND")
    assert (await api.get("/v3/export-jobs")).json["data"] == []


async def test_given_credentials_are_used_and_cannot_be_given_twice(api: Api) -> None:
    order = {"name": "B", "apiKey": "key-b", "accessToken": "token-b"}
    created = await api.post("/control/companies", order)
    assert (created.status, created.json["apiKey"], created.json["accessToken"]) == (201, "key-b", "token-b")
    assert (await api.post("/control/companies", order)).refusal == (409, "COMPANY_EXISTS")
    api.authorization = basic("key-b")
    assert (await api.get("/v3/export-jobs", company_id=created.json["id"])).status == 200


async def test_a_credential_that_calls_too_often_is_told_how_long_to_wait(api: Api) -> None:
    await api.call("PATCH", "/control/settings", {"callsPerMinute": 6})
    assert {(await api.get("/v3/export-jobs")).status for _ in range(6)} == {200}
    refused = await api.get("/v3/export-jobs")
    assert refused.refusal == (429, "TOO_MANY_REQUESTS")
    assert refused.headers["retry-after"] == "10"
    api.clock.pass_time(seconds=4)
    assert (await api.get("/v1/introspect")).headers["retry-after"] == "6"
    api.clock.pass_time(seconds=6)
    assert (await api.get("/v3/export-jobs")).status == 200
    assert (await api.get("/v3/export-jobs")).status == 429
    api.authorization = bearer(api.world.add_company(NewCompany(name="Other")))
    assert (await api.get("/v3/export-jobs")).status == 200
