"""Pleo's Export API v3, call by call. Everything here is typed; every failure is a PleoError.

The calls about webhooks and about the installation stand apart, as `subscriptions` and `installation` of the client.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Self
from urllib.parse import quote

import msgspec
from aiolimiter import AsyncLimiter

from pleo_export.domain.item import ExportItem, Sent, UnreadableItem, decode_as_sent, text_of
from pleo_export.domain.job import (
    ExportJob,
    ExportJobItem,
    ItemStatus,
    ItemUpdate,
    ItemUpdateResult,
    JobEvent,
    JobEventType,
    JobStatus,
)
from pleo_export.pleo import limits
from pleo_export.pleo.addresses import base_url as read_base_url
from pleo_export.pleo.auth import Credential
from pleo_export.pleo.companies import Companies
from pleo_export.pleo.errors import (
    EventNotAppliedError,
    Facts,
    InvalidExportJobStatusChangeError,
    PleoNoAnswerError,
    PleoUnreadableAnswerError,
    TooManyUpdatesError,
)
from pleo_export.pleo.installations import Installations
from pleo_export.pleo.models import UpdateAnswer
from pleo_export.pleo.paging import every, pages, single
from pleo_export.pleo.retrying import Before, Surroundings, at_any_time
from pleo_export.pleo.subscriptions import Subscriptions
from pleo_export.pleo.transport import UNREADABLE, Call, Timeouts, Transport

# What an event makes of a job, and where the job stands while it has not been applied.
_APPLIED = {
    JobEventType.STARTED: JobStatus.IN_PROGRESS,
    JobEventType.FAILED: JobStatus.FAILED,
    JobEventType.COMPLETED: JobStatus.COMPLETED,
    JobEventType.COMPLETED_WITH_ERRORS: JobStatus.COMPLETED_WITH_ERRORS,
}
_NOT_YET = {
    JobEventType.STARTED: (JobStatus.PENDING,),
    JobEventType.FAILED: (JobStatus.PENDING, JobStatus.IN_PROGRESS),
    JobEventType.COMPLETED: (JobStatus.IN_PROGRESS,),
    JobEventType.COMPLETED_WITH_ERRORS: (JobStatus.IN_PROGRESS,),
}
_EVENTS = "/v3/export-job-events"
_EVENT_TAKEN = 202  # without a body: any other 2xx, from a proxy say, proves nothing


class PleoClient:
    """A connection to Pleo with one credential. Use as an async context manager.

    `base_url` is scheme, host and optional path; http is accepted for this machine only (UnusableBaseUrlError). At most
    500 calls a minute leave an instance, and Pleo counts per credential: keep one instance for each credential, or give
    those of one credential the same `limiter` (see `rate_limiter`): whoever waits longest goes first.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        around: Surroundings | None = None,
        timeouts: Timeouts | None = None,
        limiter: AsyncLimiter | None = None,
    ) -> None:
        self._transport = Transport(
            read_base_url(base_url), credential, around or Surroundings(), timeouts or Timeouts(), limiter
        )
        self.subscriptions = Subscriptions(self._transport)
        self.installation = Installations(self._transport)
        self.companies = Companies(self._transport)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.__aexit__()

    async def list_jobs(self, company_id: str, statuses: Sequence[JobStatus]) -> list[ExportJob]:
        """Return all jobs of a company in any of the statuses, in Pleo's order."""
        query = (("company_id", company_id), *(("statuses", status.value) for status in statuses))
        call = Call(method="GET", path="/v3/export-jobs", query=query)
        return await every(self._transport, call, _as_sent(ExportJob))

    async def get_job(self, job_id: str) -> ExportJob:
        """Return one job. Raises ExportNotFoundError."""
        return await self._transport.send(
            Call(method="GET", path=_job_path(job_id)), single(_as_sent(ExportJob))
        )

    async def create_job(
        self,
        accounting_entry_ids: Sequence[str],
        company_id: str,
        *,
        employee_id: str | None = None,
        is_interactive: bool = True,
        vendor_based_bookkeeping: bool = False,
    ) -> ExportJob:
        """Create a job, as the Export button does. Never repeated after an unclear answer.

        Raises MissingContraAccountsError, ExportAlreadyInProgressError.
        """
        body: dict[str, object] = {
            "accountingEntryIds": list(accounting_entry_ids),
            "companyId": company_id,
            "isInteractive": is_interactive,
            "options": {"vendorBasedBookkeeping": vendor_based_bookkeeping},
        }
        if employee_id is not None:
            body["employeeId"] = employee_id
        call = Call(method="POST", path="/v3/export-jobs", body=msgspec.json.encode(body), repeatable=False)
        return await self._transport.send(call, single(_as_sent(ExportJob)))

    async def job_items(self, job_id: str, status: ItemStatus | None = None) -> AsyncIterator[ExportJobItem]:
        """Yield the control records of a job, all or those in one status. Raises ExportNotFoundError."""
        query = () if status is None else (("status", status.value),)
        call = Call(method="GET", path=_job_path(job_id, "/items"), query=query)
        async for page in pages(self._transport, call, _as_sent(ExportJobItem)):
            for record in page:
                yield record

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = at_any_time
    ) -> ItemUpdateResult:
        """Tell Pleo about up to 100 items; without any nothing is sent. Elements may be refused one by one: see `errors`.

        Raises TooManyUpdatesError before sending, ExportNotFoundError, ExportJobStatusUnprocessableError.
        """
        if len(updates) > limits.items_per_update_max:
            raise TooManyUpdatesError(len(updates))
        if not updates:
            return ItemUpdateResult(data=(), errors=())
        body = msgspec.json.encode([_in_whole_seconds(update) for update in updates])
        call = Call(method="PUT", path=_job_path(job_id, "/items"), body=body, before=before)
        return await self._transport.send(call, _update_result)

    async def export_items(self, job_id: str) -> AsyncIterator[ExportItem | UnreadableItem]:
        """Yield every expense of a job; one that cannot be read comes as an UnreadableItem and costs no other.

        Raises ExportJobStatusUnprocessableError once the job is finished, MissingContraAccountsError.
        """
        call = Call(method="GET", path="/v3/export-items", query=(("job_id", job_id),))
        async for page in pages(self._transport, call, _export_item):
            for item in page:
                yield item

    async def find_job_item(self, company_id: str, accounting_entry_id: str) -> ExportJobItem:
        """Return the latest control record of one accounting entry. Raises ExportEntryNotFoundError.

        Pleo keeps this call out of its rendered reference.
        """
        query = (("company_id", company_id), ("accounting_entry_id", accounting_entry_id))
        call = Call(method="GET", path="/v3/export-job-items", query=query)
        return await self._transport.send(call, single(_as_sent(ExportJobItem)))

    async def search_job_items(
        self, company_id: str, accounting_entry_ids: Sequence[str], status: ItemStatus | None = None
    ) -> list[ExportJobItem]:
        """Return the control records of several accounting entries.

        Pleo deprecates this call and asks outside consumers to stay away from it; nothing here depends on it.
        """
        body: dict[str, object] = {"accountingEntryIds": list(accounting_entry_ids)}
        if status is not None:
            body["status"] = status.value
        # It reads only, in spite of its method, so it may be repeated.
        call = Call(
            method="POST",
            path="/v3/export-job-items:search",
            query=(("company_id", company_id),),
            body=msgspec.json.encode(body),
        )
        return await every(self._transport, call, _as_sent(ExportJobItem))

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        """Tell Pleo about a job. After an unclear answer (all but 202) the job is read before anything is sent again.

        For `started` a job found in progress after an unclear answer counts as our start. Raises
        InvalidExportJobStatusChangeError where the event does not fit, EventNotAppliedError where the job still stood
        as before after the last try, and whatever reading the job raises; then nothing is known about the event.
        """
        unclear = False

        async def attempt() -> None:
            nonlocal unclear
            try:
                await self._post_event(event, before)
            except (PleoNoAnswerError, PleoUnreadableAnswerError) as error:
                unclear = True
                if not await self._applied(event):
                    raise EventNotAppliedError(error) from None
            except InvalidExportJobStatusChangeError as error:
                # An unclear try may have been applied after we looked; this one then came too late.
                if not unclear:
                    raise
                if not await self._applied(event):
                    raise EventNotAppliedError(error) from None

        # Nothing but this one class: a failed look must never lead to sending again.
        await self._transport.retrier.run(
            attempt, worth=lambda error: isinstance(error, EventNotAppliedError)
        )

    async def _post_event(self, event: JobEvent, before: Before) -> None:
        body = msgspec.json.encode(event)
        call = Call(
            method="POST", path=_EVENTS, body=body, repeatable=False, success=_EVENT_TAKEN, before=before
        )
        await self._transport.send(call, lambda _: None)

    async def _applied(self, event: JobEvent) -> bool:
        job = await self.get_job(event.job_id)
        if job.status == _APPLIED[event.event] and not job.expired:
            return True
        if job.status in _NOT_YET[event.event] and not job.expired:
            return False
        detail = "seen by reading the job after an unclear answer"
        raise InvalidExportJobStatusChangeError(Facts(method="POST", path=_EVENTS, detail=detail))


def _job_path(job_id: str, below: str = "") -> str:
    return f"/v3/export-jobs/{quote(job_id, safe='')}{below}"


def _as_sent(model: type[Sent]) -> Callable[[bytes], Sent]:
    return lambda raw: decode_as_sent(raw, model)


def _update_result(body: bytes) -> ItemUpdateResult:
    answer = msgspec.json.decode(body, type=UpdateAnswer)
    changed = tuple(decode_as_sent(bytes(raw), ExportJobItem) for raw in answer.data)
    return ItemUpdateResult(data=changed, errors=answer.errors or ())


def _export_item(raw: bytes) -> ExportItem | UnreadableItem:
    try:
        return decode_as_sent(raw, ExportItem)
    except UNREADABLE as error:
        # A validation error names types and places, no values; of the others only the kind is told.
        found = str(error) if isinstance(error, msgspec.ValidationError) else type(error).__name__
        return UnreadableItem(_entry_id(raw), found)


def _entry_id(raw: bytes) -> str | None:
    try:
        return text_of(raw, "accountingEntryId")
    except UNREADABLE:
        return None


def _in_whole_seconds(update: ItemUpdate) -> ItemUpdate:
    """Pleo's timestamps are written to the second."""
    if update.exported_at is None:
        return update
    return msgspec.structs.replace(update, exported_at=update.exported_at.replace(microsecond=0))
