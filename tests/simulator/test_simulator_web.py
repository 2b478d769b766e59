"""The simulator's web app, as it is looked at."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from pleo_export.simulator.server import create_app
from pleo_export.simulator.web.rendering import HEADERS
from pleo_export.simulator.world import NewCompany
from tests.simulator.simulator_api import Api

# What a strict policy forbids: scripts and styles in the page itself.
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\s(style|on\w+|hx-on[^=]*)=", re.IGNORECASE)


@pytest.fixture
async def web(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(api.world))
    async with httpx.AsyncClient(transport=transport, base_url="http://pleo.test") as client:
        yield client


def live_path(page: str) -> str:
    found = re.search(r'id="live" hx-get="([^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


async def test_every_page_has_one_heading_and_keeps_to_a_strict_policy(
    api: Api, web: httpx.AsyncClient
) -> None:
    job_id = await api.job_in_progress()
    home = f"/companies/{api.company.id}"
    entry_id = next(iter(api.company.expenses))
    pages = ["/", home, f"{home}?tab=all", f"{home}/jobs/{job_id}", f"{home}/expenses/{entry_id}"]
    for path in [*pages, "/switches", "/webhooks", "/calls"]:
        answer = await web.get(path)
        assert answer.status_code == 200, path
        assert answer.text.count("<h1>") == 1, path
        assert not INLINE.search(answer.text), path
        assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


async def test_what_others_wrote_is_text_and_nothing_else(api: Api, web: httpx.AsyncClient) -> None:
    company = api.world.add_company(NewCompany(name="<b>Bold</b>"))
    for path in ("/", f"/companies/{company.id}"):
        page = (await web.get(path)).text
        assert "&lt;b&gt;Bold&lt;/b&gt;" in page
        assert "<b>" not in page


async def test_a_failed_expense_says_what_the_integration_said(api: Api, web: httpx.AsyncClient) -> None:
    job_id = await api.job_in_progress(1)
    (entry_id,) = api.company.expenses
    reason = {"failureReason": "There is no account 9999.", "failureReasonType": "account_unknown"}
    await api.update(job_id, {"accountingEntryId": entry_id, "status": "failed", **reason})
    await api.event(job_id, "completed_with_errors")
    home = f"/companies/{api.company.id}"
    for path in (home, f"{home}/jobs/{job_id}", f"{home}/expenses/{entry_id}"):
        page = (await web.get(path)).text
        assert "There is no account 9999." in page
        assert "Account unknown" in page
    assert "Exported with errors" in (await web.get(home)).text


@pytest.mark.parametrize(
    ("url", "is_link"),
    [("https://books.example/7", True), ("http://127.0.0.1:5000/7", True), ("javascript:alert(1)", False)],
)
async def test_only_a_web_address_of_an_entry_becomes_a_link(
    api: Api, web: httpx.AsyncClient, url: str, *, is_link: bool
) -> None:
    job_id = await api.job_in_progress(1)
    (entry_id,) = api.company.expenses
    recorded = {"status": "successful", "externalId": "E-7", "externalUrl": url}
    await api.update(job_id, {"accountingEntryId": entry_id, **recorded})
    page = (await web.get(f"/companies/{api.company.id}/jobs/{job_id}")).text
    assert "E-7" in page
    assert (f'href="{url}"' in page) is is_link


async def test_a_page_that_is_up_to_date_is_not_sent_again(api: Api, web: httpx.AsyncClient) -> None:
    job_id = await api.job_in_progress(2)
    page = (await web.get(f"/companies/{api.company.id}/jobs/{job_id}?status=pending")).text
    again = live_path(page)
    api.clock.pass_time(seconds=5)
    assert (await web.get(again)).status_code == 204
    entry_id = next(iter(api.company.expenses))
    await api.update(job_id, {"accountingEntryId": entry_id, "status": "successful"})
    changed = await web.get(again)
    assert changed.status_code == 200
    assert "1 of 2 exported" in changed.text
    assert "status=pending" in live_path(changed.text)
    assert live_path(changed.text) != again


async def test_a_job_that_expired_reads_so_with_its_expenses_given_up(
    api: Api, web: httpx.AsyncClient
) -> None:
    job_id = await api.job_in_progress(2)
    api.clock.pass_time(hours=2)
    assert "under way" not in (await web.get("/")).text
    page = (await web.get(f"/companies/{api.company.id}/jobs/{job_id}")).text
    assert "Expired: 0 of 2 exported, 2 given up." in page
    assert "Job expired" in page


async def test_a_long_list_comes_in_sheets(api: Api, web: httpx.AsyncClient) -> None:
    await api.expenses(101)
    home = f"/companies/{api.company.id}"
    first, last = [(await web.get(home, params={"sheet": number})).text for number in (1, 2)]
    assert (first.count('name="expense"'), last.count('name="expense"')) == (100, 1)
    assert 'href="?sheet=2"' in first
    assert (await web.get(home, params={"sheet": 9})).text.count('name="expense"') == 1


async def test_receipts_are_shown_without_a_trace_in_the_log_of_calls(
    api: Api, web: httpx.AsyncClient
) -> None:
    await api.expenses(1)
    (entry_id,) = api.company.expenses
    path = f"/companies/{api.company.id}/expenses/{entry_id}/receipts"
    receipt, picture = await web.get(f"{path}/0"), await web.get(f"{path}/0/picture")
    assert receipt.headers["content-type"] in {"application/pdf", "image/png", "image/jpeg"}
    assert picture.content.startswith(b"\xff\xd8")
    assert len(picture.content) < 5_000
    assert (await web.get(f"{path}/1")).status_code == 404
    assert (await api.get("/control/audit")).json == []


async def test_a_receipt_that_goes_wrong_says_how_in_place_of_its_picture(
    api: Api, web: httpx.AsyncClient
) -> None:
    await api.expenses(40, scenario="demo")
    home = f"/companies/{api.company.id}"
    page = (await web.get(home)).text
    found = re.search(rf'href="({home}/expenses/[^"]+/receipts/0)">gone', page)
    assert found
    assert (await web.get(found[1])).status_code == 404
    assert (await web.get(f"{found[1]}/picture")).status_code == 404


async def test_the_calls_of_the_integration_are_listed(api: Api, web: httpx.AsyncClient) -> None:
    await api.job_in_progress()
    page = (await web.get("/calls")).text
    assert "POST /v3/export-job-events" in page
    assert "Acme" in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/companies/not-an-id", 400),
        ("/companies/0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01", 404),
    ],
)
async def test_what_is_not_there_is_told_on_a_page(web: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await web.get(path)
    assert answer.status_code == status
    assert "<h1>Not done</h1>" in answer.text


@pytest.mark.slow
async def test_the_description_of_the_api_knows_nothing_of_the_pages(web: httpx.AsyncClient) -> None:
    paths = (await web.get("/openapi.json")).json()["paths"]
    assert {path.split("/")[1] for path in paths} == {"v1", "v3", "files", "oauth", "control"}


async def test_the_clock_is_that_of_the_simulator(api: Api, web: httpx.AsyncClient) -> None:
    api.world.advance(90)
    assert (await web.get("/clock")).text == "2026-01-05 12:01:30 UTC"
