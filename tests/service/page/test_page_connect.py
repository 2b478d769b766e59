"""Connecting from a button: begun and ended in one browser, and nothing is kept before a yes."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pleo_export.cli.init import settings_text
from pleo_export.pleo.errors import Broken
from pleo_export.pleo.oauth import TokenPair
from pleo_export.service.connecting import CALLBACK, StoreKeeper
from pleo_export.service.kinds import CONNECTING, OAUTH
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.connect import COOKIE
from tests.pleo.pleo_samples import COMPANY
from tests.pleo.token_server import CLIENT_SECRET, TokenServer, token_server
from tests.service.page.site import COMPANY as FIRST
from tests.service.page.site import Browser, Site, a_site

PATH = f"/companies/{COMPANY}/connect"
THE_COMPANY = {
    "id": COMPANY,
    "name": "Café & Söhne",
    "address": {"country": "DE"},
    "registrationNumber": None,
}
BROKEN = TokenPair(access_token="a", refresh_token="r", refresh_at=None, broken=Broken.REVOKED)


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server() as running:
        yield running


@pytest.fixture
async def site(server: TokenServer, tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        registered = {"oauth_client_id": "client-1", "oauth_client_secret": CLIENT_SECRET}
        site = await stack.enter_async_context(a_site(tmp_path, oauth_server=server.url, **registered))
        text = settings_text({"pleo.company_id": COMPANY, "pleo.base_url": server.url})
        await site.store.add_company(COMPANY, "Our café", text, str(tmp_path))
        yield site


@pytest.fixture
async def browser(site: Site) -> Browser:
    return await site.signed_in(Role.ADMINISTRATOR, "ada", COMPANY)


async def begin(browser: Browser) -> dict[str, str]:
    """Press the button, and return what Pleo sends the person back with."""
    page = await browser.press(PATH)
    found = re.search(r'href="(http[^"]*/oauth/authorize[^"]*)"', page.text)
    assert found is not None, page.text
    query = parse_qs(urlsplit(unescape(found[1])).query)
    assert query["code_challenge_method"] == ["S256"]
    return {"state": query["state"][0], "code": "code-1"}


async def come_back(browser: Browser) -> httpx.Response:
    return await browser.get(CALLBACK, params=await begin(browser))


async def kept(site: Site) -> TokenPair | None:
    return await StoreKeeper(site.store, site.parts.companies, COMPANY).load()


async def test_the_company_is_shown_and_connected_after_a_yes(
    site: Site, server: TokenServer, browser: Browser
) -> None:
    server.company = THE_COMPANY
    explained = await browser.get(PATH)
    assert (explained.status_code, "not connected by OAuth" in explained.text) == (200, True)
    back = await come_back(browser)
    assert (back.status_code, back.headers["location"]) == (303, PATH)
    asked = await browser.get(PATH)
    assert "Is this the right company?" in asked.text
    assert "Café &amp; Söhne" in asked.text
    assert "<dd>DE</dd>" in asked.text
    assert "access-1" not in asked.text
    assert await kept(site) is None
    assert not any(path.endswith(":activate") for path in server.api_paths)
    done = await browser.press(f"{PATH}/answer", answer="yes")
    assert (done.status_code, done.headers["location"]) == (303, f"/companies/{COMPANY}")
    pair = await kept(site)
    assert pair is not None
    assert pair.access_token == "access-1"
    assert server.api_paths[-1] == "POST /v1/installations/me:activate"
    assert COOKIE not in browser.cookies
    assert [one.kind for one in await site.store.secrets()] == [OAUTH]
    assert [run.cause for run in site.parts.engine.status().waiting] == ["connected"]
    actions = await site.store.actions(COMPANY, 10)
    assert [(one.who, one.action, one.detail) for one in actions] == [
        ("ada", "connect", "kept"),
        ("ada", "connect", "begun"),
    ]
    assert "This company is connected." in (await browser.get(PATH)).text


async def test_after_a_no_nothing_is_kept(site: Site, browser: Browser) -> None:
    await come_back(browser)
    assert "companies:read" in (await browser.get(PATH)).text, "Pleo tells nothing without the scope"
    await browser.press(f"{PATH}/answer", answer="no")
    assert await site.store.secrets() == []
    refused = await browser.press(f"{PATH}/answer", answer="yes")
    assert refused.status_code == 409
    assert await kept(site) is None


async def test_a_connection_that_is_broken_says_reconnect_and_stays_until_the_yes(
    site: Site, browser: Browser
) -> None:
    await StoreKeeper(site.store, site.parts.companies, COMPANY).keep(BROKEN)
    assert "Reconnect" in (await browser.get(PATH)).text
    await come_back(browser)
    assert await kept(site) == BROKEN
    await browser.press(f"{PATH}/answer", answer="yes")
    pair = await kept(site)
    assert pair is not None
    assert pair.broken is None


async def test_another_browser_ends_no_connection_that_was_begun_in_this_one(
    site: Site, server: TokenServer, browser: Browser
) -> None:
    came_back = await begin(browser)
    other = await site.signed_in(Role.ADMINISTRATOR, company_id=COMPANY)
    for cookies in ({}, {COOKIE: "made up"}):
        other.cookies.update(cookies)
        refused = await other.get(CALLBACK, params=came_back)
        assert (refused.status_code, "another browser" in refused.text) == (400, True)
    assert server.forms == [], "the code was not used up"
    await browser.get(CALLBACK, params=came_back)
    assert "Is this the right company?" not in (await other.get(PATH)).text
    assert (await other.press(f"{PATH}/answer", answer="yes")).status_code == 409
    assert "Is this the right company?" in (await browser.get(PATH)).text


async def test_whoever_comes_from_the_command_lines_link_is_connected_at_once(
    site: Site, browser: Browser
) -> None:
    await begin(browser)  # a cookie from an earlier try says nothing about this one
    for somebody in (await site.browser(), browser):
        url = await site.parts.connecting.begin(COMPANY)
        (state,) = parse_qs(urlsplit(url).query)["state"]
        answer = await somebody.get(CALLBACK, params={"state": state, "code": "code-1"})
        assert answer.status_code == (200 if somebody is not browser else 303)
        assert await kept(site) is not None
        await site.store.drop_secrets(COMPANY)


async def test_a_company_that_was_removed_meanwhile_is_not_connected(site: Site, browser: Browser) -> None:
    came_back = await begin(browser)
    await site.store.remove_company(COMPANY)
    assert (await browser.get(CALLBACK, params=came_back)).status_code == 400
    assert await site.store.secrets() == []


async def test_a_refusal_in_pleo_is_told_and_keeps_nothing(site: Site, browser: Browser) -> None:
    refused = await browser.get(CALLBACK, params=await begin(browser) | {"error": "access_denied"})
    assert (refused.status_code, "access_denied" in refused.text) == (400, True)
    assert 'action="/sign-out"' in refused.text, "whoever is signed in has the bar"
    assert await site.store.secrets() == []


@pytest.mark.parametrize(("company", "told"), [(THE_COMPANY, "Café & Söhne"), (None, "Our café")])
async def test_another_company_than_the_one_that_was_meant_is_not_even_asked_about(
    site: Site, server: TokenServer, tmp_path: Path, company: dict[str, object] | None, told: str
) -> None:
    server.company = company
    text = settings_text({"pleo.company_id": FIRST, "pleo.base_url": server.url})
    await site.store.change_company(FIRST, text, str(tmp_path))
    other = await site.signed_in(Role.ADMINISTRATOR, company_id=FIRST)
    path = f"/companies/{FIRST}/connect"
    page = await other.press(path)
    state = re.search("state=([^&]+)&", page.text)
    assert state is not None
    refused = await other.get(CALLBACK, params={"state": state[1], "code": "code-1"})
    assert (refused.status_code, "Nothing was kept" in refused.text) == (400, True)
    assert f"Company {FIRST[:4]} was to be connected, but Pleo connected {told}." in unescape(refused.text)
    assert f"stays listed with {told} until it is removed there" in unescape(refused.text)
    assert "Is this the right company?" not in (await other.get(path)).text
    assert await site.store.secrets() == []


async def test_what_is_held_is_good_for_a_quarter_of_an_hour_and_then_swept(
    site: Site, browser: Browser
) -> None:
    await come_back(browser)
    await begin(browser)
    now = site.clock.forward(minutes=16)
    assert await site.store.forget_secrets(CONNECTING, now - timedelta(minutes=15)) == 2
    assert await site.store.secrets() == []
    assert (await browser.press(f"{PATH}/answer", answer="yes")).status_code == 409


@pytest.mark.parametrize("verb", ["", "/answer"])
async def test_only_administrators_connect(site: Site, verb: str) -> None:
    operator = await site.signed_in(Role.OPERATOR, company_id=COMPANY)
    assert (await operator.press(PATH + verb, answer="yes")).status_code == 403
    assert (await operator.get(PATH)).status_code == 403


async def test_without_a_registration_with_pleo_the_page_says_what_is_missing(tmp_path: Path) -> None:
    async with a_site(tmp_path) as site:
        browser = await site.signed_in(Role.ADMINISTRATOR, company_id=FIRST)
        path = f"/companies/{FIRST}/connect"
        page = await browser.get(path)
        assert "PLEO_EXPORT_OAUTH_CLIENT_ID" in page.text
        assert page.text.count("<form") == 1, "that signs out"
        assert (await browser.press(path)).status_code == 409
