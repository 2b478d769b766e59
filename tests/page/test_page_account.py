"""A person's own account in a real browser: password, second factor and sessions, from the first link to the last sign-in."""

import re
from base64 import b32decode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pleo_export.service.page.access.second_factor import STEP_SECONDS, code_at
from pleo_export.vault import new_key
from tests.e2e.service_process import call, until
from tests.page.browser import Visit, serious
from tests.page.whole import NAME, PASSWORD, Whole, visitor, whole

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

NEW = "another long one"
PHONE = {"width": 390, "height": 844}


def seconds() -> float:
    return datetime.now(UTC).timestamp()


def code_of(page: Page) -> str:
    """What an app shows that has read the secret from the page, for some seconds still."""
    secret = b32decode(page.locator("pre").inner_text().replace(" ", ""))
    until(lambda: seconds() % STEP_SECONDS < STEP_SECONDS - 6, "a young code")
    return code_at(secret, int(seconds()) // STEP_SECONDS)


def sign_in(site: Whole, visit: Visit, password: str, code: str = "") -> Page:
    page = visit.page
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("Name or e-mail address").fill(NAME)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Code, if you have set up").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()
    return page


def test_a_person_sets_up_a_second_factor_and_looks_after_password_and_sessions(
    browser: Browser, tmp_path: Path
) -> None:
    # As it is behind https: whoever has only a password gets no further.
    with whole(tmp_path, PLEO_EXPORT_SECOND_FACTOR="required", PLEO_EXPORT_ENCRYPTION_KEY=new_key()) as site:
        anna = visitor(browser)
        page = anna.page
        site.welcome(anna, "/account/second-factor")
        assert serious(page) == []
        page.get_by_label("Code that the app shows now").fill(code_of(page))
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_role("heading", name="Your second factor is set up")).to_be_visible()
        codes = page.locator("pre").inner_text().split()
        assert serious(page) == []
        page.get_by_role("link", name="I have kept them").click()
        expect(page.get_by_role("heading", name="Companies")).to_be_visible()

        # On the telephone with a recovery code.
        phone = visitor(browser, viewport=PHONE)
        expect(sign_in(site, phone, PASSWORD).get_by_role("alert")).to_contain_text("is not right")
        sign_in(site, phone, PASSWORD, codes[0]).wait_for_url(f"{site.url}/")

        page.get_by_role("link", name=NAME).click()
        expect(page.get_by_text("2 sessions")).to_be_visible()
        expect(page.get_by_text("9 recovery codes are left")).to_be_visible()
        assert serious(page) == []
        page.get_by_role("checkbox", name=re.compile("Chrome on Linux from 127")).check()
        page.get_by_label("Your password, to end a session").fill(PASSWORD)
        page.locator("#end-code").fill(codes[1])
        page.get_by_role("button", name="End the chosen sessions").click()
        expect(page.get_by_role("status")).to_have_text("The sessions were ended.")
        expect(page.get_by_text("1 session,")).to_be_visible()
        phone.page.goto(f"{site.url}/account")
        expect(phone.page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()

        page.get_by_label("Password until now").fill(PASSWORD)
        page.locator("#change-code").fill(codes[2])
        for label in ("New password", "The same new password again"):
            page.get_by_label(label, exact=True).fill(NEW)
        page.get_by_role("button", name="Change the password").click()
        expect(page.get_by_text("7 recovery codes are left")).to_be_visible()

        # The telephone is lost: an operator resets it, and everything ends.
        sign_in(site, phone, NEW, codes[3]).wait_for_url(f"{site.url}/")
        call(site.env, "users", "reset-second-factor", NAME)
        sign_in(site, phone, NEW).wait_for_url(f"{site.url}/account/second-factor")
        page.goto(f"{site.url}/account")
        expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
        assert anna.complaints + phone.complaints == []
