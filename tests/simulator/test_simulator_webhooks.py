"""Webhooks: how they are signed, when they come and come again, and what can be made to go wrong with them."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from pleo_export.simulator.post import Delivery
from pleo_export.simulator.postman import postman
from pleo_export.simulator.webhooks import Letter, signature
from tests.simulator.simulator_api import NOON, Api
from tests.simulator.test_simulator_subscriptions import PATH, subscribe

SECRET = "whsec_cGxlby1kZW1vLXNpZ25pbmcta2V5LTI0"
NOON_SECONDS = int(NOON.timestamp())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"test":1}', "v1,zJaV8KeaDBP08ihUPqWVqvRy9vuFwwvsZaVshhUql6I="),
        (b'{"test":2}', "v1,RKMvDsYEyRHujH8hkqsj4xg5W8DH77zJRSvT7UUs0w0="),
    ],
)
def test_the_signature_is_that_of_the_known_examples(body: bytes, expected: str) -> None:
    assert signature(SECRET, "msg_0001", 1767605401, body) == expected


async def press(api: Api, **settings: object) -> str:
    """Press Export for a new expense under these settings; the id of the job."""
    assert (await api.call("PATCH", "/control/webhooks/settings", settings)).status == 200
    await api.expenses(1, seed=len(api.company.expenses) + 1)
    return await api.press_export()


async def secret_of(api: Api, subscription: Any) -> str:
    secret: str = (await api.get(f"{PATH}/{subscription['id']}/secret")).json["data"]["secretKey"]
    return secret


def due(api: Api) -> list[Delivery]:
    return api.world.post.take_due()


def only_letter(api: Api) -> Letter:
    (delivery,) = due(api)
    return api.world.post.letter(delivery)


def is_signed(letter: Letter, secret: str) -> bool:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join(
        [letter.headers["webhook-id"].encode(), letter.headers["webhook-timestamp"].encode(), letter.body]
    )
    expected = base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    return letter.headers["webhook-signature"] == f"v1,{expected}"


async def attempts(api: Api) -> list[Any]:
    found: list[Any] = (await api.get("/control/webhooks/deliveries")).json["attempts"]
    return found


async def test_pressing_export_tells_every_active_subscription_of_the_company(api: Api) -> None:
    told = {(await subscribe(api))["id"], (await subscribe(api))["id"]}
    await subscribe(api, status="INACTIVE")
    await subscribe(api, eventTypes=["v1.vendor.created"])
    other = Api()
    await subscribe(other)
    job_id = await press(api)
    deliveries = due(api)
    assert {delivery.subscription.id for delivery in deliveries} == told
    assert {delivery.event.data["id"] for delivery in deliveries} == {job_id}
    assert len({delivery.webhook_id for delivery in deliveries}) == 2
    assert len({delivery.event.id for delivery in deliveries}) == 1
    assert due(other) == due(api) == []


async def test_the_body_holds_the_job_as_it_was_and_is_signed(api: Api) -> None:
    subscription = await subscribe(api)
    api.clock.pass_time(microseconds=123456)
    job_id = await press(api)
    job = await api.job(job_id)
    letter = only_letter(api)
    body = json.loads(letter.body)
    assert body.keys() == {"data", "eventId", "eventType"}
    assert body["eventType"] == "v1.export-job.created"
    assert body["data"] == {
        "id": job_id,
        "companyId": api.company.id,
        "status": "pending",
        "numberOfItems": 1,
        "expiresIn": 3600,
        "createdAt": "2026-01-05T12:00:00.123456000Z",
        "createdBy": job["createdBy"],
    }
    assert letter.url == subscription["endpointUrl"]
    assert letter.headers["content-type"] == "application/json"
    assert letter.headers["webhook-id"].startswith("msg_")
    assert letter.headers["webhook-timestamp"] == str(NOON_SECONDS)
    assert is_signed(letter, await secret_of(api, subscription))


async def test_custom_headers_and_a_password_go_along_but_replace_no_header_of_the_scheme(api: Api) -> None:
    auth = {"type": "BASIC", "credentials": {"username": "ü", "password": "p:w"}}
    headers = {"X-Tenant": "a", "Webhook-Id": "mine"}
    await subscribe(api, customHeaders=headers, endpointAuth=auth)
    await press(api)
    letter = only_letter(api)
    assert letter.headers["x-tenant"] == "a"
    assert base64.b64decode(letter.headers["authorization"].removeprefix("Basic ")).decode() == "ü:p:w"
    assert letter.headers.get_list("webhook-id") == [letter.headers["webhook-id"]]
    assert letter.headers["webhook-id"] != "mine"


async def test_a_job_made_through_the_api_raises_no_event(api: Api) -> None:
    await subscribe(api)
    order = {"companyId": api.company.id, "accountingEntryIds": await api.expenses(1)}
    assert (await api.post("/v3/export-jobs", order)).status == 201
    assert api.world.post.unsettled == 0


async def test_an_event_raised_while_webhooks_are_off_is_lost(api: Api) -> None:
    await subscribe(api)
    await press(api, enabled=False)
    await api.call("PATCH", "/control/webhooks/settings", {"enabled": True})
    assert api.world.post.unsettled == 0


async def test_a_failed_delivery_comes_again_by_the_schedule_with_its_id_and_a_fresh_signature(
    api: Api,
) -> None:
    subscription = await subscribe(api)
    secret = await secret_of(api, subscription)
    await press(api)
    letters, waits = [], (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
    for wait in waits:
        (delivery,) = due(api)
        letters.append(api.world.post.letter(delivery))
        api.world.post.settle(delivery, 503)
        api.clock.pass_time(seconds=wait - 1)
        assert due(api) == []
        assert api.world.post.seconds_to_next() == 1
        api.clock.pass_time(seconds=1)
    (delivery,) = due(api)
    letters.append(api.world.post.letter(delivery))
    api.world.post.settle(delivery, 500)
    assert api.world.post.unsettled == 0
    assert api.world.post.seconds_to_next() is None
    assert len({letter.headers["webhook-id"] for letter in letters}) == 1
    times = [int(letter.headers["webhook-timestamp"]) for letter in letters]
    assert [later - sooner for sooner, later in pairwise(times)] == list(waits)
    assert len({letter.body for letter in letters}) == 1
    assert all(is_signed(letter, secret) for letter in letters)


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (200, True),
        (202, True),
        (299, True),
        (301, False),
        (304, False),
        (404, False),
        (500, False),
        (None, False),
    ],
)
async def test_any_2xx_is_success_and_nothing_else(api: Api, status: int | None, *, ends: bool) -> None:
    await subscribe(api)
    await press(api)
    (delivery,) = due(api)
    api.world.post.settle(delivery, status, None if status else "ConnectError")
    assert (api.world.post.unsettled == 0) is ends
    (attempt,) = await attempts(api)
    assert (attempt["status"], attempt["trouble"]) == (status, None if status else "ConnectError")


async def test_every_attempt_is_shown_with_its_time_and_its_job(api: Api) -> None:
    subscription = await subscribe(api)
    job_id = await press(api, retrySeconds=[0.25])
    (delivery,) = due(api)
    api.world.post.settle(delivery, None, "ReadTimeout")
    api.clock.pass_time(milliseconds=250)
    (again,) = due(api)
    assert again is delivery
    api.world.post.settle(again, 204)
    seen = await attempts(api)
    assert [(one["sequence"], one["attempt"], one["status"], one["trouble"]) for one in seen] == [
        (1, 1, None, "ReadTimeout"),
        (2, 2, 204, None),
    ]
    assert [one["time"] for one in seen] == [
        "2026-01-05T12:00:00.000000000Z",
        "2026-01-05T12:00:00.250000000Z",
    ]
    for one in seen:
        assert (one["jobId"], one["companyId"]) == (job_id, api.company.id)
        assert (one["subscriptionId"], one["webhookId"]) == (subscription["id"], delivery.webhook_id)
    later = await api.get("/control/webhooks/deliveries", since=1)
    assert later.json == {"attempts": seen[1:], "unsettled": 0}


@pytest.mark.parametrize("end", ["DELETE", "PUT"])
async def test_what_waits_for_a_subscription_that_ended_is_not_delivered(api: Api, end: str) -> None:
    subscription = await subscribe(api)
    await press(api, delaySeconds=10)
    off = {"endpointUrl": subscription["endpointUrl"], "eventTypes": subscription["eventTypes"]}
    await api.call(
        end, f"{PATH}/{subscription['id']}", off | {"status": "INACTIVE"} if end == "PUT" else None
    )
    api.clock.pass_time(seconds=10)
    assert due(api) == []
    assert api.world.post.unsettled == 0


async def test_an_endpoint_that_fails_for_too_long_is_switched_off(api: Api) -> None:
    subscription = await subscribe(api)
    path = f"{PATH}/{subscription['id']}"
    await press(api, retrySeconds=[60, 60, 60], switchOffAfterSeconds=120)
    for status in ("ACTIVE", "ACTIVE", "INACTIVE"):
        (delivery,) = due(api)
        api.world.post.settle(delivery, 500)
        assert (await api.get(path)).json["data"]["status"] == status
        api.clock.pass_time(minutes=1)
    assert due(api) == []
    trail = (await api.get(f"{path}/activities")).json["data"]
    assert [one["operationType"] for one in trail] == ["CREATE", "UPDATE"]


async def test_a_success_between_failures_keeps_an_endpoint_switched_on(api: Api) -> None:
    subscription = await subscribe(api)
    await press(api, retrySeconds=[], switchOffAfterSeconds=60)
    for status in (500, 200, 500):
        (delivery,) = due(api)
        api.world.post.settle(delivery, status)
        api.clock.pass_time(minutes=1)
        await press(api)
    assert (await api.get(f"{PATH}/{subscription['id']}")).json["data"]["status"] == "ACTIVE"


async def test_an_event_can_come_more_than_once_with_the_same_id(api: Api) -> None:
    await subscribe(api)
    await press(api, duplicates=2)
    deliveries = due(api)
    assert len(deliveries) == 3
    letters = [api.world.post.letter(delivery) for delivery in deliveries]
    assert len({(letter.headers["webhook-id"], letter.body) for letter in letters}) == 1


async def test_events_can_come_late_and_out_of_order(api: Api) -> None:
    await subscribe(api)
    pressed = [await press(api, delaySeconds=10, disorderSeconds=100) for _ in range(6)]
    api.clock.pass_time(seconds=9)
    assert due(api) == []
    came = []
    for _ in range(110):
        api.clock.pass_time(seconds=1)
        came += [delivery.event.data["id"] for delivery in due(api)]
    assert sorted(came) == sorted(pressed)
    assert came != pressed


async def test_a_body_can_be_wrapped_and_is_signed_as_it_is_sent(api: Api) -> None:
    subscription = await subscribe(api)
    job_id = await press(api, wrapped=True)
    letter = only_letter(api)
    body = json.loads(letter.body)
    assert body["payload"]["data"]["id"] == job_id
    assert body["webhook-id"] == letter.headers["webhook-id"]
    assert body["webhook-timestamp"] == NOON_SECONDS
    assert is_signed(letter, await secret_of(api, subscription))


async def test_the_type_can_be_spelled_in_another_way(api: Api) -> None:
    await subscribe(api)
    await press(api, eventType="v1.export.job-created")
    assert json.loads(only_letter(api).body)["eventType"] == "v1.export.job-created"


async def test_a_signature_can_be_wrong_until_it_is_told_to_be_right_again(api: Api) -> None:
    subscription = await subscribe(api)
    secret = await secret_of(api, subscription)
    await press(api, wrongSignature=True)
    (delivery,) = due(api)
    assert not is_signed(api.world.post.letter(delivery), secret)
    await api.call("PATCH", "/control/webhooks/settings", {"wrongSignature": False})
    assert is_signed(api.world.post.letter(delivery), secret)


@pytest.mark.parametrize("offset", [-360, 360])
async def test_a_timestamp_can_be_off_and_rightly_signed(api: Api, offset: int) -> None:
    subscription = await subscribe(api)
    await press(api, timestampOffsetSeconds=offset)
    letter = only_letter(api)
    assert int(letter.headers["webhook-timestamp"]) == NOON_SECONDS + offset
    assert is_signed(letter, await secret_of(api, subscription))


@pytest.mark.parametrize(
    "wrong", [{"retrySeconds": [-1]}, {"duplicates": -1}, {"timeoutSeconds": 1e9}, {"colour": "red"}]
)
async def test_wrong_settings_are_refused(api: Api, wrong: dict[str, object]) -> None:
    answer = await api.call("PATCH", "/control/webhooks/settings", wrong)
    assert answer.refusal == (400, "VALIDATION_FAILED")


class Round:
    """A postman at work; an attempt can be awaited."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._settled: asyncio.Queue[None] = asyncio.Queue()
        self._settle = api.world.post.settle

    def settle(self, *outcome: Any) -> None:
        self._settle(*outcome)
        self._settled.put_nowait(None)

    async def attempts(self, count: int) -> list[Any]:
        """All attempts, once `count` more were made."""
        async with asyncio.timeout(10):
            for _ in range(count):
                await self._settled.get()
        return await attempts(self._api)


@asynccontextmanager
async def delivering(
    api: Api, answer: Callable[[httpx.Request], Awaitable[httpx.Response]]
) -> AsyncIterator[Round]:
    """Deliver to an endpoint that answers like this."""

    async def handler(request: httpx.Request) -> httpx.Response:
        return await answer(request)

    post, work = api.world.post, Round(api)
    with patch.object(post, "settle", work.settle):
        async with postman(post, httpx.MockTransport(handler)):
            yield work


async def test_the_postman_delivers_at_once_and_again_when_the_clock_says_so(api: Api) -> None:
    await subscribe(api)
    got: asyncio.Queue[httpx.Request] = asyncio.Queue()

    async def answer(request: httpx.Request) -> httpx.Response:
        await got.put(request)
        return httpx.Response(204 if got.qsize() > 1 else 500)

    async with delivering(api, answer) as work:
        await press(api)
        assert [one["status"] for one in await work.attempts(1)] == [500]
        await api.post("/control/clock", {"advanceSeconds": 5})
        assert [one["status"] for one in await work.attempts(1)] == [500, 204]
    first, second = got.get_nowait(), got.get_nowait()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    stamps = [int(request.headers["webhook-timestamp"]) for request in (first, second)]
    assert stamps == [NOON_SECONDS, NOON_SECONDS + 5]


async def test_the_postman_waits_for_no_endpoint_longer_than_told_and_serves_others_meanwhile(
    api: Api,
) -> None:
    await subscribe(api, endpointUrl="https://slow.example/")
    await subscribe(api, endpointUrl="https://quick.example/")

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "slow.example":
            await asyncio.Event().wait()
        return httpx.Response(200)

    async with delivering(api, answer) as work:
        await press(api, timeoutSeconds=0.05, retrySeconds=[])
        seen = [(one["status"], one["trouble"]) for one in await work.attempts(2)]
    assert seen == [(200, None), (None, "TimeoutError")]


@pytest.mark.slow
async def test_a_crowd_of_events_comes_ten_at_a_time_and_waiting_for_a_place_is_no_timeout(api: Api) -> None:
    await subscribe(api)
    under_way, most, ten = 0, 0, asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 10:
            ten.set()
        await ten.wait()
        await asyncio.sleep(0.1)
        under_way -= 1
        return httpx.Response(200)

    async with delivering(api, answer) as work:
        await press(api, duplicates=29, timeoutSeconds=0.2, retrySeconds=[])
        assert {one["status"] for one in await work.attempts(30)} == {200}
    assert most == 10


async def test_a_redirect_is_a_failure_and_not_followed(api: Api) -> None:
    await subscribe(api)
    hosts = []

    async def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(302, headers={"location": "https://elsewhere.example/"})

    async with delivering(api, answer) as work:
        await press(api, retrySeconds=[])
        assert [one["status"] for one in await work.attempts(1)] == [302]
    assert hosts == ["connector.example"]


@pytest.mark.parametrize(
    "trouble",
    [httpx.ConnectError("no"), httpx.LocalProtocolError("bad header"), UnicodeError("label too long")],
)
async def test_an_endpoint_that_cannot_be_reached_stops_nothing(api: Api, trouble: Exception) -> None:
    await subscribe(api)
    answers: list[Exception | None] = [trouble, None]

    async def answer(_: httpx.Request) -> httpx.Response:
        if problem := answers.pop(0):
            raise problem
        return httpx.Response(200)

    async with delivering(api, answer) as work:
        await press(api, retrySeconds=[0])
        seen = await work.attempts(2)
    assert [one["trouble"] for one in seen] == [type(trouble).__name__, None]
