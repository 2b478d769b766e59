"""What the pages show of export jobs, as plain values."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from pleo_export.simulator.jobs import UNFINISHED_ITEM, Job
from pleo_export.simulator.vocabulary import ItemStatus, JobFailure


@dataclass(frozen=True, slots=True)
class SeenJob:
    """A job in a list; `ends_at` is when it expires unless something happens, None once it is over."""

    id: str
    status: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    ends_at: datetime | None
    reason: str | None
    reason_type: str | None
    vendor_based: bool
    counts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def settled(self) -> int:
        """How many items have a final outcome."""
        return sum(count for status, count in self.counts if status not in UNFINISHED_ITEM)

    @property
    def moving(self) -> bool:
        return self.ends_at is not None

    def count(self, status: str) -> int:
        return dict(self.counts).get(status, 0)


def deadline(job: Job) -> datetime:
    """Return when the job expires unless something happens."""
    return job.last_updated_at + timedelta(seconds=job.expires_in)


def seen_job(job: Job) -> SeenJob:
    found = Counter(item.status for item in job.items.values())
    expired = job.failure_reason_type == JobFailure.JOB_EXPIRED
    return SeenJob(
        id=job.id,
        status="expired" if expired else job.status,
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at or job.expired_at,
        ends_at=deadline(job) if job.unfinished else None,
        reason=job.failure_reason,
        reason_type=job.failure_reason_type,
        vendor_based=job.vendor_based,
        counts=tuple((str(status), found[status]) for status in ItemStatus if found[status]),
    )
