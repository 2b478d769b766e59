"""A Singer target that records export items in the books, one after the other, and reports them by the hundred."""

import json
import sys
from typing import Any

import requests
import singer

BATCH = 100


class Target:
    def __init__(self, url: str) -> None:
        self._url, self._job = url, ""
        self._session = requests.Session()
        self._session.auth = ("plp_bench", "")
        self._done: list[dict[str, str]] = []

    def take(self, item: dict[str, Any]) -> None:
        self._job = item["jobId"]
        receipts = [self._session.get(file["url"], timeout=30).content for file in item["files"] or ()]
        entry = self._send("POST", "/books/entries", entry_of(item)).json()
        for number, receipt in enumerate(receipts):
            answer = self._session.put(
                f"{self._url}/books/entries/{entry['id']}/files/{number}", data=receipt, timeout=30
            )
            answer.raise_for_status()
        self._done.append({"accountingEntryId": item["accountingEntryId"], "status": "successful"})
        if len(self._done) == BATCH:
            self._report()

    def end(self) -> None:
        if self._done:
            self._report()
        self._send("POST", "/v3/export-job-events", {"jobId": self._job, "event": "completed"})

    def _report(self) -> None:
        self._send("PUT", f"/v3/export-jobs/{self._job}/items", self._done)
        self._done = []

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        answer = self._session.request(method, self._url + path, json=body, timeout=30)
        answer.raise_for_status()
        return answer


def entry_of(item: dict[str, Any]) -> dict[str, Any]:
    amount = item["amount"]["inWalletCurrency"]
    value = f"{float(amount['value']) / 100:.2f}"
    lines = [{"account": "6100", "amount": value}, {"account": "1900", "amount": f"-{value}"}]
    return {
        "reference": item["accountingEntryId"],
        "day": item["date"][:10],
        "text": item["note"][:200],
        "legs": lines,
    }


def main(url: str) -> None:
    target, state = Target(url), None
    for line in sys.stdin:
        message = singer.parse_message(line)
        if isinstance(message, singer.RecordMessage):
            target.take(message.record)
        elif isinstance(message, singer.StateMessage):
            state = message.value
    target.end()
    sys.stdout.write(json.dumps(state) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
