"""What the page shows of companies, jobs and items: whole sentences, nothing of others, and nothing that could run."""

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import date

import pytest
from msgspec.structs import replace

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Dimension, Reason
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import Rejection, rejection
from pleo_export.domain.item import File
from pleo_export.domain.job import JobEventType
from pleo_export.domain.money import Money
from pleo_export.domain.progress import Settled
from pleo_export.domain.reconciling import Difference, Told
from pleo_export.service.page.access.roles import Role
from pleo_export.store import Store
from pleo_export.store.settling import Settlement
from pleo_export.store.tables import EVERY_COMPANY
from pleo_export.testing.expenses import expense
from pleo_export.testing.samples import sample_entry
from pleo_export.workflow.memory import BEGUN
from tests.service.page.site import COMPANY, NOON, OTHER, Browser, Site

JOB = "6c1f0f7e-3a52-4d6f-9a55-2f7d4a3a1c01"
SECOND_JOB = "7c1f0f7e-3a52-4d6f-9a55-2f7d4a3a1c02"
HOME = f"/companies/{COMPANY}"
PAGE = f"{HOME}/jobs/{JOB}"
UNKNOWN_ACCOUNT = Rejection(Cause.ACCOUNT_UNKNOWN, "Account 6199 does not exist.")


async def read(browser: Browser, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def plan(store: Store, *entry_ids: str, job_id: str = JOB, company_id: str = COMPANY) -> None:
    await store.see_job(job_id, company_id)
    await store.plan(job_id, entry_ids)


async def record(
    store: Store, entry_id: str, explanation: Explanation | None = None, url: str = "https://books.example/1"
) -> None:
    await store.intend(JOB, entry_id, explanation)
    await store.entry_created(
        JOB,
        entry_id,
        external_id=f"JE-{entry_id}",
        url=url,
        exported_at=NOON,
        posted_on=date(2026, 2, 27),
        complete=True,
    )


async def test_the_overview_shows_the_companies_of_the_visitor_and_no_others(site: Site) -> None:
    text = await read(await site.signed_in(Role.VIEWER), "/")
    assert COMPANY in text
    assert OTHER not in text
    owner = await read(await site.owner(), "/")
    assert COMPANY in owner
    assert OTHER in owner


async def test_the_overview_says_what_keeps_a_company_from_being_exported_and_since_when(site: Site) -> None:
    await site.store.trouble(COMPANY, "Pleo did not accept <the> credential.")
    text = await read(await site.signed_in(Role.VIEWER), "/")
    assert "needs attention" in text
    assert "since 2026-03-01 12:00:00 UTC" in text
    assert "Pleo did not accept &lt;the&gt; credential." in text
    assert "1 in need of attention" in text


async def test_the_overview_tells_working_waiting_and_paused_companies_apart(site: Site) -> None:
    browser = await site.owner()
    assert (await read(browser, "/")).count(">idle<") == 2
    site.parts.engine.fire(COMPANY, "button")
    await site.store.pause(OTHER)
    text = await read(browser, "/")
    assert ">about to begin<" in text
    assert ">paused<" in text


@pytest.mark.slow
async def test_a_company_that_waits_for_a_limit_says_until_when(site: Site) -> None:
    await site.store.wait_until(COMPANY, site.clock().replace(hour=13, minute=30))
    browser = await site.signed_in(Role.VIEWER)
    assert "waiting for a limit until 13:30 UTC" in await read(browser, "/")
    site.clock.forward(minutes=10)
    assert "waiting for a limit" in await read(browser, HOME)


async def test_only_who_may_press_buttons_sees_them(site: Site) -> None:
    viewer, operator = await site.signed_in(Role.VIEWER), await site.signed_in(Role.OPERATOR)
    administrator = await site.signed_in(Role.ADMINISTRATOR)
    for path in ("/", HOME):
        assert "Check for export jobs" not in await read(viewer, path)
        assert f'action="{HOME}/check"' in await read(operator, path)
    assert f'value="{operator.csrf}"' in await read(operator, HOME)
    assert "diagnostics.zip" not in await read(operator, HOME)
    assert "diagnostics.zip" in await read(administrator, HOME)
    await site.store.pause(COMPANY)
    assert f'action="{HOME}/resume"' in await read(operator, HOME)


async def test_a_role_in_one_company_gives_no_button_in_another(site: Site) -> None:
    browser = await site.signed_in({COMPANY: Role.OPERATOR, OTHER: Role.VIEWER})
    text = await read(browser, "/")
    assert f'action="{HOME}/check"' in text
    assert f'action="/companies/{OTHER}/check"' not in text


async def test_no_two_links_of_the_bar_have_one_name(site: Site) -> None:
    bar = (await read(await site.owner(), HOME)).partition("<nav")[2].partition("</nav>")[0]
    names = re.findall(r">([^<]+)</a>", bar)
    assert len(set(names)) == len(names) > 5


async def test_companies_are_searched_by_name(site: Site) -> None:
    browser = await site.owner()
    text = await read(browser, "/?search=9a4b")
    assert OTHER in text
    assert COMPANY not in text
    assert "No company was found." in await read(browser, "/?search=nobody")


@pytest.mark.slow
async def test_a_thousand_companies_come_fifty_a_page(site: Site) -> None:
    for number in range(60):
        await site.store.add_company(f"company-{number:02}", f"Many {number:02}", "", "/")
    browser = await site.owner()
    first, second = await read(browser, "/?search=many"), await read(browser, "/?search=many&page=2")
    assert "Many 49" in first
    assert "Many 50" not in first
    assert "Page 1 of 2 (60 companies)" in first
    assert "search=many&amp;page=2" in first
    assert "Many 50" in second


@pytest.mark.slow
async def test_the_part_that_lives_is_answered_alone(site: Site) -> None:
    await plan(site.store, "e1")
    browser = await site.signed_in(Role.VIEWER)
    for path in ("/", HOME, PAGE, f"{PAGE}/items/e1"):
        whole, part = await read(browser, path), await read(browser, f"{path}?part=live")
        assert "<html" in whole
        assert f'hx-get="{path}?part=live" hx-trigger="sse:changed"' in whole
        assert whole.count('id="now"') == 1
        assert "<html" not in part
        assert 'hx-swap-oob="true"' in part
    assert f'<div id="live" hx-ext="sse" sse-connect="{HOME}/events">' in await read(browser, HOME)


async def test_the_part_that_lives_keeps_what_was_asked_for(site: Site) -> None:
    await plan(site.store, "e1")
    browser = await site.signed_in(Role.VIEWER)
    text = await read(browser, f"{PAGE}?outcome=waiting&text=e")
    assert f'hx-get="{PAGE}?outcome=waiting&amp;text=e&amp;part=live"' in text
    part = await read(browser, f"{PAGE}?outcome=waiting&text=e&part=live")
    assert "part=live" not in part


async def test_a_company_shows_its_jobs_with_their_outcomes(site: Site) -> None:
    await plan(site.store, "e1", "e2")
    await record(site.store, "e1")
    await site.store.rejected(JOB, "e2", UNKNOWN_ACCOUNT)
    await site.store.closing(JOB, JobEventType.COMPLETED_WITH_ERRORS)
    await site.store.closed(JOB)
    text = await read(await site.signed_in(Role.VIEWER), HOME)
    assert "completed with errors" in text
    assert f'href="{PAGE}"' in text
    assert "1 items recorded and 1 failed in 30 days" in text
    assert "No amounts are known for these days" in text


async def test_recorded_amounts_are_drawn_by_currency_with_a_table_that_says_the_same(site: Site) -> None:
    await plan(site.store, "e1")
    await record(site.store, "e1", Explanation(expense()))
    text = await read(await site.signed_in(Role.VIEWER), HOME)
    assert "Recorded by day, EUR" in text
    assert "<desc" in text
    assert "The numbers of “Recorded by day, EUR”" in text


async def test_a_job_shows_its_steps_and_how_fast_it_gets_on(site: Site) -> None:
    await plan(site.store, *(f"e{number}" for number in range(10)))
    for step in range(2, 6):
        await site.store.step_taken(JOB, step)
    site.clock.forward(seconds=30)
    for number in range(5):
        await record(site.store, f"e{number}")
    text = await read(await site.signed_in(Role.VIEWER), PAGE)
    assert '5. Record them, one by one</span> <span class="soft">2026-03-01 12:00:00 UTC' in text
    assert '6. Report the outcomes to Pleo</span> <span class="soft">not begun' in text
    assert "5 of 10 expenses done" in text
    assert "10 expenses a minute; about 30 s left." in text
    assert '<progress id="done" max="10" value="5">' in text


async def test_failures_stand_together_by_cause_with_what_helps(site: Site) -> None:
    await plan(site.store, "e1", "e2", "e3")
    await site.store.rejected(JOB, "e1", rejection(Cause.NO_LINES, total="1.00 EUR"))
    await site.store.rejected(JOB, "e2", rejection(Cause.NO_LINES, total="2.00 EUR"))
    await site.store.rejected(JOB, "e3", rejection(Cause.EXPENSE_NOT_SENT))
    text = await read(await site.signed_in(Role.VIEWER), PAGE)
    assert "No lines: 2 expenses" in text
    assert "Pleo sent this expense of 1.00 EUR without any line, so there is nothing to book." in text
    assert "What to do:</strong> Open it in Pleo, choose a category and export it again." in text
    assert text.count("choose a category") == 1
    assert "Expense not sent: 1 expense<" in text
    assert f"{PAGE}?cause=no-lines&amp;outcome=&amp;text=&amp;page=1#items" in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("outcome=recorded", ["good-1"]),
        ("outcome=failed", ["bad-1"]),
        ("cause=no-lines", ["bad-1"]),
        ("text=D-1", ["good-1", "bad-1"]),
        ("outcome=waiting", ["later-1"]),
        ("outcome=nonsense&cause=nonsense", ["good-1", "bad-1", "later-1"]),
        ("text=nothing", []),
    ],
)
async def test_the_items_of_a_job_are_filtered(site: Site, query: str, shown: Sequence[str]) -> None:
    await plan(site.store, "good-1", "bad-1", "later-1")
    await record(site.store, "good-1")
    await site.store.rejected(JOB, "bad-1", rejection(Cause.NO_LINES, total="1.00 EUR"))
    text = await read(await site.signed_in(Role.VIEWER), f"{PAGE}?{query}")
    rows = text.partition('id="items"')[2]
    found = [entry_id for entry_id in ("good-1", "bad-1", "later-1") if f"/items/{entry_id}" in rows]
    assert found == shown


async def test_items_come_a_hundred_a_page(site: Site) -> None:
    await plan(site.store, *(f"e{number:03}" for number in range(150)))
    browser = await site.signed_in(Role.VIEWER)
    first, second = await read(browser, PAGE), await read(browser, f"{PAGE}?page=2")
    assert (first.count("/items/e"), second.count("/items/e")) == (100, 50)
    assert "Page 1 of 2 (150 expenses)" in first


async def test_an_address_that_is_none_of_a_page_is_no_link(site: Site) -> None:
    await plan(site.store, "e1", "e2")
    await record(site.store, "e1", url="javascript:alert(1)")
    await record(site.store, "e2", url="https://books.example/2")
    browser = await site.signed_in(Role.VIEWER)
    for path in (PAGE, f"{PAGE}/items/e1"):
        assert "javascript:" not in await read(browser, path)
    assert 'href="https://books.example/2"' in await read(browser, PAGE)


async def test_the_expense_stands_beside_the_entry_with_the_reason_of_each_posting(site: Site) -> None:
    receipt = File(url="https://files.example/signed?token=secret", type="image/png", size=2048)
    sent = expense(files=(receipt,), note="Paper for <the> office")
    entry = sample_entry("e1")
    first = replace(
        entry.postings[0],
        reason=Reason("the account of the category", "6100", "the default account"),
        tax_code="V25",
        tax=Money("EUR", 25),
        dimensions=(Dimension("project", "P-7"),),
    )
    explanation = Explanation.of(sent, replace(entry, postings=(first, *entry.postings[1:])))
    await plan(site.store, "e1")
    await record(site.store, "e1", explanation)
    await site.store.reported(JOB, ["e1"])
    text = await read(await site.signed_in(Role.VIEWER), f"{PAGE}/items/e1")
    assert "Paper for &lt;the&gt; office" in text
    assert "the account of the category: 6100" in text
    assert "in place of it: the default account" in text
    assert "project: P-7" in text
    assert "V25" in text
    assert "image/png, 2.0 kB" in text
    assert "token=secret" not in text
    assert "2026-03-01 12:00:00 UTC: successful, with the entry" in text


async def test_an_item_whose_expense_is_forgotten_says_so(site: Site) -> None:
    await plan(site.store, "e1")
    await record(site.store, "e1", Explanation(expense()))
    await site.store.forget_explanations(NOON.replace(year=2027))
    text = await read(await site.signed_in(Role.VIEWER), f"{PAGE}/items/e1")
    assert "The expense and its entry are not kept here" in text
    assert "JE-e1" in text


async def test_a_failed_item_says_why_what_helps_and_what_pleo_was_told(site: Site) -> None:
    await plan(site.store, "e1")
    await site.store.rejected(JOB, "e1", rejection(Cause.NO_LINES, total="1.00 EUR"), Explanation(expense()))
    await site.store.report_refused(JOB, "e1", "The item is locked.")
    browser = await site.signed_in(Role.VIEWER)
    text = await read(browser, f"{PAGE}/items/e1")
    assert "Pleo sent this expense of 1.00 EUR without any line" in text
    assert "What to do:</strong> Open it in Pleo" in text
    assert "Pleo did not take the outcome: The item is locked." in text
    assert "No entry was made of this expense." in text
    await site.store.reported(JOB, ["e1"])
    assert "failed, as validation failure" in await read(browser, f"{PAGE}/items/e1")


async def test_an_item_shows_every_attempt(site: Site) -> None:
    await plan(site.store, "e1")
    await site.store.rejected(JOB, "e1", UNKNOWN_ACCOUNT)
    await plan(site.store, "e1", job_id=SECOND_JOB)
    text = await read(await site.signed_in(Role.VIEWER), f"{HOME}/jobs/{SECOND_JOB}/items/e1")
    assert f'href="{PAGE}/items/e1"' in text
    assert "(this one)" in text


async def test_an_unknown_item_can_be_settled_by_who_may_press_buttons(site: Site) -> None:
    await plan(site.store, "e1", "e2", "e3")
    await site.store.rejected(JOB, "e1", Rejection(Cause.OUTCOME_UNKNOWN, "Nobody knows."), unknown=True)
    await site.store.rejected(JOB, "e2", UNKNOWN_ACCOUNT)
    operator, viewer = await site.signed_in(Role.OPERATOR), await site.signed_in(Role.VIEWER)
    forms = {}
    for entry_id in ("e1", "e2", "e3"):
        text = await read(operator, f"{PAGE}/items/{entry_id}")
        forms[entry_id] = ("/look-up" in text, "/recorded-by-hand" in text)
        assert "/recorded-by-hand" not in await read(viewer, f"{PAGE}/items/{entry_id}")
    assert forms == {"e1": (True, True), "e2": (False, True), "e3": (False, False)}


async def test_an_item_that_a_person_settled_says_who_it_was(site: Site) -> None:
    await plan(site.store, "e1")
    await site.store.rejected(JOB, "e1", UNKNOWN_ACCOUNT)
    await site.store.reported(JOB, ["e1"])
    await site.store.closing(JOB, JobEventType.FAILED)
    await site.store.closed(JOB)
    site.clock.forward(minutes=1)
    settlement = Settlement(how=Settled.BY_HAND, by="ada", external_id="JE-77")
    await site.store.settle(COMPANY, JOB, "e1", settlement)
    browser = await site.signed_in(Role.VIEWER)
    text = await read(browser, f"{PAGE}/items/e1")
    assert "recorded by hand" in text
    assert "2026-03-01 12:01:00 UTC by ada" in text
    assert "as failed; it was settled after that" in text
    assert "settled by a person" in await read(browser, PAGE)


@pytest.mark.parametrize("ending", ["", ".csv", ".json", "/items/e1"])
async def test_a_job_of_another_company_is_not_there(site: Site, ending: str) -> None:
    await plan(site.store, "e1")
    browser = await site.signed_in({EVERY_COMPANY: Role.ADMINISTRATOR})
    assert (await browser.get(f"{PAGE}{ending}")).status_code == 200
    assert (await browser.get(f"/companies/{OTHER}/jobs/{JOB}{ending}")).status_code == 404
    assert (await browser.get(f"{HOME}/jobs/{SECOND_JOB}{ending}")).status_code == 404


async def test_a_table_for_a_spreadsheet_holds_all_items_and_no_formula(site: Site) -> None:
    await plan(site.store, *(f"e{number:04}" for number in range(2100)))
    await record(site.store, "e0000", Explanation(expense()))
    await site.store.rejected(JOB, "e0001", Rejection(Cause.SYSTEM_FAILED, '=HYPERLINK("https://evil")'))
    answer = await (await site.signed_in(Role.VIEWER)).get(f"{PAGE}.csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="{JOB}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["position"] for row in rows] == [str(number) for number in range(2100)]
    assert rows[0]["outcome"] == "recorded"
    assert rows[0]["currency"] == "EUR"
    assert rows[1]["failure_reason"] == '\'=HYPERLINK("https://evil")'


async def test_a_download_in_json_holds_all_items(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER)
    await plan(site.store)
    assert (await browser.get(f"{PAGE}.json")).json() == []
    await plan(site.store, *(f"e{number:04}" for number in range(1001)))
    found = json.loads((await browser.get(f"{PAGE}.json")).text)
    assert len(found) == 1001
    assert found[1000]["outcome"] == "waiting"


@pytest.mark.slow
async def test_settings_say_where_each_value_comes_from_and_show_no_secret(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEO_EXPORT_API_KEY", "a key from the environment")
    await site.parts.companies.keep_secret(COMPANY, "pleo-api-key", "a key that is kept")
    text = await read(await site.signed_in(Role.VIEWER), f"{HOME}/settings")
    row = text.partition("<code>pleo.company_id</code>")[2].partition("</tr>")[0]
    assert f"<td>{COMPANY}</td><td>settings of the company</td>" in row
    assert (
        '<span class="soft">default</span>'
        in text.partition("<code>pleo.base_url</code>")[2].partition("</tr>")[0]
    )
    assert "kept since 2026-03-01 12:00:00 UTC" in text
    assert "in the environment of the page" in text
    assert "a key" not in text.replace("in the environment", "")
    assert "PLEO_EXPORT_DATABASE_URL" not in text


async def test_settings_of_the_service_are_for_administrators_of_every_company(site: Site) -> None:
    assert "PLEO_EXPORT_DATABASE_URL" in await read(await site.owner(), f"{HOME}/settings")
    text = await read(await site.signed_in(Role.ADMINISTRATOR), f"{HOME}/settings")
    assert "PLEO_EXPORT_DATABASE_URL" not in text


async def test_settings_that_this_version_refuses_are_a_sentence(site: Site) -> None:
    await site.store.change_company(COMPANY, "nonsense = [", "/")
    text = await read(await site.signed_in(Role.VIEWER), f"{HOME}/settings")
    assert "it is not valid TOML" in text


async def test_an_owner_sees_what_was_done_anywhere_and_what_concerns_no_company(site: Site) -> None:
    await site.store.note_action("olga", COMPANY, "check")
    await site.store.note_action("grace", OTHER, "pause")
    await site.store.note_action("mallory", None, "changed the password", "other sessions were ended")
    text = await read(await site.owner(), "/audit")
    for who in ("olga", "grace", "mallory", f"Company {OTHER[:4]}", "changed the password"):
        assert f"<td>{who}</td>" in text
    assert (await (await site.signed_in(Role.ADMINISTRATOR)).get("/audit")).status_code == 403
    assert "mallory" not in await read(await site.owner(), f"{HOME}/audit")


async def test_the_audit_shows_who_did_what_for_this_company(site: Site) -> None:
    await site.store.note_action("ada", COMPANY, "check", None)
    await site.store.note_action("eve", OTHER, "pause", None)
    for number in range(100):
        await site.store.note_action("ada", COMPANY, "look-up", f"entry {number}.")
    browser = await site.signed_in(Role.VIEWER)
    text = await read(browser, f"{HOME}/audit")
    assert "entry 99." in text
    assert "<td>check</td>" not in text
    assert "eve" not in text
    older = text.partition("/audit?before=")[2].partition('"')[0]
    assert "<td>check</td>" in await read(browser, f"{HOME}/audit?before={older}")


async def test_what_differs_from_the_books_is_shown_until_it_is_settled(site: Site) -> None:
    browser, operator = await site.signed_in(Role.VIEWER), await site.signed_in(Role.OPERATOR)
    await plan(site.store, "entry-1")
    kind = Difference.ENTRY_MISSING
    told = Told(kind=kind, sentence=kind.sentence.format(system="ledger"), remedy=kind.remedy)
    await site.store.reconciled(COMPANY, JOB, {"entry-1": told})
    for path in (HOME, PAGE):
        page = await read(browser, path)
        assert "Pleo and the books differ" in page
        assert "Entry missing: 1" in page
        assert "Pleo shows it as exported, but ledger holds no entry" in page
        assert kind.remedy in page
        assert "Compare now" not in page
        assert "Compare now" in await read(operator, path)
    await site.store.reconciled(COMPANY, JOB, {})
    for path in (HOME, PAGE):
        assert "differ" not in await read(browser, path)


async def test_a_company_that_differs_from_the_books_needs_attention(site: Site) -> None:
    browser = await site.owner()
    kind = Difference.ENTRY_MISSING
    told = Told(kind=kind, sentence=kind.sentence.format(system="ledger"), remedy=kind.remedy)
    await site.store.reconciled(OTHER, JOB, {"entry-1": told, "entry-2": told})
    text = await read(browser, "/")
    assert text.count(">needs attention<") == 1
    assert "Pleo and the books differ in 2 places." in text
    assert "1 in need of attention" in text
    assert text.index(OTHER) < text.index(COMPANY)
    page = await read(browser, f"/companies/{OTHER}")
    assert f'href="/companies/{OTHER}#differences">See what can be done' in page
    await site.store.reconciled(OTHER, JOB, {})
    assert ">needs attention<" not in await read(browser, "/")


async def test_a_job_that_an_older_database_forgot_says_so(site: Site) -> None:
    browser = await site.signed_in(Role.VIEWER)
    await plan(site.store, "entry-1")
    assert "may be older" not in await read(browser, PAGE)
    await site.store.doubt(JOB, BEGUN)
    page = await read(browser, PAGE)
    assert "The database may be older than this export." in page
    assert "compared with Pleo and the books once it has ended" in page
    assert "pleo-export" in await read(await site.owner(), f"{HOME}/audit")
