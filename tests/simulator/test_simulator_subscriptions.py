"""Webhook subscriptions: who sees them, what may stand in them, and the trail of their changes."""

from typing import Any

import pytest

from pleo_export.simulator.world import NewCompany
from tests.simulator.simulator_api import Api, basic
from tests.simulator.test_simulator_oauth import Visitor

PATH = "/v1/subscriptions"
WANTED: dict[str, Any] = {
    "endpointUrl": "https://connector.example/hooks/pleo",
    "eventTypes": ["v1.export-job.created"],
}
STRANGER = "99999999-9999-4999-8999-999999999999"


async def subscribe(api: Api, **other: object) -> Any:
    answer = await api.post(PATH, WANTED | other)
    assert answer.status == 200, answer.content
    return answer.json["data"]


async def listed(api: Api, **query: object) -> list[str]:
    return [one["id"] for one in (await api.get(PATH, **query)).json["data"]]


async def test_a_subscription_comes_back_as_it_was_asked_for_and_without_its_secret(api: Api) -> None:
    auth = {"type": "BASIC", "credentials": {"username": "u", "password": "p"}}
    made = await subscribe(api, customHeaders={"X-Tenant": "a"}, endpointAuth=auth, status="INACTIVE")
    assert made.items() >= WANTED.items()
    assert (made["customHeaders"], made["endpointAuth"]) == ({"X-Tenant": "a"}, auth)
    assert made["status"] == "INACTIVE"
    assert (await api.get(f"{PATH}/{made['id']}")).json["data"] == made
    secret = (await api.get(f"{PATH}/{made['id']}/secret")).json["data"]["secretKey"]
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 32
    assert secret not in str(made)


async def test_a_subscription_is_active_unless_told_and_leaves_out_what_was_not_given(api: Api) -> None:
    made = await subscribe(api)
    assert made["status"] == "ACTIVE"
    assert not {"customHeaders", "endpointAuth"} & made.keys()


async def test_every_subscription_has_a_secret_of_its_own(api: Api) -> None:
    ids = [(await subscribe(api))["id"] for _ in range(2)]
    secrets = [(await api.get(f"{PATH}/{one}/secret")).json["data"]["secretKey"] for one in ids]
    assert len({*secrets}) == len({*ids}) == 2


async def test_the_list_can_be_narrowed_and_comes_in_pages(api: Api) -> None:
    first = (await subscribe(api))["id"]
    second = (await subscribe(api, eventTypes=["v1.vendor.created"], status="INACTIVE"))["id"]
    third = (await subscribe(api, eventTypes=["v1.vendor.created", "v1.export-job.created"]))["id"]
    assert await listed(api) == [first, second, third]
    assert await listed(api, status="ACTIVE") == [first, third]
    assert await listed(api, event_types="v1.vendor.created") == [second, third]
    assert await listed(api, event_types=["v1.vendor.created", "v1.export-job.created"]) == [
        first,
        second,
        third,
    ]
    answer = (await api.get(PATH, limit=2)).json
    assert answer["pagination"]["hasNextPage"] is True
    assert await listed(api, limit=2, after=answer["pagination"]["endCursor"]) == [third]
    by_status = {"sorting_keys": "status", "sorting_order": "DESC"}
    assert await listed(api, **by_status) == [second, first, third]
    assert (await api.get(PATH, status="SLEEPING")).refusal == (400, "PARAMETER_VALIDATION_FAILED")


async def test_a_replacement_sets_what_it_leaves_out_to_its_default(api: Api) -> None:
    made = await subscribe(api, customHeaders={"X-Tenant": "a"}, status="INACTIVE")
    api.clock.pass_time(minutes=1)
    other = {"endpointUrl": "https://connector.example/new", "eventTypes": ["v1.vendor.created"]}
    changed = (await api.put(f"{PATH}/{made['id']}", other)).json["data"]
    assert changed.items() >= other.items()
    assert changed["status"] == "ACTIVE"
    assert "customHeaders" not in changed
    assert changed["createdAt"] == made["createdAt"] < changed["updatedAt"]


async def test_a_deleted_subscription_is_gone(api: Api) -> None:
    made = await subscribe(api)
    path = f"{PATH}/{made['id']}"
    assert (await api.call("DELETE", path)).status == 204
    for answer in (
        await api.get(path),
        await api.get(f"{path}/secret"),
        await api.get(f"{path}/activities"),
        await api.put(path, WANTED),
        await api.call("DELETE", path),
    ):
        assert answer.refusal == (404, "SUBSCRIPTION_NOT_FOUND")
    assert await listed(api) == []


async def test_the_trail_tells_the_changes_but_no_deliveries(api: Api) -> None:
    made = await subscribe(api)
    await api.put(f"{PATH}/{made['id']}", WANTED)
    trail = (await api.get(f"{PATH}/{made['id']}/activities")).json["data"]
    assert [one["operationType"] for one in trail] == ["CREATE", "UPDATE"]
    assert {one["subscriptionId"] for one in trail} == {made["id"]}
    assert {one["actorUrn"] for one in trail} == {f"urn:pleo:company:{api.company.id}"}
    only = await api.get(f"{PATH}/{made['id']}/activities", operation_types="UPDATE")
    assert [one["operationType"] for one in only.json["data"]] == ["UPDATE"]


async def test_subscriptions_belong_to_one_client_and_one_company(api: Api) -> None:
    made = (await subscribe(api))["id"]
    api.authorization = basic(api.company.api_key)
    assert await listed(api) == [made]
    visitor = Visitor(api)
    await visitor.register()
    tokens = await visitor.connect()
    other = api.world.add_company(NewCompany(name="Other"))
    for authorization in (f"Bearer {tokens['access_token']}", basic(other.api_key)):
        api.authorization = authorization
        assert await listed(api) == []
        assert (await api.get(f"{PATH}/{made}/secret")).refusal == (404, "SUBSCRIPTION_NOT_FOUND")


async def test_who_subscribes_needs_the_right_to_read_what_the_event_is_about(api: Api) -> None:
    visitor = Visitor(api)
    await visitor.register()
    tokens = await visitor.connect(scope="export-jobs:read")
    api.authorization = f"Bearer {tokens['access_token']}"
    made = await subscribe(api)
    vendors = WANTED | {"eventTypes": ["v1.export-job.created", "v1.vendor.created"]}
    assert (await api.post(PATH, vendors)).refusal == (403, "ACCESS_DENIED")
    assert (await api.put(f"{PATH}/{made['id']}", vendors)).refusal == (403, "ACCESS_DENIED")


@pytest.mark.parametrize(
    "other",
    [
        {"endpointUrl": "http://connector.example/hooks"},
        {"endpointUrl": "connector.example"},
        {"endpointUrl": "https://connector.example:99999/"},
        {"endpointUrl": "https://connector.example/\u0000"},
        {"endpointUrl": None},
        {"eventTypes": []},
        {"eventTypes": ["v1.export-job.created"] * 2},
        {"eventTypes": ["export-job.created"]},
        {"customHeaders": {"two words": "x"}},
        {"customHeaders": {"X-Split": "a\r\nb: c"}},
        {"endpointAuth": {"type": "BASIC"}},
        {"endpointAuth": {"type": "BASIC", "credentials": {"username": "u"}}},
        {"endpointAuth": {"type": "DIGEST"}},
        {"status": "SLEEPING"},
    ],
)
async def test_a_subscription_that_could_not_be_served_is_refused(api: Api, other: dict[str, object]) -> None:
    assert (await api.post(PATH, WANTED | other)).refusal == (400, "VALIDATION_FAILED")
    assert await listed(api) == []


async def test_the_log_holds_no_secret_of_a_subscription(api: Api) -> None:
    auth = {"type": "BASIC", "credentials": {"username": "u", "password": "pass-w0rd"}}
    made = await subscribe(api, endpointAuth=auth, customHeaders={"X-Key": "k3y"})
    secret = (await api.get(f"{PATH}/{made['id']}/secret")).json["data"]["secretKey"]
    log = await api.get("/control/audit")
    for hidden in ("pass-w0rd", "k3y", secret):
        assert hidden not in log.content.decode()
    assert log.json[0]["body"] == WANTED | {"endpointAuth": "-", "customHeaders": "-"}
    assert log.json[1]["path"] == f"{PATH}/{made['id']}/secret"


async def test_a_subscription_that_does_not_exist_is_not_found(api: Api) -> None:
    assert (await api.get(f"{PATH}/{STRANGER}")).refusal == (404, "SUBSCRIPTION_NOT_FOUND")
    assert (await api.get(f"{PATH}/none")).refusal == (400, "PARAMETER_VALIDATION_FAILED")
