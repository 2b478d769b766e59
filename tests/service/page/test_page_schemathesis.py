"""Schemathesis against all routes of the service, those of the page too: no server error, and no way past sign-in."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from hypothesis import strategies as st
from schemathesis import GenerationMode

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.service.page.access import sessions
from pleo_export.service.page.access.tokens import hashed
from tests.fuzz.fuzzing import fuzz
from tests.scorecard.plugin import Score
from tests.service.page.site import ADDRESS, COMPANY, OTHER, Browser, Site, a_site
from tests.service.page.test_page_access_routes import ENTRY, JOB, OPEN, routes_of

EXAMPLES, EXAMPLES_IN_FULL = 8, 250  # of each operation
TOKEN = "a-welcome-link"
# Nobody answers there: what can be asked only there cannot be.
REGISTERED = {
    "oauth_client_id": "ours",
    "oauth_client_secret": "s3cret",
    "oauth_server": "http://127.0.0.1:9",
}
USER, PASSWORD = "dora@example.com", "correct horse battery"
KNOWN = {"company_id": COMPANY, "job_id": JOB, "entry_id": ENTRY, "token": TOKEN}
FILLED_IN = {
    "company": COMPANY,
    "role": "viewer",
    "password": PASSWORD,
    "again": PASSWORD,
    "confirmed": "yes",
    "external_id": "JE-1",
}
NEWCOMERS = {"/users/add": "eva@example.com", "/welcome/{token}": "finn@example.com"}
# Whoever is not signed in gets to know nothing: who it is, is asked before anything else.
TURNED_AWAY = {401, 403, 404, 405, 422}
EXPECTED = {200, 202, 204, 303, 400, 401, 403, 404, 405, 409, 410, 413, 422, 429}
# What needs more than can be made up.
NEVER_OPENED = {
    ("GET", "/oauth/callback"),
    ("GET", "/sign-in/provider"),
    ("GET", "/sign-in/callback"),
    ("POST", "/sign-in"),
    ("POST", "/account/password"),
    ("POST", "/account/second-factor"),
    ("POST", "/account/second-factor/remove"),
    ("POST", "/account/sessions"),
    ("POST", "/api/companies/{company_id}/check"),
}
ODD_PATHS = (
    "/assets/%00",
    "/assets/..%2fapp.py",
    "/assets/%2e%2e/app.py",
    "/assets//etc/passwd",
    f"/assets/{'a' * 300}",
    "/companies/%00",
    "/companies/%ED%A0%80",
    "/companies/%ff/jobs/%00.csv",
    f"/companies/{COMPANY}/jobs/%00",
    f"/companies/{COMPANY}/jobs/%00/items/%00",
    f"/companies/{COMPANY}/preview/%00",
    f"/companies/{COMPANY}/jobs/{JOB}?text=%00",
    "/?search=%00",
    f"/companies/{COMPANY}/audit?before=9223372036854775808",
    "/audit?before=0",
    "/?page=99999999999999999999",
    "/welcome/%00",
    "//evil.test/%2e%2e",
)


class Attack:
    """A site with something in it, and calls to it from outside its event loop."""

    def __init__(self, site: Site, runner: asyncio.Runner) -> None:
        self.site, self._runner = site, runner
        self.answered: set[tuple[str, str, int]] = set()
        site.app.state.live.close()  # so that streams end

    async def fill(self) -> None:
        store = self.site.store
        await store.see_job(JOB, COMPANY)
        await store.plan(JOB, [ENTRY])
        await store.intend(JOB, ENTRY)
        await store.rejected(JOB, ENTRY, Rejection(Cause.ACCOUNT_UNKNOWN, "Nobody knows."), unknown=True)
        await store.reported(JOB, [ENTRY])
        await store.people.add(USER, {OTHER: "viewer"}, self.site.clock())
        await store.people.invite(None, hashed(TOKEN), self.site.clock() + timedelta(days=1))

    def nobody(self) -> Browser:
        return self._runner.run(self.site.browser())

    def owner(self) -> Browser:
        return self._runner.run(self.site.owner())

    def tricked(self) -> Browser:
        """Return the browser of an administrator whose session's token for forms is not known."""
        browser = self.owner()
        browser.csrf = "0" * 64
        return browser

    def unchanged(self) -> bool:
        """Whether everything that a form could change is as it was, but for the welcome link, which needs no session."""
        return self._runner.run(self._unchanged())

    async def _unchanged(self) -> bool:
        store = self.site.store
        company, item = await store.company(COMPANY), await store.item(JOB, ENTRY)
        user = await store.people.named(USER)
        as_it_was = company.paused_at is None and item.unknown and user.roles == {OTHER: "viewer"}
        done = {one.action for one in await store.actions(COMPANY, 100)}
        return as_it_was and done <= {"diagnostics"}  # which is only asked for

    def call(self, case: Any, browser: Browser) -> httpx.Response:
        """Send what was generated, with what a page of ours would send beside it."""
        made = requests.Request(**case.as_transport_kwargs(base_url=ADDRESS)).prepare()
        headers = {"X-CSRF-Token": browser.csrf} | {name: str(value) for name, value in made.headers.items()}
        if session := browser.cookies.get(sessions.COOKIE):
            others = headers.get("Cookie", "")
            headers["Cookie"] = f"{sessions.COOKIE}={session}; {others}"
        url, content = made.url, made.body
        assert url is not None
        assert content is None or isinstance(content, str | bytes)
        answer = self._runner.run(browser.request(case.method, url, headers=headers, content=content))
        self.answered.add((case.method, case.operation.path, answer.status_code))
        return answer


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Attack]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        site = runner.run(stack.enter_async_context(a_site(tmp_path, **REGISTERED)))
        attack = Attack(site, runner)
        runner.run(attack.fill())
        yield attack
        runner.run(stack.aclose())


def filled(path: str) -> str:
    return re.sub(r"{(\w+)[^}]*}", lambda found: KNOWN[found[1]], path)


def described(app: FastAPI) -> Any:
    """All routes as OpenAPI, those that are no part of the published description too."""
    for route in app.routes:
        if hasattr(route, "include_in_schema"):
            route.include_in_schema = True
    return schemathesis.openapi.from_dict(get_openapi(title="all", version="1", routes=app.routes))


def cases(operation: Any) -> st.SearchStrategy[Any]:
    """What the description allows and what it forbids, for things that are there and for things that are not."""

    def aimed(case: Any, at_known: bool) -> Any:  # noqa: FBT001  drawn
        if at_known:
            case.path_parameters.update({name: KNOWN[name] for name in KNOWN.keys() & case.path_parameters})
            if isinstance(case.body, dict):
                case.body.update(FILLED_IN | {"name": NEWCOMERS.get(case.operation.path, USER)})
        return case

    modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
    return st.builds(aimed, st.one_of(*modes), st.booleans())


def odd_form(charset: str, value: bytes) -> dict[str, Any]:
    """A form as no page of ours sends it: each field in an encoding of the sender's choice."""
    names = [*FILLED_IN, "name", "answer", "next"]
    fields = (
        b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name in names
    )
    headers = {"Content-Type": f"multipart/form-data; boundary=B; charset={charset}"}
    return {"content": b"".join((*fields, b"--B--\r\n")), "headers": headers}


ODD_FORMS = [
    odd_form("unicode_escape", rb"\ud800"),  # half a letter, which no text can be encoded with
    odd_form("undefined", b"x"),
    odd_form("idna", b"\xff"),
    {"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}},
    {"content": b"{", "headers": {"Content-Type": "application/json"}},
    {"data": dict.fromkeys([*FILLED_IN, "name", "answer"], "\0")},
    {
        "content": b"%ff=%fe&name=%ff&csrf=%ed%a0%80",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    {"data": {"name": "x" * 100_000}},
]


@pytest.mark.slow
async def test_what_no_browser_sends_is_refused_and_breaks_nothing(site: Site) -> None:
    site.app.state.live.close()
    for browser in (await site.browser(), await site.owner()):
        for method, path in routes_of(site.app):
            if method != "POST" or path == "/sign-out":
                continue
            for form in ODD_FORMS:
                headers = {"X-CSRF-Token": browser.csrf, **form.get("headers", {})}
                answer = await browser.post(filled(path), **(form | {"headers": headers}))
                assert answer.status_code < 500, (path, form)
                assert (
                    (method, path) in OPEN or browser.csrf or answer.status_code in TURNED_AWAY | {400, 413}
                )


@pytest.mark.slow
async def test_methods_and_paths_that_are_nowhere_are_refused(site: Site) -> None:
    site.app.state.live.close()
    browser, doors = await site.owner(), set(routes_of(site.app))
    for path in {path for _, path in doors} - {"/assets"}:
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"):
            answer = await browser.request(method, filled(path), headers={"X-CSRF-Token": browser.csrf})
            assert answer.status_code in {404, 405}, (method, path)
    for path in ODD_PATHS:
        assert (await browser.get(path)).status_code in {404, 410, 422}, path


def attacked(
    attack: Attack,
    score: Score,
    browser: Callable[[], Browser],
    judge: Callable[[Any, httpx.Response], bool],
) -> None:
    """Call every operation, each time as somebody new, for some calls end sessions; let `judge` see each answer."""
    for found in described(attack.site.app).get_all_operations():

        def examine(case: Any) -> None:
            answer = attack.call(case, browser())
            right = answer.status_code < 500 and judge(case, answer)
            assert right, (case.method, case.operation.path, answer.status_code, answer.text[:1000])

        fuzz(examine, cases(found.ok()), EXAMPLES, EXAMPLES_IN_FULL, score)


def door_of(case: Any) -> tuple[str, str]:
    return case.method, case.operation.path


@pytest.mark.slow
@pytest.mark.scorecard("I")
def test_an_administrator_gets_no_server_error_whatever_is_sent(attack: Attack, score: Score) -> None:
    attacked(attack, score, attack.owner, lambda _, answer: answer.status_code in EXPECTED)
    doors = {(method, path) for method, path, _ in attack.answered}
    assert (
        doors - {(method, path) for method, path, status in attack.answered if status < 400} == NEVER_OPENED
    )


@pytest.mark.slow
@pytest.mark.scorecard("I")
def test_nobody_gets_past_the_sign_in_whatever_is_sent(attack: Attack, score: Score) -> None:
    def judge(case: Any, answer: httpx.Response) -> bool:
        to_sign_in = answer.headers.get("location", "").startswith("/sign-in")
        turned_away = answer.status_code in TURNED_AWAY or (answer.status_code == 303 and to_sign_in)
        return door_of(case) in OPEN or turned_away

    attacked(attack, score, attack.nobody, judge)
    assert attack.unchanged()


@pytest.mark.slow
@pytest.mark.scorecard("I")
def test_without_its_token_no_form_does_anything_whatever_is_sent(attack: Attack, score: Score) -> None:
    def judge(case: Any, answer: httpx.Response) -> bool:
        return case.method == "GET" or door_of(case) in OPEN or answer.status_code == 403

    attacked(attack, score, attack.tricked, judge)
    assert attack.unchanged()
