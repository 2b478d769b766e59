"""Pleo's side of the benchmark's world: the export calls of its API v3, as cheap as they can be answered."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from bench import expenses
from bench.serving import Answer, Request, answer

PAGE_MAX, UPDATES_MAX = 100, 100
NEXT_STATUS = {
    ("pending", "started"): "in_progress",
    ("in_progress", "completed"): "completed",
    ("in_progress", "completed_with_errors"): "completed_with_errors",
    ("in_progress", "failed"): "failed",
}
FINAL = ("successful", "failed")


class Update(msgspec.Struct, rename="camel"):
    """What is told about an item."""

    accounting_entry_id: str
    status: str


class Event(msgspec.Struct, rename="camel"):
    """What is told about a job."""

    job_id: str
    event: str


class Job:
    """One export job of a company; `marks` are the statuses that were told of its items, by number."""

    def __init__(self, company: int, items: int) -> None:
        self.company, self.items = company, items
        self.id, self.status = expenses.job_id(company), "pending"
        self.marks: dict[int, str] = {}
        self.changed = _now()

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "companyId": expenses.company_id(self.company),
            "status": self.status,
            "createdAt": "2026-06-01T08:00:00Z",
            "lastUpdatedAt": self.changed,
            "expiresIn": 3600,
            "isInteractive": True,
            "numberOfItems": self.items,
            "vendorBasedBookkeeping": False,
        }

    def item(self, number: int) -> dict[str, Any]:
        return {
            "accountingEntryId": expenses.reference(self.company, number),
            "exportJobId": self.id,
            "status": self.marks.get(number, "pending"),
        }


class PleoSide:
    """Answers what begins with /v3/ and /files/. `delay` is that of a call, `file_delay` that of a file."""

    def __init__(self, companies: int, items: int, delay: float, file_delay: float) -> None:
        self._jobs = {job.id: job for job in (Job(company, items) for company in range(companies))}
        self._delay, self._file_delay = delay, file_delay
        self.calls: Counter[str] = Counter()

    def take(self, request: Request, base_url: str) -> Answer:
        what, *place = request.path.strip("/").split("/")
        if what == "files":
            self.calls["file"] += 1
            file = expenses.file_of(int(place[0]), int(place[1]))
            return Answer(200, file, self._file_delay, kind="application/pdf")
        self.calls[f"{request.method} {' '.join(place[::2])}"] += 1
        return self._call(request, place, base_url)._replace(delay=self._delay)

    def _call(self, request: Request, place: list[str], base_url: str) -> Answer:
        match place:
            case ["export-jobs"]:
                return self._list(request)
            case ["export-jobs", job, "items"] if request.method == "PUT":
                return self._update(self._jobs[job], request)
            case ["export-jobs", job, "items"]:
                return self._items(self._jobs[job], request)
            case ["export-jobs", job]:
                return answer(200, {"data": self._jobs[job].as_json()})
            case ["export-items"]:
                return self._expenses(self._jobs[request.asked("job_id") or ""], request, base_url)
        return self._event(request)

    def _items(self, job: Job, request: Request) -> Answer:
        return _page(request, job.items, lambda number: msgspec.json.encode(job.item(number)))

    def _expenses(self, job: Job, request: Request, base_url: str) -> Answer:
        return _page(request, job.items, lambda number: expenses.expense(base_url, job.company, number))

    def _list(self, request: Request) -> Answer:
        company = request.asked("company_id")
        statuses = [value for key, value in request.query if key == "statuses"]
        listed = [
            job.as_json()
            for job in self._jobs.values()
            if company in (None, expenses.company_id(job.company))
            and (not statuses or job.status in statuses)
        ]
        return answer(200, {"data": listed, "pagination": {"hasNextPage": False, "endCursor": None}})

    def _update(self, job: Job, request: Request) -> Answer:
        updates = msgspec.json.decode(request.body, type=list[Update])
        if len(updates) > UPDATES_MAX:
            return answer(413, {"type": "EXPORT_JOB_ITEMS_UPDATE_LIMIT", "message": "more than 100"})
        if job.status not in ("pending", "in_progress"):
            return answer(422, {"type": "EXPORT_JOB_STATUS_UNPROCESSABLE", "message": "finished"})
        job.changed = _now()
        for update in updates:
            _, number = expenses.place_of(update.accounting_entry_id)
            job.marks[number] = update.status
        changed = [job.item(expenses.place_of(update.accounting_entry_id)[1]) for update in updates]
        return answer(200, {"data": changed, "errors": []})

    def _event(self, request: Request) -> Answer:
        event = msgspec.json.decode(request.body, type=Event)
        job = self._jobs[event.job_id]
        status = NEXT_STATUS.get((job.status, event.event))
        if status is None:
            return answer(422, {"type": "INVALID_EXPORT_JOB_STATUS_CHANGE", "message": job.status})
        job.status, job.changed = status, _now()
        return Answer(202)

    def unfinished(self) -> int:
        return sum(job.status in ("pending", "in_progress") for job in self._jobs.values())

    def problems(self) -> list[str]:
        """Say what is not as it should be once all jobs are done."""
        found = [f"job {job.id} is {job.status}" for job in self._jobs.values() if job.status != "completed"]
        for job in self._jobs.values():
            told = Counter(job.marks.values())
            if told["successful"] != job.items:
                found.append(f"job {job.id}: of {job.items} expenses Pleo was told {dict(told)}")
        return found


def _page(request: Request, items: int, record: Callable[[int], bytes]) -> Answer:
    start = int(request.asked("after") or "0")
    end = min(items, start + min(PAGE_MAX, int(request.asked("limit") or PAGE_MAX)))
    data = b",".join(record(number) for number in range(start, end))
    pagination = msgspec.json.encode({"hasNextPage": end < items, "endCursor": str(end)})
    return Answer(200, b'{"data":[' + data + b'],"pagination":' + pagination + b"}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
