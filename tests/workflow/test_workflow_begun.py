"""A job that was interrupted, and that a problem of all its expenses ends before anything more can be recorded."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pleo_export.accounting.port import (
    ClosedPeriod,
    EntryRefusedError,
    ForbiddenError,
    NoAnswerError,
    RateLimitedError,
    UnauthorisedError,
    UnreachableError,
)
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import finding
from pleo_export.domain.job import ItemStatus, ItemUpdate
from pleo_export.domain.progress import Phase
from pleo_export.domain.settings import AttachmentFailure, BookkeepingSettings
from pleo_export.pleo.errors import Facts, MissingContraAccountsError
from pleo_export.pleo.retrying import Before
from pleo_export.workflow.memory import BEGUN, ENTRY_UNKNOWN, OUTCOMES_UNKNOWN
from pleo_export.workflow.ports import JobSummary
from pleo_export.workflow.problems import SilentError
from tests.workflow.older_copy import copied_at, doubt_of, put_back
from tests.workflow.workflow_scene import Around, Crash, Scene, at, eid, expense, nothing

NO_CONTRA = "Pleo hands out no expenses, because not every Pleo account has a contra account: Not configured."
NOTHING_RECORDED = (
    "The export of this expense was interrupted; nothing was recorded in memory. Export it again."
)
SERVICE = 60.0


class WithoutContraAccounts(Around):
    """Pleo's client, to which Pleo refuses the expenses' data."""

    async def export_items(self, _job_id: str) -> AsyncIterator[object]:
        facts = Facts(method="GET", path="/v3/export-items", status=400, message="Not configured.")
        raise MissingContraAccountsError(facts)
        yield


class DiesTelling(Around):
    """Pleo's client, in a process that dies when it is about to tell an outcome."""

    async def update_items(self, job_id: str, updates: Sequence[ItemUpdate], *before: Before) -> object:
        if updates[0].status is not ItemStatus.IN_PROGRESS:
            raise Crash
        return await self.inner.update_items(job_id, updates, *before)


async def end_early(scene: Scene, **changes: Any) -> JobSummary:
    """Export while Pleo hands out no expenses; everything else is in order."""
    async with scene.parts() as parts:
        return await scene.run_one(pleo=WithoutContraAccounts(parts.pleo), **changes)


async def told(scene: Scene, job_id: str) -> dict[int, tuple[str, str | None]]:
    """What Pleo was told of each expense: its type of failure or else the status, and the reason."""
    outcomes = await scene.company.outcomes(job_id)
    return {
        number: (one["failureReasonType"] or one["status"], one["failureReason"])
        for number, one in outcomes.items()
    }


async def crash(scene: Scene, *, files: tuple[str, ...] = ()) -> str:
    """Die once the first of three is recorded: the second is intended ahead, the third is marked only."""
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1, files=files), expense(2), expense(3))
    await scene.crash_after_recording()
    return job_id


async def lose_memory(scene: Scene) -> str:
    """Die with two of three recorded, of which Pleo has heard of the first, and lose the database."""
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1), expense(2), expense(3))
    scene.connector.before = at("record", 3, Crash())
    await scene.crash()
    done = [{"accountingEntryId": eid(1), "status": "successful", "externalId": eid(1)}]
    assert await scene.company.api("PUT", f"/export-jobs/{job_id}/items", done) == 200
    scene.forget()
    return job_id


def is_down(scene: Scene) -> None:
    async def down(_verb: str, _reference: str) -> None:
        raise UnreachableError("down")

    scene.connector.before_check = down


@pytest.mark.slow
async def test_an_entry_that_stands_is_a_success_although_the_job_cannot_go_on(scene: Scene) -> None:
    job_id = await crash(scene)
    assert (await end_early(scene)).event == "completed_with_errors"
    assert await told(scene, job_id) == {
        1: ("successful", None),
        2: ("unexpected_failure", NOTHING_RECORDED),
        3: ("unexpected_failure", NOTHING_RECORDED),
    }
    assert (await scene.company.outcomes(job_id))[1]["externalId"] == eid(1)
    assert sorted(scene.connector.asked("find")) == [eid(1), eid(2), eid(3)]
    assert scene.connector.asked("record") == []


async def test_a_job_of_which_everything_stands_is_completed_whatever_else_is_wrong(scene: Scene) -> None:
    await scene.company.job_of(expense(1))
    await scene.crash_after_recording()
    assert (await end_early(scene)).event == "completed"


@pytest.mark.slow
async def test_a_job_of_which_nothing_stands_fails_with_its_own_problem(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    scene.connector.before = at("record", 1, Crash())
    await scene.crash()
    assert (await end_early(scene)).event == "failed"
    event = (await scene.company.events(job_id))[-1]
    assert event["failureReason"].startswith(NO_CONTRA)
    assert event["failureReasonType"] == "missing_configuration"
    assert await scene.company.statuses(job_id) == {1: "failed"}


@pytest.mark.slow
@pytest.mark.parametrize("missing", list(AttachmentFailure))
async def test_an_entry_that_stands_and_may_lack_its_receipts_is_named(
    scene: Scene, missing: AttachmentFailure
) -> None:
    scene.bookkeeping = BookkeepingSettings(attachment_failure=missing)
    await crash(scene, files=("pdf",))
    item = (await end_early(scene)).items[0]
    assert (item.external_id, item.unknown) == (eid(1), False)
    why = f"it was sure that the receipts of this expense are with its entry: {NO_CONTRA}"
    if missing is AttachmentFailure.FAIL:
        assert why in str(item.failure_reason)
        assert f"Its entry ({eid(1)}) stands in memory all the same." in str(item.failure_reason)
    else:
        assert item.phase is Phase.RECORDED
        assert why in str(item.note)


@pytest.mark.slow
async def test_receipts_that_were_being_attached_are_not_said_to_be_refused(scene: Scene) -> None:
    await scene.company.job_of(expense(1, files=["pdf"]))
    scene.connector.before = at("attach", 1, Crash())
    await scene.crash()
    (item,) = (await end_early(scene)).items
    assert item.failure_code == Cause.RECEIPTS_INTERRUPTED
    assert scene.connector.asked("find") == []


@pytest.mark.slow
async def test_an_entry_with_other_content_is_no_success(scene: Scene) -> None:
    await crash(scene)
    scene.books.entries[eid(1)] = replace(scene.books.entries[eid(1)], description="Another purchase")
    item = (await end_early(scene)).items[0]
    assert (item.failure_code, item.unknown) == (Cause.ENTRY_DIFFERS, False)
    assert eid(1) in str(item.failure_reason)


@pytest.mark.slow
async def test_an_entry_that_was_moved_to_another_day_is_no_success(scene: Scene) -> None:
    scene.connector.change(closed_period=ClosedPeriod.MOVES_THE_DATE)
    await scene.company.job_of(expense(1))
    await scene.crash_after_recording()
    moved = replace(scene.books.entries[eid(1)], posting_date=date(2026, 6, 1))
    scene.books.entries[eid(1)] = moved
    (item,) = (await end_early(scene)).items
    assert item.failure_code == Cause.DATE_MOVED
    assert f"Its entry ({eid(1)}) stands in memory all the same." in str(item.failure_reason)


@pytest.mark.slow
async def test_what_a_system_that_is_not_in_order_does_not_show_is_not_said_to_be_absent(
    scene: Scene,
) -> None:
    job_id = await crash(scene)
    scene.connector.findings = [finding(Cause.LEDGER_SLOW, folder="books", seconds=60)]
    summary = await scene.run_one()
    assert summary.event == "completed_with_errors"
    assert [item.unknown for item in summary.items] == [False, True, False]
    outcomes = await told(scene, job_id)
    assert outcomes[1] == ("successful", None)
    assert outcomes[2][1] == (
        "It is not known whether this expense was recorded: memory shows no entry, but is not in order:"
        " The ledger folder books did not answer within 60 seconds."
        f" Look there for the reference {eid(2)} before you export it again."
    )
    assert outcomes[3][0] == "accounting_system_timeout"
    assert scene.connector.asked("find") == [eid(1), eid(2)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "type_", "unknown"),
    [
        (UnauthorisedError("No."), "accounting_system_authentication_failure", True),
        (ForbiddenError("No."), "authorization_failure", True),
        (NoAnswerError("nothing came"), "accounting_system_timeout", True),
        (UnreachableError("down"), "accounting_system_timeout", True),
        (RateLimitedError(86_400), "accounting_system_timeout", True),
        (EntryRefusedError("damaged"), "accounting_system_validation_failure", False),
        (ZeroDivisionError(), "unexpected_failure", True),
    ],
)
async def test_a_look_up_that_fails_is_told_as_what_it_is(
    scene: Scene, error: Exception, type_: str, *, unknown: bool
) -> None:
    job_id = await scene.company.job_of(expense(1))
    await scene.crash_after_recording()
    scene.connector.before = at("find", 1, error)
    (item,) = (await end_early(scene)).items
    assert (item.failure_type, item.unknown) == (type_, unknown)
    assert ("not known whether" in str(item.failure_reason)) == unknown
    assert await scene.company.event_names(job_id) == ["started", "failed"]


@pytest.mark.slow
async def test_what_pleo_holds_as_final_is_neither_asked_for_nor_told_again(scene: Scene) -> None:
    job_id = await crash(scene)
    done = [{"accountingEntryId": eid(1), "status": "successful", "externalId": eid(1)}]
    assert await scene.company.api("PUT", f"/export-jobs/{job_id}/items", done) == 200
    assert (await end_early(scene)).event == "completed_with_errors"
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "failed", 3: "failed"}
    assert eid(1) not in scene.connector.asked("find")


@pytest.mark.slow
async def test_a_service_without_memory_waits_for_a_system_that_is_down_and_notes_its_doubt(
    scene: Scene,
) -> None:
    job_id = await lose_memory(scene)
    is_down(scene)
    with pytest.raises(SilentError):
        await scene.run(silence_seconds_max=SERVICE)
    assert await scene.company.event_names(job_id) == ["started"]
    assert await doubt_of(scene, job_id) == OUTCOMES_UNKNOWN.format(number=1)
    scene.connector.before_check = nothing
    assert (await scene.run_one(silence_seconds_max=SERVICE)).event == "completed_with_errors"
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "successful", 3: "failed"}


@pytest.mark.slow
async def test_a_command_without_memory_closes_the_job_as_pleo_holds_it(scene: Scene) -> None:
    job_id = await lose_memory(scene)
    is_down(scene)
    summary = await scene.run_one()
    assert (summary.event, summary.earlier) == ("completed_with_errors", {eid(1): "successful"})
    assert [item.unknown for item in summary.items] == [True, True]
    assert await scene.company.statuses(job_id) == {1: "successful", 2: "failed", 3: "failed"}
    assert await doubt_of(scene, job_id) == OUTCOMES_UNKNOWN.format(number=1)


@pytest.mark.slow
async def test_an_entry_that_only_the_books_know_is_named(scene: Scene) -> None:
    job_id = await lose_memory(scene)
    assert (await end_early(scene)).event == "completed_with_errors"
    outcomes = await told(scene, job_id)
    assert f"memory holds an entry for this expense ({eid(2)}), but it cannot be checked" in str(
        outcomes[2][1]
    )
    assert outcomes[3] == ("unexpected_failure", NOTHING_RECORDED)
    assert scene.connector.asked("record") == []


@pytest.mark.slow
async def test_a_job_whose_memory_is_lost_and_of_which_pleo_holds_no_success_fails(scene: Scene) -> None:
    job_id = await scene.company.running_job_of(expense(1), expense(2))
    await scene.company.mark(job_id, 1)
    assert (await end_early(scene)).event == "failed"
    assert await doubt_of(scene, job_id) == BEGUN
    assert await scene.company.statuses(job_id) == {1: "failed", 2: "failed"}


async def older_copy(scene: Scene, copy: Path) -> str:
    """Die with the first of two recorded, and put back a copy in which nothing was begun."""
    scene.connector.change(concurrency=1)
    job_id = await scene.company.job_of(expense(1), expense(2))
    scene.connector.before = at("record", 2, Crash())
    with copied_at(scene, "items.marked", copy):
        await scene.crash()
    put_back(scene, copy)
    return job_id


@pytest.mark.slow
async def test_a_service_with_an_older_copy_waits_for_a_system_that_is_down(
    scene: Scene, tmp_path: Path
) -> None:
    job_id = await older_copy(scene, tmp_path / "copy")
    is_down(scene)
    with pytest.raises(SilentError):
        await scene.run(silence_seconds_max=SERVICE)
    scene.connector.before_check = nothing
    assert (await scene.run_one(silence_seconds_max=SERVICE)).event == "completed"
    assert await scene.company.event_names(job_id) == ["started", "completed"]
    assert scene.booked() == [1, 2]


@pytest.mark.slow
async def test_an_entry_that_an_older_copy_does_not_know_is_noticed(scene: Scene, tmp_path: Path) -> None:
    job_id = await older_copy(scene, tmp_path / "copy")
    assert (await end_early(scene)).event == "failed"
    assert await doubt_of(scene, job_id) == ENTRY_UNKNOWN.format(system="memory", entry_id=eid(1))
    assert f"memory holds an entry for this expense ({eid(1)})" in str((await told(scene, job_id))[1][1])


async def test_what_nobody_began_is_told_as_well_beside_a_success_that_only_pleo_knows(scene: Scene) -> None:
    job_id = await scene.company.running_job_of(expense(1), expense(2))
    await scene.company.mark(job_id, 1)
    done = [{"accountingEntryId": eid(1), "status": "successful", "externalId": eid(1)}]
    assert await scene.company.api("PUT", f"/export-jobs/{job_id}/items", done) == 200
    assert (await end_early(scene)).event == "completed_with_errors"
    assert (await scene.company.statuses(job_id)) == {1: "successful", 2: "failed"}


async def test_an_outcome_that_is_known_is_told_although_the_system_is_silent(scene: Scene) -> None:
    job_id = await scene.company.job_of(expense(1))
    async with scene.parts() as parts:
        with pytest.raises(Crash):
            await scene.run(pleo=DiesTelling(parts.pleo))
    is_down(scene)
    assert (await scene.run_one(silence_seconds_max=SERVICE)).event == "completed"
    assert await scene.company.statuses(job_id) == {1: "successful"}
