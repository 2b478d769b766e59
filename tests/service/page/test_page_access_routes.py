"""All routes of the application, walked by those who may not be there. A new one fails until it is guarded, or listed."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.progress import Phase
from pleo_export.service.page.access.roles import Role
from tests.service.page.site import COMPANY, OTHER, Browser, Site

JOB = "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10"
ENTRY = "c5a3c0de-6d0c-4f6a-9d0e-6b6d1d3f2a11"
# What nobody need be signed in for.
OPEN = {
    ("POST", "/webhooks/pleo"),  # signed by Pleo
    ("POST", "/api/companies/{company_id}/check"),  # with the operator's token
    ("GET", "/api/openapi.json"),
    ("GET", "/oauth/callback"),  # with a state that was given to this browser
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/assets"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/provider"),
    ("GET", "/sign-in/callback"),
    ("GET", "/welcome/{token}"),
    ("POST", "/welcome/{token}"),
}
# Whoever is signed in may do this, of whatever company and in whatever role.
ANYBODYS = {
    ("GET", "/"),
    ("GET", "/events"),
    ("POST", "/sign-out"),
    ("GET", "/account"),
    ("POST", "/account/password"),
    ("GET", "/account/second-factor"),
    ("POST", "/account/second-factor"),
    ("POST", "/account/second-factor/remove"),
    ("POST", "/account/sessions"),
}
OWNERS = ("/users", "/audit")


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or {"GET"}) - {"HEAD", "OPTIONS"}):
            yield method, str(route.path)


def guarded(app: FastAPI) -> list[tuple[str, str]]:
    return [door for door in routes_of(app) if door not in OPEN]


async def knock(browser: Browser, method: str, path: str) -> httpx.Response:
    """Go there: to COMPANY where the path names a company, and to what is OTHER's where it names a job or an item."""
    names = {"company_id": COMPANY, "job_id": JOB, "entry_id": ENTRY}
    filled = re.sub(r"{(\w+)[^}]*}", lambda found: names[found[1]], path)
    if method == "GET":
        return await browser.get(filled)
    return await browser.request(method, filled, data={"csrf": browser.csrf})


async def test_there_are_routes_and_those_that_are_open_are_there(site: Site) -> None:
    found = set(routes_of(site.app))
    assert found >= OPEN | ANYBODYS
    assert len(guarded(site.app)) > 5


async def test_nobody_is_let_in_anywhere(site: Site) -> None:
    browser = await site.browser()
    for method, path in guarded(site.app):
        answer = await knock(browser, method, path)
        to_sign_in = answer.headers.get("location", "").startswith("/sign-in")
        if method == "GET":
            assert (answer.status_code, to_sign_in) == (303, True), (method, path)
        else:
            assert answer.status_code == 401, (method, path)


@pytest.mark.parametrize("role", list(Role))
async def test_a_user_of_another_company_finds_nothing(site: Site, role: Role) -> None:
    browser = await site.signed_in(role, company_id=OTHER)
    for method, path in guarded(site.app):
        if (method, path) in ANYBODYS:
            continue
        answer = await knock(browser, method, path)
        expected = 403 if path.startswith(OWNERS) else 404
        assert answer.status_code == expected, (method, path)
        assert COMPANY[:4] not in answer.text, (method, path)


async def test_an_administrator_of_one_company_finds_no_job_of_another(site: Site) -> None:
    await site.store.see_job(JOB, OTHER)
    await site.store.plan(JOB, [ENTRY])
    await site.store.intend(JOB, ENTRY)
    await site.store.rejected(JOB, ENTRY, Rejection(Cause.ACCOUNT_UNKNOWN, "Nobody knows."), unknown=True)
    browser = await site.signed_in(Role.ADMINISTRATOR)
    of_jobs = [(method, path) for method, path in guarded(site.app) if "{job_id}" in path]
    assert len(of_jobs) > 3
    for method, path in of_jobs:
        if path.startswith("/companies/{company_id}/preview/"):
            continue  # asks Pleo, which keeps companies apart by their credentials
        answer = await knock(browser, method, path)
        assert (answer.status_code, "Nobody knows" in answer.text) == (404, False), (method, path)
    item = await site.store.item(JOB, ENTRY)
    assert (item.phase, item.unknown) == (Phase.REJECTED, True)


async def test_a_viewer_presses_nothing(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER)
    for method, path in guarded(site.app):
        if method == "GET" or (method, path) in ANYBODYS:
            continue
        answer = await knock(browser, method, path)
        assert answer.status_code == 403, (method, path)


async def test_a_form_without_its_token_does_nothing(site: Site) -> None:
    browser = await site.owner()
    browser.csrf = "0" * 64
    for method, path in guarded(site.app):
        if method == "GET":
            continue
        answer = await knock(browser, method, path)
        assert answer.status_code == 403, (method, path)
