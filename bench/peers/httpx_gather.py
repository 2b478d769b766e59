"""The same with asyncio and httpx: all expenses of a job at once, as many calls at a time as the books take.

It neither marks nor looks up anything, so a crash books twice.
"""

import asyncio
import sys
from typing import Any

import httpx

BATCH = 100


async def main(url: str, concurrency: int) -> None:
    limits = httpx.Limits(max_connections=2 * concurrency + 2)
    async with httpx.AsyncClient(
        base_url=url, auth=("plp_bench", ""), timeout=30, limits=limits, trust_env=False
    ) as client:
        jobs = await client.get("/v3/export-jobs", params={"statuses": "pending"})
        job_id = jobs.json()["data"][0]["id"]
        await send(client, "/v3/export-job-events", {"jobId": job_id, "event": "started"})
        slots = asyncio.Semaphore(concurrency)
        for items in chunks(await expenses(client, job_id)):
            done = await asyncio.gather(*(record(client, slots, item) for item in items))
            answer = await client.put(f"/v3/export-jobs/{job_id}/items", json=done)
            answer.raise_for_status()
        await send(client, "/v3/export-job-events", {"jobId": job_id, "event": "completed"})


async def expenses(client: httpx.AsyncClient, job_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"job_id": job_id, "limit": "100"}
    while True:
        page = (await client.get("/v3/export-items", params=query)).raise_for_status().json()
        found += page["data"]
        if not page["pagination"]["hasNextPage"]:
            return found
        query["after"] = page["pagination"]["endCursor"]


def chunks(items: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


async def record(client: httpx.AsyncClient, slots: asyncio.Semaphore, item: dict[str, Any]) -> dict[str, str]:
    async with slots:
        receipts = [(await client.get(file["url"])).raise_for_status().content for file in item["files"]]
        entry = await send(client, "/books/entries", entry_of(item))
        for number, receipt in enumerate(receipts):
            stored = await client.put(f"/books/entries/{entry['id']}/files/{number}", content=receipt)
            stored.raise_for_status()
    return {
        "accountingEntryId": item["accountingEntryId"],
        "status": "successful",
        "externalId": entry["id"],
    }


async def send(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    answer = (await client.post(path, json=body)).raise_for_status()
    return answer.json() if answer.content else None


def entry_of(item: dict[str, Any]) -> dict[str, Any]:
    amount = item["amount"]["inWalletCurrency"]
    value = f"{amount['value'] / 100:.2f}"
    lines = [{"account": "6100", "amount": value}, {"account": "1900", "amount": f"-{value}"}]
    return {
        "reference": item["accountingEntryId"],
        "day": item["date"][:10],
        "text": item["note"][:200],
        "legs": lines,
    }


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[3])))
