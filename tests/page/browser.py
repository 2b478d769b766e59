"""A real browser for the page: Debian's Chromium, driven by Playwright. Where there is none, its tests are skipped."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

# It looks up its maker's hosts at every start otherwise; as root it runs without a sandbox only.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, or skip the test."""
    found = os.environ.get("PLEO_EXPORT_TEST_CHROMIUM") or shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium: the page is not tested in a browser (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One person's window, and what the browser complained of meanwhile: a broken policy, an error of a script."""

    def __init__(self, context: BrowserContext) -> None:
        self.context, self.complaints = context, list[str]()
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", self._note)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page: Page = context.new_page()

    def _note(self, message: ConsoleMessage) -> None:
        # What the server refuses on purpose shows here as well; the tests look at those answers themselves.
        if message.type == "error" and "the server responded with a status of" not in message.text:
            self.complaints.append(message.text)


def serious(page: Page) -> list[Any]:
    """What axe finds that keeps somebody from using the page."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"]) for one in found if one["impact"] in ("serious", "critical")]
