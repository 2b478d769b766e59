"""Comparing Pleo, our memory and the books: every expense of a job, also while exports go on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta

import pytest

from pleo_export.domain.progress import Phase
from pleo_export.domain.reconciling import Difference
from pleo_export.domain.reference import LedgerAccount, ReferenceData
from pleo_export.store import Store
from pleo_export.testing.samples import sample_entry
from pleo_export.workflow.ports import Sources
from pleo_export.workflow.reconcile import Looking, adopt, compare
from tests.workflow.workflow_scene import BOOKS, Scene, eid, expense

DAY = timedelta(days=1)
MORE_THAN_ARE_LOOKED_UP_AT_ONCE = 101


@asynccontextmanager
async def looking_at(scene: Scene) -> AsyncIterator[tuple[Looking, Store]]:
    async with scene.parts() as parts:
        store = parts.store
        assert isinstance(store, Store)
        sources = {field.name: getattr(parts, field.name) for field in fields(Sources)}
        yield Looking(**sources, store=store, draw=lambda: 0.0, looked_up=lambda _: None), store


async def test_what_is_exported_again_while_its_entry_is_looked_for_does_not_differ(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2, account="9999"))
    assert (await scene.run_one()).event == "completed_with_errors"
    exported_again = list[str]()

    async def export_again(verb: str, reference: str) -> None:
        """The account is there now: the bookkeeper presses Export while the entry of expense 2 is looked for."""
        if (verb, reference) != ("find", eid(2)) or exported_again:
            return
        exported_again.append(await scene.company.press_export(2))
        scene.clock.advance(1)
        accounts = {**BOOKS.accounts, "9999": LedgerAccount("9999", "Account 9999")}
        scene.books.reference_data = ReferenceData(accounts=accounts)
        assert (await scene.run_one()).items[0].phase is Phase.RECORDED

    scene.connector.before = export_again
    async with looking_at(scene) as (looking, store):
        (compared,) = [one async for one in compare(looking, [job_id], None)]
        assert (compared.expenses, compared.found) == (2, [])
        assert await store.differences(scene.company.id) == []
    assert len(exported_again) == 1
    assert scene.booked() == [1, 2]


async def test_what_another_integration_told_pleo_in_a_job_of_ours_is_kept_and_compared_once_a_day(
    scene: Scene,
) -> None:
    """It was switched off before it closed the job, which is taken up here."""
    job_id = await scene.company.running_job_of(expense(1), expense(2, account="9999"))
    told = [
        {"accountingEntryId": eid(1), "status": "successful", "externalId": "JE-1"},
        {"accountingEntryId": eid(2), "status": "failed", "failureReason": "No."},
    ]
    assert await scene.company.api("PUT", f"/export-jobs/{job_id}/items", told) == 200
    assert (await scene.run_one()).event == "completed_with_errors"
    async with looking_at(scene) as (looking, store):
        await store.add_company(scene.company.id, "Acme", "", "")
        (compared,) = [one async for one in compare(looking, [job_id], None)]
        assert (compared.expenses, compared.found, compared.unaccounted) == (0, (), [eid(1)])
        (kept,) = await store.differences(scene.company.id, job_id)
        assert (kept.accounting_entry_id, kept.kind) == (eid(1), Difference.UNACCOUNTED)
        now = scene.clock.now()
        assert await store.reconcile_due(now - DAY, now) == [], "it was compared just now"
        assert len(await store.reconcile_due(now - DAY, now + DAY)) == 1


async def given_up_job(scene: Scene, items: int) -> str:
    """A job that another integration gave up, after it had recorded every expense."""
    numbers = range(1, items + 1)
    job_id = await scene.company.running_job_of(*map(expense, numbers))
    await scene.company.event(job_id, "failed", failureReason="It was given up.")
    scene.books.entries |= {eid(number): sample_entry(eid(number)) for number in numbers}
    return job_id


@pytest.mark.slow
async def test_every_expense_of_a_large_job_is_looked_up(scene: Scene) -> None:
    job_id = await given_up_job(scene, MORE_THAN_ARE_LOOKED_UP_AT_ONCE)
    async with looking_at(scene) as (looking, _):
        (compared,) = [one async for one in compare(looking, [job_id], None)]
    assert compared.expenses == MORE_THAN_ARE_LOOKED_UP_AT_ONCE
    assert {one.accounting_entry_id for one in compared.found} == scene.books.entries.keys()


async def test_what_was_settled_since_it_was_compared_is_not_told_as_done(scene: Scene) -> None:
    job_id = await given_up_job(scene, 1)
    async with looking_at(scene) as (looking, _):
        (compared,) = [one async for one in compare(looking, [job_id], None)]
        assert await adopt(looking, compared, "Ada") == [eid(1)]
        assert await adopt(looking, compared, "Bo") == []
