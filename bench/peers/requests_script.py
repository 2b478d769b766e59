"""What somebody would write in an afternoon: one request after the other, no memory.

It neither marks nor looks up anything, so a crash books twice. The books are those of the benchmark's world, or one growing file.

    requests_script.py http://127.0.0.1:1234 FOLDER 1|ledger
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

BATCH = 100

Record = Callable[[dict[str, Any], list[bytes]], None]


def main(url: str, session: requests.Session, record: Record) -> None:
    jobs = session.get(f"{url}/v3/export-jobs", params={"statuses": "pending"}, timeout=30)
    job_id = jobs.json()["data"][0]["id"]
    send(session, f"{url}/v3/export-job-events", {"jobId": job_id, "event": "started"})
    done: list[dict[str, str]] = []
    for item in pages(session, f"{url}/v3/export-items", job_id):
        record(item, [download(session, file["url"]) for file in item["files"] or ()])
        done.append({"accountingEntryId": item["accountingEntryId"], "status": "successful"})
        if len(done) == BATCH:
            report(session, url, job_id, done)
            done = []
    if done:
        report(session, url, job_id, done)
    send(session, f"{url}/v3/export-job-events", {"jobId": job_id, "event": "completed"})


def pages(session: requests.Session, url: str, job_id: str) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        answer = session.get(url, params={"job_id": job_id, "limit": 100, "after": after}, timeout=30).json()
        yield from answer["data"]
        if not answer["pagination"]["hasNextPage"]:
            return
        after = answer["pagination"]["endCursor"]


def download(session: requests.Session, url: str) -> bytes:
    answer = session.get(url, timeout=30)
    answer.raise_for_status()
    return answer.content


def report(session: requests.Session, url: str, job_id: str, done: list[dict[str, str]]) -> None:
    session.put(f"{url}/v3/export-jobs/{job_id}/items", json=done, timeout=30).raise_for_status()


def send(session: requests.Session, url: str, body: dict[str, Any]) -> Any:
    answer = session.post(url, json=body, timeout=30)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def in_books(url: str, session: requests.Session) -> Record:
    def record(item: dict[str, Any], receipts: list[bytes]) -> None:
        entry = send(session, f"{url}/books/entries", entry_of(item))
        for number, receipt in enumerate(receipts):
            address = f"{url}/books/entries/{entry['id']}/files/{number}"
            session.put(address, data=receipt, timeout=30).raise_for_status()

    return record


def in_file(folder: Path) -> Record:
    ledger = (folder / "plain.beancount").open("a", encoding="utf-8")

    def record(item: dict[str, Any], receipts: list[bytes]) -> None:
        for number, receipt in enumerate(receipts):
            (folder / f"{item['accountingEntryId']}-{number}").write_bytes(receipt)
        ledger.write(text_of(item))
        ledger.flush()
        os.fsync(ledger.fileno())

    return record


def entry_of(item: dict[str, Any]) -> dict[str, Any]:
    value = f"{item['amount']['inWalletCurrency']['value'] / 100:.2f}"
    lines = [{"account": "6100", "amount": value}, {"account": "1900", "amount": f"-{value}"}]
    return {
        "reference": item["accountingEntryId"],
        "day": item["date"][:10],
        "text": item["note"][:200],
        "legs": lines,
    }


def text_of(item: dict[str, Any]) -> str:
    amount = item["amount"]["inWalletCurrency"]
    value = f"{amount['value'] / 100:.2f} {amount['currency']}"
    return f'{item["date"][:10]} * "{item["type"]}"\n  Expenses:All  {value}\n  Assets:Wallet  -{value}\n\n'


if __name__ == "__main__":
    address, to_file = sys.argv[1], sys.argv[3] == "ledger"
    calls = requests.Session()
    calls.auth = (os.environ.get("PLEO_EXPORT_API_KEY", "plp_bench"), "")
    main(address, calls, in_file(Path(sys.argv[2])) if to_file else in_books(address, calls))
