"""What somebody would write in an afternoon: one request after the other, one file for all entries, no memory.

The peer that the integration is measured against. It neither marks nor looks up anything, so a crash books twice.
"""

import os
import sys
from pathlib import Path
from typing import Any

import requests


def main(url: str, company_id: str, folder: Path) -> None:
    session = requests.Session()
    session.auth = (os.environ["PLEO_EXPORT_API_KEY"], "")
    jobs = session.get(
        f"{url}/v3/export-jobs", params={"company_id": company_id, "statuses": "pending"}, timeout=30
    )
    job_id = jobs.json()["data"][0]["id"]
    send(session, f"{url}/v3/export-job-events", {"jobId": job_id, "event": "started"})
    with (folder / "plain.beancount").open("a", encoding="utf-8") as ledger:
        for item in pages(session, f"{url}/v3/export-items", job_id):
            for number, file in enumerate(item["files"] or ()):
                receipt = requests.get(file["url"], timeout=30).content
                (folder / f"{item['accountingEntryId']}-{number}").write_bytes(receipt)
            ledger.write(text_of(item))
            ledger.flush()
            os.fsync(ledger.fileno())
            session.put(
                f"{url}/v3/export-jobs/{job_id}/items",
                json=[{"accountingEntryId": item["accountingEntryId"], "status": "successful"}],
                timeout=30,
            ).raise_for_status()
    send(session, f"{url}/v3/export-job-events", {"jobId": job_id, "event": "completed"})


def pages(session: requests.Session, url: str, job_id: str) -> Any:
    after = None
    while True:
        answer = session.get(url, params={"job_id": job_id, "limit": 100, "after": after}, timeout=30).json()
        yield from answer["data"]
        if not answer["pagination"]["hasNextPage"]:
            return
        after = answer["pagination"]["endCursor"]


def send(session: requests.Session, url: str, body: dict[str, str]) -> None:
    session.post(url, json=body, timeout=30).raise_for_status()


def text_of(item: dict[str, Any]) -> str:
    amount = item["amount"]["inWalletCurrency"]
    value = f"{amount['value'] / 100:.2f} {amount['currency']}"
    return f'{item["date"][:10]} * "{item["type"]}"\n  Expenses:All  {value}\n  Assets:Wallet  -{value}\n\n'


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
