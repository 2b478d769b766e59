"""Writes into the store whose URL is argv[1] until it is killed; prints a line for each step that was acknowledged."""

import asyncio
import sys
from datetime import UTC, date, datetime

from pleo_export.store import Store

JOB = "job-1"


def now() -> datetime:
    return datetime.now(UTC)


def acknowledge(step: str, entry_id: str) -> None:
    sys.stdout.write(f"{step} {entry_id}\n")
    sys.stdout.flush()


async def export(store: Store, entry_id: str) -> None:
    await store.plan(JOB, [entry_id])
    acknowledge("planned", entry_id)
    await store.intend(JOB, entry_id)
    acknowledge("intended", entry_id)
    await store.entry_created(
        JOB,
        entry_id,
        external_id=f"JE-{entry_id}",
        url=None,
        exported_at=now(),
        posted_on=date(2026, 3, 1),
    )
    acknowledge("created", entry_id)
    await store.recorded(JOB, entry_id)
    acknowledge("recorded", entry_id)


async def main(url: str, prefix: str) -> None:
    store = await Store.open(url, now)
    await store.see_job(JOB, "company-a")

    async def work(worker: int) -> None:
        number = 0
        while True:
            await export(store, f"{prefix}-{worker}-{number}")
            number += 1

    await asyncio.gather(*(work(worker) for worker in range(8)))


asyncio.run(main(sys.argv[1], sys.argv[2]))
