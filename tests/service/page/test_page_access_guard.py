"""Who is let in, and how far."""

from typing import Annotated

import pytest
from fastapi import FastAPI, Form

from pleo_export.service.page.access import sessions
from pleo_export.service.page.access.guard import Administering, Operating, Owning, SignedIn, Viewing
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import hashed
from pleo_export.store.tables import EVERY_COMPANY
from tests.service.page.site import COMPANY, OTHER, Site


def add_rooms(app: FastAPI) -> None:
    """Routes that say who came in."""

    async def anybody(visitor: SignedIn) -> str:
        return visitor.name

    async def viewing(visitor: Viewing) -> str:
        return visitor.name

    async def operating(visitor: Operating, word: Annotated[str, Form()] = "") -> str:
        return f"{visitor.name} {word}"

    async def administering(visitor: Administering) -> str:
        return visitor.name

    async def owning(visitor: Owning) -> str:
        return visitor.name

    app.get("/rooms/hall")(anybody)
    app.get("/rooms/{company_id}/view")(viewing)
    app.post("/rooms/{company_id}/operate")(operating)
    app.get("/rooms/{company_id}/administer")(administering)
    app.get("/rooms/own")(owning)


@pytest.fixture(autouse=True)
def rooms(site: Site) -> None:
    add_rooms(site.app)


async def test_nobody_is_sent_to_sign_in_and_comes_back_to_where_the_way_led(site: Site) -> None:
    browser = await site.browser()
    answer = await browser.get(f"/rooms/{COMPANY}/view?page=2&q=%C3%A6")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next=/rooms/{COMPANY}/view%3Fpage%3D2%26q%3D%25C3%25A6"
    assert (await browser.press(f"/rooms/{COMPANY}/operate")).status_code == 401


async def test_a_part_of_a_page_that_asks_by_itself_sends_the_whole_page_to_sign_in(site: Site) -> None:
    browser = await site.browser()
    shown = {"HX-Request": "true", "HX-Current-URL": "https://page.test/companies/a?page=2"}
    answer = await browser.get("/rooms/hall?part=live", headers=shown)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (
        401,
        "/sign-in?next=/companies/a%3Fpage%3D2",
    )
    for odd in ("http://[", "javascript:alert(1)", "//evil.test//evil.test", ""):
        answer = await browser.get("/rooms/hall", headers=shown | {"HX-Current-URL": odd})
        assert answer.headers["hx-redirect"] == "/sign-in"


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_opens_what_it_covers_and_nothing_more(site: Site, role: Role) -> None:
    browser = await site.signed_in(role)
    answers = [
        await browser.get(f"/rooms/{COMPANY}/view"),
        await browser.press(f"/rooms/{COMPANY}/operate"),
        await browser.get(f"/rooms/{COMPANY}/administer"),
    ]
    seen = [answer.status_code for answer in answers]
    open_doors = list(Role).index(role) + 1
    assert seen == [200] * open_doors + [403] * (3 - open_doors)


async def test_the_wider_of_two_roles_counts(site: Site) -> None:
    browser = await site.signed_in({COMPANY: Role.VIEWER, EVERY_COMPANY: Role.OPERATOR, OTHER: Role.VIEWER})
    for company_id in (COMPANY, OTHER):
        assert (await browser.press(f"/rooms/{company_id}/operate")).status_code == 200
    narrow = await site.signed_in({COMPANY: Role.ADMINISTRATOR, EVERY_COMPANY: Role.VIEWER})
    assert (await narrow.get(f"/rooms/{COMPANY}/administer")).status_code == 200
    assert (await narrow.get(f"/rooms/{OTHER}/administer")).status_code == 403


@pytest.mark.slow
async def test_another_company_and_one_that_is_nowhere_look_alike(site: Site) -> None:
    browser = await site.signed_in(Role.ADMINISTRATOR)
    other = await browser.get(f"/rooms/{OTHER}/view")
    nowhere = await browser.get("/rooms/nowhere/view")
    assert (other.status_code, other.text) == (404, nowhere.text)
    owner = await site.owner()
    assert (await owner.get("/rooms/nowhere/view")).status_code == 404
    await site.store.remove_company(OTHER)
    assert (await owner.get(f"/rooms/{OTHER}/view")).status_code == 404


async def test_only_who_administers_every_company_owns(site: Site) -> None:
    one = await site.signed_in(Role.ADMINISTRATOR)
    assert (await one.get("/rooms/own")).status_code == 403
    assert (await (await site.owner()).get("/rooms/own")).status_code == 200


async def test_a_form_needs_the_token_of_its_own_session(site: Site) -> None:
    browser, another = await site.signed_in(Role.OPERATOR), await site.signed_in(Role.OPERATOR)
    path = f"/rooms/{COMPANY}/operate"
    assert (await browser.post(path)).status_code == 403
    assert (await browser.press(path, csrf=another.csrf)).status_code == 403
    assert (await browser.press(path, csrf="é")).status_code == 403
    assert (await browser.post(path, files={"csrf": b"x"})).status_code == 403
    assert (await browser.post(path, headers={"X-CSRF-Token": browser.csrf})).status_code == 200
    told = await browser.press(path, word="told")
    assert told.json().endswith(" told")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "https://["},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_site_sends_nothing_even_with_the_right_token(
    site: Site, headers: dict[str, str]
) -> None:
    browser = await site.signed_in(Role.OPERATOR)
    answer = await browser.post(f"/rooms/{COMPANY}/operate", data={"csrf": browser.csrf}, headers=headers)
    assert answer.status_code == 403


async def test_a_proxy_may_call_us_by_another_name(site: Site) -> None:
    browser = await site.signed_in(Role.OPERATOR)
    answer = await browser.post(
        f"/rooms/{COMPANY}/operate", data={"csrf": browser.csrf}, headers={"Host": "web:8480"}
    )
    assert answer.status_code == 200


async def test_a_session_ends_when_nobody_was_there_for_half_an_hour(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER)
    for _ in range(3):
        site.clock.forward(minutes=29)
        assert (await browser.get("/rooms/hall")).status_code == 200
    site.clock.forward(minutes=30)
    assert (await browser.get("/rooms/hall")).status_code == 303


@pytest.mark.parametrize(
    ("headers", "in_the_end"), [({"HX-Request": "true"}, 401), ({"Accept": "text/event-stream"}, 303)]
)
async def test_a_page_that_asks_or_listens_by_itself_keeps_nobody_signed_in(
    site: Site, headers: dict[str, str], in_the_end: int
) -> None:
    browser = await site.signed_in(Role.VIEWER)
    for expected in (200, in_the_end):
        site.clock.forward(minutes=20)
        assert (await browser.get("/rooms/hall", headers=headers)).status_code == expected


@pytest.mark.slow
async def test_a_session_ends_after_twelve_hours_however_busy_it_was(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER)
    for _ in range(12 * 3 - 1):
        site.clock.forward(minutes=20)
        assert (await browser.get("/rooms/hall")).status_code == 200
    site.clock.forward(minutes=20)
    assert (await browser.get("/rooms/hall")).status_code == 303


async def test_that_a_session_was_used_is_written_once_a_minute_at_most(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER)
    token = browser.cookies[sessions.COOKIE]
    seen = set()
    for _ in range(6):
        site.clock.forward(seconds=20)
        await browser.get("/rooms/hall")
        session = await site.store.people.session(hashed(token))
        assert session is not None
        seen.add(session.seen_at)
    assert len(seen) == 3


async def test_a_user_who_is_disabled_is_out_at_once(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER, "anna")
    await site.store.people.disable("anna", site.clock())
    assert (await browser.get("/rooms/hall")).status_code == 303


@pytest.mark.parametrize(
    "address", ["http://page.test", "http://192.168.1.9:8480", "http://127.0.0.1.evil.test"]
)
async def test_beyond_this_machine_nothing_is_shown_without_https(site: Site, address: str) -> None:
    site.parts.settings.public_url = None
    browser = await site.browser(address)
    for path in ("/rooms/hall", "/sign-in", "/welcome/some-token"):
        answer = await browser.get(path)
        assert (answer.status_code, "PLEO_EXPORT_PUBLIC_URL" in answer.text) == (403, True)
        assert "<" not in answer.text


@pytest.mark.parametrize(
    "host", ["[", "", "evil.test", "127.0.0.1@evil.test", "evil.test:80:127.0.0.1", "[::1].evil.test"]
)
async def test_a_host_that_only_looks_like_this_machine_is_none(site: Site, host: str) -> None:
    site.parts.settings.public_url = None
    browser = await site.browser("http://127.0.0.1:8480")
    answer = await browser.get("/sign-in", headers={"Host": host})
    assert (answer.status_code, "<" in answer.text) == (403, False)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8480", "http://localhost:8480", "http://[::1]:8480"])
async def test_on_this_machine_the_page_needs_no_https(site: Site, address: str) -> None:
    site.parts.settings.public_url = None
    assert (await (await site.browser(address)).get("/sign-in")).status_code == 200
