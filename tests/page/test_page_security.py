"""The page under attack, in a real browser: what others write does nothing, other sites do nothing, and sessions end."""

import csv
import io
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pleo_export.simulator.generator import generate
from tests.e2e.service_process import call, until
from tests.e2e.story import COMPANY_ID
from tests.page.browser import Visit
from tests.page.whole import COMPANY, NAME, PASSWORD, Whole, visitor, whole

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

RUN = "document.documentElement.dataset.run = 'yes'"
MARKUP = f'"><img src=x onerror="{RUN}"><script>{RUN}</script>'
LINK = f"javascript:{RUN}"
FORMULA = '=HYPERLINK("http://evil.test","Pay here")'
WRITTEN_BY_OTHERS = {"name", "note", "invoiceNumber"}
# What browsers are told with every answer, whatever it is.
TOLD = {
    "content-security-policy": r"default-src 'none'; script-src 'self';.*frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": r"camera=\(\)",
}
# Asks for an address as a script of the page would, and reads no more than the head of the answer.
HEAD = """async ([path, method]) => {
  const over = new AbortController();
  const answer = await fetch(path, {method, redirect: "manual", signal: over.signal});
  const head = [answer.status, Object.fromEntries(answer.headers)];
  over.abort();
  return head;
}"""


class Scene:
    """A company with a job that recorded one expense and failed for another, both full of markup."""

    def __init__(self, browser: Browser, site: Whole, folder: Path) -> None:
        self.browser, self.site, self._database = browser, site, folder / "service.db"
        self.anna = visitor(browser)
        site.welcome(self.anna)
        self.recorded, self.failed = site.story.bookkeeper.call(
            "POST", f"companies/{COMPANY_ID}/expenses", expenses()
        )["ids"]
        self.job = site.story.press_export([self.recorded, self.failed])
        call(site.env, "check", COMPANY_ID)
        until(lambda: site.story.job(self.job)["status"] == "completed_with_errors", "the job")

    def visit(self) -> Visit:
        """Return a window in which Anna is signed in, in a session of its own."""
        visit = visitor(self.browser)
        sign_in(visit.page, self.site.url, NAME, PASSWORD)
        expect(visit.page).to_have_url(f"{self.site.url}/")
        return visit

    def item(self, entry_id: str) -> str:
        return f"{self.site.url}{COMPANY}/jobs/{self.job}/items/{entry_id}"

    def write(self, statement: str, *values: str) -> None:
        """Change the service's database as an accounting system or Pleo might by what it answers."""
        with closing(sqlite3.connect(self._database, timeout=30)) as database, database:
            assert database.execute(statement, values).rowcount > 0

    def count(self, query: str, *values: str) -> int:
        """Count what the service keeps."""
        with closing(sqlite3.connect(self._database, timeout=30)) as database:
            (number,) = database.execute(query, values).fetchone()
            return int(number)


@pytest.fixture(scope="module")
def scene(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("attacked")
    with whole(folder) as site:
        yield Scene(browser, site, folder)


def expenses() -> list[Any]:
    """Return an expense that can be recorded and one whose category nobody knows; all that people write is markup."""
    good, bad = (marked(one.payload) for one in generate(5, 40, company_id=COMPANY_ID, receipts=0)[:2])
    for payload in (good, bad):
        payload["note"] = MARKUP
        payload["_links"] = {"web": {"exportItem": LINK}}
    for line in bad["accountingEntryLines"]:
        line["account"]["code"] = MARKUP
    return [good, bad]


def marked(value: Any) -> Any:
    """Return a payload with markup wherever people write."""
    if isinstance(value, list):
        return [marked(one) for one in value]
    if not isinstance(value, Mapping):
        return float(value) if isinstance(value, Decimal) else value
    return {
        key: MARKUP if key in WRITTEN_BY_OTHERS and isinstance(one, str) else marked(one)
        for key, one in value.items()
    }


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def ran(page: Page) -> bool:
    return page.evaluate("document.documentElement.dataset.run") is not None


def complained(visit: Visit, of: str) -> None:
    """Wait until the browser has complained of something; the window has to be busy to hear it."""

    def found() -> bool:
        visit.page.wait_for_timeout(20)
        return any(of in complaint for complaint in visit.complaints)

    until(found, f"a complaint of {of}")


@contextmanager
def elsewhere(document: str) -> Iterator[str]:
    """Show a page of another origin on this machine: to a browser it is the same site, so cookies go with what it sends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = document.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_what_others_write_is_shown_as_text_and_leads_nowhere(scene: Scene) -> None:
    scene.write(
        "UPDATE items SET external_url = ?, external_id = ? WHERE accounting_entry_id = ?",
        LINK,
        MARKUP,
        scene.recorded,
    )
    assert scene.count("SELECT count(*) FROM explanations WHERE instr(document, CAST(? AS BLOB))", LINK) == 2
    scene.write("UPDATE jobs SET closing_reason = ? WHERE job_id = ?", MARKUP, scene.job)
    visit = scene.visit()
    job = f"{scene.site.url}{COMPANY}/jobs/{scene.job}"
    for url in (scene.item(scene.recorded), scene.item(scene.failed), job, f"{job}?text={MARKUP}"):
        visit.page.goto(url)
        expect(visit.page.get_by_text("<script>").first).to_be_visible()
        assert visit.page.locator("main img, main script").count() == 0, url
        assert visit.page.locator("a[href^='javascript:' i]").count() == 0, url
        assert not ran(visit.page), url
    visit.page.goto(f"{scene.site.url}/?search={MARKUP}")
    assert visit.page.locator("main img, main script").count() == 0
    assert not ran(visit.page)
    assert visit.complaints == []


def test_the_policy_holds_where_markup_would_get_in_all_the_same(scene: Scene) -> None:
    visit = scene.visit()
    visit.page.evaluate(
        """([markup, run]) => {
            document.querySelector("main").insertAdjacentHTML("beforeend", markup);
            const script = document.createElement("script");
            script.textContent = run;
            document.body.append(script);
        }""",
        [MARKUP[2:], RUN],
    )
    refused = visit.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')")
    expect(visit.page.locator("main img")).to_have_count(1)
    for broken in ("script-src", "connect-src"):
        complained(visit, broken)
    assert refused == "refused"
    assert not ran(visit.page)


def test_cookies_are_kept_from_scripts_and_other_sites(scene: Scene) -> None:
    visit = scene.visit()
    (cookie,) = visit.context.cookies()
    assert cookie["name"].startswith("__Host-")
    kept = {key: cookie.get(key) for key in ("httpOnly", "secure", "sameSite", "path", "expires")}
    assert kept == {"httpOnly": True, "secure": True, "sameSite": "Lax", "path": "/", "expires": -1}
    assert visit.page.evaluate("document.cookie") == ""


def test_every_kind_of_answer_says_what_a_browser_may_do(scene: Scene) -> None:
    page = scene.visit().page
    job = f"{COMPANY}/jobs/{scene.job}"
    kinds = {
        "/": 200,
        "/?part=live": 200,
        "/events": 200,
        f"{job}.csv": 200,
        f"{job}.json": 200,
        f"{COMPANY}/diagnostics.zip": 200,
        "/assets/style.css": 200,
        "/assets/nothing.css": 404,
        "/companies/nobody": 404,
        "/nowhere": 404,
        "/?page=x": 422,
        "/?search=%00": 404,
        "/api/openapi.json": 200,
        "POST /sign-out": 403,
        "PUT /users": 405,
    }
    for kind, status in kinds.items():
        method, _, path = kind.rpartition(" ")
        found, headers = page.evaluate(HEAD, [path, method or "GET"])
        assert found == status, kind
        for name, pattern in TOLD.items():
            assert re.match(pattern, headers.get(name, "")), (kind, name)
        asset = kind.startswith("/assets/")
        assert headers["cache-control"] == ("no-cache" if asset else "no-store"), kind
    answer = visitor(scene.browser).page.request.get(f"{scene.site.url}{job}", max_redirects=0)
    assert answer.status == 303
    assert all(re.match(pattern, answer.headers.get(name, "")) for name, pattern in TOLD.items())


def test_no_other_page_shows_ours_in_a_frame(scene: Scene) -> None:
    visit = scene.visit()
    with elsewhere(f'<iframe src="{scene.site.url}/"></iframe>') as url:
        visit.page.goto(url)
        complained(visit, "frame-ancestors")
        (frame,) = visit.page.main_frame.child_frames
        assert frame.get_by_role("heading").count() == 0


def test_no_other_page_presses_our_buttons_not_even_with_the_right_token(scene: Scene) -> None:
    visit = scene.visit()
    token = visit.page.locator("input[name=csrf]").first.get_attribute("value")
    form = (
        f'<form method="post" action="{scene.site.url}{COMPANY}/pause"><input name="csrf" value="{token}">'
        '<input name="confirmed" value="yes"><button>Win a prize</button></form>'
    )
    with elsewhere(form) as url:
        visit.page.goto(url)
        with visit.page.expect_response(re.compile("/pause$")) as sent:
            visit.page.get_by_role("button").click()
        assert sent.value.status == 403
        assert "__Host-session" in sent.value.request.all_headers()["cookie"]
    visit.page.goto(scene.site.url + COMPANY)
    expect(visit.page.get_by_role("button", name="Pause")).to_be_visible()
    # The same, sent by our own page, is taken.
    visit.page.get_by_role("button", name="Pause").click()
    expect(visit.page.get_by_role("heading", name="Pause this company?")).to_be_visible()


def test_a_window_left_open_after_signing_out_shows_nothing_more(scene: Scene) -> None:
    visit = scene.visit()
    open_window = visit.context.new_page()
    with open_window.expect_response(re.compile("/events$")) as listening:
        open_window.goto(scene.site.url + COMPANY)
    # By this the service knows that nobody need sit there.
    assert listening.value.request.all_headers()["accept"] == "text/event-stream"
    expect(open_window.locator("#now")).to_be_visible()
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page).to_have_url(re.compile("/sign-in$"))
    assert visit.context.cookies() == []
    call(scene.site.env, "companies", "pause", COMPANY_ID)  # what it would show
    try:
        expect(open_window).to_have_url(re.compile(f"/sign-in[?]next={COMPANY}$"))
    finally:
        call(scene.site.env, "companies", "resume", COMPANY_ID)
    assert open_window.request.get(f"{scene.site.url}/events", max_redirects=0).status == 303


def test_a_spreadsheet_takes_nothing_that_people_wrote_for_a_formula(scene: Scene) -> None:
    page = scene.visit().page
    page.goto(scene.item(scene.failed))
    page.get_by_label("The entry's id, where somebody").fill(FORMULA)
    for _ in range(2):
        page.get_by_role("button", name="Mark as recorded by hand").click()
    expect(page.get_by_text("recorded by hand").first).to_be_visible()
    answer = page.request.get(f"{scene.site.url}{COMPANY}/jobs/{scene.job}.csv")
    rows = {row["accounting_entry_id"]: row for row in csv.DictReader(io.StringIO(answer.text()))}
    assert rows[scene.failed]["external_id"] == f"'{FORMULA}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{scene.job}.csv"'


def test_who_tries_too_often_is_told_when_to_try_again(scene: Scene) -> None:
    page = visitor(scene.browser).page
    for _ in range(5):
        sign_in(page, scene.site.url, "eve@example.com", "not the right one")
        expect(page.get_by_role("alert")).to_have_text("The name, the password or the code is not right.")
    sign_in(page, scene.site.url, "eve@example.com", "not the right one")
    said = re.compile(r"Too many sign-ins failed\. Try again after \d\d:\d\d:\d\d UTC\.")
    expect(page.get_by_role("alert")).to_have_text(said)
