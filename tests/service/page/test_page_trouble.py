"""Trouble of ours is told to a person on a page, and to a program as it was before."""

import pytest

from pleo_export.store.errors import StoreUnreachableError
from tests.service.page.site import COMPANY, Site


async def gone(*_: object, **__: object) -> object:
    raise StoreUnreachableError("the database", "it was switched off")


async def test_a_database_that_is_away_is_told_on_a_page(site: Site) -> None:
    browser = await site.owner()
    site.store.views.companies = gone  # type: ignore[method-assign,assignment]
    answer = await browser.get("/")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "the database" in answer.text


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status", "to"),
    [
        ("/nowhere", 404, "/"),
        (f"/companies/{COMPANY}/nothing", 404, "/"),
        (f"/companies/{COMPANY}/check", 405, f"/companies/{COMPANY}"),
        ("/?page=many", 422, "/"),
        ("/users/add", 405, "/users"),
    ],
)
async def test_a_person_at_an_address_that_shows_nothing_finds_the_way_back(
    site: Site, path: str, status: int, to: str
) -> None:
    browser = await site.owner()
    answer = await browser.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f'<p><a href="{to}">' in answer.text
    assert 'action="/sign-out"' in answer.text, "whoever is signed in has the bar"
    assert 'action="/sign-out"' not in (await (await site.browser()).get("/nowhere", headers=BROWSER)).text
    program = await browser.get(path, headers={"Accept": "application/json"})
    assert (program.status_code, program.headers["content-type"]) == (status, "application/json")
    assert (await browser.get("/api/nothing", headers=BROWSER)).json() == {"detail": "Not Found"}


@pytest.mark.parametrize(
    ("pressed", "to"),
    [
        (f"/companies/{COMPANY}/check", f"/sign-in?next=/companies/{COMPANY}"),
        (
            f"/companies/{COMPANY}/jobs/j/items/e/look-up",
            f"/sign-in?next=/companies/{COMPANY}/jobs/j/items/e",
        ),
        ("/account/password", "/sign-in?next=/account"),
        ("/sign-out", "/sign-in"),
    ],
)
async def test_who_presses_a_button_after_the_session_has_ended_is_led_back_by_the_sign_in(
    site: Site, pressed: str, to: str
) -> None:
    browser = await site.browser()
    answer = await browser.press(pressed, csrf="of the session that has ended")
    assert answer.status_code == 401
    assert "Please sign in first. Nothing was changed." in answer.text
    assert f'<a href="{to}">Sign in</a>' in answer.text


async def test_programs_are_told_as_programs_are(site: Site) -> None:
    browser = await site.browser()
    site.store.only_company = gone  # type: ignore[method-assign,assignment]
    answer = await browser.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/json")
