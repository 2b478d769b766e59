"""The same as a dlt pipeline: export items are extracted into its own files, then loaded by a destination function.

Each load job is one file of so many items; as many are loaded at once as the books take.
"""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import requests

ITEMS_A_FILE = 10
_OF_THREAD = threading.local()


def session() -> requests.Session:
    if not hasattr(_OF_THREAD, "session"):
        _OF_THREAD.session = requests.Session()
        _OF_THREAD.session.auth = ("plp_bench", "")
    found: requests.Session = _OF_THREAD.session
    return found


def main(url: str, folder: Path, concurrency: int) -> None:
    jobs = session().get(f"{url}/v3/export-jobs", params={"statuses": "pending"}, timeout=30).json()
    job_id = jobs["data"][0]["id"]
    send("POST", f"{url}/v3/export-job-events", {"jobId": job_id, "event": "started"})

    @dlt.resource(name="export_items", max_table_nesting=0)  # type: ignore[untyped-decorator]
    def export_items() -> Iterator[list[dict[str, Any]]]:
        after = None
        while True:
            query = {"job_id": job_id, "limit": 100, "after": after}
            page = session().get(f"{url}/v3/export-items", params=query, timeout=30).json()
            yield page["data"]
            after = page["pagination"]["endCursor"]
            if not page["pagination"]["hasNextPage"]:
                return

    @dlt.destination(  # type: ignore[untyped-decorator]
        batch_size=ITEMS_A_FILE,
        loader_file_format="typed-jsonl",
        name="books",
        max_parallel_load_jobs=concurrency,
        loader_parallelism_strategy="parallel",
        naming_convention="direct",
    )
    def books(items: list[dict[str, Any]], _table: Any) -> None:
        done = [record(url, item) for item in items]
        send("PUT", f"{url}/v3/export-jobs/{job_id}/items", done)

    pipeline = dlt.pipeline("bench", pipelines_dir=str(folder), destination=books)
    pipeline.run(export_items())
    send("POST", f"{url}/v3/export-job-events", {"jobId": job_id, "event": "completed"})


def record(url: str, item: dict[str, Any]) -> dict[str, str]:
    receipts = [session().get(file["url"], timeout=30).content for file in item["files"]]
    entry = send("POST", f"{url}/books/entries", entry_of(item)).json()
    for number, receipt in enumerate(receipts):
        answer = session().put(f"{url}/books/entries/{entry['id']}/files/{number}", data=receipt, timeout=30)
        answer.raise_for_status()
    return {"accountingEntryId": item["accountingEntryId"], "status": "successful"}


def send(method: str, url: str, body: Any) -> requests.Response:
    answer = session().request(method, url, json=body, timeout=30)
    answer.raise_for_status()
    return answer


def entry_of(item: dict[str, Any]) -> dict[str, Any]:
    amount = item["amount"]["inWalletCurrency"]
    value = f"{float(amount['value']) / 100:.2f}"
    lines = [{"account": "6100", "amount": value}, {"account": "1900", "amount": f"-{value}"}]
    return {
        "reference": item["accountingEntryId"],
        "day": str(item["date"])[:10],
        "text": item["note"][:200],
        "legs": lines,
    }


if __name__ == "__main__":
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    concurrency_asked = sys.argv[3]
    os.environ["LOAD__WORKERS"] = concurrency_asked
    # Files of a few items, so that several can be loaded at once: what dlt's own guide says for parallel loads.
    os.environ["DATA_WRITER__FILE_MAX_ITEMS"] = str(ITEMS_A_FILE)
    os.environ["DATA_WRITER__BUFFER_MAX_ITEMS"] = str(ITEMS_A_FILE)
    main(sys.argv[1], Path(sys.argv[2]), int(concurrency_asked))
