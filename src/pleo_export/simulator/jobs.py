"""Export jobs and their items, as state machines."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pleo_export.simulator.errors import IllegalStatusChangeError, JobFinishedError
from pleo_export.simulator.messages import CreateJobEvent, UpdateJobItem
from pleo_export.simulator.scalars import timestamp
from pleo_export.simulator.vocabulary import (
    ExpiredStyle,
    ItemStatus,
    JobEvent,
    JobFailure,
    JobStatus,
    JsonObject,
)

if TYPE_CHECKING:
    from pleo_export.simulator.companies import Expense

TRANSITIONS = {
    (JobStatus.PENDING, JobEvent.STARTED): JobStatus.IN_PROGRESS,
    # Pleo does not describe ending a job that was never started; giving it up is natural, success is not.
    (JobStatus.PENDING, JobEvent.FAILED): JobStatus.FAILED,
    (JobStatus.IN_PROGRESS, JobEvent.FAILED): JobStatus.FAILED,
    (JobStatus.IN_PROGRESS, JobEvent.COMPLETED): JobStatus.COMPLETED,
    (JobStatus.IN_PROGRESS, JobEvent.COMPLETED_WITH_ERRORS): JobStatus.COMPLETED_WITH_ERRORS,
}
UNFINISHED_JOB = frozenset({JobStatus.PENDING, JobStatus.IN_PROGRESS})
UNFINISHED_ITEM = frozenset({ItemStatus.PENDING, ItemStatus.IN_PROGRESS})


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


@dataclass(slots=True, eq=False)
class JobItem:
    """The tracking record of one expense in one job."""

    job: "Job"
    expense: "Expense"
    status: ItemStatus = ItemStatus.PENDING
    exported_at: datetime | None = None
    external_id: str | None = None
    external_url: str | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None

    @property
    def entry_id(self) -> str:
        return self.expense.entry_id

    def update(self, change: UpdateJobItem) -> None:
        """Take the new status and its data; None in `change` clears a field."""
        self.status = change.status
        self.exported_at = change.exported_at
        self.external_id = change.external_id
        self.external_url = change.external_url
        self.failure_reason = change.failure_reason
        self.failure_reason_type = change.failure_reason_type

    def as_json(self) -> JsonObject:
        return {
            "accountingEntryId": self.entry_id,
            "exportJobId": self.job.id,
            "status": self.status,
            "exportedAt": _when(self.exported_at),
            "externalId": self.external_id,
            "externalUrl": self.external_url,
            "failureReason": self.failure_reason,
            "failureReasonType": self.failure_reason_type,
        }


@dataclass(slots=True, eq=False)
class Job:
    """An export job; `expires_in` is in seconds, counted from `last_updated_at`."""

    id: str
    company_id: str
    created_at: datetime
    expires_in: int
    vendor_based: bool
    contra_currencies: frozenset[str]
    created_by: str | None = None
    is_interactive: bool = True
    status: JobStatus = JobStatus.PENDING
    reads_expired: bool = False
    last_updated_at: datetime = field(init=False)
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expired_at: datetime | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None
    items: dict[str, JobItem] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.last_updated_at = self.created_at

    @property
    def unfinished(self) -> bool:
        return self.status in UNFINISHED_JOB

    def apply(self, change: CreateJobEvent, now: datetime, *, refuse_unfinished: bool) -> None:
        """Move along the transition table, else raise IllegalStatusChangeError."""
        status = TRANSITIONS.get((self.status, change.event))
        if status is None or (refuse_unfinished and self._leaves_items_behind(change.event)):
            raise IllegalStatusChangeError(self.status, change.event)
        self.status, self.last_updated_at = status, now
        self.failure_reason, self.failure_reason_type = change.failure_reason, change.failure_reason_type
        if status is JobStatus.IN_PROGRESS:
            self.started_at = now
        else:
            self.completed_at = now
        if status is JobStatus.FAILED:
            self._abandon_items()

    def _leaves_items_behind(self, event: JobEvent) -> bool:
        completes = event in {JobEvent.COMPLETED, JobEvent.COMPLETED_WITH_ERRORS}
        return completes and any(item.status in UNFINISHED_ITEM for item in self.items.values())

    def expire_if_due(self, now: datetime, style: ExpiredStyle) -> None:
        """Fail the job when its last action lies `expires_in` seconds or more back."""
        deadline = self.last_updated_at + timedelta(seconds=self.expires_in)
        if not self.unfinished or now < deadline:
            return
        self.status, self.expired_at = JobStatus.FAILED, deadline
        self.failure_reason_type = JobFailure.JOB_EXPIRED
        self.reads_expired = style == "status"
        self._abandon_items()

    def _abandon_items(self) -> None:
        for item in self.items.values():
            if item.status in UNFINISHED_ITEM:
                item.status = ItemStatus.ABANDONED

    def update_items(
        self, changes: Sequence[UpdateJobItem], now: datetime, *, refresh: bool, final_stays: bool
    ) -> tuple[list[JobItem], list[JsonObject]]:
        """Apply the changes in order; return the accepted items and the refused elements' errors.

        Raises JobFinishedError. Only an accepted change counts as progress of the job, if it is to `refresh` it at all. With
        `final_stays` a final status takes no other one.
        """
        if not self.unfinished:
            raise JobFinishedError
        accepted, errors = [], []
        for change in changes:
            item = self.items.get(change.accounting_entry_id)
            if item is None:
                errors.append(
                    _refused(change, "ACCOUNTING_ENTRY_DOES_NOT_EXIST", "The job has no such entry.")
                )
            elif final_stays and item.status not in UNFINISHED_ITEM and item.status is not change.status:
                message = f"The entry is {item.status}, which is final."
                errors.append(_refused(change, "EXPORT_ENTRY_STATUS_UPDATE_FAILED", message))
            else:
                item.update(change)
                accepted.append(item)
        if accepted and refresh:
            self.last_updated_at = now
        return accepted, errors

    def as_json(self) -> JsonObject:
        return {
            "id": self.id,
            "companyId": self.company_id,
            "status": "expired" if self.reads_expired else self.status,
            "createdAt": timestamp(self.created_at),
            "createdBy": self.created_by,
            "startedAt": _when(self.started_at),
            "lastUpdatedAt": timestamp(self.last_updated_at),
            "completedAt": _when(self.completed_at),
            "expiredAt": _when(self.expired_at),
            "expiresIn": self.expires_in,
            "failureReason": self.failure_reason,
            "failureReasonType": self.failure_reason_type,
            "isInteractive": self.is_interactive,
            "numberOfItems": len(self.items),
            "vendorBasedBookkeeping": self.vendor_based,
        }


def _refused(change: UpdateJobItem, error_type: str, message: str) -> JsonObject:
    return {"accountingEntryId": change.accounting_entry_id, "type": error_type, "message": message}
