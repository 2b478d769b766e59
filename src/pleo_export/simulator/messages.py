"""Bodies of the public Export API calls, export items aside."""

from typing import Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from pleo_export.simulator.export_item import ExportItem
from pleo_export.simulator.scalars import Moment, Omittable, Shape, TimestampText, UuidText
from pleo_export.simulator.vocabulary import ItemFailure, ItemStatus, JobEvent, JobFailure, PageOrder


class Problem(Shape):
    """The error envelope."""

    type: str
    message: str | None = None


class CreateJobEvent(Shape):
    """An event; a reason belongs to `failed`, and `completed_with_errors` may carry one."""

    job_id: UuidText
    event: JobEvent
    failure_reason: Omittable[str] = None
    failure_reason_type: Omittable[JobFailure] = None

    @model_validator(mode="after")
    def _reason_belongs_to_a_failure(self) -> Self:
        has_reason = self.failure_reason is not None or self.failure_reason_type is not None
        if has_reason and self.event not in {JobEvent.FAILED, JobEvent.COMPLETED_WITH_ERRORS}:
            raise ValueError(f"event {self.event} carries no failure reason")
        return self


class Options(Shape):
    vendor_based_bookkeeping: StrictBool | None = False


class CreateJob(Shape):
    accounting_entry_ids: list[UuidText] = Field(min_length=1)
    company_id: UuidText
    employee_id: UuidText | None = None
    is_interactive: StrictBool | None = True
    options: Options | None = None


class UpdateJobItem(Shape):
    accounting_entry_id: UuidText
    status: ItemStatus
    exported_at: Omittable[Moment] = None
    external_id: Omittable[str] = None
    external_url: Omittable[str] = None
    failure_reason: Omittable[str] = None
    failure_reason_type: Omittable[ItemFailure] = None


class SearchJobItems(Shape):
    accounting_entry_ids: list[UuidText]
    status: Omittable[ItemStatus] = None


class Job(Shape):
    """An export job; `expiresIn` is in seconds, counted from `lastUpdatedAt`."""

    id: UuidText
    company_id: UuidText
    status: str
    created_at: TimestampText
    created_by: UuidText | None = None
    started_at: TimestampText | None = None
    last_updated_at: TimestampText | None = None
    completed_at: TimestampText | None = None
    expired_at: TimestampText | None = None
    expires_in: int
    failure_reason: str | None = None
    failure_reason_type: JobFailure | None = None
    is_interactive: bool
    number_of_items: int
    vendor_based_bookkeeping: bool


class JobItem(Shape):
    accounting_entry_id: UuidText
    export_job_id: UuidText
    status: ItemStatus
    exported_at: TimestampText | None = None
    external_id: str | None = None
    external_url: str | None = None
    failure_reason: str | None = None
    failure_reason_type: ItemFailure | None = None


class UpdateProblem(Shape):
    accounting_entry_id: UuidText
    message: str
    type: str


class UpdateResult(Shape):
    data: list[JobItem]
    errors: list[UpdateProblem]


class PageRequestEcho(Shape):
    """The request as it was understood; `limit` is the page size that was really used."""

    model_config = ConfigDict(extra="forbid")

    parameters: dict[str, list[str]]
    after: str | None = None
    before: str | None = None
    limit: int | None = None
    offset: int | None = None
    sorting_keys: list[str] | None = None
    sorting_order: list[PageOrder] | None = None


class PageInfo(Shape):
    current_request_pagination: PageRequestEcho
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None = None
    end_cursor: str | None = None
    total: int | None = None


class JobData(Shape):
    data: Job


class JobItemData(Shape):
    data: JobItem


class JobPage(Shape):
    data: list[Job]
    pagination: PageInfo


class JobItemPage(Shape):
    data: list[JobItem]
    pagination: PageInfo


class ExportItemPage(Shape):
    data: list[ExportItem]
    pagination: PageInfo
