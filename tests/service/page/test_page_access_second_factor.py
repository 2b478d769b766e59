"""A second factor: setting it up, signing in with it, and losing it."""

import re
from base64 import b32decode
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import httpx
import pytest

from pleo_export.service.companies import Companies
from pleo_export.service.page.access import account, second_factor
from pleo_export.service.page.access.invitations import invite
from pleo_export.service.page.access.people import Desk
from pleo_export.service.page.access.second_factor import STEP_SECONDS, code_at
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import sqlite_path
from pleo_export.vault import Vault
from tests.service.page.site import COMPANY, Browser, Site, a_site
from tests.service.page.test_page_access_account import (
    NAME,
    NEW,
    anna,
    change,
    done,
    is_in,
    overtaken,
    with_token,
)
from tests.service.page.test_page_access_doors import PASSWORD, add, sign_in

# RFC 6238, appendix B: the time, and the code of eight digits, of which ours are the last six.
VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


class Device:
    """The app on a telephone, and the paper beside it."""

    def __init__(self, site: Site, secret: str, codes: list[str]) -> None:
        self._site, self.secret, self.codes = site, secret, codes

    def shows(self, steps: int = 0) -> str:
        step = int(self._site.clock().timestamp()) // STEP_SECONDS + steps
        return code_at(b32decode(self.secret), step)

    def next(self) -> str:
        """Wait for a code that was not used yet."""
        self._site.clock.forward(seconds=STEP_SECONDS)
        return self.shows()


def fields_of(page: str) -> tuple[str, str]:
    """The secret that a page offers, and the offer that its form sends back."""
    (link,) = re.findall(r'href="(otpauth:[^"]*)"', page)
    secret = re.search(r"secret=([A-Z2-7]{32})&", unescape(link))
    (offer,) = re.findall(r'name="offer" value="([^"]+)"', page)
    assert secret is not None
    assert secret[1] == re.sub(r"\s", "", re.findall(r"<pre[^>]*>(.*?)</pre>", page)[0])
    return secret[1], offer


async def confirm(browser: Browser, offer: str, code: str, password: str = PASSWORD) -> httpx.Response:
    return await browser.press("/account/second-factor", offer=offer, code=code, password=password)


async def set_up(site: Site, browser: Browser) -> Device:
    """Set a second factor up in a browser where Anna is signed in; its code is used up by that."""
    secret, offer = fields_of((await browser.get("/account/second-factor")).text)
    device = Device(site, secret, [])
    answer = await confirm(browser, offer, device.shows())
    assert answer.status_code == 200, answer.text
    with_token(browser)
    device.codes = re.findall(r"<pre>(.*?)</pre>", answer.text, re.DOTALL)[0].split()
    return device


@pytest.fixture
async def device(site: Site) -> Device:
    """Anna's."""
    await add(site)
    return await set_up(site, await anna(site))


@pytest.mark.parametrize("time", VECTORS)
def test_codes_are_those_of_the_standard(time: int) -> None:
    assert code_at(b"12345678901234567890", time // STEP_SECONDS) == VECTORS[time][-6:]


async def test_setting_it_up_shows_the_secret_and_makes_it_count_once_a_code_was_right(site: Site) -> None:
    await add(site)
    here, elsewhere = await anna(site), await anna(site)
    page = (await here.get("/account/second-factor")).text
    assert "<svg" in page
    secret, offer = fields_of(page)
    device = Device(site, secret, [])
    for code, password in ((device.shows(1), PASSWORD), ("", PASSWORD), (device.shows(), "not that one")):
        answer = await confirm(here, offer, code, password)
        assert answer.status_code == 401
        again, offer = fields_of(answer.text)
        assert again == secret  # an app that has it goes on with it
    assert not (await site.store.people.named(NAME)).has_factor
    answer = await confirm(here, offer, f" {device.shows()[:3]} {device.shows()[3:]}")
    assert len(set(re.findall(r"\b(?:[a-z2-7]{6}-){3}[a-z2-7]{6}\b", answer.text))) == 10
    with_token(here)
    assert f'value="{here.csrf}"' in answer.text  # the page signs out as any other
    assert (await is_in(here), await is_in(elsewhere)) == (True, False)
    assert "10 recovery codes are left" in (await here.get("/account")).text
    assert (await here.get("/account/second-factor")).headers["location"] == "/account"
    assert await done(site) == [(NAME, "set up a second factor", "other sessions were ended")]


async def test_it_is_not_set_up_with_a_password_that_was_changed_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    here, elsewhere = await anna(site), await anna(site)
    secret, offer = fields_of((await elsewhere.get("/account/second-factor")).text)
    overtaken(monkeypatch, account, here)
    assert (await confirm(elsewhere, offer, Device(site, secret, []).shows())).status_code == 401
    assert not (await site.store.people.named(NAME)).has_factor


async def test_a_secret_that_was_not_offered_here_is_refused(site: Site) -> None:
    await add(site)
    here, elsewhere = await anna(site), await anna(site)
    secret, offer = fields_of((await elsewhere.get("/account/second-factor")).text)
    code = Device(site, secret, []).shows()
    for brought in (offer, "", "AAAA", secret, "é"):
        assert (await confirm(here, brought, code)).status_code == 403
    assert not (await site.store.people.named(NAME)).has_factor


async def test_signing_in_needs_name_password_and_code(site: Site, device: Device) -> None:
    browser, code = await site.browser(), device.next()
    for wrong in ("", "000000", device.shows(-1), device.shows(1)):
        site.clock.forward(seconds=1)
        assert (await sign_in(browser, code=wrong)).status_code == 401
    assert (await sign_in(browser, password="not that one", code=code)).status_code == 401
    site.clock.forward(minutes=15)
    assert (await sign_in(browser, code=code)).status_code == 401
    assert (await sign_in(browser, code=device.shows())).status_code == 303


async def test_a_code_is_good_once(site: Site, device: Device) -> None:
    assert (await sign_in(await site.browser(), code=device.shows())).status_code == 401  # it set it up
    code = device.next()
    answers = [await sign_in(await site.browser(), code=code) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 401]
    assert (await sign_in(await site.browser(), code=device.next())).status_code == 303


async def test_guessed_codes_are_counted_as_failed_sign_ins(site: Site, device: Device) -> None:
    for number in range(5):
        site.clock.forward(seconds=1)
        assert (await sign_in(await site.browser(), code=f"{number:06}")).status_code == 401
    assert (await sign_in(await site.browser(), code=device.next())).status_code == 429


async def test_a_recovery_code_is_good_once_however_it_is_typed(site: Site, device: Device) -> None:
    code = device.codes[3]
    typed = [code.upper().replace("-", " "), code]
    answers = [await sign_in(await site.browser(), code=one) for one in typed]
    assert [answer.status_code for answer in answers] == [303, 401]
    assert (NAME, "used a recovery code", "9 are left") in await done(site)
    assert await site.store.second_factors.codes_left((await site.store.people.named(NAME)).user_id) == 9


async def test_nothing_in_the_database_shows_the_secret_or_a_code(site: Site, device: Device) -> None:
    path = sqlite_path(site.parts.settings.database_url)
    assert path is not None
    kept = b"".join(file.read_bytes() for file in path.parent.glob("store.db*"))
    for secret in (device.secret, *device.codes):
        assert secret.encode() not in kept
        assert second_factor.kept_of(secret) in kept.decode("latin-1") or secret == device.secret


async def test_a_new_key_opens_it_after_secrets_were_sealed_anew(site: Site, device: Device) -> None:
    """As `credentials rotate` does it."""
    old, new = b"k" * 32, b"n" * 32
    both = Vault([new, old])
    for kept in await site.store.secrets():
        sealed = both.reseal(kept.ciphertext, f"{kept.company_id} {kept.kind}")
        await site.store.replace_secret(kept.company_id, kept.kind, old=kept.ciphertext, new=sealed)
    site.app.state.page = replace(site.parts, companies=Companies(site.store, Vault([new])))
    assert (await sign_in(await site.browser(), code=device.next())).status_code == 303


async def test_without_the_key_it_is_said_what_is_missing_and_nobody_gets_in(
    site: Site, device: Device
) -> None:
    await add(site, "bo@example.com")
    site.app.state.page = replace(site.parts, companies=Companies(site.store, None))
    browser = await site.browser()
    answer = await sign_in(browser, code=device.next())
    assert (answer.status_code, "There is no encryption key" in answer.text) == (503, True)
    assert (await sign_in(browser, "bo@example.com")).status_code == 303
    answer = await browser.get("/account/second-factor")
    assert (answer.status_code, "There is no encryption key" in answer.text) == (503, True)


async def test_what_is_changed_later_asks_for_a_code_too(site: Site, device: Device) -> None:
    here = await site.browser()
    await sign_in(here, code=device.next())
    with_token(here)
    assert await change(here) == 401
    assert await change(here, code=device.next()) == 200
    with_token(here)
    removal = {"password": NEW, "code": device.shows()}
    assert (await here.press("/account/second-factor/remove", **removal)).status_code == 401
    removal["code"] = device.next()
    assert (await here.press("/account/second-factor/remove", **removal)).status_code == 200
    assert (NAME, "removed the second factor", "other sessions were ended") in await done(site)
    assert (await sign_in(await site.browser(), password=NEW)).status_code == 303
    assert (await sign_in(await site.browser(), password=NEW, code=device.codes[0])).status_code == 303


@pytest.mark.slow
async def test_a_link_for_a_lost_password_does_not_lead_round_it(site: Site, device: Device) -> None:
    link = await invite(site.store, site.parts.settings, NAME, site.clock())
    browser, chosen = await site.browser(), {"password": NEW, "again": NEW}
    assert "Code of your second factor" in (await browser.get(link)).text
    for code in ("", "000000", device.shows()):
        site.clock.forward(seconds=1)
        assert (await browser.post(link, data=chosen | {"code": code})).status_code == 401
    assert (await browser.post(link, data=chosen | {"code": device.next()})).status_code == 303
    assert f"/companies/{COMPANY}" in (await browser.get("/")).text


async def test_an_operator_resets_it_for_whoever_has_lost_it(site: Site, device: Device) -> None:
    browser = await site.browser()
    await sign_in(browser, code=device.next())
    desk = Desk(store=site.store, settings=site.parts.settings, now=site.clock, who="the command line")
    await desk.reset_second_factor(NAME)
    assert not await is_in(browser)
    assert ("the command line", "reset a second factor", NAME) in await done(site)
    await sign_in(browser)
    with_token(browser)
    another = await set_up(site, browser)
    assert another.secret != device.secret
    assert (await sign_in(browser, code=device.next())).status_code == 401
    assert (await sign_in(browser, code=device.codes[0])).status_code == 401


async def test_where_it_is_required_a_password_opens_only_the_way_to_it(site: Site) -> None:
    await add(site)
    here = await anna(site)
    for path in ("/", f"/companies/{COMPANY}", "/users", "/events"):
        answer = await here.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account/second-factor"), path
    assert (await here.press(f"/companies/{COMPANY}/pause")).status_code == 403
    part = await here.get("/", headers={"HX-Request": "true"})
    assert part.headers["hx-redirect"] == "/account/second-factor"
    device = await set_up(site, here)
    assert (await here.get("/")).status_code == 200
    await here.press("/account/second-factor/remove", password=PASSWORD, code=device.next())
    assert (await here.get("/")).headers["location"] == "/account/second-factor"


@pytest.fixture
async def relaxed(tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(tmp_path, second_factor="offered") as site:
        yield site


async def test_where_it_is_offered_a_password_is_enough(relaxed: Site) -> None:
    await add(relaxed)
    here = await anna(relaxed)
    assert (await here.get("/")).status_code == 200
    device = await set_up(relaxed, here)
    assert (await sign_in(await relaxed.browser())).status_code == 401
    assert (await sign_in(await relaxed.browser(), code=device.next())).status_code == 303


@pytest.mark.parametrize(
    ("settings", "required"),
    [
        ({"public_url": "https://books.example"}, True),
        ({"public_url": "https://books.example", "second_factor": "offered"}, False),
        ({"public_url": "http://127.0.0.1:8480"}, False),
        ({"second_factor": "required"}, True),
        ({}, False),
    ],
)
def test_it_is_required_where_others_reach_the_page_unless_it_was_said(
    settings: dict[str, str],
    required: bool,  # noqa: FBT001 a parameter of the test
) -> None:
    assert ServiceSettings.model_validate(settings).requires_second_factor is required
