"""What is kept of each expense, so that anybody may see later why it was booked as it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

from msgspec.structs import replace
from sqlalchemy import update

from pleo_export.domain.explanation import Explanation
from pleo_export.domain.progress import ItemProgress
from pleo_export.domain.settings import BookkeepingSettings, ClosedPeriodStrategy
from pleo_export.store import Store
from pleo_export.store.tables import explanations
from tests.workflow.workflow_scene import BOOKS, NOON, Scene, at, eid, expense


@asynccontextmanager
async def store_of(scene: Scene) -> AsyncIterator[Store]:
    async with scene.parts() as parts:
        assert isinstance(parts.store, Store)
        yield parts.store


async def kept(scene: Scene, job_id: str, number: int) -> tuple[ItemProgress, Explanation]:
    async with store_of(scene) as store:
        found = await store.explanation(job_id, eid(number))
        assert found is not None
        return await store.item(job_id, eid(number)), found


async def test_a_recorded_expense_is_kept_beside_the_entry_that_was_made_of_it(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, files=("png",)))
    await scene.run()
    item, explanation = await kept(scene, job_id, 1)
    assert explanation.expense is not None
    assert explanation.entry is not None
    assert explanation.expense.accounting_entry_lines[0].account.code == "6100"  # type: ignore[union-attr]
    assert [str(leg.amount) for leg in explanation.entry.postings] == ["1.00 EUR", "-1.00 EUR"]
    assert explanation.amount == explanation.entry.total
    assert item.intended_at == item.decided_at == NOON


async def test_links_to_receipts_and_bank_accounts_are_not_kept(scene: Scene) -> None:
    fields = ("bankName", "country", "accountNumber", "bankCode", "bic", "iban")
    bank = {**dict.fromkeys(fields, "DK5000400440116243"), "country": "DK"}
    invoice = {"invoiceNumber": "7", "invoiceDate": "2026-05-01", "status": "paid"}
    one = expense(1, files=("png",))
    one["additionalInformation"] |= {"invoiceInformation": {**invoice, "supplierBankAccount": bank}}
    job_id = await scene.company.job_of(one)
    await scene.run()
    _, explanation = await kept(scene, job_id, 1)
    assert explanation.expense is not None
    assert explanation.expense.additional_information.invoice_information is not None
    text = explanation.encoded().decode()
    assert scene.company.url not in text
    assert bank["iban"] not in text


async def test_an_expense_that_could_not_be_booked_is_kept_without_an_entry(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1, account="0000"))
    await scene.run()
    item, explanation = await kept(scene, job_id, 1)
    assert explanation.expense is not None
    assert explanation.entry is None
    assert item.intended_at is None
    assert item.decided_at == NOON


async def test_an_entry_that_was_moved_is_kept_as_it_was_recorded(scene: Scene) -> None:
    scene.bookkeeping = BookkeepingSettings(closed_period=ClosedPeriodStrategy.TODAY)
    scene.books.reference_data = replace(BOOKS, locked_through=date(2026, 5, 31))
    job_id = await scene.company.job_of(expense(1))
    await scene.run()
    _, explanation = await kept(scene, job_id, 1)
    assert explanation.entry is not None
    assert explanation.entry.posting_date == NOON.date()


async def test_what_was_intended_is_known_of_an_expense_that_nobody_can_tell_the_outcome_of(
    scene: Scene,
) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.connector.before = at("record", 1, RuntimeError("a fault"))
    await scene.run()
    item, explanation = await kept(scene, job_id, 1)
    assert item.unknown
    assert explanation.entry is not None


async def test_it_is_known_when_each_step_was_taken(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.run()
    async with store_of(scene) as store:
        assert await store.steps(job_id) == dict.fromkeys(range(2, 8), NOON)


async def test_explanations_are_forgotten_when_their_time_is_over(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.run()
    async with store_of(scene) as store:
        assert await store.forget_explanations(NOON) == 0
        assert await store.forget_explanations(NOON + timedelta(seconds=1)) == 1
        assert await store.explanation(job_id, eid(1)) is None
        assert (await store.item(job_id, eid(1))).final


async def test_what_another_version_kept_in_its_own_way_counts_as_forgotten(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.run()
    async with store_of(scene) as store:
        strange = update(explanations).values(document=b'{"expense": 7}')
        await store._writer.run(lambda connection: connection.execute(strange).rowcount)
        assert await store.explanation(job_id, eid(1)) is None
        assert await store.views.explanation(scene.company.id, job_id, eid(1)) is None
