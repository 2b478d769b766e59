"""The authorisation server: consent, codes, tokens that replace each other, and who may ask about them."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from pleo_export.simulator.world import NewCompany
from tests.simulator.simulator_api import Answer, Api, basic

REDIRECT = "https://connector.example/back?from=pleo"
SCOPES = "export-jobs:read export-jobs:write export-items:read"
VERIFIER = "pleo-demo-verifier-0123456789-ABCDEFGHIJKLMNOPQ"
CHALLENGE = "p6YR5TVEcG07MJMMhE8n7t3DQW6VxTPHbsb1598j-D0"


class Visitor:
    """A registered client with a user who allows everything for the company."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.secret = basic("shop", "s3cret")

    async def register(self, **order: object) -> Answer:
        defaults: dict[str, object] = {
            "name": "Shop",
            "clientId": "shop",
            "clientSecret": "s3cret",
            "redirectUris": [REDIRECT],
            "scopes": SCOPES.split(),
        }
        answer = await self.api.post("/control/oauth/clients", defaults | order)
        consent = {"decision": "allow", "companyId": self.api.company.id}
        assert (await self.api.call("PUT", "/control/oauth/consent", consent)).status == 200
        return answer

    @staticmethod
    def question(**other: str | None) -> dict[str, object]:
        asked = {
            "response_type": "code",
            "client_id": "shop",
            "redirect_uri": REDIRECT,
            "scope": SCOPES,
            "state": "xyz & more",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (asked | other).items() if value is not None}

    async def ask(self, **other: str | None) -> Answer:
        return await self.api.get("/oauth/authorize", **self.question(**other))

    async def code(self, **other: str | None) -> str:
        return told(await self.ask(**other))["code"]

    async def exchange(self, fetched: str, **other: str) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": fetched,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return await self.token(**(form | other))

    async def token(self, **form: str) -> Answer:
        self.api.authorization = self.secret
        return await self.api.form("/oauth/token", **form)

    async def refresh(self, token: str) -> Answer:
        return await self.token(grant_type="refresh_token", refresh_token=token)

    async def connect(self, **other: str | None) -> Any:
        answer = await self.exchange(await self.code(**other))
        assert answer.status == 200, answer.content
        return answer.json

    async def status_with(self, access_token: str, path: str = "/v3/export-jobs") -> int:
        self.api.authorization = f"Bearer {access_token}"
        return (await self.api.get(path)).status

    async def introspect(self, token: str) -> Answer:
        self.api.authorization = self.secret
        return await self.api.form("/oauth/token/introspect", token=token)


@pytest.fixture
async def visitor(api: Api) -> Visitor:
    visitor = Visitor(api)
    assert (await visitor.register()).status == 201
    return visitor


def told(answer: Answer) -> dict[str, str]:
    """What the browser brings back to the client."""
    assert answer.status == 302, answer.content
    parts = urlsplit(answer.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == REDIRECT.partition("?")[0]
    query = {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}
    assert query.pop("from") == "pleo"
    return query


def oauth_refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["error"]


async def test_a_code_becomes_tokens_that_open_the_company_that_was_allowed(
    api: Api, visitor: Visitor
) -> None:
    answer = told(await visitor.ask())
    assert answer["state"] == "xyz & more"
    tokens = await visitor.exchange(answer["code"])
    assert tokens.headers["cache-control"] == "no-store"
    assert tokens.json.items() >= {"expires_in": 900, "token_type": "Bearer"}.items()
    assert tokens.json["scope"].split() == sorted(SCOPES.split())
    assert await visitor.status_with(tokens.json["access_token"]) == 200
    other = api.world.add_company(NewCompany(name="Other"))
    assert (await api.get("/v3/export-jobs", company_id=other.id)).status == 403


async def test_the_client_may_show_its_secret_in_the_form(api: Api, visitor: Visitor) -> None:
    code = await visitor.code()
    visitor.secret = ""
    api.authorization = None
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    answer = await api.form(
        "/oauth/token", **form, code_verifier=VERIFIER, client_id="shop", client_secret="s3cret"
    )
    assert answer.status == 200


@pytest.mark.parametrize("shown", [basic("shop", "wrong"), basic("nobody", "s3cret"), basic("shop"), "x"])
async def test_a_client_without_its_secret_is_refused(visitor: Visitor, shown: str) -> None:
    code = await visitor.code()
    visitor.secret = shown
    answer = await visitor.exchange(code)
    assert oauth_refusal(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert oauth_refusal(await visitor.introspect("any")) == (401, "invalid_client")


async def test_nothing_shown_at_all_is_refused(api: Api, visitor: Visitor) -> None:
    api.authorization = None
    code = await visitor.code()
    answer = await api.form("/oauth/token", grant_type="authorization_code", code=code)
    assert oauth_refusal(answer) == (401, "invalid_client")


async def test_a_code_works_once_and_a_second_use_ends_what_the_first_brought(visitor: Visitor) -> None:
    code = await visitor.code()
    tokens = (await visitor.exchange(code)).json
    assert oauth_refusal(await visitor.exchange(code)) == (400, "invalid_grant")
    assert await visitor.status_with(tokens["access_token"]) == 401
    assert oauth_refusal(await visitor.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "other",
    [
        {"code_verifier": VERIFIER[:-1] + "R"},
        {"code_verifier": "short"},
        {"redirect_uri": "https://connector.example/back"},
        {"code": "code_unknown"},
    ],
)
async def test_a_code_needs_its_verifier_and_its_redirect_uri(
    visitor: Visitor, other: dict[str, str]
) -> None:
    assert oauth_refusal(await visitor.exchange(await visitor.code(), **other)) == (400, "invalid_grant")


@pytest.mark.parametrize(("verifier", "status"), [("v" * 42, 400), ("v" * 43, 200), ("v" * 129, 400)])
async def test_a_verifier_has_43_to_128_characters(visitor: Visitor, verifier: str, status: int) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    code = await visitor.code(code_challenge=digest.decode().rstrip("="))
    assert (await visitor.exchange(code, code_verifier=verifier)).status == status


async def test_a_code_ends_after_ten_minutes(api: Api, visitor: Visitor) -> None:
    code = await visitor.code()
    api.clock.pass_time(minutes=10)
    assert oauth_refusal(await visitor.exchange(code)) == (400, "invalid_grant")


async def test_a_code_and_tokens_of_another_client_are_none(api: Api, visitor: Visitor) -> None:
    code, tokens = await visitor.code(), await visitor.connect()
    await visitor.register(clientId="thief", clientSecret="t")
    visitor.secret = basic("thief", "t")
    assert oauth_refusal(await visitor.exchange(code)) == (400, "invalid_grant")
    assert oauth_refusal(await visitor.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert (await visitor.introspect(tokens["access_token"])).json == {"active": False}
    visitor.secret = basic("shop", "s3cret")
    assert (await visitor.exchange(code)).status == 200


async def test_a_refresh_replaces_both_tokens_and_the_old_ones_die_at_once(visitor: Visitor) -> None:
    old = await visitor.connect()
    new = (await visitor.refresh(old["refresh_token"])).json
    assert not set(new.values()) & {old["access_token"], old["refresh_token"]}
    assert await visitor.status_with(old["access_token"]) == 401
    assert await visitor.status_with(new["access_token"]) == 200
    assert oauth_refusal(await visitor.refresh(old["refresh_token"])) == (400, "invalid_grant")
    assert await visitor.status_with(new["access_token"]) == 200
    assert (await visitor.refresh(new["refresh_token"])).status == 200


async def test_an_access_token_ends_when_its_time_is_over_and_a_refresh_goes_on(
    api: Api, visitor: Visitor
) -> None:
    await api.call("PATCH", "/control/oauth/settings", {"accessTokenSeconds": 60})
    tokens = await visitor.connect()
    assert tokens["expires_in"] == 60
    api.clock.pass_time(seconds=59)
    assert await visitor.status_with(tokens["access_token"]) == 200
    api.clock.pass_time(seconds=1)
    assert await visitor.status_with(tokens["access_token"]) == 401
    assert (await visitor.introspect(tokens["access_token"])).json == {"active": False}
    assert (await visitor.refresh(tokens["refresh_token"])).status == 200


async def test_an_old_refresh_token_ends_the_whole_authorisation_even_if_it_was_replaced(
    api: Api, visitor: Visitor
) -> None:
    first = await visitor.connect()
    api.clock.pass_time(days=59)
    second = (await visitor.refresh(first["refresh_token"])).json
    api.clock.pass_time(days=1)
    third = (await visitor.refresh(second["refresh_token"])).json
    assert oauth_refusal(await visitor.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert await visitor.status_with(third["access_token"]) == 401
    assert oauth_refusal(await visitor.refresh(third["refresh_token"])) == (400, "invalid_grant")


async def test_tokens_do_not_take_each_others_place(visitor: Visitor) -> None:
    tokens = await visitor.connect()
    assert await visitor.status_with(tokens["refresh_token"]) == 401
    assert oauth_refusal(await visitor.refresh(tokens["access_token"])) == (400, "invalid_grant")


async def test_a_call_outside_the_granted_scopes_is_refused(api: Api, visitor: Visitor) -> None:
    job_id = await api.job_in_progress(1)
    tokens = await visitor.connect(scope="export-jobs:read")
    api.authorization = f"Bearer {tokens['access_token']}"
    assert (await api.get("/v3/export-jobs")).status == 200
    assert (await api.get("/v3/export-items", job_id=job_id)).refusal == (403, "ACCESS_DENIED")
    refused = await api.event(job_id, "completed")
    assert refused.refusal == (403, "ACCESS_DENIED")
    assert "export-jobs:write" in refused.json["message"]
    assert (await api.job(job_id))["status"] == "in_progress"


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"state": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "export-jobs:read companies:read"}, "invalid_scope"),
    ],
)
async def test_a_wrong_question_is_told_to_the_client(
    api: Api, visitor: Visitor, other: dict[str, str | None], error: str
) -> None:
    for decision in ("allow", "ask"):
        order = {"decision": decision, "companyId": api.company.id}
        await api.call("PUT", "/control/oauth/consent", order)
        answer = told(await visitor.ask(**other))
        assert answer["error"] == error
        assert answer.get("state") == ("xyz & more" if "state" not in other else None)


@pytest.mark.parametrize(
    "other",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": REDIRECT + "x"},
        {"redirect_uri": "https://evil.example/"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    visitor: Visitor, other: dict[str, str | None]
) -> None:
    answer = await visitor.ask(**other)
    assert oauth_refusal(answer) == (400, "invalid_request")
    assert "location" not in answer.headers


async def test_a_user_chooses_on_a_page_and_presses_a_button(api: Api, visitor: Visitor) -> None:
    other = api.world.add_company(NewCompany(name='<B> & "Sons"'))
    await api.call("PUT", "/control/oauth/consent", {"decision": "ask"})
    subject = f"urn:pleo:company:{other.id}"
    page = await visitor.ask(urn_pleo_params_oauth_subject=subject)
    assert page.status == 200
    text = page.content.decode()
    assert "Connect Shop" in text
    assert f'<option value="{api.company.id}">Acme</option>' in text
    assert f'<option value="{other.id}" selected>&lt;B&gt; &amp; &quot;Sons&quot;</option>' in text
    address = f"/oauth/authorize?{urlencode(visitor.question())}"
    pressed = await api.form(address, decision="allow", company_id=other.id)
    tokens = (await visitor.exchange(told(pressed)["code"])).json
    told_of = (await visitor.introspect(tokens["access_token"])).json
    assert told_of["urn:pleo:params:oauth:subject_urn"] == subject
    denied = told(await api.form(address, decision="deny", company_id=other.id))
    assert (denied["error"], denied["state"]) == ("access_denied", "xyz & more")
    assert oauth_refusal(await api.form(address, decision="allow", company_id="none")) == (
        400,
        "invalid_request",
    )


async def test_the_settings_can_say_no_in_the_users_place(api: Api, visitor: Visitor) -> None:
    await api.call("PUT", "/control/oauth/consent", {"decision": "deny"})
    assert told(await visitor.ask())["error"] == "access_denied"


async def test_introspection_tells_the_client_of_its_tokens(api: Api, visitor: Visitor) -> None:
    tokens = await visitor.connect()
    start = int(api.clock.now.timestamp())
    told_of = (await visitor.introspect(tokens["access_token"])).json
    assert told_of.pop("jti")
    assert told_of == {
        "active": True,
        "sub": api.company.id,
        "iat": start,
        "exp": start + 900,
        "client_id": "shop",
        "iss": "pleo.simulator",
        "aud": "http://pleo.test",
        "token_type": "at+JWT",
        "urn:pleo:params:oauth:subject_urn": f"urn:pleo:company:{api.company.id}",
    }
    assert (await visitor.introspect(tokens["refresh_token"])).json["active"] is True
    assert (await visitor.introspect("unknown")).json == {"active": False}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x", "redirect_uri": REDIRECT}, "invalid_request"),
    ],
)
async def test_an_incomplete_question_for_tokens_is_refused(
    visitor: Visitor, form: dict[str, str], error: str
) -> None:
    assert oauth_refusal(await visitor.token(**form)) == (400, error)


async def test_a_body_that_is_no_form_is_refused(api: Api, visitor: Visitor) -> None:
    tokens = await visitor.connect()
    body = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert oauth_refusal(await api.post("/oauth/token", body)) == (400, "invalid_request")
    twice = f"/oauth/token?{urlencode(body)}"
    assert oauth_refusal(await api.form(twice)) == (400, "unsupported_grant_type")


async def test_a_lost_answer_took_effect_and_the_log_counts_it(api: Api, visitor: Visitor) -> None:
    old = await visitor.connect()
    await api.call("PATCH", "/control/oauth/settings", {"loseAnswers": 1})
    await visitor.refresh(old["refresh_token"])
    assert api.cuts == 1
    assert await visitor.status_with(old["access_token"]) == 401
    assert oauth_refusal(await visitor.refresh(old["refresh_token"])) == (400, "invalid_grant")
    assert api.cuts == 1
    entries = [entry for entry in (await api.get("/control/audit")).json if entry["path"] == "/oauth/token"]
    assert [(entry["body"], entry["status"]) for entry in entries] == [
        ({"grant_type": "authorization_code"}, 200),
        ({"grant_type": "refresh_token"}, 200),
        ({"grant_type": "refresh_token"}, 400),
    ]
    assert entries[1]["companyId"] == api.company.id


async def test_the_log_holds_no_secret_of_an_authorisation(api: Api, visitor: Visitor) -> None:
    tokens = await visitor.connect()
    new = (await visitor.refresh(tokens["refresh_token"])).json
    log = (await api.get("/control/audit")).content.decode()
    for secret in (*tokens.values(), *new.values(), VERIFIER, "s3cret"):
        if isinstance(secret, str) and secret not in {"Bearer", tokens["scope"]}:
            assert secret not in log


async def test_a_user_who_removes_the_app_ends_every_token_of_the_company(api: Api, visitor: Visitor) -> None:
    tokens = await visitor.connect()
    code = await visitor.code()
    assert (await api.post(f"/control/companies/{api.company.id}/disconnect")).status == 204
    assert await visitor.status_with(tokens["access_token"]) == 401
    assert oauth_refusal(await visitor.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert oauth_refusal(await visitor.exchange(code)) == (400, "invalid_grant")
    assert await visitor.status_with(api.company.access_token) == 200
    assert await visitor.status_with((await visitor.connect())["access_token"]) == 200


@pytest.mark.parametrize(
    "order",
    [
        {"redirectUris": ["http://connector.example/back"]},
        {"redirectUris": ["not an address"]},
        {"redirectUris": []},
        {"scopes": ["two words"]},
        {"colour": "red"},
    ],
)
async def test_a_client_is_registered_with_safe_addresses_only(api: Api, order: dict[str, object]) -> None:
    assert (await Visitor(api).register(**order)).refusal == (400, "VALIDATION_FAILED")


async def test_a_client_is_registered_once_and_plain_http_is_for_this_machine(api: Api) -> None:
    visitor = Visitor(api)
    local = {"redirectUris": ["http://localhost:8000/back", "http://127.0.0.1/back"]}
    assert (await visitor.register(**local)).status == 201
    assert (await visitor.register(**local)).refusal == (409, "CLIENT_EXISTS")
    made_up = (await visitor.register(clientId=None, clientSecret=None)).json
    assert len({*made_up.values(), "", "shop"}) == 4


async def test_consent_cannot_be_given_for_no_company(api: Api) -> None:
    path = "/control/oauth/consent"
    assert (await api.call("PUT", path, {"decision": "allow"})).refusal == (400, "VALIDATION_FAILED")
    unknown = {"decision": "allow", "companyId": "99999999-9999-4999-8999-999999999999"}
    assert (await api.call("PUT", path, unknown)).refusal == (404, "COMPANY_NOT_FOUND")
