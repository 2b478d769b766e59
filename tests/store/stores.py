"""An open store on a clock that stands still until a test moves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.progress import ItemProgress
from pleo_export.store import Store

COMPANY = "company-a"
JOB = "job-1"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class StoppedClock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: int) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@asynccontextmanager
async def opened(url: str, clock: StoppedClock | None = None) -> AsyncIterator[Store]:
    store = await Store.open(url, clock or StoppedClock())
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def planned(
    url: str, *entry_ids: str, job_id: str = JOB, clock: StoppedClock | None = None
) -> AsyncIterator[Store]:
    """A store with one job whose items are planned."""
    async with opened(url, clock) as store:
        await store.see_job(job_id, COMPANY)
        await store.plan(job_id, entry_ids)
        yield store


async def create_entry(
    store: Store,
    entry_id: str,
    external_id: str = "JE-1",
    job_id: str = JOB,
    *,
    complete: bool = False,
    note: str | None = None,
) -> ItemProgress:
    return await store.entry_created(
        job_id,
        entry_id,
        external_id=external_id,
        url=f"https://books.example/{external_id}",
        exported_at=NOON,
        posted_on=date(2026, 2, 27),
        complete=complete,
        note=note,
    )


async def reject(store: Store, entry_id: str, reason: str = "Account 6100 is closed.") -> None:
    await store.rejected(JOB, entry_id, Rejection(Cause.ACCOUNT_UNKNOWN, reason))


async def succeed(store: Store, entry_id: str) -> None:
    await store.intend(JOB, entry_id)
    await create_entry(store, entry_id, f"JE-{entry_id}")
    await store.recorded(JOB, entry_id)
