"""Signing in and out, and choosing a password."""

import asyncio
from typing import Any

import pytest
from argon2 import PasswordHasher

from pleo_export.service.page.access import passwords, sessions
from pleo_export.service.page.access.invitations import FIRST_TIME, invite, welcome_first
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import csrf_of, hashed, new_token
from pleo_export.store.people import User
from pleo_export.store.tables import EVERY_COMPANY
from tests.service.page.site import COMPANY, Browser, Site

PASSWORD = "correct horse battery"
# A hash that was made with other parameters, long ago; it is quick to look at.
OLD = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


async def add(site: Site, name: str = "anna@example.com", role: Role = Role.VIEWER) -> None:
    """A user whose password is PASSWORD."""
    await site.store.people.add(name, {COMPANY: role}, site.clock())
    token = hashed(new_token())
    await site.store.people.invite(name, token, site.clock.forward(seconds=1))
    await site.store.people.accept(token, OLD, site.clock.forward(seconds=-1), "")


async def sign_in(
    browser: Browser, name: str = "anna@example.com", password: str = PASSWORD, **more: str
) -> Any:
    return await browser.post("/sign-in", data={"name": name, "password": password, **more})


async def user(site: Site, name: str = "anna@example.com") -> User:
    return await site.store.people.named(name)


async def test_the_right_password_opens_and_leads_on(site: Site) -> None:
    await add(site)
    browser = await site.browser()
    answer = await sign_in(browser, " Anna@Example.COM ", next="/companies/a?page=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/companies/a?page=2")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    (action,) = await site.store.actions(None, 9)
    assert (action.who, action.action) == ("anna@example.com", "signed in")


@pytest.mark.parametrize(
    "to", ["https://evil.test/", "//evil.test", "/\\evil.test", "/\t/evil.test", "evil", "/a\nb: c", ""]
)
async def test_nobody_is_led_away_from_here(site: Site, to: str) -> None:
    await add(site)
    browser = await site.browser()
    assert (await sign_in(browser, next=to)).headers["location"] == "/"
    assert 'name="next" value="/"' in (await browser.get("/sign-in", params={"next": to})).text


@pytest.mark.slow
async def test_a_wrong_name_and_a_wrong_password_get_one_answer_and_the_same_work(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    looked_at: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, kept: str | bytes, password: str | bytes) -> Any:
            looked_at.append(str(kept))
            return super().verify(kept, password)

    monkeypatch.setattr(passwords, "_hasher", Watched())
    passwords._nobodys.cache_clear()  # made with the hasher of another test
    browser = await site.browser()
    wrong = [
        await sign_in(browser, password="not that one"),
        await sign_in(browser, "nobody@example.com", "not that one"),
        await sign_in(browser, "no name at all", "nobody's password"),
    ]
    assert [answer.status_code for answer in wrong] == [401] * 3
    assert len({answer.text for answer in wrong}) == 1
    assert looked_at[0] == OLD
    assert all("m=65536,t=3,p=4" in kept for kept in looked_at[1:])
    assert len(looked_at) == 3


async def test_a_hash_of_other_days_is_made_anew_at_sign_in(site: Site) -> None:
    await add(site)
    await sign_in(await site.browser())
    kept = await site.store.people.password_hash("anna@example.com")
    assert kept is not None
    assert kept[1] != OLD
    assert await passwords.matches(kept[1], PASSWORD)
    assert not passwords.is_outdated(kept[1])


async def test_of_two_who_make_it_anew_at_once_neither_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    both_have_looked, make = asyncio.Barrier(2), passwords.hash_of

    async def made(password: str) -> str:
        await both_have_looked.wait()
        return await make(password)

    monkeypatch.setattr(passwords, "hash_of", made)
    answers = await asyncio.gather(*[sign_in(await site.browser()) for _ in range(2)])
    assert [answer.status_code for answer in answers] == [303, 303]


async def test_each_sign_in_has_a_token_of_its_own_and_ends_the_one_before(site: Site) -> None:
    await add(site)
    browser = await site.browser()
    browser.cookies.set(sessions.COOKIE, "chosen by somebody else", domain="page.test")
    tokens = []
    for _ in range(2):
        answer = await sign_in(browser)
        tokens.append(answer.cookies[sessions.COOKIE])
    assert len({*tokens, "chosen by somebody else"}) == 3
    assert await site.store.people.session(hashed(tokens[0])) is None
    assert await site.store.people.session(hashed(tokens[1])) is not None
    assert await site.store.people.session(tokens[1]) is None


async def test_signing_out_ends_the_session_in_the_store(site: Site) -> None:
    await add(site)
    browser = await site.browser()
    token = (await sign_in(browser)).cookies[sessions.COOKIE]
    assert (await browser.post("/sign-out")).status_code == 403
    browser.csrf = csrf_of(token)
    assert (await browser.press("/sign-out")).headers["location"] == "/sign-in"
    assert await site.store.people.session(hashed(token)) is None
    assert sessions.COOKIE not in browser.cookies


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
async def test_another_site_signs_nobody_in(site: Site, headers: dict[str, str]) -> None:
    await add(site)
    browser = await site.browser()
    del browser.headers["origin"]
    del browser.headers["sec-fetch-site"]
    answer = await browser.post(
        "/sign-in", data={"name": "anna@example.com", "password": PASSWORD}, headers=headers
    )
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_after_five_failures_a_name_waits_even_with_the_right_password(site: Site) -> None:
    await add(site)
    browser = await site.browser()
    for _ in range(5):
        assert (await sign_in(browser, password="wrong")).status_code == 401
        site.clock.forward(minutes=1)
    another = await site.browser(client=("203.0.113.9", 1))
    answer = await sign_in(another)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "600")
    assert "12:15:00 UTC" in answer.text
    site.clock.forward(minutes=10)
    assert (await sign_in(another)).status_code == 303


async def test_a_success_lets_the_failures_of_the_name_be_forgotten(site: Site) -> None:
    await add(site)
    browser = await site.browser()
    for _ in range(2):
        for _ in range(4):
            site.clock.forward(seconds=1)
            assert (await sign_in(browser, password="wrong")).status_code == 401
        site.clock.forward(seconds=1)
        assert (await sign_in(browser)).status_code == 303


@pytest.mark.parametrize("sent", [{}, {"X-Forwarded-For": "198.51.100.1"}])
async def test_after_twenty_failures_an_address_waits_whatever_it_says_of_itself(
    site: Site, sent: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    monkeypatch.setattr(passwords, "_nobodys", lambda: OLD)  # quick to look at
    for number in range(20):
        browser = await site.browser(client=(f"2001:db8::{number}", 1), headers=sent)
        assert (await sign_in(browser, f"user-{number}", "wrong")).status_code == 401
    assert (await sign_in(await site.browser(client=("2001:db8::ffff", 1), headers=sent))).status_code == 429
    assert (await sign_in(await site.browser(client=("2001:db8:1::1", 1)))).status_code == 303


async def test_names_that_failed_are_not_kept_in_clear(site: Site) -> None:
    await sign_in(await site.browser(), "my password by mistake", "wrong")
    keys = await site.store._reader.run(
        lambda connection: connection.exec_driver_sql("SELECT * FROM failed_sign_ins").all()
    )
    assert len(keys) == 2
    assert "mistake" not in str(keys)
    assert "127.0.0.1" not in str(keys)


async def test_a_welcome_link_lets_a_user_choose_a_password_once(site: Site) -> None:
    await add(site)
    old = await site.browser()
    await sign_in(old)
    link = await invite(site.store, site.parts.settings, "anna@example.com", site.clock())
    browser = await site.browser()
    assert "anna@example.com" in (await browser.get(link)).text
    new = {"password": "another long one", "again": "another long one"}
    answer = await browser.post(link, data=new)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await old.get("/account")).status_code == 303
    assert (await browser.get("/account")).status_code == 200
    for again in (await browser.get(link), await browser.post(link, data=new)):
        assert again.status_code == 410
    assert (await sign_in(old)).status_code == 401
    assert (await sign_in(old, password="another long one")).status_code == 303


@pytest.mark.parametrize(
    ("password", "again", "sentence"),
    [
        ("eleven char", "eleven char", "12 to 1024 characters"),
        ("x" * 1025, "x" * 1025, "12 to 1024 characters"),
        ("a" * 12, "a" * 12, "nobody guesses"),
        ("anna@example.com", "anna@example.com", "nobody guesses"),
        ("one long password", "another long one", "not the same"),
    ],
)
async def test_a_password_that_cannot_be_taken_leaves_the_link_good(
    site: Site, password: str, again: str, sentence: str
) -> None:
    await add(site)
    link = await invite(site.store, site.parts.settings, "anna@example.com", site.clock())
    browser = await site.browser()
    answer = await browser.post(link, data={"password": password, "again": again})
    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert (await browser.get(link)).status_code == 200


async def test_a_welcome_link_ends_after_a_day_with_a_newer_one_and_with_the_user(site: Site) -> None:
    await add(site)
    browser = await site.browser()
    links = [
        await invite(site.store, site.parts.settings, "anna@example.com", site.clock()) for _ in range(2)
    ]
    assert [(await browser.get(link)).status_code for link in links] == [410, 200]
    site.clock.forward(hours=24)
    assert (await browser.get(links[1])).status_code == 410
    newest = await invite(site.store, site.parts.settings, "anna@example.com", site.clock())
    await site.store.people.disable("anna@example.com", site.clock())
    assert (await browser.get(newest)).status_code == 410
    assert (await browser.get("/welcome/é")).status_code == 410
    assert (await sign_in(browser)).status_code == 401


async def first_link(site: Site, capsys: pytest.CaptureFixture[str]) -> str | None:
    await welcome_first(site.store, site.parts.settings, site.clock(), 8480)
    written = capsys.readouterr().err.split()
    return written[-1] if written else None


async def test_the_first_link_makes_one_administrator_and_then_there_is_none(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    links = [await first_link(site, capsys) for _ in range(2)]
    browser = await site.browser()
    for link in links:
        assert link is not None
        assert "first administrator" in (await browser.get(link)).text
    chosen = {"name": "Ada@Example.com", "password": PASSWORD, "again": PASSWORD}
    answers = [
        await browser.post(str(link), data=chosen | {"name": name})
        for link, name in zip(links, ("a b", "Ada@Example.com"), strict=True)
    ]
    assert [answer.status_code for answer in answers] == [422, 303]
    assert (await browser.post(str(links[0]), data=chosen | {"name": "eve"})).status_code == 410
    assert (await user(site, "ada@example.com")).roles == {EVERY_COMPANY: "administrator"}
    assert (await browser.get("/users")).headers["location"] == "/account/second-factor"
    assert await first_link(site, capsys) is None


async def test_the_first_link_is_good_for_an_hour_and_not_once_somebody_can_sign_in(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    old, browser = await first_link(site, capsys), await site.browser()
    site.clock.forward(seconds=FIRST_TIME.total_seconds())
    assert (await browser.get(str(old))).status_code == 410
    new = await first_link(site, capsys)
    await add(site)
    chosen = {"name": "eve", "password": PASSWORD, "again": PASSWORD}
    assert (await browser.post(str(new), data=chosen)).status_code == 410


async def test_more_than_a_form_holds_is_not_read(site: Site) -> None:
    browser = await site.browser()
    assert (await sign_in(browser, password="x" * 70_000)).status_code == 413
    signed_in = await site.owner()
    assert (await signed_in.press("/users/add", name="x" * 70_000)).status_code == 413
