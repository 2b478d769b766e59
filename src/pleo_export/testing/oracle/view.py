"""The evidence in the shape that the rules ask for."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from pleo_export.testing.oracle.evidence import BookEntry, Evidence

EVENTS_PATH = "/v3/export-job-events"
JOBS_PATH = "/v3/export-jobs/"
CLOSING = frozenset({"completed", "completed_with_errors", "failed"})
_OK = range(200, 300)


class JobView:
    """One export job: how it stands, its items as Pleo holds them, and what Pleo heard of it."""

    def __init__(self, company_id: str, told: Any, items: Sequence[Any]) -> None:
        self.company_id, self.id, self.told, self.items = company_id, str(told["id"]), told, items
        self.events: list[Any] = []
        self.updates: list[Any] = []

    @property
    def ended(self) -> bool:
        return self.told["status"] not in ("pending", "in_progress")

    @property
    def expired(self) -> bool:
        return self.told["expiredAt"] is not None

    def accepted(self, *kinds: str) -> list[Any]:
        """Return the events of these kinds that took effect, in their order."""
        return [one for one in self.events if one["body"]["event"] in kinds and one["status"] in _OK]


class View:
    """Everything by job, by expense and by company."""

    def __init__(self, evidence: Evidence) -> None:
        self.given = evidence
        self.pleo = evidence.pleo
        self.jobs = {
            job["id"]: JobView(company_id, job, items[job["id"]])
            for company_id, company in self.pleo.companies.items()
            for items in [_by_job(self.pleo.items[company_id])]
            for job in sorted(company["jobs"], key=lambda one: (one["createdAt"], one["id"]))
        }
        for call in self.pleo.audit:
            self._sort_in(call)

    def _sort_in(self, call: Any) -> None:
        if call["path"] == EVENTS_PATH and isinstance(call["body"], dict):
            job = self.jobs.get(call["body"].get("jobId", ""))
            if job is not None:
                job.events.append(call)
        elif call["method"] == "PUT" and call["path"].startswith(JOBS_PATH):
            job = self.jobs.get(call["path"].removeprefix(JOBS_PATH).removesuffix("/items"))
            if job is not None:
                job.updates.append(call)

    @cached_property
    def last(self) -> Mapping[str, tuple[JobView, Any]]:
        """The last attempt at each expense: its job, and the item in it."""
        return {item["accountingEntryId"]: (job, item) for job in self.jobs.values() for item in job.items}

    @cached_property
    def owner(self) -> Mapping[str, str]:
        """The company of each expense, of each job and of itself, by id."""
        companies = self.pleo.companies
        owners = {
            one["accountingEntryId"]: id_ for id_, seen in companies.items() for one in seen["expenses"]
        }
        return (
            owners | {job.id: job.company_id for job in self.jobs.values()} | {id_: id_ for id_ in companies}
        )

    def entries(self, company_id: str, reference: str) -> Sequence[BookEntry]:
        """Return what stands in the company's books under this reference."""
        return self.given.books.get(company_id, {}).get(reference, ())

    def standing(self) -> Iterator[tuple[str, str, Sequence[BookEntry]]]:
        """All that stands in the books: company, reference, entries."""
        for company_id, entries in self.given.books.items():
            for reference, found in entries.items():
                yield company_id, reference, found


def moment(text: str) -> datetime:
    """Read one of Pleo's timestamps."""
    return datetime.fromisoformat(text)


def _by_job(items: Sequence[Any]) -> Mapping[str, list[Any]]:
    by_job: defaultdict[str, list[Any]] = defaultdict(list)
    for item in items:
        by_job[item["exportJobId"]].append(item)
    return by_job
