"""Looking after one's own password and sessions."""

import re
from types import ModuleType
from typing import Any

import pytest

from pleo_export.service.page.access import doors, sessions, signing_in
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import csrf_of, hashed
from tests.service.page.site import Browser, Site
from tests.service.page.test_page_access_doors import PASSWORD, add, sign_in

NAME = "anna@example.com"
NEW = "another long one"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1"
)


async def anna(site: Site, **more: str) -> Browser:
    """A browser in which Anna has signed in; `more` are its headers."""
    browser = await site.browser(headers=more)
    assert (await sign_in(browser)).status_code == 303
    with_token(browser)
    return browser


def with_token(browser: Browser) -> str:
    """Let the browser send the token of its session with forms, as its pages do; return the session's own."""
    token = browser.cookies[sessions.COOKIE]
    browser.csrf = csrf_of(token)
    return token


async def is_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status_code == 200


async def done(site: Site) -> list[tuple[str, str, str | None]]:
    """What the audit says, without signing in."""
    actions = await site.store.actions(None, 99)
    return [(one.who, one.action, one.detail) for one in actions if one.action != "signed in"]


async def change(browser: Browser, **fields: str) -> int:
    form = {"password": PASSWORD, "new": NEW, "again": NEW} | fields
    return (await browser.press("/account/password", **form)).status_code


async def test_a_new_password_counts_at_once_and_ends_the_sessions_elsewhere(site: Site) -> None:
    await add(site)
    here, elsewhere = await anna(site), await anna(site)
    before = with_token(here)
    assert await change(here) == 200
    assert with_token(here) != before
    assert await site.store.people.session(hashed(before)) is None
    assert (await is_in(here), await is_in(elsewhere)) == (True, False)
    assert await done(site) == [(NAME, "changed the password", "other sessions were ended")]
    assert (await sign_in(elsewhere)).status_code == 401
    assert (await sign_in(elsewhere, password=NEW)).status_code == 303


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"password": "not that one"}, 401, "The name, the password or the code is not right"),
        ({"password": ""}, 401, "The name, the password or the code is not right"),
        ({"again": "another long two"}, 422, "not the same"),
        ({"new": "short", "again": "short"}, 422, "12 to 1024 characters"),
        ({"new": "Sonyericsson", "again": "Sonyericsson"}, 422, "breaches"),
        ({"new": f"{NAME} pleo", "again": f"{NAME} pleo"}, 422, "nobody guesses"),
    ],
)
async def test_a_password_that_is_not_changed_says_why_and_stays(
    site: Site, fields: dict[str, str], status: int, sentence: str
) -> None:
    await add(site)
    here, elsewhere = await anna(site), await anna(site)
    form = {"password": PASSWORD, "new": NEW, "again": NEW} | fields
    answer = await here.press("/account/password", **form)
    assert (answer.status_code, sentence in answer.text) == (status, True)
    assert (await is_in(here), await is_in(elsewhere), await done(site)) == (True, True, [])
    assert (await sign_in(elsewhere)).status_code == 303


def overtaken(monkeypatch: pytest.MonkeyPatch, where: ModuleType, browser: Browser) -> None:
    """Let the password be changed in the browser right after the next one was shown there."""

    async def shown(*given: Any) -> signing_in.Proven:
        monkeypatch.undo()
        proven = await signing_in.sign_in(*given)
        assert await change(browser) == 200
        return proven

    monkeypatch.setattr(where, "sign_in", shown)


async def test_a_password_that_was_right_until_it_was_changed_signs_nobody_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    here, elsewhere = await anna(site), await site.browser()
    overtaken(monkeypatch, doors, here)
    assert (await sign_in(elsewhere)).status_code == 401
    assert (await is_in(here), await is_in(elsewhere)) == (True, False)


@pytest.mark.slow
async def test_guessing_at_an_open_page_is_counted_as_failed_sign_ins_are(site: Site) -> None:
    await add(site)
    here = await anna(site)
    for _ in range(5):
        site.clock.forward(seconds=1)
        assert await change(here, password="not that one") == 401
    assert await change(here) == 429
    assert (await sign_in(await site.browser())).status_code == 429
    site.clock.forward(minutes=15)
    assert await change(here) == 200


async def test_nobody_without_a_password_gets_one_here(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER, "bo@example.com")
    page = (await browser.get("/account")).text
    assert "/account/password" not in page
    assert "/account/second-factor" not in page
    assert await change(browser, password="") == 401
    assert (await browser.get("/account/second-factor")).headers["location"] == "/account"
    assert not (await site.store.people.named("bo@example.com")).has_password


async def test_people_see_where_they_are_signed_in_and_nobody_else_does(site: Site) -> None:
    await add(site)
    await add(site, "bo@example.com")
    await sign_in(await site.browser(client=("198.51.100.7", 1)), "bo@example.com")
    await anna(site, **{"User-Agent": PHONE})
    site.clock.forward(minutes=29)
    here = await anna(site)
    page = (await here.get("/account")).text
    assert "2 sessions" in page
    assert "Safari on iPhone" in page
    assert "another browser" in page
    assert "2026-03-01 12:29:00 UTC" in page
    assert "198.51.100.7" not in page
    assert page.count('type="checkbox"') == 1
    site.clock.forward(minutes=1)
    assert "1 session," in (await here.get("/account")).text


@pytest.mark.parametrize(
    ("sent", "called"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Android"),
        ("<script>alert(1)</script>", "another browser"),
        ("", "another browser"),
    ],
)  # fmt: skip
async def test_browsers_are_called_as_people_call_them(site: Site, sent: str, called: str) -> None:
    await add(site)
    here = await anna(site, **{"User-Agent": sent})
    assert re.findall(r'<th scope="row">(.*?)</th>', (await here.get("/account")).text) == [called]


async def test_a_session_that_is_chosen_ends_and_no_other(site: Site) -> None:
    await add(site)
    await add(site, "bo@example.com")
    here, one, another = [await anna(site) for _ in range(3)]
    bos = await site.browser()
    await sign_in(bos, "bo@example.com")
    before = with_token(here)
    chosen = {"session": hashed(with_token(one)), "which": "chosen", "password": PASSWORD}
    assert (await here.press("/account/sessions", **chosen)).status_code == 200
    assert with_token(here) != before
    assert [await is_in(each) for each in (here, one, another)] == [True, False, True]
    stolen = {**chosen, "session": hashed(with_token(bos))}
    await here.press("/account/sessions", **stolen)
    assert await is_in(bos)
    assert (NAME, "ended sessions", "1 of their own") in await done(site)


async def test_all_other_sessions_end_at_once(site: Site) -> None:
    await add(site)
    here, one, another = [await anna(site) for _ in range(3)]
    fields = {"which": "others", "password": PASSWORD}
    assert (await here.press("/account/sessions", **fields)).status_code == 200
    with_token(here)
    assert [await is_in(each) for each in (here, one, another)] == [True, False, False]
    answer = await here.press("/account/sessions", **fields)
    assert (answer.status_code, "Choose the sessions" in answer.text) == (422, True)


async def test_ending_a_session_asks_for_the_password(site: Site) -> None:
    await add(site)
    here, elsewhere = await anna(site), await anna(site)
    answer = await here.press("/account/sessions", which="others", password="not that one")
    assert (answer.status_code, await is_in(elsewhere)) == (401, True)
