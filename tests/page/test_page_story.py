"""The whole story in two browser windows: Export pressed in Pleo, watched here, understood, mended, and exported again."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pleo_export.accounting.ledger import program
from pleo_export.cli.common import ExitCode
from pleo_export.cli.init import example_chart
from pleo_export.toml_text import Value
from tests.e2e.service_process import answers, call, free_port, running, until
from tests.e2e.story import COMPANY_ID, assert_ledger_clean
from tests.page.browser import Visit, serious
from tests.page.whole import COMPANY, PASSWORD, Whole, visitor, whole

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

EXPENSES = 12
PHONE_WIDTH = 390
RIGHTMOST = """Math.max(...[...document.querySelectorAll("table .state, table button")]
  .map(one => one.getBoundingClientRect().right))"""


@contextmanager
def fava(folder: Path, port: int) -> Iterator[None]:
    """Show the ledger as its reader would."""
    books = folder / "ledger" / "main.beancount"
    until(books.exists, "the ledger")
    with subprocess.Popen(
        [program("fava") or "fava", "--port", str(port), str(books)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(lambda: _listens(port), "Fava's start")
            yield
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def press(page: Page, name: str, confirmed: str) -> None:
    """Press a button, and confirm that it was meant."""
    page.get_by_role("button", name=name, exact=True).first.click()
    page.get_by_role("button", name=confirmed).click()


def test_a_failure_is_seen_understood_mended_and_exported_again(browser: Browser, tmp_path: Path) -> None:
    fava_port = free_port()
    settings: dict[str, Value] = {"ledger.fava_url": f"http://127.0.0.1:{fava_port}"}
    # The accounting system keeps office supplies on another account than Pleo's category says.
    chart = example_chart().replace('code = "6100"', 'code = "6105"')
    with whole(tmp_path, settings, chart) as site:
        pleo, ours = visitor(browser), visitor(browser)
        site.welcome(ours)
        site.story.expenses(EXPENSES)
        ours.page.goto(site.url + COMPANY)
        expect(ours.page.get_by_text("No export job of this company was seen yet")).to_be_visible()

        # Export is pressed there; here a button looks for it, and the window that is open shows it by itself.
        export_all(pleo, site)
        watching = Visit(ours.context)
        watching.page.goto(site.url + COMPANY)
        press(ours.page, "Check for export jobs", "Check now")
        job = watching.page.get_by_role("table", name="Jobs, the latest first").get_by_role("link")
        expect(job).to_have_count(1)
        job.click()
        expect(watching.page.get_by_text("completed with errors").first).to_be_visible()
        assert watching.page.get_by_role("progressbar").get_attribute("value") == str(EXPENSES)

        # Failures are grouped by their cause, with what to do about it.
        watching.page.get_by_role("heading", name=re.compile("^Account unknown: [0-9]+ expense")).wait_for()
        expect(watching.page.get_by_text("What to do:")).to_have_count(1)
        failed_row = watching.page.get_by_role("row").filter(has_text="Account unknown").first
        failed_row.get_by_role("link").first.click()
        expect(watching.page.get_by_text("Account 6100 does not exist").first).to_be_visible()
        expect(pleo.page.get_by_text("Account 6100 does not exist").first).to_be_visible()

        # A recorded one leads to its entry.
        watching.page.go_back()
        recorded = watching.page.get_by_role("row").filter(has_text="recorded").first
        with fava(tmp_path, fava_port):
            recorded.get_by_role("link").last.click()
            watching.page.wait_for_url(re.compile(f"http://127.0.0.1:{fava_port}/"))
            expect(watching.page.locator("body")).to_contain_text(re.compile("Journal|Entry|Context"))
            watching.page.goto("about:blank")  # it would go on asking Fava, which has ended

        # The settings are mended, Export is pressed again, and all is green.
        site.story.write_settings({**settings, "mapping.accounts": {"6100": "6105"}})
        call(site.env, "companies", "change", str(site.story.settings))
        export_all(pleo, site)
        ours.page.goto(site.url + COMPANY)
        press(ours.page, "Check for export jobs", "Check now")
        ours.page.goto(site.url + COMPANY)
        latest = ours.page.get_by_role("table", name="Jobs, the latest first").get_by_role("row").nth(1)
        expect(latest.get_by_text("completed", exact=True)).to_be_visible()
        expect(pleo.page.get_by_role("status")).to_contain_text("Exported")
        assert pleo.complaints == ours.complaints == []
    assert_ledger_clean(site.story.books)


def test_progress_moves_by_itself_while_the_job_runs(browser: Browser, tmp_path: Path) -> None:
    with whole(tmp_path) as site:
        visit = visitor(browser)
        site.welcome(visit)
        job = site.story.press_export(site.story.expenses(300))
        call(site.env, "check", COMPANY_ID)
        until(lambda: site.story.job(job)["status"] == "in_progress", "the job's start")
        visit.page.goto(f"{site.url}{COMPANY}/jobs/{job}")
        done = visit.page.get_by_role("progressbar")
        expense = visit.page.get_by_role("table").get_by_role("link").nth(3)
        expense.focus()
        seen = set[str | None]()
        while "300" not in seen:
            expect(done).to_be_visible()
            seen.add(done.get_attribute("value"))
            visit.page.wait_for_timeout(100)
        assert len(seen) > 2, "it moved on its way, in a window that was opened once"
        expect(expense).to_be_focused()
        expect(visit.page.locator(".state").first).to_have_text("completed")
        assert visit.complaints == []


def test_a_page_that_has_lost_the_service_says_so_and_how_old_it_is_until_it_is_back(
    browser: Browser, tmp_path: Path
) -> None:
    with whole(tmp_path) as site:
        visit = visitor(browser)
        site.welcome(visit)
        job = site.exported(40)
        lost = visit.page.locator("#lost")
        for path in ("/", COMPANY, f"{COMPANY}/jobs/{job}"):
            visit.page.goto(site.url + path)
            expect(lost).to_be_attached()
            expect(lost).to_be_empty()
        table = visit.page.get_by_role("region", name="Expenses of the job")
        table.focus()
        site.service.kill()
        expect(lost).to_have_text(
            re.compile(r"The connection is lost; this is how it was at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\.")
        )
        visit.page.mouse.wheel(0, 5000)
        expect(lost).to_be_in_viewport()
        until(lambda: not answers(site.url), "the end of the service")
        with running(["serve"], site.env, tmp_path, port=site.service.port):
            expect(lost).to_be_empty()
        # What is shown anew keeps where somebody was in it.
        expect(table).to_be_focused()


def test_a_page_whose_stream_has_fallen_silent_takes_the_connection_for_lost(
    browser: Browser, tmp_path: Path
) -> None:
    with whole(tmp_path) as site:
        visit = visitor(browser)
        site.welcome(visit)
        visit.page.clock.install()
        visit.page.goto(site.url + COMPANY)
        lost = visit.page.locator("#lost")
        expect(lost).to_be_attached()

        def a_minute_later() -> str:
            visit.page.clock.run_for(60_000)
            return lost.text_content() or ""

        # Nothing has ended, as behind a network that is gone; only time goes by. A change of the first seconds may come in between.
        assert any("The connection is lost" in a_minute_later() for _ in range(10))
        expect(lost).to_be_empty()  # the service is there, and says that nothing is new


def test_what_differs_is_mended_and_compared_again(browser: Browser, tmp_path: Path) -> None:
    with whole(tmp_path) as site:
        visit = visitor(browser)
        site.welcome(visit)
        site.exported(2)
        (entry,), *_ = site.story.entry_files().values()
        entry.rename(tmp_path / "moved away")
        call(site.env, "reconcile", COMPANY_ID, code=ExitCode.SOMETHING_FAILED)
        visit.page.goto(site.url + COMPANY)
        expect(visit.page.get_by_role("heading", name="Entry missing: 1")).to_be_visible()
        assert serious(visit.page) == []
        (tmp_path / "moved away").rename(entry)
        press(visit.page, "Compare now", "Compare now")
        expect(visit.page.get_by_role("heading", name="Pleo and the books differ")).to_have_count(0)
        visit.page.goto(f"{site.url}{COMPANY}/audit")
        expect(visit.page.get_by_role("cell", name="compare")).to_be_visible()
        assert visit.complaints == []


def export_all(pleo: Visit, site: Whole) -> None:
    pleo.page.goto(f"{site.pleo}/companies/{COMPANY_ID}")
    pleo.page.get_by_role("button", name=re.compile("^Export all")).click()


def test_a_company_is_paused_and_resumed_by_whoever_may_and_looked_at_by_whoever_may_not(
    browser: Browser, tmp_path: Path
) -> None:
    with whole(tmp_path) as site:
        anna, vera = visitor(browser), visitor(browser)
        site.welcome(anna)
        link = call(site.env, "users", "add", "vera", "--role", "viewer", "--company", COMPANY_ID)
        site.choose_password(vera, link)
        anna.page.goto(site.url + COMPANY)
        press(anna.page, "Pause", "Pause")
        vera.page.goto(site.url + COMPANY)
        expect(vera.page.locator(".state").first).to_have_text("paused")
        for button in ("Check for export jobs", "Resume"):
            expect(vera.page.get_by_role("button", name=button)).to_have_count(0)
        # The button is not only hidden: what it would send is refused.
        refused = vera.page.request.post(f"{site.url}{COMPANY}/resume", form={"csrf": "made up"})
        assert refused.status == 403
        anna.page.goto(site.url + COMPANY)
        press(anna.page, "Resume", "Resume")
        expect(vera.page.locator(".state").first).not_to_have_text("paused")  # by itself
        anna.page.goto(f"{site.url}{COMPANY}/audit")
        table = anna.page.get_by_role("table")
        for action in ("pause", "resume"):
            expect(table.get_by_text(re.compile(action, re.IGNORECASE)).first).to_be_visible()
        anna.page.get_by_role("button", name="Sign out").click()
        anna.page.goto(site.url + COMPANY)
        expect(anna.page).to_have_url(re.compile("/sign-in"))
        anna.page.get_by_label("Name").fill("anna@example.com")
        anna.page.get_by_label("Password").fill(PASSWORD)
        anna.page.get_by_role("main").get_by_role("button", name="Sign in").click()
        expect(anna.page).to_have_url(site.url + COMPANY)
        assert anna.complaints == vera.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_for_everybody_and_fits_a_phone(browser: Browser, tmp_path: Path, theme: Any) -> None:
    with whole(tmp_path) as site:
        visit = visitor(browser, color_scheme=theme, viewport={"width": PHONE_WIDTH, "height": 844})
        assert_for_everybody(visit.page, f"{site.url}/sign-in")
        site.welcome(visit)
        job = site.exported(40, "completed_with_errors", scenario="demo")
        expenses = site.story.company()["expenses"]
        items = [f"/jobs/{job}/items/{one['accountingEntryId']}" for one in expenses]
        for item in items:
            assert visit.page.request.get(site.url + COMPANY + item).ok, item
        places = ["", f"/jobs/{job}", *items[:3], "/settings", "/health", "/audit", "/preview"]
        for path in ["/", "/users", "/audit", *(COMPANY + place for place in places)]:
            assert_for_everybody(visit.page, site.url + path)
        for path in ("/", COMPANY, f"{COMPANY}/jobs/{job}"):
            visit.page.goto(site.url + path)
            assert visit.page.locator("table .state").count(), path
            assert visit.page.evaluate(RIGHTMOST) <= PHONE_WIDTH, (
                "nobody has to move a table to see or press it"
            )
        assert visit.complaints == []


def assert_for_everybody(page: Page, url: str) -> None:
    answer = page.goto(url)
    assert answer is not None
    assert answer.ok, url
    assert serious(page) == [], url
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH, url
    assert page.get_by_role("heading", level=1).count() == 1, url
