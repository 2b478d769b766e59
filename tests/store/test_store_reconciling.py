"""What is kept of comparing Pleo, our memory and the books."""

from datetime import date, timedelta

import pytest

from pleo_export.domain.job import ExportJob, JobEventType
from pleo_export.domain.progress import Phase, Settled
from pleo_export.domain.reconciling import Adoption, Difference, Told, unaccounted
from pleo_export.store import Store
from pleo_export.store.errors import IllegalTransitionError
from tests.store.stores import COMPANY, JOB, NOON, planned, succeed

MISSING = Told(kind=Difference.ENTRY_MISSING, sentence="It is gone.", remedy="Restore it.")
MONTH = timedelta(days=30)
GONE_JOB = ExportJob(
    id="job-gone",
    company_id=COMPANY,
    status="completed",
    created_at=NOON,
    expires_in=3600,
    is_interactive=True,
    number_of_items=1,
    vendor_based_bookkeeping=False,
)


def adoption(entry_id: str, shown: str) -> Adoption:
    return Adoption(
        accounting_entry_id=entry_id,
        external_id=f"JE-{entry_id}",
        url=None,
        posted_on=date(2026, 1, 2),
        shown=shown,
        by="anna",
    )


async def ended(store: Store) -> None:
    await store.closing(JOB, JobEventType.COMPLETED)
    await store.closed(JOB)


async def test_what_differs_is_replaced_and_keeps_its_beginning(url: str) -> None:
    async with planned(url, "e1", "e2") as store:
        await store.reconciled(COMPANY, JOB, {"e1": MISSING})
        (first,) = await store.differences(COMPANY)
        assert first.known
        await store.reconciled(COMPANY, JOB, {"e1": MISSING, "gone": MISSING})
        known = {one.accounting_entry_id: one for one in await store.differences(COMPANY, JOB)}
        assert known["e1"].found_at == first.found_at
        assert not known["gone"].known
        assert (await store.differences_by_kind())["entry-missing"] == 2
        await store.reconciled(COMPANY, JOB, {})
        assert await store.differences(COMPANY) == []
        assert set((await store.differences_by_kind()).values()) == {0}


async def test_what_nobody_accounts_for_is_kept_with_a_job_that_is_remembered_only(url: str) -> None:
    told = {"e9": unaccounted("ledger")}
    async with planned(url) as store:
        await store.reconciled(COMPANY, JOB, told)
        await store.reconciled(COMPANY, GONE_JOB.id, told)
        assert [(one.job_id, one.kind) for one in await store.differences(COMPANY)] == [(JOB, "unaccounted")]


async def test_an_entry_is_remembered_for_a_job_that_is_not(url: str) -> None:
    async with planned(url, "e1") as store:
        item = await store.adopt_found(GONE_JOB, adoption("e9", "successful"))
        assert (item.phase, item.settled_how, item.settled_by) == (Phase.RECORDED, Settled.LOOKED_UP, "anna")
        assert item.reported_at is not None
        job = await store.job("job-gone")
        assert (job.closing_event, job.open) == ("completed", False)
        with pytest.raises(IllegalTransitionError):
            await store.adopt_found(GONE_JOB, adoption("e9", "successful"))
        with pytest.raises(IllegalTransitionError):
            await store.adopt_found(
                ExportJob(
                    **{name: getattr(GONE_JOB, name) for name in ExportJob.__struct_fields__} | {"id": JOB}
                ),
                adoption("e1", "failed"),
            )
        assert (await store.item(JOB, "e1")).phase is Phase.PLANNED, "the job is at work"


async def test_each_ended_job_is_due_once_and_daily_while_something_differs(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.add_company(COMPANY, "Company", "", "")
        await succeed(store, "e1")
        now = (await store.job(JOB)).first_seen_at
        later = now + timedelta(days=2)
        assert await store.reconcile_due(now - MONTH, now) == [], "it is at work"
        await ended(store)
        (due,) = await store.reconcile_due(now - MONTH, now)
        assert (due.company_id, due.job_ids, due.everything) == (COMPANY, [JOB], False)
        assert await store.reconcile_due(now + MONTH, later) == [], "it is too old"
        await store.reconciled(COMPANY, JOB, {})
        assert await store.reconcile_due(now - MONTH, later) == []
        await store.reconciled(COMPANY, JOB, {"e1": MISSING})
        assert await store.reconcile_due(now - MONTH, now - MONTH) == []
        assert len(await store.reconcile_due(now - MONTH, later + MONTH)) == 1
        await store.pause(COMPANY)
        assert await store.reconcile_due(now - MONTH, later + MONTH) == []


async def test_a_doubt_stays_and_has_every_job_compared_anew(url: str) -> None:
    async with planned(url, "e1") as store:
        await store.add_company(COMPANY, "Company", "", "")
        await succeed(store, "e1")
        await ended(store)
        await store.reconciled(COMPANY, JOB, {})
        await store.see_job("job-2", COMPANY)
        assert await store.doubt("job-2", "the first reason")
        assert not await store.doubt("job-2", "another one")
        assert (await store.job("job-2")).doubt == "the first reason"
        now = (await store.job(JOB)).first_seen_at
        (due,) = await store.reconcile_due(now - MONTH, now - MONTH)
        assert due.job_ids == [JOB]


async def test_what_was_begun_or_exported_again_is_known(url: str) -> None:
    async with planned(url, "e1", "e2") as store:
        await store.intend(JOB, "e1")
        assert not await store.was_intended(JOB, "e1")
        assert await store.was_intended("job-2", "e1")
        assert not await store.was_intended("job-2", "e2")
        assert await store.exported_later(JOB) == set()
        assert await store.exported_later("nobody's") == set()
