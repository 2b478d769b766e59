from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.domain.job import (
    ExportJob,
    ExportJobItem,
    ItemStatus,
    ItemUpdate,
    JobEvent,
    JobEventType,
    JobStatus,
)
from pleo_export.domain.progress import ItemProgress, JobProgress, Phase

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def job(status: str = "in_progress", **changes: Any) -> ExportJob:
    plain = ExportJob(
        id="job-1",
        company_id="company-1",
        status=status,
        created_at=NOW,
        expires_in=3600,
        is_interactive=True,
        number_of_items=2,
        vendor_based_bookkeeping=False,
    )
    return msgspec.structs.replace(plain, **changes)


@pytest.mark.parametrize(
    "expired",
    [job("expired"), job("in_progress", expired_at=NOW), job("failed", failure_reason_type="job_expired")],
)
def test_a_job_expires_in_three_ways_that_mean_the_same(expired: ExportJob) -> None:
    assert expired.expired
    assert not expired.unfinished


@pytest.mark.parametrize(
    "alive",
    [
        job("pending"),
        job("in_progress"),
        job("in_progress", failure_reason_type="job_expired"),
        job("failed", failure_reason_type="validation_failure"),
        job("completed"),
    ],
)
def test_no_other_job_has_expired(alive: ExportJob) -> None:
    assert not alive.expired


@pytest.mark.parametrize("status", [*JobStatus, "paused"])
def test_work_is_possible_on_jobs_that_wait_or_run(status: str) -> None:
    assert job(status).unfinished == (status in ("pending", "in_progress"))


def test_a_job_and_its_items_are_read_with_the_least_that_pleo_promises() -> None:
    read = msgspec.json.decode(
        b'{"id": "j", "companyId": "c", "status": "paused", "createdAt": "2026-01-05T09:30:00Z", "expiresIn": 60,'
        b' "isInteractive": false, "numberOfItems": 0, "vendorBasedBookkeeping": true, "somethingNew": 1}',
        type=ExportJob,
    )
    assert (read.status, read.started_at, read.failure_reason) == ("paused", None, None)
    item = msgspec.json.decode(
        b'{"accountingEntryId": "e", "exportJobId": "j", "status": "pending"}', type=ExportJobItem
    )
    assert item == ExportJobItem(accounting_entry_id="e", export_job_id="j", status="pending")


def test_what_is_told_to_pleo_leaves_out_what_is_not_known() -> None:
    update = ItemUpdate(accounting_entry_id="e", status=ItemStatus.IN_PROGRESS)
    assert msgspec.json.encode(update) == b'{"accountingEntryId":"e","status":"in_progress"}'
    event = JobEvent(job_id="j", event=JobEventType.STARTED)
    assert msgspec.json.encode(event) == b'{"jobId":"j","event":"started"}'


def test_a_failure_is_told_to_pleo_with_reason_and_type() -> None:
    update = ItemUpdate(
        accounting_entry_id="e",
        status=ItemStatus.FAILED,
        failure_reason="Why.",
        failure_reason_type=ItemFailureType.TAG_UNKNOWN,
    )
    assert msgspec.json.decode(msgspec.json.encode(update)) == {
        "accountingEntryId": "e",
        "status": "failed",
        "failureReason": "Why.",
        "failureReasonType": "tag_unknown",
    }


@pytest.mark.parametrize(
    ("phase", "final"),
    [(Phase.PLANNED, False), (Phase.INTENDED, False), (Phase.RECORDED, True), (Phase.REJECTED, True)],
)
def test_an_item_is_final_once_it_is_recorded_or_rejected(phase: Phase, *, final: bool) -> None:
    progress = ItemProgress(job_id="j", accounting_entry_id="e", position=0, phase=phase)
    assert progress.final is final


@pytest.mark.parametrize(
    ("changes", "is_open"), [({}, True), ({"closed_at": NOW}, False), ({"problem": "It expired."}, False)]
)
def test_a_job_is_open_until_it_is_closed_or_given_up(changes: dict[str, Any], *, is_open: bool) -> None:
    progress = JobProgress(job_id="j", company_id="c", first_seen_at=NOW, counts={})
    assert msgspec.structs.replace(progress, **changes).open is is_open
