"""What Pleo publishes as a plain type may be left out and is never null."""

from typing import Any

import pytest

from tests.simulator.simulator_api import Api

ENTRY_ID = "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10"


async def refuses_null(api: Api, method: str, path: str, body: Any, *names: str) -> None:
    """Check that the call is refused for null in place of the member that `names` lead to."""
    *outer, name = names
    part = body[0] if isinstance(body, list) else body
    for one in outer:
        part = part[one]
    part[name] = None
    answer = await api.call(method, path, body)
    assert answer.refusal == (400, "VALIDATION_FAILED"), names
    assert name in answer.json["message"]


@pytest.mark.parametrize(
    "name", ["exportedAt", "externalId", "externalUrl", "failureReason", "failureReasonType"]
)
async def test_an_item_is_not_updated_with_null(api: Api, name: str) -> None:
    job_id = await api.job_in_progress()
    (first, *_) = await api.job_items(job_id)
    change = {"accountingEntryId": first["accountingEntryId"], "status": "successful"}
    await refuses_null(api, "PUT", f"/v3/export-jobs/{job_id}/items", [change], name)
    assert (await api.job_items(job_id))[0]["status"] == "pending"


@pytest.mark.parametrize("name", ["failureReason", "failureReasonType"])
async def test_an_event_carries_no_null(api: Api, name: str) -> None:
    body = {"jobId": await api.job_in_progress(), "event": "failed"}
    await refuses_null(api, "POST", "/v3/export-job-events", body, name)


async def test_items_are_not_searched_with_null(api: Api) -> None:
    body = {"accountingEntryIds": [ENTRY_ID]}
    await refuses_null(api, "POST", "/v3/export-job-items:search", body, "status")


@pytest.mark.parametrize(
    "names", [("customHeaders",), ("endpointAuth",), ("status",), ("endpointAuth", "credentials")]
)
async def test_a_subscription_holds_no_null(api: Api, names: tuple[str, ...]) -> None:
    body = {
        "endpointUrl": "https://connector.example/hooks",
        "eventTypes": ["v1.export-job.created"],
        "endpointAuth": {"type": "NONE"},
    }
    await refuses_null(api, "POST", "/v1/subscriptions", body, *names)


@pytest.mark.parametrize("name", ["errorCode", "metadata"])
async def test_an_installation_is_not_changed_with_null(api: Api, name: str) -> None:
    await api.post("/v1/installations/me", {})
    await refuses_null(api, "PUT", "/v1/installations/me", {"status": "AUTHORIZED"}, name)


async def test_null_is_taken_where_pleo_publishes_it(api: Api) -> None:
    first, *_ = await api.expenses(1)
    order = {"companyId": api.company.id, "accountingEntryIds": [first]}
    nulls = {"employeeId": None, "isInteractive": None, "options": None}
    assert (await api.post("/v3/export-jobs", order | nulls)).status == 201
