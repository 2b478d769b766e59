"""The simulator's web app in a real browser: pressed there, answered by an integration, followed live."""

from collections.abc import Iterator
from typing import Any, Self

import httpx
import pytest
from playwright.sync_api import Browser, expect

from pleo_export.simulator.hands import Hands
from pleo_export.simulator.server import RunningSimulator
from tests.page.browser import Visit, chromium, serious

pytestmark = pytest.mark.slow

PHONE_WIDTH = 390


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(seed=1) as running:
        yield running


class Integration:
    """Answers a job by hand, over the public API."""

    def __init__(self, simulator: RunningSimulator, created: dict[str, Any]) -> None:
        self._client = httpx.Client(base_url=simulator.url, auth=(created["apiKey"], ""), trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def event(self, job_id: str, event: str) -> None:
        answer = self._client.post("/v3/export-job-events", json={"jobId": job_id, "event": event})
        assert answer.is_success, answer.text

    def report(self, job_id: str, entry_id: str, **outcome: str) -> None:
        change = {"accountingEntryId": entry_id, **outcome}
        answer = self._client.put(f"/v3/export-jobs/{job_id}/items", json=[change])
        assert answer.is_success, answer.text


def test_an_export_is_pressed_and_followed_to_its_end(browser: Browser, simulator: RunningSimulator) -> None:
    pleo = Hands(simulator.url)
    created = pleo.create_company("Acme")
    ids = pleo.generate(created["id"], 3, seed=1)
    visit = Visit(browser.new_context())
    page = visit.page
    page.goto(simulator.url)
    page.get_by_role("link", name="Acme").click()
    boxes = page.get_by_role("checkbox", name="Export")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Export the ticked ones").click()
    told = page.get_by_role("status")
    expect(told).to_have_text("Waiting for the integration: 0 of 2 exported.")
    job_id = page.url.rpartition("/")[2]
    with Integration(simulator, created) as integration:
        integration.event(job_id, "started")
        expect(told).to_have_text("Being exported: 0 of 2 exported.")
        integration.report(
            job_id, ids[0], status="successful", externalId="E-1", externalUrl="http://127.0.0.1:9/E-1"
        )
        integration.report(job_id, ids[1], status="failed", failureReason="No such account.")
        expect(told).to_have_text("Being exported: 1 of 2 exported, 1 failed.")
        integration.event(job_id, "completed_with_errors")
    expect(told).to_have_text("Exported with errors: 1 of 2 exported, 1 failed.")
    expect(page.get_by_role("link", name="E-1")).to_have_attribute("href", "http://127.0.0.1:9/E-1")
    expect(page.get_by_role("row").filter(has_text="No such account.")).to_have_count(1)
    assert visit.complaints == []


def test_a_tick_outlives_what_happens_meanwhile(browser: Browser, simulator: RunningSimulator) -> None:
    pleo = Hands(simulator.url)
    created = pleo.create_company("Acme")
    ids = pleo.generate(created["id"], 3, seed=1)
    page = Visit(browser.new_context()).page
    page.goto(f"{simulator.url}/companies/{created['id']}")
    page.locator(f"#tick-{ids[2]}").check()
    pleo.press_export(created["id"], [ids[0]])
    expect(page.get_by_role("status")).to_contain_text("1 in an export under way")
    expect(page.locator(f"#tick-{ids[0]}")).to_have_count(0)
    expect(page.locator(f"#tick-{ids[2]}")).to_be_checked()
    expect(page.locator(f"#tick-{ids[1]}")).not_to_be_checked()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_are_for_everybody_and_fit_a_phone(
    browser: Browser, simulator: RunningSimulator, theme: Any
) -> None:
    pleo = Hands(simulator.url)
    created = pleo.create_company("Acme")
    ids = pleo.generate(created["id"], 40, seed=1, scenario="demo")
    job_id = pleo.press_export(created["id"], ids[:5])
    visit = Visit(browser.new_context(color_scheme=theme, viewport={"width": PHONE_WIDTH, "height": 844}))
    home = f"/companies/{created['id']}"
    paths = ["/", home, f"{home}?tab=all", f"{home}/jobs/{job_id}", f"{home}/expenses/{ids[0]}"]
    for path in [*paths, "/switches", "/webhooks", "/calls"]:
        visit.page.goto(f"{simulator.url}{path}")
        assert serious(visit.page) == [], path
        assert visit.page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH, path
    assert visit.complaints == []


def test_everything_works_without_javascript(browser: Browser, simulator: RunningSimulator) -> None:
    page = Visit(browser.new_context(java_script_enabled=False)).page
    page.goto(simulator.url)
    page.get_by_label("Name").fill("Plain Ltd")
    page.get_by_role("button", name="Make the company").click()
    page.get_by_role("button", name="Make up expenses").click()
    page.get_by_role("button", name="Export all 40").click()
    expect(page.get_by_role("status")).to_have_text("Waiting for the integration: 0 of 40 exported.")
    page.get_by_role("button", name="Move the clock until it expires").click()
    expect(page.get_by_role("status")).to_have_text("Expired: 0 of 40 exported, 40 given up.")
