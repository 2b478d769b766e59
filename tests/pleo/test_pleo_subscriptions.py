"""Subscriptions: what is sent, and that setting up again and again leaves exactly one."""

import json
from typing import Any

import pytest

from pleo_export.pleo import errors
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.subscriptions import Done, ensure_subscription, remove_subscriptions
from tests.pleo.misbehaving_server import HANGS_UP, Behaviour, Server, Waits, answers, serving
from tests.pleo.pleo_samples import SECRET, page, single

URL = "https://connector.example/webhooks/pleo"
SIGNING = "whsec_cGxlby1kZW1vLXNpZ25pbmcta2V5LTI0"
PASSWORD = "the password of a person"
SIGNS = answers(200, single({"secretKey": SIGNING}))
GONE = answers(204)


def client(server: Server) -> PleoClient:
    return PleoClient(server.url, ApiKey(SECRET), around=Waits().around)


def subscription(number: int = 1, **fields: object) -> dict[str, object]:
    return {
        "id": f"subscription-{number}",
        "endpointUrl": URL,
        "eventTypes": ["v1.export-job.created"],
        "status": "ACTIVE",
        "createdAt": f"2026-01-0{number}T09:30:00Z",
        "updatedAt": "2026-01-05T09:30:00Z",
        "endpointAuth": {"type": "BASIC", "credentials": {"username": "u", "password": PASSWORD}},
        "customHeaders": {"X-Secret": PASSWORD},
        **fields,
    }


def lists(*found: object) -> Behaviour:
    return answers(200, page(*found))


async def test_the_first_time_a_subscription_is_made_and_its_secret_read() -> None:
    made = answers(200, single(subscription()))
    async with serving(lists(), made, SIGNS) as server, client(server) as pleo:
        ensured = await ensure_subscription(pleo.subscriptions, URL)
    assert (ensured.done, ensured.secret, ensured.removed) == (Done.CREATED, SIGNING, 0)
    assert ensured.subscription.id == "subscription-1"
    assert server.calls == [
        "GET /v1/subscriptions",
        "POST /v1/subscriptions",
        "GET /v1/subscriptions/subscription-1/secret",
    ]
    assert json.loads(server.requests[1].body) == {
        "endpointUrl": URL,
        "eventTypes": ["v1.export-job.created"],
        "status": "ACTIVE",
    }


async def test_the_second_time_nothing_is_changed() -> None:
    async with serving(lists(subscription()), SIGNS) as server, client(server) as pleo:
        ensured = await ensure_subscription(pleo.subscriptions, URL)
    assert (ensured.done, ensured.secret) == (Done.UNCHANGED, SIGNING)
    assert [request.method for request in server.requests] == ["GET", "GET"]


@pytest.mark.parametrize(
    "different",
    [
        {"status": "INACTIVE"},
        {"eventTypes": ["v1.vendor.created"]},
        {"eventTypes": ["v1.export-job.created", "v1.vendor.created"]},
    ],
)
async def test_a_subscription_that_differs_is_put_right_not_doubled(different: dict[str, Any]) -> None:
    as_it_is = answers(200, single(subscription(**different)))
    script = (lists(subscription(**different)), as_it_is, answers(200, single(subscription())), SIGNS)
    async with serving(*script) as server, client(server) as pleo:
        ensured = await ensure_subscription(pleo.subscriptions, URL)
    assert (ensured.done, ensured.subscription.status) == (Done.UPDATED, "ACTIVE")
    assert server.calls[2] == "PUT /v1/subscriptions/subscription-1"
    body = json.loads(server.requests[2].body)
    assert body["eventTypes"] == ["v1.export-job.created"]
    theirs = subscription()
    assert (body["customHeaders"], body["endpointAuth"]) == (theirs["customHeaders"], theirs["endpointAuth"])


async def test_what_nobody_added_to_a_subscription_is_not_sent() -> None:
    plain = subscription(status="INACTIVE", customHeaders=None)
    del plain["endpointAuth"]
    script = (lists(plain), answers(200, single(plain)), answers(200, single(subscription())), SIGNS)
    async with serving(*script) as server, client(server) as pleo:
        await ensure_subscription(pleo.subscriptions, URL)
    assert json.loads(server.requests[2].body).keys() == {"endpointUrl", "eventTypes", "status"}


async def test_surplus_subscriptions_of_our_address_go_and_those_of_others_stay() -> None:
    found = lists(
        subscription(1, status="INACTIVE"),
        subscription(4),
        subscription(3),
        subscription(2, endpointUrl="https://somebody-else.example/hook"),
        subscription(5, deletedAt="2026-01-06T09:30:00Z"),
    )
    async with serving(found, SIGNS, GONE) as server, client(server) as pleo:
        ensured = await ensure_subscription(pleo.subscriptions, URL)
    assert (ensured.subscription.id, ensured.done, ensured.removed) == (
        "subscription-3",
        Done.UNCHANGED,
        2,
    )
    # The secret of the one that stays is in hand before another goes.
    assert server.calls[1:] == [
        "GET /v1/subscriptions/subscription-3/secret",
        "DELETE /v1/subscriptions/subscription-4",
        "DELETE /v1/subscriptions/subscription-1",
    ]


async def test_all_pages_are_looked_at_before_one_is_made() -> None:
    first = answers(200, page(subscription(1, endpointUrl="https://x.example"), cursor="MFRA", more=True))
    async with serving(first, lists(subscription(2)), SIGNS) as server, client(server) as pleo:
        ensured = await ensure_subscription(pleo.subscriptions, URL)
    assert ensured.subscription.id == "subscription-2"


async def test_a_subscription_whose_making_got_no_answer_is_found_when_tried_again() -> None:
    script = (lists(), HANGS_UP, lists(subscription()), SIGNS)
    async with serving(*script) as server, client(server) as pleo:
        with pytest.raises(errors.PleoNoAnswerError):
            await ensure_subscription(pleo.subscriptions, URL)
        ensured = await ensure_subscription(pleo.subscriptions, URL)
    assert ensured.done is Done.UNCHANGED
    assert server.calls.count("POST /v1/subscriptions") == 1


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!"])
async def test_a_secret_that_could_check_no_signature_is_an_error_without_showing_it(secret: str) -> None:
    answer = answers(200, single({"secretKey": secret}))
    async with serving(lists(subscription()), answer) as server, client(server) as pleo:
        with pytest.raises(errors.UnusableSigningSecretError) as caught:
            await ensure_subscription(pleo.subscriptions, URL)
    assert "whsec" not in str(caught.value)


async def test_disconnecting_removes_all_subscriptions_of_our_address_also_one_that_is_gone_already() -> None:
    found = lists(subscription(1), subscription(2), subscription(3, endpointUrl="https://x.example"))
    async with serving(found, answers(404), GONE) as server, client(server) as pleo:
        assert await remove_subscriptions(pleo.subscriptions, URL) == 2
    assert server.calls[1:] == [
        "DELETE /v1/subscriptions/subscription-1",
        "DELETE /v1/subscriptions/subscription-2",
    ]


async def test_a_removal_that_pleo_refuses_is_told() -> None:
    async with serving(lists(subscription()), answers(403)) as server, client(server) as pleo:
        with pytest.raises(errors.PleoForbiddenError):
            await remove_subscriptions(pleo.subscriptions, URL)


async def test_nothing_of_a_subscription_that_might_be_secret_is_shown() -> None:
    async with serving(lists(subscription()), SIGNS) as server, client(server) as pleo:
        ensured = await ensure_subscription(pleo.subscriptions, URL)
    assert PASSWORD not in repr(ensured)
    assert SIGNING not in repr(ensured)
