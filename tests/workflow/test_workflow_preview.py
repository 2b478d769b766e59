"""A preview says what the run after it does."""

from collections.abc import Sequence
from datetime import date

import pytest
from msgspec.structs import replace

from pleo_export.accounting.memory import MemoryBooks
from pleo_export.accounting.port import EntryRefusedError, UnreachableError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry
from pleo_export.domain.failure_types import ItemFailureType, JobFailureType
from pleo_export.domain.failures import Finding, Rejection
from pleo_export.domain.grouping import rejection_of
from pleo_export.domain.settings import BookkeepingSettings, ClosedPeriodStrategy
from pleo_export.testing.faults import Verb
from pleo_export.workflow.preview import Previewed, preview_job
from pleo_export.workflow.problems import JobProblemError
from tests.workflow.workflow_scene import BOOKS, NOON, Around, Scene, eid, expense

TODAY = NOON.date()


async def preview(scene: Scene, job_id: str) -> Sequence[Previewed]:
    async with scene.parts() as parts:
        return await preview_job(parts, job_id)


def lock(scene: Scene, through: date, strategy: ClosedPeriodStrategy) -> None:
    scene.use_books(MemoryBooks(replace(BOOKS, locked_through=through)))
    scene.bookkeeping = BookkeepingSettings(closed_period=strategy)


async def assert_the_run_agrees(scene: Scene, previews: Sequence[Previewed]) -> None:
    """Each entry is recorded as it was shown, each rejection has the type and the words that were shown."""
    summary = await scene.run_one()
    shown = {one.accounting_entry_id: one.entry for one in previews if one.entry}
    # The links of receipts differ from one reading to the next; no expense here has any.
    assert dict(scene.books.entries) == shown
    failed = {item.accounting_entry_id: rejection_of(item) for item in summary.items if item.failure_type}
    assert failed == {one.accounting_entry_id: one.rejection for one in previews if one.rejection}


async def assert_the_run_fails_with(scene: Scene, problem: JobProblemError) -> None:
    summary = await scene.run_one()
    assert (summary.event, summary.reason) == ("failed", str(problem))
    assert scene.booked() == []


@pytest.mark.slow
async def test_entries_and_rejections_come_in_the_order_of_the_run_and_nothing_is_changed(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(
        expense(1, day=3), expense(2, day=1, account="9999"), expense(3, day=2)
    )
    previews = await preview(scene, job_id)
    assert [one.accounting_entry_id for one in previews] == [eid(2), eid(3), eid(1)]
    assert previews[0].rejection is not None
    assert previews[0].rejection.type is ItemFailureType.ACCOUNT_UNKNOWN
    assert previews[1].text == "6100 3.00 EUR\n1910 -3.00 EUR"
    assert {one.entry.job_id for one in previews if one.entry} == {job_id}
    assert scene.booked() == []
    assert {one["method"] for one in await scene.company.audit()} == {"GET"}
    await assert_the_run_agrees(scene, previews)


@pytest.mark.parametrize(
    ("strategy", "through", "posted"),
    [
        (ClosedPeriodStrategy.FAIL, date(2026, 5, 10), None),
        (ClosedPeriodStrategy.NEXT_OPEN, date(2026, 5, 10), date(2026, 5, 11)),
        (ClosedPeriodStrategy.TODAY, date(2026, 5, 10), TODAY),
        (ClosedPeriodStrategy.TODAY, TODAY, None),
    ],
)
async def test_a_closed_period_is_met_as_the_run_meets_it(
    scene: Scene, strategy: ClosedPeriodStrategy, through: date, posted: date | None
) -> None:
    lock(scene, through, strategy)
    job_id = await scene.company.job_of(expense(1, day=5), expense(2, day=20))
    previews = await preview(scene, job_id)
    entry, rejection = previews[0].entry, previews[0].rejection
    assert (entry and entry.posting_date, rejection is None) == (posted, posted is not None)
    await assert_the_run_agrees(scene, previews)


async def test_a_missing_account_of_the_settings_is_told_instead_of_entries(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.accounts = scene.accounts.model_copy(update={"wallet": "7777"})
    with pytest.raises(JobProblemError, match=r"accounts\.wallet = '7777'") as caught:
        await preview(scene, job_id)
    assert caught.value.finding.type is JobFailureType.INVALID_CONFIGURATION
    await assert_the_run_fails_with(scene, caught.value)


async def test_what_the_accounting_system_finds_is_told_instead_of_entries(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    finding = Finding(cause=Cause.COMPANY_DIFFERS, problem="Closed.", remedy="Open it.")
    scene.connector.findings = [finding]
    with pytest.raises(JobProblemError, match="Closed") as caught:
        await preview(scene, job_id)
    await assert_the_run_fails_with(scene, caught.value)


async def test_a_warning_hides_no_entry(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.connector.findings = [Finding(cause=Cause.TITLE_DIFFERS, problem="Old.", remedy="Renew.")]
    assert len(await preview(scene, job_id)) == 1


async def test_an_accounting_system_that_is_not_reached_is_told_in_the_words_of_the_run(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.faults.order(Verb.REFERENCE_DATA, UnreachableError("down"))
    with pytest.raises(JobProblemError, match="The accounting system was not reached: down"):
        await preview(scene, job_id)


async def test_vendor_tagging_without_payables_is_told_instead_of_entries(scene: Scene) -> None:
    await scene.company.control("PATCH", f"/companies/{scene.company.id}", {"vendorBasedBookkeeping": True})
    job_id = await scene.company.job_of(expense(1))
    scene.connector.change(payables=False)
    with pytest.raises(JobProblemError, match="vendor tagging") as caught:
        await preview(scene, job_id)
    await assert_the_run_fails_with(scene, caught.value)


async def test_missing_contra_accounts_are_told_instead_of_entries(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.company.control("PATCH", f"/companies/{scene.company.id}", {"contraAccounts": {}})
    with pytest.raises(JobProblemError, match="Contra accounts") as caught:
        await preview(scene, job_id)
    await assert_the_run_fails_with(scene, caught.value)


class Picky(Around):
    """A connector that refuses an entry as soon as it has to show it."""

    async def preview(self, entry: Entry) -> str:
        raise EntryRefusedError("Not in these books.")


async def test_an_entry_that_cannot_be_shown_would_fail(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.connector.inner = Picky(scene.connector.inner)
    (one,) = await preview(scene, job_id)
    assert (one.entry, one.rejection) == (
        None,
        Rejection(Cause.ENTRY_REFUSED, str(EntryRefusedError("Not in these books."))),
    )
