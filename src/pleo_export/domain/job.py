"""Export jobs, their control records and what an integration says about them (Export API v3)."""

from datetime import datetime
from enum import StrEnum

import msgspec

from pleo_export.domain.failure_types import ItemFailureType, JobFailureType
from pleo_export.domain.item import Instant, PleoModel, SentModel


class JobStatus(StrEnum):
    """Where a job stands. `expired` is named by one of Pleo's pages only; we understand it all the same."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    EXPIRED = "expired"


class JobEventType(StrEnum):
    """What an integration may say about a job (ExportJobEventType)."""

    STARTED = "started"
    FAILED = "failed"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"


class ItemStatus(StrEnum):
    """Where an item of a job stands (ExportJobItemStatus)."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    SUCCESSFUL = "successful"
    ABANDONED = "abandoned"


class ExportJob(SentModel, frozen=True):
    """A batch of expenses a bookkeeper sent to export. It expires `expires_in` seconds after `last_updated_at`."""

    id: str
    company_id: str
    status: str
    created_at: Instant
    expires_in: int
    is_interactive: bool
    number_of_items: int
    vendor_based_bookkeeping: bool
    created_by: str | None = None
    started_at: Instant | None = None
    last_updated_at: Instant | None = None
    completed_at: Instant | None = None
    expired_at: Instant | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None

    @property
    def expired(self) -> bool:
        """Whether Pleo gave the job up, in any of the three ways its pages describe that."""
        return (
            self.status == JobStatus.EXPIRED
            or self.expired_at is not None
            or (self.status == JobStatus.FAILED and self.failure_reason_type == JobFailureType.JOB_EXPIRED)
        )

    @property
    def unfinished(self) -> bool:
        """Whether work on the job is still possible."""
        return self.status in (JobStatus.PENDING, JobStatus.IN_PROGRESS) and not self.expired


class ExportJobItem(SentModel, frozen=True):
    """The control record of one expense in one job: its status, no accounting data."""

    accounting_entry_id: str
    export_job_id: str
    status: str
    exported_at: Instant | None = None
    external_id: str | None = None
    external_url: str | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None


class ItemUpdate(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is told to Pleo about one item. Fields that are None are left out, never sent as null."""

    accounting_entry_id: str
    status: ItemStatus
    exported_at: datetime | None = None
    external_id: str | None = None
    external_url: str | None = None
    failure_reason: str | None = None
    failure_reason_type: ItemFailureType | None = None


class ItemUpdateError(PleoModel, frozen=True):
    """An element of an update that Pleo refused, inside an answer with status 200."""

    accounting_entry_id: str
    message: str
    type: str


class ItemUpdateResult(PleoModel, frozen=True):
    """Pleo's answer to an update: the records it changed and those it refused."""

    data: tuple[ExportJobItem, ...]
    errors: tuple[ItemUpdateError, ...]


class JobEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is told to Pleo about a job. Pleo takes a reason only with `failed`."""

    job_id: str
    event: JobEventType
    failure_reason: str | None = None
    failure_reason_type: JobFailureType | None = None
