"""`make screenshots`: every page in both themes, as pictures for the documentation, on a simulated Pleo."""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect

from tests.e2e.story import COMPANY_ID
from tests.page.browser import Visit, chromium
from tests.page.whole import COMPANY, Whole, visitor, whole

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = {"width": 1100, "height": 800}
THEMES = ("light", "dark")


def main() -> None:
    with TemporaryDirectory() as folder, chromium() as browser, whole(Path(folder), name="Acme ApS") as site:
        anna = visitor(browser)
        site.welcome(anna)
        finished = site.exported(40, "completed_with_errors", scenario="demo", seed=3)
        anna.page.goto(site.url + COMPANY)
        expect(anna.page.locator(".state").first).to_have_text("idle")
        waiting = site.story.press_export(site.story.expenses(6, seed=4))
        pages = {**ours(site, anna.page, finished, waiting), **simulated(site, finished)}
        for theme in THEMES:
            for path in pictures(browser, anna, pages, theme):
                print(path.relative_to(Path.cwd()))  # noqa: T201 a command's output


def ours(site: Whole, page: Page, finished: str, waiting: str) -> dict[str, str]:
    """Return the addresses of our pages by the names of their pictures."""
    page.goto(f"{site.url}{COMPANY}/jobs/{finished}")
    recorded = page.get_by_role("row").filter(has_text=re.compile("recorded")).nth(3)
    entry = recorded.get_by_role("link").first.get_attribute("href")
    places = ("settings", "health", "audit")
    return {
        "companies": f"{site.url}/",
        "company": site.url + COMPANY,
        "job": f"{site.url}{COMPANY}/jobs/{finished}",
        "expense": f"{site.url}{entry}",
        "preview": f"{site.url}{COMPANY}/preview/{waiting}",
        **{place: f"{site.url}{COMPANY}/{place}" for place in places},
        "users": f"{site.url}/users",
    }


def simulated(site: Whole, finished: str) -> dict[str, str]:
    company = f"{site.pleo}/companies/{COMPANY_ID}"
    return {
        "pleo-company": company,
        "pleo-job": f"{company}/jobs/{finished}",
        "pleo-switches": f"{site.pleo}/switches",
    }


def pictures(browser: Browser, anna: Visit, pages: dict[str, str], theme: str) -> Iterator[Path]:
    visit = visitor(browser, color_scheme=theme, viewport=SIZE)
    visit.context.add_cookies(anna.context.cookies())  # type: ignore[arg-type]
    for name, url in pages.items():
        visit.page.goto(url)
        path = IMAGES / f"page-{name}-{theme}.png"
        visit.page.screenshot(path=path)
        yield path
    assert visit.complaints == []


if __name__ == "__main__":
    main()
