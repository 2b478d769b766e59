"""Connecting a company with Pleo in the browser, and again when the connection has broken."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.service_process import until
from tests.page.browser import Visit
from tests.page.whole import COMPANY, Whole, visitor, whole

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def connect(visit: Visit, site: Whole, word: str) -> None:
    """Go to Pleo and come back, and say that it is the right company."""
    visit.page.goto(site.url + COMPANY)
    visit.page.get_by_role("link", name=f"{word} with Pleo").click()
    visit.page.get_by_role("main").get_by_role("button", name=word).click()
    visit.page.get_by_role("link", name="Go on to Pleo").click()
    expect(visit.page.get_by_role("heading", name="Is this the right company?")).to_be_visible()
    visit.page.get_by_role("button", name="Yes, connect it").click()


def test_a_company_is_connected_and_after_its_connection_broke_connected_again(
    browser: Browser, tmp_path: Path
) -> None:
    with whole(tmp_path, oauth=True, PLEO_EXPORT_POLL_MINUTES="0.02") as site:
        visit = visitor(browser)
        site.welcome(visit)
        connect(visit, site, "Connect")
        first = site.story.press_export(site.story.expenses(3))
        until(lambda: site.story.job(first)["status"] == "completed", "the job")

        site.story.bookkeeper.tokens(loseAnswers=1)
        site.story.bookkeeper.advance(24 * 3600)  # the access token has ended, and its refresh is lost
        visit.page.goto(site.url + COMPANY)
        expect(visit.page.get_by_text("Connect the company to Pleo again").first).to_be_visible()

        connect(visit, site, "Reconnect")
        second = site.story.press_export(site.story.expenses(3, seed=2))
        until(lambda: site.story.job(second)["status"] == "completed", "the next job")
        visit.page.goto(site.url + COMPANY)
        expect(visit.page.get_by_text("Connect the company to Pleo again")).to_have_count(0)
        assert visit.complaints == []


def test_another_browser_cannot_finish_what_one_has_begun(browser: Browser, tmp_path: Path) -> None:
    with whole(tmp_path, oauth=True) as site:
        anna, somebody = visitor(browser), visitor(browser)
        site.welcome(anna)
        anna.page.goto(f"{site.url}{COMPANY}/connect")
        anna.page.get_by_role("main").get_by_role("button", name="Connect").click()
        address = anna.page.get_by_role("link", name="Go on to Pleo").get_attribute("href")
        assert address is not None
        answer = somebody.page.goto(address)
        assert answer is not None
        assert answer.status >= 400
        anna.page.goto(f"{site.url}{COMPANY}/connect")
        expect(anna.page.get_by_role("heading", name="Is this the right company?")).to_have_count(0)
