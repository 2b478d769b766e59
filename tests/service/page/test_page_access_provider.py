"""Signing in by OpenID Connect."""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Response
from joserfc import jwt
from pydantic import SecretStr, ValidationError

from pleo_export.service.page.access import doors, provider_doors, sessions
from pleo_export.service.page.access.provider import Provider
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import csrf_of
from pleo_export.service.settings import ServiceSettings
from pleo_export.store.tables import EVERY_COMPANY
from tests.service.page.openid import CLIENT_ID, CLIENT_SECRET, ISSUER, OpenId, key
from tests.service.page.site import COMPANY, Browser, Site, a_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with a_site(
        tmp_path,
        oidc_issuer=ISSUER,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
    ) as site:
        yield site


@pytest.fixture
def openid(site: Site) -> OpenId:
    openid = OpenId(site.clock)
    site.app.state.provider = Provider(ISSUER, CLIENT_ID, CLIENT_SECRET, site.clock, openid.transport)
    return openid


async def begin(browser: Browser, to: str = "/users") -> str:
    answer = await browser.get("/sign-in/provider", params={"next": to})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-signing-in=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=lax", "Max-Age=600"} <= set(cookie.split("; "))
    return answer.headers["location"]


async def sign_in(browser: Browser, openid: OpenId, email: str | None = "anna@example.com") -> httpx.Response:
    back = openid.log_in(await begin(browser), email)
    return await browser.get("/sign-in/callback", params=back, headers={"Sec-Fetch-Site": "cross-site"})


async def add(site: Site, name: str = "anna@example.com") -> None:
    await site.store.people.add(name, {COMPANY: Role.VIEWER}, site.clock())


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and sessions.COOKIE not in answer.cookies


async def test_a_user_is_known_by_a_verified_address_first_and_by_the_provider_from_then_on(
    site: Site, openid: OpenId
) -> None:
    await add(site)
    browser = await site.browser()
    assert "Sign in with your organisation" in (await browser.get("/sign-in")).text
    answer = await sign_in(browser, openid, "Anna@Example.com")
    assert (answer.status_code, answer.headers["location"]) == (303, "/users")
    assert (await browser.get("/users")).status_code == 403
    user = await site.store.people.named("anna@example.com")
    assert (user.issuer, user.subject) == (ISSUER, "subject-1")
    # The address may change at the provider; the person stays.
    assert (await sign_in(await site.browser(), openid, None)).status_code == 303


async def test_nobody_becomes_a_user_whom_the_provider_knows_as_another(site: Site, openid: OpenId) -> None:
    await add(site)
    await sign_in(await site.browser(), openid)
    openid.claims = {"sub": "subject-2"}
    answer = await sign_in(await site.browser(), openid)
    assert (refused(answer), "another account than the one that is known here" in answer.text) == (True, True)


async def test_an_account_that_was_forgotten_makes_room_for_another_one(site: Site, openid: OpenId) -> None:
    await add(site)
    owner, browser = await site.signed_in({EVERY_COMPANY: Role.ADMINISTRATOR}, "olga"), await site.browser()
    assert "Forget organisation" not in (await owner.get("/users")).text
    await sign_in(browser, openid)
    assert "Forget organisation: anna@example.com" in (await owner.get("/users")).text
    answer = await owner.press("/users/forget-provider", name="anna@example.com")
    assert answer.headers["location"] == "/users"
    assert (await browser.get("/")).headers["location"] == "/sign-in"
    openid.claims = {"sub": "subject-2"}
    assert (await sign_in(await site.browser(), openid)).status_code == 303
    openid.claims = {}
    assert refused(await sign_in(await site.browser(), openid))
    noted = [(one.who, one.action, one.detail) for one in await site.store.actions(None, 9)]
    assert ("olga", "forgot an organisation's account", "anna@example.com") in noted


async def test_who_is_vouched_for_before_the_account_is_forgotten_is_not_signed_in_after(
    site: Site, openid: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    await sign_in(await site.browser(), openid)

    async def overtaken(*given: Any) -> Response:
        await site.store.people.forget_provider("anna@example.com")
        return await doors.let_in(*given)

    monkeypatch.setattr(provider_doors, "let_in", overtaken)
    assert refused(await sign_in(await site.browser(), openid))


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "eve@example.com"},
        {"email": None},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
    ],
    ids=str,
)
async def test_whom_nobody_added_is_told_whom_to_ask(
    site: Site, openid: OpenId, claims: dict[str, Any]
) -> None:
    await add(site)
    openid.claims = claims
    answer = await sign_in(await site.browser(), openid)
    assert (refused(answer), "Ask an administrator" in answer.text) == (True, True)


async def test_a_disabled_user_is_refused(site: Site, openid: OpenId) -> None:
    await add(site)
    await site.store.people.disable("anna@example.com", site.clock())
    assert refused(await sign_in(await site.browser(), openid))
    await site.store.people.enable("anna@example.com")
    assert (await sign_in(await site.browser(), openid)).status_code == 303
    await site.store.people.disable("anna@example.com", site.clock())
    assert refused(await sign_in(await site.browser(), openid))


async def test_whose_account_is_forgotten_while_sessions_are_ended_gets_no_new_one(
    site: Site, openid: OpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(site)
    here, elsewhere = await site.browser(), await site.browser()
    await sign_in(elsewhere, openid)
    openid.claims = {"auth_time": NOW}
    await sign_in(here, openid)
    here.csrf = csrf_of(here.cookies[sessions.COOKIE])
    begin = sessions.begin

    async def overtaken(*given: Any, **more: Any) -> str | None:
        await site.store.people.forget_provider("anna@example.com")
        return await begin(*given, **more)

    monkeypatch.setattr(sessions, "begin", overtaken)
    assert (await here.press("/account/sessions", which="others")).status_code == 401
    assert (await here.get("/account")).status_code == 303


@pytest.mark.slow
async def test_whom_the_provider_looked_at_just_now_ends_sessions_elsewhere(
    site: Site, openid: OpenId
) -> None:
    """Without a password here, that is what there is to ask for again; who does not say when counts for nothing."""
    await add(site)
    here, elsewhere = await site.browser(), await site.browser()
    await sign_in(elsewhere, openid)
    for auth_time, status in (
        (None, 401),
        (NOW - 301, 401),
        (NOW + 61, 401),
        (-1, 401),
        (1e300, 401),
        (NOW - 300, 200),
    ):
        openid.claims = {} if auth_time is None else {"auth_time": auth_time}
        await sign_in(here, openid)
        here.csrf = csrf_of(here.cookies[sessions.COOKIE])
        answer = await here.press("/account/sessions", which="others")
        assert answer.status_code == status, auth_time
        assert (await elsewhere.get("/account")).status_code == (303 if status == 200 else 200)


async def test_the_page_leads_to_the_provider_to_be_looked_at_anew(site: Site, openid: OpenId) -> None:
    await add(site)
    here, elsewhere = await site.browser(), await site.browser()
    await sign_in(elsewhere, openid)
    assert not {"prompt", "max_age"} & openid.asked.keys()
    await sign_in(here, openid)
    (link,) = re.findall(r'href="(/sign-in/provider[^"]*)"', (await here.get("/account")).text)
    openid.log_in((await here.get(unescape(link))).headers["location"])
    assert (openid.asked["prompt"], openid.asked["max_age"]) == ("login", "0")


@pytest.mark.slow
async def test_a_second_factor_is_the_providers_to_ask_for(site: Site, openid: OpenId) -> None:
    await add(site)
    browser = await site.browser()
    await sign_in(browser, openid)
    assert (await browser.get("/")).status_code == 200
    assert "/account/second-factor" not in (await browser.get("/account")).text


NOW = 1772366400  # noon of the first of March, where the clock stands


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"aud": [CLIENT_ID, "somebody-else"]},
        {"aud": [CLIENT_ID, "somebody-else"], "azp": "somebody-else"},
        {"azp": "somebody-else"},
        {"iss": "https://evil.test"},
        {"exp": NOW - 61},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": NOW + 61},
        {"nbf": NOW + 61},
        {"sub": ""},
        {"sub": 7},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_now_and_here_is_refused(
    site: Site, openid: OpenId, claims: dict[str, Any]
) -> None:
    await add(site)
    openid.claims = claims
    answer = await sign_in(await site.browser(), openid)
    assert (refused(answer), "could not be trusted" in answer.text) == (True, True)
    assert (await site.store.people.named("anna@example.com")).issuer is None


def by_public_key(claims: dict[str, Any]) -> str:
    """Signed with what everybody knows, the public key, as if it were a shared secret."""
    body = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key("one")).split(".")[1]
    head = urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    known = key("one").as_pem(private=False)
    signature = hmac.digest(known, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def unsigned(claims: dict[str, Any]) -> str:
    signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key("one"))
    return "eyJhbGciOiJub25lIn0." + signed.split(".")[1] + "."


def changed(claims: dict[str, Any]) -> str:
    head, _, signature = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key("one")).split(".")
    other = jwt.encode({"alg": "RS256", "kid": "one"}, claims | {"sub": "somebody"}, key("one"))
    return ".".join((head, other.split(".")[1], signature))


def of_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key("two"))


@pytest.mark.parametrize("sign", [by_public_key, unsigned, changed, of_another_key, lambda _: "no token"])
async def test_a_token_that_the_provider_did_not_sign_is_refused(
    site: Site, openid: OpenId, sign: Any
) -> None:
    await add(site)
    openid.sign = sign
    assert refused(await sign_in(await site.browser(), openid))


async def test_keys_that_the_provider_has_replaced_are_read_again(site: Site, openid: OpenId) -> None:
    await add(site)
    assert (await sign_in(await site.browser(), openid)).status_code == 303
    openid.kid = openid.signed_with = "two"
    assert (await sign_in(await site.browser(), openid)).status_code == 303
    openid.signed_with = "one"
    assert refused(await sign_in(await site.browser(), openid))


async def test_only_the_browser_that_began_a_sign_in_ends_it_and_once(site: Site, openid: OpenId) -> None:
    await add(site)
    browser, another = await site.browser(), await site.browser()
    back = openid.log_in(await begin(browser))
    assert refused(await another.get("/sign-in/callback", params=back))
    await begin(another)
    assert refused(await another.get("/sign-in/callback", params=back))
    assert refused(await browser.get("/sign-in/callback", params=back | {"state": "x"}))
    assert refused(await browser.get("/sign-in/callback", params=back | {"iss": "https://evil.test"}))
    assert refused(await browser.get("/sign-in/callback", params={"code": back["code"]}))
    assert (await browser.get("/sign-in/callback", params=back)).status_code == 303
    assert refused(await browser.get("/sign-in/callback", params=back))


@pytest.mark.parametrize("kept", ["", "x", "%%%", "e30=", "bnVsbA=="])
async def test_what_a_browser_kept_may_be_anything(site: Site, openid: OpenId, kept: str) -> None:
    browser = await site.browser()
    browser.cookies.set("__Host-signing-in", kept, domain="page.test")
    assert refused(await browser.get("/sign-in/callback", params={"code": "c", "state": ""}))


async def test_a_person_who_says_no_at_the_provider_is_told_so(site: Site, openid: OpenId) -> None:
    browser = await site.browser()
    back = openid.log_in(await begin(browser))
    del back["code"]
    assert refused(await browser.get("/sign-in/callback", params=back | {"error": "access_denied"}))


async def test_nobody_is_led_away_from_here(site: Site, openid: OpenId) -> None:
    await add(site)
    browser = await site.browser()
    back = openid.log_in(await begin(browser, "//evil.test"))
    assert (await browser.get("/sign-in/callback", params=back)).headers["location"] == "/"


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://id.test/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
    ids=str,
)
async def test_a_provider_that_says_odd_things_of_itself_is_not_used(
    site: Site, openid: OpenId, document: dict[str, Any]
) -> None:
    openid.document = document
    answer = await (await site.browser()).get("/sign-in/provider")
    assert (answer.status_code, "could not be used" in answer.text) == (503, True)


async def test_a_provider_that_is_away_is_told_in_a_sentence(site: Site, openid: OpenId) -> None:
    openid.down = True
    answer = await (await site.browser()).get("/sign-in/provider")
    assert (answer.status_code, "it answered 503" in answer.text) == (503, True)


async def test_without_a_provider_there_is_no_way_through_one(site: Site) -> None:
    site.app.state.provider = None
    browser = await site.browser()
    assert (await browser.get("/sign-in/provider")).status_code == 404
    assert (await browser.get("/sign-in/callback")).status_code == 404


@pytest.mark.parametrize("issuer", ["http://id.test", "http://localhost.evil.test", "ftp://id.test"])
def test_a_provider_is_reached_by_https_or_on_this_machine(issuer: str) -> None:
    with pytest.raises(ValidationError):
        ServiceSettings(oidc_issuer=issuer)
    assert ServiceSettings(oidc_issuer="http://127.0.0.1:9000").oidc_issuer is not None
