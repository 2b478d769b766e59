from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import repeat

import pytest
from msgspec.structs import replace

from pleo_export.domain.item import ExportItem, UnreadableItem
from pleo_export.domain.job import ExportJobItem
from pleo_export.pleo.errors import ExportJobStatusUnprocessableError, Facts, MissingContraAccountsError
from pleo_export.workflow.fetch import fetch
from pleo_export.workflow.problems import JobProblemError
from pleo_export.workflow.spool import Spool
from tests.workflow.workflow_scene import Around, ChangeSettings, Scene, eid, expense, with_parts


class WithoutTwo(Around):
    """Pleo's client, to which the data of expense 2 never comes."""

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem | UnreadableItem]:
        async for item in self.inner.export_items(job_id):
            if item.accounting_entry_id != eid(2):
                yield item


class ForeignTwo(Around):
    """Pleo's client, with expense 2 in another company's name."""

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem | UnreadableItem]:
        async for item in self.inner.export_items(job_id):
            foreign = item.accounting_entry_id == eid(2)
            yield replace(item, company_id="another-company") if foreign else item


class UnreadableTwo(Around):
    """Pleo's client, to which expense 2 comes in pieces, and one more of which not even the id can be read."""

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem | UnreadableItem]:
        yield UnreadableItem(None, "DecodeError")
        async for item in self.inner.export_items(job_id):
            torn = UnreadableItem(eid(2), "Expected `str`, got `int` - at `$.type`")
            yield torn if item.accounting_entry_id == eid(2) else item


class Expiring(Around):
    """Pleo's client, on whose way to the data the job expires."""

    def __init__(self, scene: Scene, inner: object) -> None:
        super().__init__(inner)
        self._scene = scene

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem | UnreadableItem]:
        await self._scene.company.pass_time(3601)
        async for item in self.inner.export_items(job_id):
            yield item


class UnprocessableOnce(Around):
    """Pleo's client, to which Pleo says once that the data cannot be had as the job stands, and leaves the job as it is."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner)
        self._refused = False

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem | UnreadableItem]:
        if not self._refused:
            self._refused = True
            facts = Facts(method="GET", path="/v3/export-items", status=422)
            raise ExportJobStatusUnprocessableError(facts)
        async for item in self.inner.export_items(job_id):
            yield item


class Speechless(Around):
    """Pleo's client, whose refusal comes without words."""

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem]:
        async for item in self.inner.export_items(job_id):
            yield item
            raise MissingContraAccountsError(Facts(method="GET", path="/v3/export-items", status=400))


@pytest.mark.slow
async def test_every_page_is_read_before_anything_is_recorded(
    scene: Scene, pleo_settings: ChangeSettings
) -> None:
    await pleo_settings(maxLimit=2)
    job_id = await scene.company.job_of(*(expense(number) for number in range(1, 8)))
    await scene.run_one()
    assert sorted(scene.booked()) == [1, 2, 3, 4, 5, 6, 7]
    calls = [(one["method"], one["path"]) for one in await scene.company.audit()]
    control, data = ("GET", f"/v3/export-jobs/{job_id}/items"), ("GET", "/v3/export-items")
    assert calls.count(control) == calls.count(data) == 4
    first_mark = calls.index(("PUT", control[1]))
    assert control not in calls[first_mark:]
    assert data not in calls[first_mark:]


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_the_oldest_transaction_comes_first_and_the_id_decides_between_equals(
    scene: Scene, concurrency: int
) -> None:
    scene.connector.change(concurrency=concurrency)
    days = {1: 9, 2: 3, 3: 3, 4: 1, 5: 9, 6: 20, 7: 3}
    await scene.company.job_of(*(expense(number, day=days[number]) for number in (6, 5, 7, 3, 2, 1, 4)))
    await scene.run_one()
    assert scene.connector.asked("record") == [eid(number) for number in (4, 2, 3, 7, 1, 5, 6)]


async def test_receipts_do_not_change_the_order(scene: Scene) -> None:
    scene.connector.change(concurrency=4)
    await scene.company.job_of(expense(1, files=["pdf", "png"]), *(expense(number) for number in (2, 3, 4)))
    await scene.run_one()
    assert scene.connector.asked("record") == [eid(number) for number in (1, 2, 3, 4)]


async def test_missing_contra_accounts_fail_the_job_before_anything_is_marked(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.company.control("PATCH", f"/companies/{scene.company.id}", {"contraAccounts": {}})
    summary = await scene.run_one()
    job = await scene.company.job(job_id)
    assert (job["status"], job["failureReasonType"]) == ("failed", "missing_configuration")
    assert "Settings > Accounting > Contra accounts" in str(summary.reason)
    assert "EUR" in str(summary.reason)  # Pleo's own words name the currencies
    assert await scene.company.updates(job_id) == []


async def test_missing_contra_accounts_are_told_even_where_pleo_does_not_say_which(scene: Scene) -> None:
    await scene.company.running_job_of(expense(1))
    async with scene.parts() as parts:
        (job,) = await parts.pleo.list_jobs(scene.company.id, [])
        await parts.store.see_job(job.id, scene.company.id)
        speechless = with_parts(parts, pleo=Speechless(parts.pleo))
        with (
            Spool(parts.folder) as spool,
            pytest.raises(JobProblemError, match="contra account: it does not say which"),
        ):
            await fetch(speechless, job, spool)


async def test_an_expense_that_is_listed_but_not_sent_fails_and_the_others_go_on(scene: Scene) -> None:
    await assert_two_fails(scene, WithoutTwo, "unexpected_failure", "did not send its data")


async def test_an_expense_of_another_company_is_never_recorded(scene: Scene) -> None:
    await assert_two_fails(scene, ForeignTwo, "validation_failure", "another company's id")


async def test_an_unreadable_expense_fails_and_the_others_go_on(scene: Scene) -> None:
    await assert_two_fails(scene, UnreadableTwo, "validation_failure", "could not be read")


async def assert_two_fails(scene: Scene, pleo: type[Around], kind: str, words: str) -> None:
    job_id = await scene.company.job_of(*(expense(number, day=4 - number) for number in (1, 2, 3)))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=pleo(parts.pleo))
    outcomes = await scene.company.outcomes(job_id)
    assert (outcomes[2]["status"], outcomes[2]["failureReasonType"]) == ("failed", kind)
    assert words in outcomes[2]["failureReason"]
    assert scene.booked() == [3, 1]
    assert [item.accounting_entry_id for item in summary.items] == [eid(3), eid(1), eid(2)]


async def test_an_expense_that_is_not_listed_is_not_recorded(scene: Scene) -> None:
    """The control list fixes the scope: what is final in Pleo is not touched."""
    job_id = await scene.company.running_job_of(expense(1), expense(2), expense(3))
    outcomes = [
        {"accountingEntryId": eid(1), "status": "successful"},
        {"accountingEntryId": eid(2), "status": "failed", "failureReason": "No."},
    ]
    assert await scene.company.api("PUT", f"/export-jobs/{job_id}/items", outcomes) == 200
    summary = await scene.run_one()
    assert scene.connector.asked("record") == [eid(3)]
    assert summary.event == "completed_with_errors"
    assert summary.earlier == {eid(1): "successful", eid(2): "failed"}
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "failed", 3: "successful"}


class Short(Around):
    """Pleo's client, which is not shown one expense in the control list: at each reading the next of those `missing`."""

    def __init__(self, inner: object, missing: Iterable[int]) -> None:
        super().__init__(inner)
        self._missing = iter(missing)

    async def job_items(self, job_id: str) -> AsyncIterator[ExportJobItem]:
        missing = next(self._missing, 0)
        async for item in self.inner.job_items(job_id):
            if item.accounting_entry_id != eid(missing):
                yield item


@pytest.mark.parametrize("missing", [[2], [2, 1]], ids=["once", "each once"])
async def test_a_control_list_that_is_shorter_than_the_job_is_read_once_more(
    scene: Scene, missing: Sequence[int]
) -> None:
    await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=Short(parts.pleo, missing))
    assert (summary.event, summary.reason) == ("completed", None)
    assert scene.booked() == [1, 2]


async def test_a_job_whose_control_list_stays_too_short_is_not_told_as_completed(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await scene.company.job_of(expense(1), expense(2))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=Short(parts.pleo, repeat(2)))
    assert "2 expenses were selected, and its control list names 1" in caplog.text
    assert summary.event == "completed_with_errors"
    assert "it listed 1 of them. Look in Pleo which ones are not exported" in str(summary.reason)
    # A reason goes with `failed` only.
    assert (await scene.company.events(job_id))[-1] == {"jobId": job_id, "event": "completed_with_errors"}
    assert scene.booked() == [1]


async def test_a_job_that_expires_before_its_data_is_read_is_given_up(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        summary = await scene.run_one(pleo=Expiring(scene, parts.pleo))
    assert summary.event is None
    assert "expired" in str(summary.problem)
    assert scene.booked() == []


async def test_a_refusal_of_the_data_of_a_job_that_goes_on_gives_nothing_up(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        pleo = UnprocessableOnce(parts.pleo)
        with pytest.raises(ExportJobStatusUnprocessableError):
            await scene.run(pleo=pleo, recovering=False)
        (summary,) = await scene.run(pleo=pleo, recovering=False)
    assert (summary.event, scene.booked()) == ("completed", [1])
