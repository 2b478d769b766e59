"""Trouble of ours is told to a person on a page, and to a program as it was before."""

from pleo_export.store.errors import StoreUnreachableError
from tests.service.page.site import Site


async def gone(*_: object, **__: object) -> object:
    raise StoreUnreachableError("the database", "it was switched off")


async def test_a_database_that_is_away_is_told_on_a_page(site: Site) -> None:
    browser = await site.owner()
    site.store.views.companies = gone  # type: ignore[method-assign,assignment]
    answer = await browser.get("/")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "the database" in answer.text


async def test_programs_are_told_as_programs_are(site: Site) -> None:
    browser = await site.browser()
    site.store.only_company = gone  # type: ignore[method-assign,assignment]
    answer = await browser.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/json")
