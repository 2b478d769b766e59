"""What the page reads: of one company, a page at a time, and never anything of another."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failures import Rejection
from pleo_export.domain.job import JobEventType
from pleo_export.domain.money import Money
from pleo_export.domain.reconciling import Difference, Told
from pleo_export.store import Store
from pleo_export.store.errors import UnknownItemError, UnknownJobError
from pleo_export.store.views import Chosen, DayAmount, DayOutcomes, Outcome, Window
from pleo_export.testing.expenses import amounts, expense
from tests.store.stores import (
    COMPANY,
    JOB,
    NOON,
    StoppedClock,
    create_entry,
    opened,
    planned,
    reject,
    succeed,
)

OTHER = "company-b"
ALL = Window(100)


def paid(hundredths: int, currency: str = "EUR") -> Explanation:
    return Explanation(replace(expense(), amount=amounts(hundredths, currency)))


async def add(store: Store, company_id: str, name: str) -> None:
    await store.add_company(company_id, name, "", "/")


async def record(store: Store, job_id: str, entry_id: str, kept: Explanation | None = None) -> None:
    await store.plan(job_id, [entry_id])
    await store.intend(job_id, entry_id, kept)
    await create_entry(store, entry_id, f"JE-{entry_id}", job_id, complete=True)


async def names(
    store: Store, among: list[str] | None = None, text: str = "", window: Window = ALL
) -> list[str]:
    found = await store.views.companies(among, text, window)
    return [line.company.name or "" for line in found.rows]


async def test_companies_in_trouble_come_first_and_then_go_by_name(url: str) -> None:
    async with opened(url) as store:
        for company_id, name in (("1", "beta"), ("2", "Alpha"), ("3", "gamma")):
            await add(store, company_id, name)
        await store.see_company("never added")
        await store.trouble("3", "Pleo did not accept the credential.")
        assert await names(store) == ["gamma", "Alpha", "beta"]
        assert await names(store, window=Window(1, 1)) == ["Alpha"]
        assert (await store.views.companies(None, "", Window(1))).total == 3


async def test_companies_that_differ_from_the_books_come_before_those_that_are_well(url: str) -> None:
    clock = StoppedClock()
    told = Told(kind=Difference.ENTRY_MISSING, sentence="It is missing.", remedy="Restore it.")
    async with opened(url, clock) as store:
        for company_id, name in (("1", "Alpha"), ("2", "Beta"), ("3", "Gamma")):
            await add(store, company_id, name)
        await store.trouble("3", "Pleo did not accept the credential.")
        await store.reconciled("2", "job-1", {"e1": told})
        clock.forward(60)
        await store.reconciled("2", "job-2", {"e1": told, "e2": told})
        assert await names(store) == ["Gamma", "Beta", "Alpha"]
        assert await names(store, window=Window(1, 1)) == ["Beta"]
        assert await store.views.differing(["1", "2", "3"]) == {"2": (3, NOON)}
        assert await store.views.differing(["1"]) == {}


async def test_only_the_companies_that_count_are_found_by_name_or_id(url: str) -> None:
    async with opened(url) as store:
        for company_id, name in (("id-1", "Nordic Paper"), ("id-2", "100% Paper"), ("id-3", "Example")):
            await add(store, company_id, name)
        assert await names(store, ["id-1", "id-3"]) == ["Example", "Nordic Paper"]
        assert await names(store, []) == []
        assert await names(store, None, "paper") == ["100% Paper", "Nordic Paper"]
        assert await names(store, ["id-1"], "PAPER") == ["Nordic Paper"]
        assert await names(store, None, "%") == ["100% Paper"]
        assert await names(store, None, "ID-3") == ["Example"]


async def test_a_company_comes_with_its_last_job(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        await add(store, COMPANY, "Alpha")
        await add(store, OTHER, "Beta")
        await store.see_job("job-1", COMPANY)
        later = clock.forward(60)
        await store.see_job("job-2", COMPANY)
        await store.closing("job-2", JobEventType.COMPLETED)
        await store.closed("job-2")
        first, second = (await store.views.companies(None, "", ALL)).rows
        assert first.last_job is not None
        assert (first.last_job.job_id, first.last_job.first_seen_at) == ("job-2", later)
        assert (first.last_job.closing_event, first.last_job.closed_at) == (JobEventType.COMPLETED, later)
        assert second.last_job is None


async def test_jobs_come_a_page_at_a_time(url: str) -> None:
    clock = StoppedClock()
    async with opened(url, clock) as store:
        for number in range(5):
            clock.forward(60)
            await store.see_job(f"job-{number}", COMPANY)
        await store.see_job("job-of-b", OTHER)
        found = await store.views.jobs(COMPANY, Window(2, 2))
        assert ([job.job_id for job in found.rows], found.total) == (["job-2", "job-1"], 5)


async def test_nothing_of_a_job_is_shown_to_another_company(url: str) -> None:
    async with planned(url, "e1") as store:
        await record(store, JOB, "e2", paid(100))
        await reject(store, "e1")
        await store.step_taken(JOB, 2)
        views = store.views
        with pytest.raises(UnknownJobError):
            await views.job(OTHER, JOB)
        with pytest.raises(UnknownItemError):
            await views.item(OTHER, JOB, "e1")
        assert await views.steps(OTHER, JOB) == {}
        assert (await views.tally(OTHER, JOB, NOON)).total == 0
        assert await views.failures(OTHER, JOB) == []
        assert (await views.items(OTHER, JOB, Chosen(), ALL)).total == 0
        assert await views.items_behind(OTHER, JOB, -1, 10) == []
        assert await views.explanation(OTHER, JOB, "e2") is None
        assert await views.attempts(OTHER, "e1") == []
        assert await views.outcomes_by_day(OTHER, NOON - timedelta(days=1)) == []
        assert await views.amounts_by_day(OTHER, NOON - timedelta(days=1)) == []
        assert await views.explanation(COMPANY, JOB, "e2") == paid(100)
        assert await views.steps(COMPANY, JOB) == {2: NOON}


async def one_of_each(store: Store) -> None:
    """Bring the items of a job to every outcome there is."""
    await succeed(store, "recorded")
    await reject(store, "failed")
    await reject(store, "settled")
    await store.rejected(JOB, "unknown", Rejection(Cause.OUTCOME_UNKNOWN, "Nobody knows."), unknown=True)
    await store.intend(JOB, "begun")


@pytest.mark.slow
async def test_each_item_has_one_outcome(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, "recorded", "failed", "unknown", "begun", "waiting", clock=clock) as store:
        await store.plan(JOB, ["settled"])
        await one_of_each(store)
        tally = await store.views.tally(COMPANY, JOB, NOON)
        assert tally.counts == {
            Outcome.WAITING: 1,
            Outcome.BEGUN: 1,
            Outcome.RECORDED: 1,
            Outcome.SETTLED: 0,
            Outcome.FAILED: 2,
            Outcome.UNKNOWN: 1,
        }
        assert (tally.total, tally.decided, tally.lately) == (6, 4, 4)
        assert (await store.views.tally(COMPANY, JOB, NOON + timedelta(seconds=1))).lately == 0
        for outcome, number in tally.counts.items():
            found = await store.views.items(COMPANY, JOB, Chosen(outcome=outcome), ALL)
            assert found.total == number, outcome


async def test_a_job_without_items_has_a_tally_of_nothing(url: str) -> None:
    async with planned(url) as store:
        assert (await store.views.tally(COMPANY, JOB, NOON)).total == 0


async def test_items_are_found_by_cause_and_by_a_part_of_an_id(url: str) -> None:
    async with planned(url, "aa-1", "aa-2", "bb_1") as store:
        await succeed(store, "aa-1")
        await reject(store, "aa-2")

        async def found(**chosen: str) -> list[str]:
            some = await store.views.items(COMPANY, JOB, Chosen(**chosen), ALL)  # type: ignore[arg-type]
            return [line.item.accounting_entry_id for line in some.rows]

        assert await found(cause=Cause.ACCOUNT_UNKNOWN.value) == ["aa-2"]
        assert await found(text="AA") == ["aa-1", "aa-2"]
        assert await found(text="je-aa") == ["aa-1"]
        assert await found(text="_") == ["bb_1"]
        assert await found(text="aa", cause=Cause.ACCOUNT_UNKNOWN.value) == ["aa-2"]


async def test_items_come_with_what_was_paid_as_long_as_the_expense_is_kept(url: str) -> None:
    async with planned(url) as store:
        await record(store, JOB, "e1", paid(1250))
        await record(store, JOB, "e2")
        found = await store.views.items(COMPANY, JOB, Chosen(), ALL)
        assert [line.paid for line in found.rows] == [Money("EUR", 1250), None]
        await store.forget_explanations(NOON + timedelta(seconds=1))
        found = await store.views.items(COMPANY, JOB, Chosen(), ALL)
        assert [line.paid for line in found.rows] == [None, None]


async def test_all_items_come_bit_by_bit(url: str) -> None:
    async with planned(url, *(f"e{number}" for number in range(5))) as store:
        first = await store.views.items_behind(COMPANY, JOB, -1, 3)
        rest = await store.views.items_behind(COMPANY, JOB, first[-1].item.position, 3)
        assert [line.item.position for line in (*first, *rest)] == [0, 1, 2, 3, 4]


async def test_failures_come_in_the_order_of_the_job_also_of_a_cause_nobody_knows(url: str) -> None:
    async with planned(url, "e1", "e2") as store:
        await reject(store, "e2", "Second.")
        await reject(store, "e1", "First.")
        assert await store.views.failures(COMPANY, JOB) == [
            ("e1", Rejection(Cause.ACCOUNT_UNKNOWN, "First.")),
            ("e2", Rejection(Cause.ACCOUNT_UNKNOWN, "Second.")),
        ]


async def test_every_attempt_of_an_expense_is_found_the_latest_first(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, "e1", clock=clock) as store:
        await reject(store, "e1")
        clock.forward(60)
        await store.see_job("job-2", COMPANY)
        await store.plan("job-2", ["e1"])
        attempts = await store.views.attempts(COMPANY, "e1")
        assert [(one.item.job_id, one.job_seen_at) for one in attempts] == [("job-2", clock.now), (JOB, NOON)]


async def test_outcomes_are_counted_by_the_day_in_utc(url: str) -> None:
    clock = StoppedClock()
    clock.now = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    async with planned(url, "e1", "e2", "e3", "before", clock=clock) as store:
        await reject(store, "before")
        since = clock.forward(1)
        await succeed(store, "e1")
        await reject(store, "e2")
        clock.forward(86_399)
        await succeed(store, "e3")
        assert await store.views.outcomes_by_day(COMPANY, since) == [DayOutcomes(date(2026, 3, 2), 2, 1)]
        assert len(await store.views.outcomes_by_day(COMPANY, NOON)) == 2


async def test_amounts_are_summed_by_day_and_currency_and_count_once(url: str) -> None:
    clock = StoppedClock()
    async with planned(url, clock=clock) as store:
        await record(store, JOB, "e1", paid(1000))
        await record(store, JOB, "e2", paid(-250))
        await record(store, JOB, "e3", paid(500, "JPY"))
        await store.plan(JOB, ["failed"])
        await store.rejected(JOB, "failed", Rejection(Cause.NO_LINES, "No lines."), paid(9999))
        await store.see_job("job-2", COMPANY)
        await store.plan("job-2", ["e1"])
        await store.intend("job-2", "e1", paid(1000))
        await store.entry_created(
            "job-2",
            "e1",
            external_id="JE-e1",
            url=None,
            exported_at=NOON,
            posted_on=NOON.date(),
            already_there=True,
            complete=True,
        )
        assert await store.views.amounts_by_day(COMPANY, NOON) == [
            DayAmount(NOON.date(), Money("EUR", 750)),
            DayAmount(NOON.date(), Money("JPY", 5)),
        ]


async def test_which_secrets_are_kept_is_told_and_nothing_of_them(url: str) -> None:
    async with opened(url) as store:
        await add(store, COMPANY, "Alpha")
        await store.keep_secret(COMPANY, "pleo-api-key", b"sealed")
        await store.keep_secret(OTHER, "odoo-api-key", b"sealed")
        assert await store.views.secrets_kept(COMPANY) == {"pleo-api-key": NOON}
