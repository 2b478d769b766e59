"""What the seven steps need from outside, as small protocols. The composition root fills them in."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from pleo_export.accounting.port import Connector
from pleo_export.clock import Clock
from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.entry import Attachment, StoredFile
from pleo_export.domain.explanation import Explanation
from pleo_export.domain.failure_types import JobFailureType
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import ExportItem, UnreadableItem
from pleo_export.domain.job import (
    ExportJob,
    ExportJobItem,
    ItemUpdate,
    ItemUpdateResult,
    JobEvent,
    JobEventType,
    JobStatus,
)
from pleo_export.domain.progress import ItemProgress, JobProgress
from pleo_export.domain.settings import CompanySettings
from pleo_export.pleo.retrying import Before
from pleo_export.workflow.pace import Pace
from pleo_export.workflow.plan import Plan
from pleo_export.workflow.side_by_side import both

Result = TypeVar("Result")


class Pleo(Protocol):
    """The export calls of Pleo's API. They raise the errors of `pleo.errors`, after their own retries."""

    async def list_jobs(self, company_id: str, statuses: Sequence[JobStatus]) -> Sequence[ExportJob]:
        """Return all jobs of the company in these statuses."""
        ...

    async def get_job(self, job_id: str) -> ExportJob:
        """Return the job as it stands now."""
        ...

    def job_items(self, job_id: str) -> AsyncIterator[ExportJobItem]:
        """Yield the control records of the job, all pages."""
        ...

    def export_items(self, job_id: str) -> AsyncIterator[ExportItem | UnreadableItem]:
        """Yield the expenses of the job, all pages."""
        ...

    async def update_items(
        self, job_id: str, updates: Sequence[ItemUpdate], before: Before = ...
    ) -> ItemUpdateResult:
        """Tell Pleo about at most 100 items; `before` is awaited before every try, and may forbid it."""
        ...

    async def send_event(self, event: JobEvent, before: Before = ...) -> None:
        """Tell Pleo about the job; an unclear answer is settled by reading the job. `before` as for items."""
        ...


class Receipts(Protocol):
    """Where attachments come from."""

    async def download(self, attachment: Attachment) -> StoredFile:
        """Store one file on disk. Raises RejectedItemError where it cannot be had."""
        ...


class Store(Protocol):
    """What is remembered. Whatever is awaited is durable; see `store.Store` for each verb's meaning."""

    async def ensure_lease(self) -> None: ...
    async def see_company(self, company_id: str) -> None: ...
    async def see_job(self, job_id: str, company_id: str, *, planned: bool = False) -> bool: ...
    async def forget_job(self, job_id: str) -> None: ...
    async def mark_started(self, job_id: str) -> None: ...
    async def job(self, job_id: str) -> JobProgress: ...
    async def open_jobs(self, company_id: str) -> Sequence[JobProgress]: ...
    async def plan(self, job_id: str, entry_ids: Sequence[str]) -> None: ...
    async def step_taken(self, job_id: str, step: int) -> None: ...
    async def intend(self, job_id: str, entry_id: str, explanation: Explanation | None = None) -> None: ...
    async def entry_created(  # noqa: PLR0913
        self,
        job_id: str,
        entry_id: str,
        *,
        external_id: str,
        url: str | None,
        exported_at: datetime,
        posted_on: date,
        already_there: bool = False,
        note: str | None = None,
        complete: bool = False,
        explanation: Explanation | None = None,
    ) -> ItemProgress: ...
    async def recorded(self, job_id: str, entry_id: str, note: str | None = None) -> ItemProgress: ...
    async def rejected(
        self,
        job_id: str,
        entry_id: str,
        rejection: Rejection,
        explanation: Explanation | None = None,
        *,
        unknown: bool = False,
    ) -> ItemProgress: ...
    async def by_hand(self, job_id: str) -> AbstractSet[str]: ...
    async def adopt(self, job_id: str, entry_id: str) -> ItemProgress: ...
    async def doubt(self, job_id: str, sentence: str) -> bool: ...
    async def explanation(self, job_id: str, entry_id: str) -> Explanation | None: ...
    async def was_intended(self, job_id: str, entry_id: str) -> bool: ...
    async def items(self, job_id: str) -> Sequence[ItemProgress]: ...
    async def item(self, job_id: str, entry_id: str) -> ItemProgress: ...
    async def unreported(self, job_id: str) -> Sequence[ItemProgress]: ...
    async def reported(self, job_id: str, entry_ids: Sequence[str]) -> None: ...
    async def report_refused(self, job_id: str, entry_id: str, problem: str) -> None: ...
    async def closing(
        self,
        job_id: str,
        event: JobEventType,
        reason: str | None = None,
        reason_type: JobFailureType | None = None,
    ) -> None: ...
    async def closed(self, job_id: str) -> None: ...
    async def abandoned(self, job_id: str, problem: str) -> None: ...


class StepTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the guide (1 to 7) has begun for a job."""

    step: int
    name: str
    job_id: str | None = None
    items: int | None = None


class ItemBegun(msgspec.Struct, frozen=True, kw_only=True):
    """The work on one item begins, in a task of its own; again where its outcome was unclear."""

    job_id: str
    entry_id: str


class ItemSettled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one item is durable."""

    job_id: str
    item: ItemProgress


Notice = StepTaken | ItemBegun | ItemSettled


def ignore(_notice: Notice) -> None:
    """Watch nothing."""


def never() -> bool:
    """Go on to the end."""
    return False


async def nobody() -> bool:
    """Keep the place to the end."""
    return False


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What can be read for one company: enough for a preview or a check, and nothing that writes by itself.

    `pace` is how fast the connector's system is called, by everything that is done for the company at a time.
    """

    company_id: str
    settings: CompanySettings
    pleo: Pleo
    connector: Connector
    clock: Clock
    pace: Pace


@dataclass(frozen=True, kw_only=True)
class Parts(Sources):
    """Everything the workflow of one company works with. `draw` gives a number from 0 to 1 for jitter.

    `fit` makes of the files of one expense what the accounting system can take, in order; new ones are the caller's to
    delete. It raises RejectedItemError where that cannot be. `folder` takes what is on its way, and is nobody else's.

    With a `plan`, only its job is exported, and of it only what the plan holds. Once `stopping` says so, no further
    expense is begun and StoppedError ends the work. `gives_way` is asked between two jobs: where it says so the work ends,
    because others wait for this company's place, and somebody will call again.

    Where the accounting system is silent for longer than `silence_seconds_max`, SilentError ends the work, to be gone on
    with by another call; None: the call waits as long as that is of use. `trouble` is what the last call ended with, and
    since when calls have ended with it.
    """

    receipts: Receipts
    fit: Callable[[str, Sequence[StoredFile], AttachmentLimits], Awaitable[Sequence[StoredFile]]]
    store: Store
    folder: Path
    draw: Callable[[], float]
    notify: Callable[[Notice], None] = ignore
    plan: Plan | None = None
    stopping: Callable[[], bool] = never
    gives_way: Callable[[], Awaitable[bool]] = nobody
    silence_seconds_max: float | None = None
    trouble: tuple[str, datetime] | None = None


async def take_step(parts: Parts, step: StepTaken) -> None:
    """Tell that a step of a job has begun, and remember when."""
    parts.notify(step)
    if step.job_id is not None:
        await parts.store.step_taken(step.job_id, step.step)


async def in_step(parts: Parts, step: StepTaken, reads: Coroutine[Any, Any, Result]) -> Result:
    """Return what the first reading of a step finds: it need not wait until the step's beginning is remembered."""
    _, result = await both(take_step(parts, step), reads)
    return result


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended: its closing event, or the problem that kept it from one; and each item's outcome.

    An item's `report_problem` says that Pleo refused to take the outcome, so Pleo may show this item otherwise.
    """

    job_id: str
    event: JobEventType | None
    items: tuple[ItemProgress, ...]
    earlier: Mapping[str, str] = {}
    reason: str | None = None
    problem: str | None = None
