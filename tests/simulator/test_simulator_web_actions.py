"""The buttons of the simulator's web app."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict

import httpx
import pytest
from fastapi.routing import APIRoute

from pleo_export.simulator.server import create_app
from pleo_export.simulator.web import actions
from pleo_export.simulator.web.guard import own_site
from pleo_export.simulator.web.switches import GROUPS, shown
from tests.simulator.simulator_api import NOON, Api


@pytest.fixture
async def web(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(api.world))
    async with httpx.AsyncClient(transport=transport, base_url="http://pleo.test") as client:
        yield client


async def press(web: httpx.AsyncClient, path: str, fields: Mapping[str, str | Sequence[str]]) -> str:
    """Send a form that is taken; return where it leads to."""
    answer = await web.post(path, data=fields)
    assert answer.status_code == 303, answer.text
    location = answer.headers["location"]
    assert (await web.get(location)).status_code == 200
    return str(location)


async def test_a_company_is_made_and_given_expenses(api: Api, web: httpx.AsyncClient) -> None:
    fields = {"name": "true", "defaultCurrency": "SEK", "vendorBasedBookkeeping": ["false", "true"]}
    home = await press(web, "/companies", fields)
    company = api.world.companies()[-1]
    assert (company.name, company.default_currency, company.vendor_based) == ("true", "SEK", True)
    assert home == f"/companies/{company.id}"
    await press(web, f"{home}/expenses", {"scenario": "payable", "count": "3", "seed": "1"})
    assert len(company.expenses) == 41
    await press(web, f"{home}/settings", {"vendorBasedBookkeeping": "false"})
    assert not company.vendor_based


async def test_the_ticked_expenses_are_exported_and_then_all_that_are_left(
    api: Api, web: httpx.AsyncClient
) -> None:
    ids = await api.expenses(4)
    home = f"/companies/{api.company.id}"
    place = await press(web, f"{home}/export", {"expense": ids[1:3]})
    first = api.company.jobs[0]
    assert place == f"{home}/jobs/{first.id}"
    assert list(first.items) == ids[1:3]
    await press(web, f"{home}/export", {"all": "yes", "expense": ids[0]})
    assert list(api.company.jobs[1].items) == [ids[0], ids[3]]


async def test_an_export_raises_its_webhook(api: Api, web: httpx.AsyncClient) -> None:
    await api.expenses(1)
    subscription = {"endpointUrl": "https://connector.example/h", "eventTypes": ["v1.export-job.created"]}
    assert (await api.post("/v1/subscriptions", subscription)).status == 200
    await press(web, f"/companies/{api.company.id}/export", {"all": "yes"})
    assert api.world.post.unsettled == 1
    page = (await web.get("/webhooks")).text
    assert "https://connector.example/h" in page
    assert "0 attempts made, 1 delivery waiting or on the way." in page


async def test_a_refused_order_is_told_and_changes_nothing(api: Api, web: httpx.AsyncClient) -> None:
    (entry_id,) = await api.expenses(1)
    home = f"/companies/{api.company.id}"
    nothing = await web.post(f"{home}/export")
    assert (nothing.status_code, "There is nothing to export." in nothing.text) == (400, True)
    await press(web, f"{home}/export", {"expense": entry_id})
    locked = await web.post(f"{home}/export", data={"expense": entry_id})
    assert (locked.status_code, "is not finished" in locked.text) == (409, True)
    wrong = await web.post(f"{home}/expenses", data={"scenario": "demo", "count": "3", "seed": "9"})
    assert (wrong.status_code, "needs 30 expenses at least" in wrong.text) == (400, True)
    garbled = await web.post(f"{home}/export", content=b"expense=%ff")
    assert (garbled.status_code, "not readable" in garbled.text) == (400, True)
    assert (len(api.company.jobs), len(api.company.expenses)) == (1, 1)


async def test_the_clock_goes_forward(api: Api, web: httpx.AsyncClient) -> None:
    await press(web, "/clock", {"number": "2", "unit": "hours"})
    await press(web, "/clock", {"number": "3", "unit": "minutes"})
    assert (api.world.now() - NOON).total_seconds() == 2 * 3600 + 180
    for fields in ({"number": "-1", "unit": "days"}, {"number": "1"}, {"number": "367", "unit": "days"}):
        assert (await web.post("/clock", data=fields)).status_code == 400, fields


async def test_a_job_is_let_expire(api: Api, web: httpx.AsyncClient) -> None:
    job_id = await api.job_in_progress()
    await press(web, f"/companies/{api.company.id}/jobs/{job_id}/expire", {})
    assert (await api.job(job_id))["failureReasonType"] == "job_expired"
    now = api.world.now()
    await press(web, f"/companies/{api.company.id}/jobs/{job_id}/expire", {})
    assert api.world.now() == now


async def test_switches_are_set_and_show_what_they_are_set_to(api: Api, web: httpx.AsyncClient) -> None:
    await press(web, "/switches/api", {"callsPerMinute": "60", "refuseUnfinished": ["false", "true"]})
    await press(web, "/switches/trouble", {"kind": "cut_after_effect", "nextCalls": "3", "retryAfter": ""})
    await press(web, "/switches/tokens", {"loseAnswers": "2"})
    fields = {"enabled": "false", "duplicates": "3", "retrySeconds": "1, 2.5", "eventType": "created"}
    await press(web, "/switches/webhooks", fields)
    assert (api.world.settings.calls_per_minute, api.world.settings.refuse_unfinished) == (60, True)
    trouble = api.world.troubles.settings
    assert (trouble.kind, trouble.next_calls, trouble.retry_after) == ("cut_after_effect", 3, "")
    assert api.world.oauth.settings.lose_answers == 2
    post = api.world.post.settings
    assert (post.enabled, post.duplicates, post.retry_seconds) == (False, 3, [1, 2.5])
    page = (await web.get("/switches")).text
    assert 'name="callsPerMinute" value="60"' in page
    assert 'name="retrySeconds" value="1, 2.5"' in page
    assert 'name="enabled" value="true" aria-describedby' in page
    assert "Webhooks are switched off" in (await web.get("/webhooks")).text
    await press(web, "/switches/webhooks", {"retrySeconds": ""})
    assert post.retry_seconds == []


async def test_every_switch_can_be_sent_as_it_is_shown(api: Api, web: httpx.AsyncClient) -> None:
    # A browser sends all fields of a group, so each must be one that the order knows and takes.
    before = [asdict(group.settings(api.world)) for group in GROUPS]
    for group in GROUPS:
        fields = {one.name: one.value for one in shown(group, api.world)}
        await press(web, f"/switches/{group.name}", fields)
    assert [asdict(group.settings(api.world)) for group in GROUPS] == before


@pytest.mark.parametrize(
    ("name", "fields"),
    [("webhooks", {"duplicates": "1000"}), ("api", {"noSuch": "1"}), ("api", {"maxLimit": ""}), ("none", {})],
)
async def test_a_switch_that_cannot_be_set_so_is_refused(
    api: Api, web: httpx.AsyncClient, name: str, fields: dict[str, str]
) -> None:
    before = [asdict(group.settings(api.world)) for group in GROUPS]
    assert (await web.post(f"/switches/{name}", data=fields)).status_code == 400
    assert [asdict(group.settings(api.world)) for group in GROUPS] == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "none"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://pleo.test"}, 403),
        ({"origin": "http://pleo.test"}, 303),
        ({"origin": "http://pleo.test:8080"}, 403),
        ({"origin": "https://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
async def test_no_button_is_pressed_from_another_site(
    api: Api, web: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    await api.expenses(1)
    answer = await web.post(f"/companies/{api.company.id}/export", data={"all": "yes"}, headers=headers)
    assert answer.status_code == status
    assert len(api.company.jobs) == (status == 303)


def test_every_button_is_kept_from_other_sites() -> None:
    assert [dependency.dependency for dependency in actions.router.dependencies] == [own_site]
    assert all(route.methods == {"POST"} for route in actions.router.routes if isinstance(route, APIRoute))


async def test_apps_are_removed_as_in_pleo(api: Api, web: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/installations/me", {})).status in {200, 201}
    await press(web, f"/companies/{api.company.id}/disconnect", {})
    assert (await api.get("/v1/installations/me")).refusal == (400, "INSTALLATION_NOT_FOUND")
