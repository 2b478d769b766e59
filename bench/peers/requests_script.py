"""What somebody would write in an afternoon: one request after the other, no memory.

It neither marks nor looks up anything, so a crash books twice.
"""

import sys
from collections.abc import Iterator
from typing import Any

import requests

BATCH = 100


def main(url: str) -> None:
    session = requests.Session()
    session.auth = ("plp_bench", "")
    jobs = session.get(f"{url}/v3/export-jobs", params={"statuses": "pending"}, timeout=30)
    job_id = jobs.json()["data"][0]["id"]
    send(session, f"{url}/v3/export-job-events", {"jobId": job_id, "event": "started"})
    done: list[dict[str, str]] = []
    for item in pages(session, f"{url}/v3/export-items", job_id):
        done.append(record(session, url, item))
        if len(done) == BATCH:
            report(session, url, job_id, done)
            done = []
    if done:
        report(session, url, job_id, done)
    send(session, f"{url}/v3/export-job-events", {"jobId": job_id, "event": "completed"})


def record(session: requests.Session, url: str, item: dict[str, Any]) -> dict[str, str]:
    receipts = [requests_get(session, file["url"]) for file in item["files"]]
    entry = send(session, f"{url}/books/entries", entry_of(item))
    for number, receipt in enumerate(receipts):
        session.put(
            f"{url}/books/entries/{entry['id']}/files/{number}", data=receipt, timeout=30
        ).raise_for_status()
    return {
        "accountingEntryId": item["accountingEntryId"],
        "status": "successful",
        "externalId": entry["id"],
    }


def requests_get(session: requests.Session, url: str) -> bytes:
    answer = session.get(url, timeout=30)
    answer.raise_for_status()
    return answer.content


def report(session: requests.Session, url: str, job_id: str, done: list[dict[str, str]]) -> None:
    session.put(f"{url}/v3/export-jobs/{job_id}/items", json=done, timeout=30).raise_for_status()


def pages(session: requests.Session, url: str, job_id: str) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        answer = session.get(url, params={"job_id": job_id, "limit": 100, "after": after}, timeout=30).json()
        yield from answer["data"]
        if not answer["pagination"]["hasNextPage"]:
            return
        after = answer["pagination"]["endCursor"]


def send(session: requests.Session, url: str, body: dict[str, Any]) -> Any:
    answer = session.post(url, json=body, timeout=30)
    answer.raise_for_status()
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
    main(sys.argv[1])
