"""The buttons: they ask first, do what they say, and are noted with who pressed them."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryBooks, MemoryConnector
from pleo_export.accounting.port import NoAnswerError, Recorded
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import Finding, Rejection, finding
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Phase, Settled
from pleo_export.domain.reconciling import Difference, Told
from pleo_export.domain.reference import ReferenceData
from pleo_export.service.page import settling
from pleo_export.service.page.access.roles import Role
from pleo_export.service.reconciling import COMPARE
from pleo_export.testing.samples import sample_entry
from tests.service.page.site import COMPANY, NOON, OTHER, Browser, Site

JOB = "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10"
ENTRY = "0b9d2c11-7c0e-4d0c-9a6e-0f4f2a3b5c01"
BUTTONS = ("check", "compare", "pause", "resume")
ITEM = f"/companies/{COMPANY}/jobs/{JOB}/items/{ENTRY}"


async def fired(site: Site) -> list[str]:
    return [run.cause for run in site.parts.engine.status().waiting]


async def lose(site: Site, *, unknown: bool = True, explanation: Explanation | None = None) -> None:
    """Leave an item that Pleo knows as failed."""
    await site.store.see_job(JOB, COMPANY)
    await site.store.plan(JOB, [ENTRY])
    await site.store.intend(JOB, ENTRY, explanation)
    await site.store.rejected(JOB, ENTRY, Rejection(Cause.OUTCOME_UNKNOWN, "No answer."), unknown=unknown)
    await site.store.reported(JOB, [ENTRY])


@pytest.fixture
async def operator(site: Site) -> Browser:
    return await site.signed_in(Role.OPERATOR, "ada")


@pytest.mark.parametrize("button", BUTTONS)
async def test_a_button_asks_before_anything_happens(site: Site, operator: Browser, button: str) -> None:
    asked = await operator.press(f"/companies/{COMPANY}/{button}")
    assert asked.status_code == 200
    assert asked.text.count("<form") == 2, "the other signs out"
    assert 'name="confirmed"' in asked.text
    assert await site.store.actions(COMPANY, 10) == []
    assert await fired(site) == []
    assert (await site.store.company(COMPANY)).paused_at is None


async def test_check_fires_the_engine_and_says_who_pressed(site: Site, operator: Browser) -> None:
    done = await operator.press(f"/companies/{COMPANY}/check", confirmed="yes")
    assert (done.status_code, done.headers["location"]) == (303, f"/companies/{COMPANY}")
    assert await fired(site) == ["button"]
    (action,) = await site.store.actions(COMPANY, 10)
    assert (action.who, action.action, action.at) == ("ada", "check", site.clock())


async def test_compare_lets_what_differs_be_due_and_fires_the_engine(site: Site, operator: Browser) -> None:
    await lose(site)
    await site.store.closing(JOB, JobEventType.FAILED, None, None)
    await site.store.closed(JOB)
    kind = Difference.ENTRY_STANDS
    await site.store.reconciled(COMPANY, JOB, {ENTRY: Told(kind=kind, sentence="So.", remedy="Do.")})

    async def due() -> list[str]:
        found = await site.store.reconcile_due(NOON - timedelta(days=30), NOON - timedelta(days=1))
        return [one.company_id for one in found]

    assert await due() == []
    done = await operator.press(f"/companies/{COMPANY}/compare", confirmed="yes")
    assert (done.status_code, done.headers["location"]) == (303, f"/companies/{COMPANY}")
    assert (await due(), await fired(site)) == ([COMPANY], [COMPARE])
    (action,) = await site.store.actions(COMPANY, 10)
    assert (action.who, action.action) == ("ada", "compare")


async def test_a_paused_company_is_not_checked_but_resumed(site: Site, operator: Browser) -> None:
    await operator.press(f"/companies/{COMPANY}/pause", confirmed="yes")
    assert (await site.store.company(COMPANY)).paused_at == site.clock()
    for button in ("check", "compare"):
        refused = await operator.press(f"/companies/{COMPANY}/{button}", confirmed="yes")
        assert (refused.status_code, await fired(site)) == (409, [])
        assert "Resume it first" in refused.text
    await operator.press(f"/companies/{COMPANY}/resume", confirmed="yes")
    assert (await site.store.company(COMPANY)).paused_at is None
    assert await fired(site) == ["resumed"]
    assert [one.action for one in await site.store.actions(COMPANY, 10)] == ["resume", "pause"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [*(f"/companies/{COMPANY}/{one}" for one in BUTTONS), f"{ITEM}/look-up", f"{ITEM}/recorded-by-hand"],
)
async def test_only_operators_of_the_company_press_with_a_form_of_ours(site: Site, path: str) -> None:
    await lose(site)
    pressed = {"confirmed": "yes", "external_id": "HAND-1"}
    viewer, stranger = await site.signed_in(Role.VIEWER), await site.signed_in({OTHER: Role.ADMINISTRATOR})
    forged = await site.signed_in(Role.ADMINISTRATOR)
    forged.csrf = "made up"
    for browser, status in ((viewer, 403), (stranger, 404), (forged, 403), (await site.browser(), 401)):
        assert (await browser.press(path, **pressed)).status_code == status
    assert (await site.store.item(JOB, ENTRY)).phase is Phase.REJECTED
    assert (await fired(site), await site.store.actions(None, 10)) == ([], [])


async def test_an_item_of_another_company_is_not_here(site: Site) -> None:
    await lose(site)
    other = await site.signed_in({OTHER: Role.OPERATOR})
    for path in (
        f"/companies/{OTHER}/jobs/{JOB}/items/{ENTRY}",
        f"/companies/{OTHER}/jobs/none/items/{ENTRY}",
    ):
        for verb in ("look-up", "recorded-by-hand"):
            answer = await other.press(f"{path}/{verb}", confirmed="yes", external_id="HAND-1")
            assert answer.status_code == 404
    assert (await site.store.item(JOB, ENTRY)).phase is Phase.REJECTED


class Books(MemoryConnector):
    """Books that may keep silent; whether they were closed again is remembered."""

    def __init__(self) -> None:
        self.books = MemoryBooks(ReferenceData(accounts={}))
        self.silent = self.closed = False
        super().__init__(self.books)

    async def find(self, reference: str) -> Recorded | None:
        if self.silent:
            raise NoAnswerError("the line was cut")
        return await super().find(reference)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    books = Books()
    monkeypatch.setattr(settling, "connector_for", lambda *_: books)
    return books


async def test_an_unknown_item_whose_entry_is_found_counts_as_recorded(
    site: Site, operator: Browser, books: Books
) -> None:
    entry = sample_entry(ENTRY)
    await lose(site, explanation=Explanation(None, entry))
    books.books.entries[ENTRY] = entry
    assert (await operator.press(f"{ITEM}/look-up")).status_code == 200
    assert (await site.store.item(JOB, ENTRY)).unknown
    done = await operator.press(f"{ITEM}/look-up", confirmed="yes")
    assert (done.status_code, done.headers["location"]) == (303, ITEM)
    item = await site.store.item(JOB, ENTRY)
    assert (item.phase, item.settled_how, item.settled_by) == (Phase.RECORDED, Settled.LOOKED_UP, "ada")
    assert (item.external_id, item.external_url, item.posted_on) == (
        ENTRY,
        f"memory:{ENTRY}",
        entry.posting_date,
    )
    assert item.report_problem is not None, "Pleo goes on to show it as failed"
    (action,) = await site.store.actions(COMPANY, 10)
    assert action.detail == f"expense {ENTRY} of job {JOB}: entry {ENTRY}"
    assert books.closed


async def test_of_an_entry_that_cannot_be_compared_any_more_it_is_said_what_was_not_looked_at(
    site: Site, operator: Browser, books: Books
) -> None:
    await lose(site)
    books.books.entries[ENTRY] = sample_entry(ENTRY)
    await site.store.closing(JOB, JobEventType.FAILED)
    await site.store.closed(JOB)
    await operator.press(f"{ITEM}/look-up", confirmed="yes")
    item = await site.store.item(JOB, ENTRY)
    assert item.settled_how is Settled.LOOKED_UP
    assert item.note == settling.RECEIPTS_UNSEEN, "what the entry should be is not known any more"


async def test_where_no_entry_is_found_nothing_changes_and_it_is_said(
    site: Site, operator: Browser, books: Books
) -> None:
    await lose(site)
    answer = await operator.press(f"{ITEM}/look-up", confirmed="yes")
    assert answer.status_code == 200
    assert "No entry was found" in answer.text
    assert (await site.store.item(JOB, ENTRY)).unknown
    assert not books.books.entries, "a look-up never records"
    (action,) = await site.store.actions(COMPANY, 10)
    assert action.detail is not None
    assert action.detail.endswith(": no entry")


@pytest.mark.parametrize("trouble", ["silent", "another entry"])
async def test_a_look_up_without_an_outcome_leaves_the_item_unknown(
    site: Site, operator: Browser, books: Books, trouble: str
) -> None:
    await lose(site, explanation=Explanation(None, sample_entry(ENTRY)))
    books.silent = trouble == "silent"
    books.books.entries[ENTRY] = replace(sample_entry(ENTRY), description="something else")
    answer = await operator.press(f"{ITEM}/look-up", confirmed="yes")
    assert answer.status_code == 503
    said = "the line was cut" if books.silent else "with other content"
    assert said in answer.text
    assert (await site.store.item(JOB, ENTRY)).unknown
    assert books.closed


async def test_what_failed_for_a_known_reason_is_not_looked_up(
    site: Site, operator: Browser, books: Books
) -> None:
    await lose(site, unknown=False)
    books.books.entries[ENTRY] = sample_entry(ENTRY)
    assert (await operator.press(f"{ITEM}/look-up", confirmed="yes")).status_code == 409
    assert (await site.store.item(JOB, ENTRY)).phase is Phase.REJECTED


async def test_by_hand_asks_for_the_entry_then_whether_it_is_right_and_then_marks_it(
    site: Site, operator: Browser
) -> None:
    await lose(site, unknown=False)
    path = f"{ITEM}/recorded-by-hand"
    asked = await operator.press(path)
    assert 'name="external_id" required' in asked.text
    assert "confirmed" not in asked.text
    for entry in ("", "  ", "x" * 201, "a\x00b"):
        answer = await operator.press(path, external_id=entry, confirmed="yes")
        assert 'name="external_id" required' in answer.text
    repeated = await operator.press(path, external_id=" JE <7> ")
    assert "JE &lt;7&gt;" in repeated.text
    assert (await site.store.item(JOB, ENTRY)).phase is Phase.REJECTED
    done = await operator.press(path, external_id="JE <7>", confirmed="yes")
    assert (done.status_code, done.headers["location"]) == (303, ITEM)
    item = await site.store.item(JOB, ENTRY)
    assert (item.phase, item.external_id, item.settled_how) == (Phase.RECORDED, "JE <7>", Settled.BY_HAND)
    assert (item.settled_by, item.settled_at) == ("ada", site.clock())
    asked = await operator.press(path, external_id="JE-8")
    assert "takes the place of JE &lt;7&gt;, which was named before" in asked.text
    await operator.press(path, external_id="JE-8", confirmed="yes")
    assert (await site.store.item(JOB, ENTRY)).external_id == "JE-8"
    assert [one.action for one in await site.store.actions(COMPANY, 10)] == ["recorded-by-hand"] * 2


async def test_an_entry_that_is_missing_is_told_of_on_the_expenses_page_and_made_good_by_hand(
    site: Site, operator: Browser
) -> None:
    await site.store.see_job(JOB, COMPANY)
    await site.store.plan(JOB, [ENTRY])
    await site.store.intend(JOB, ENTRY)
    await site.store.entry_created(
        JOB, ENTRY, external_id="JE-1", url=None, exported_at=NOON, posted_on=NOON.date(), complete=True
    )
    await site.store.reported(JOB, [ENTRY])
    await site.store.closing(JOB, JobEventType.COMPLETED)
    await site.store.closed(JOB)
    assert "/recorded-by-hand" not in (await operator.get(ITEM)).text
    refused = await operator.press(f"{ITEM}/recorded-by-hand", external_id="HAND-1")
    assert (refused.status_code, "recorded already, as JE-1" in refused.text) == (409, True)
    kind = Difference.ENTRY_MISSING
    told = Told(kind=kind, sentence=kind.sentence.format(system="ledger"), remedy=kind.remedy)
    await site.store.reconciled(COMPANY, JOB, {ENTRY: told, "another": told})
    page = (await operator.get(ITEM)).text
    assert page.count("Pleo and the books differ: entry missing") == 1
    assert "ledger holds no entry with its reference" in page
    assert "but Pleo and the books differ" in page
    viewed = (await (await site.signed_in(Role.VIEWER)).get(ITEM)).text
    assert "entry missing" in viewed
    assert "/recorded-by-hand" not in viewed
    asked = await operator.press(f"{ITEM}/recorded-by-hand", external_id="HAND-1")
    assert "takes the place of JE-1" in asked.text
    site.clock.forward(minutes=1)
    await operator.press(f"{ITEM}/recorded-by-hand", external_id="HAND-1", confirmed="yes")
    page = (await operator.get(ITEM)).text
    assert "HAND-1" in page
    assert "successful, with the id of an earlier entry" in page
    assert "differ" not in page


async def test_an_accounting_system_that_hangs_is_not_waited_for_long(
    site: Site, operator: Browser, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "LOOK_UP_SECONDS", 0.01)

    async def hang(_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(books, "find", hang)
    await lose(site)
    answer = await operator.press(f"{ITEM}/look-up", confirmed="yes")
    assert answer.status_code == 503
    assert "did not answer within" in answer.text


async def test_books_that_are_not_well_do_not_say_that_there_surely_is_no_entry(
    site: Site, operator: Browser, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> list[Finding]:
        return [finding(Cause.STORE_UNWRITABLE, path="the books", folder="their folder")]

    monkeypatch.setattr(books, "check", check)
    await lose(site)
    answer = await operator.press(f"{ITEM}/look-up", confirmed="yes")
    assert answer.status_code == 503
    assert "the books" in answer.text
    assert "No entry was found" not in answer.text


@pytest.mark.parametrize("unknown", [True, False])
async def test_by_hand_warns_of_an_entry_that_may_stand_already(
    site: Site, operator: Browser, *, unknown: bool
) -> None:
    await lose(site, unknown=unknown)
    asked = await operator.press(f"{ITEM}/recorded-by-hand", external_id="JE-7")
    assert ("look it up first" in asked.text) == unknown
