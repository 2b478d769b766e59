"""The whole of it for a browser: a simulated Pleo, the service with its page, and people who are signed in."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from pleo_export.simulator.hands import simulator_process
from pleo_export.toml_text import Value
from tests.e2e.connected import registered
from tests.e2e.service_process import Service, call, environment, free_port, running, until
from tests.e2e.story import API_KEY, COMPANY_ID, Story
from tests.page.browser import Visit

NAME, PASSWORD = "anna@example.com", "correct horse battery"
LINK = re.compile(r"http://\S+/welcome/[\w-]+")
COMPANY = f"/companies/{COMPANY_ID}"


class Whole:
    """A company that exports by the service; `url` is where the page is, `pleo` where the simulated Pleo is."""

    def __init__(self, story: Story, service: Service, env: Mapping[str, str]) -> None:
        self.story, self.service, self.env = story, service, env
        self.url, self.pleo = service.url, story.url

    def exported(self, number: int, status: str = "completed", **how: Any) -> str:
        """Have a job of so many expenses exported to its end, and return its id; `how` as for `expenses` of the story."""
        job = self.story.press_export(self.story.expenses(number, **how))
        call(self.env, "check", COMPANY_ID)
        until(lambda: self.story.job(job)["status"] == status, "the job")
        return job

    def welcome(self, visit: Visit, to: str = "/") -> None:
        """Take the link that the service printed, become its first administrator, and be led on."""
        until(lambda: LINK.search(self.service.said()) is not None, "the one-time link")
        self.choose_password(visit, self.service.said(), NAME, to)

    def choose_password(self, visit: Visit, text: str, name: str | None = None, to: str = "/") -> None:
        """Take the link that stands in the text, be signed in, and be led on."""
        found = LINK.search(text)
        assert found is not None
        visit.page.goto(found.group())
        if name is not None:
            visit.page.get_by_label("Your e-mail address").fill(name)
        for label in ("Password", "The same password again"):
            visit.page.get_by_label(label, exact=True).fill(PASSWORD)
        visit.page.get_by_role("button", name="Keep the password").click()
        visit.page.wait_for_url(self.url + to)


@contextmanager
def whole(
    folder: Path,
    settings: Mapping[str, Value] | None = None,
    chart: str | None = None,
    name: str = "Story ApS",
    *,
    oauth: bool = False,
    **changes: str,
) -> Iterator[Whole]:
    """Start everything; polling plays no part unless it is asked for. With `oauth` there is no API key."""
    port = free_port()
    env = environment(
        folder,
        **{
            "PLEO_EXPORT_API_KEY": API_KEY,
            "PLEO_EXPORT_POLL_MINUTES": "1000",
            "PLEO_EXPORT_PUBLIC_URL": f"http://127.0.0.1:{port}",
            **changes,
        },
    )
    with simulator_process() as url:
        story = Story(folder, url, settings=settings, chart=chart)
        if oauth:
            env = registered(story, env, port)
        with running(
            ["serve", "--settings", str(story.settings), "--name", name], env, folder, port=port
        ) as service:
            yield Whole(story, service, env)


def visitor(browser: Browser, **options: Any) -> Visit:
    """Open a window of its own, with no cookies; `options` as for a context of the browser."""
    return Visit(browser.new_context(**options))
