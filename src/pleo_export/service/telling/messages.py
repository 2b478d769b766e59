"""What people are told: of a job its failures by cause; of what differs, by kind; when a connection breaks, and works again.

No expense stands in them: of what was said about one, only the words of the catalogue.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection, rejection
from pleo_export.domain.grouping import by_cause, rejection_of
from pleo_export.domain.item import known
from pleo_export.domain.job import JobEventType
from pleo_export.domain.progress import Company, ItemProgress, JobProgress, Phase
from pleo_export.domain.reconciling import Difference
from pleo_export.observe.redaction import redacted
from pleo_export.store.notifications import Broken
from pleo_export.store.reconciling import Kept

_FIELD = re.compile(r"\{[^{}]*\}")
GIVEN_UP = "given_up"  # how a job ended that got no closing event


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, for every receiver alike. `id` is the same whenever it is sent; `data` goes out as JSON."""

    id: str
    about: str
    type: str
    at: datetime
    subject: str
    text: str
    data: dict[str, Any]


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """How many expenses differ in the same way, by its code, and what helps."""

    difference: Difference
    number: int
    remedy: str


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """How many expenses failed for a cause, what that is, and what helps."""

    cause: str
    number: int
    problem: str
    remedy: str


def about_job(
    company: Company, job: JobProgress, items: Sequence[ItemProgress], at: datetime, page: str | None
) -> Message | None:
    """Tell how a job ended; None where all went well. `page` is where our pages are."""
    if job.problem is None and job.closing_event in (None, JobEventType.COMPLETED):
        return None  # or it was opened again meanwhile
    ending = GIVEN_UP if job.problem is not None else str(job.closing_event)
    failures = failures_of(items)
    reason = _reason(job, items)
    recorded = sum(item.phase is Phase.RECORDED and _why(item) is None for item in items)
    failed = sum(one.number for one in failures)
    url = page and f"{page.rstrip('/')}/companies/{company.company_id}/jobs/{job.job_id}"
    heading = f"Export job {job.job_id} of {_name(company)} {_ENDINGS[ending]}."
    counts = f"{len(items)} expenses: {recorded} recorded, {failed} failed." if items else ""
    causes = [f"{one.number} x {one.problem}\n    {one.remedy}" for one in failures]
    return _message(
        company,
        f"job {job.job_id} {ending}",
        "job.ended",
        at,
        subject=f"Export of {_name(company)} {_ENDINGS[ending]}",
        text=[heading, reason or "", counts, *causes, f"See {url}" if url else ""],
        data={
            "job_id": job.job_id,
            "ending": ending,
            "reason": reason,
            "expenses": len(items),
            "recorded": recorded,
            "failed": failed,
            "failures": [msgspec.structs.asdict(one) for one in failures],
            "url": url,
        },
    )


def about_differences(
    company: Company, kept: Sequence[Kept], until: datetime, at: datetime, page: str | None
) -> Message | None:
    """Tell what differs between Pleo, our memory and the books, up to what was found then; None where nothing does any more."""
    kinds = differing_of(kept)
    if not kinds:
        return None
    url = _company_page(company, page)
    return _message(
        company,
        f"differences {until.isoformat()}",
        "differences.found",
        at,
        subject=f"Pleo and the books of {_name(company)} differ",
        text=[
            f"Pleo, pleo-export and the books of {_name(company)} were compared and do not say the same of every expense.",
            *(f"{one.number} x {one.difference}\n    {one.remedy}" for one in kinds),
            f"See {url}" if url else "",
        ],
        data={"differences": [msgspec.structs.asdict(one) for one in kinds], "url": url},
    )


def about_broken(company: Company, broken: Broken, at: datetime, page: str | None) -> Message:
    """Tell that nothing has been exported for a company for a while, and why."""
    url = _company_page(company, page)
    problem = redacted(broken.trouble or "")
    return _message(
        company,
        broken_matter(broken),
        "connection.broken",
        at,
        subject=f"Nothing can be exported for {_name(company)}",
        text=[
            f"Since {_moment(broken.since)} no expense of {_name(company)} can be exported.",
            problem,
            "It is tried again every few minutes. You are told once more when it works again.",
            f"See {url}" if url else "",
        ],
        data={"since": broken.since, "problem": problem, "url": url},
    )


def about_restored(company: Company, broken: Broken, at: datetime, page: str | None) -> Message:
    """Tell that the connection that was told of works again."""
    url = _company_page(company, page)
    return _message(
        company,
        f"restored {broken.since.isoformat()}",
        "connection.restored",
        at,
        subject=f"Expenses of {_name(company)} can be exported again",
        text=[
            f"What kept the expenses of {_name(company)} from being exported since {_moment(broken.since)} is over.",
            f"See {url}" if url else "",
        ],
        data={"since": broken.since, "url": url},
    )


def broken_matter(broken: Broken) -> str:
    """Return what a message about this break is about."""
    return f"broken {broken.since.isoformat()}"


def failures_of(items: Sequence[ItemProgress]) -> list[Failures]:
    """Group the failures of a job by cause, the most frequent one first; the words are those of the catalogue."""
    rejected = ((item.accounting_entry_id, why) for item in items if (why := _why(item)))
    return [
        Failures(
            cause=group.cause,
            number=group.number,
            problem=_words(group.cause.sentence),
            remedy=_words(group.cause.remedy),
        )
        for group in by_cause(rejected)
    ]


def differing_of(kept: Sequence[Kept]) -> list[Differing]:
    """Group what differs by its kind, the most frequent one first."""
    kinds = Counter(kind for one in kept if (kind := known(Difference, one.kind)) is not None)
    return [
        Differing(difference=kind, number=number, remedy=_words(kind.remedy))
        for kind, number in kinds.most_common()
    ]


def webhook_body(message: Message) -> bytes:
    """Return what the receiver of webhooks gets, the same bytes each time."""
    return msgspec.json.encode({"type": message.type, "timestamp": message.at, "data": message.data})


_ENDINGS = {
    JobEventType.COMPLETED_WITH_ERRORS: "ended with failures",
    JobEventType.FAILED: "failed",
    GIVEN_UP: "was given up",
}


def _message(  # noqa: PLR0913  one fact each
    company: Company,
    about: str,
    kind: str,
    at: datetime,
    *,
    subject: str,
    text: list[str],
    data: dict[str, Any],
) -> Message:
    return Message(
        id=f"msg_{uuid5(NAMESPACE_URL, f'pleo-export {company.company_id} {about}').hex}",
        about=about,
        type=kind,
        at=at,
        subject=subject,
        text="\n\n".join(filter(None, text)) + "\n",
        data={"company_id": company.company_id, "company": _name(company), **data},
    )


def _name(company: Company) -> str:
    """Return the company's name on one line."""
    return " ".join((company.name or company.company_id).split())


def _why(item: ItemProgress) -> Rejection | None:
    """Say why Pleo does not hold the expense as exported, None where it does."""
    # A person who settled it knows that Pleo was told before.
    refused = item.report_problem is not None and item.phase is Phase.RECORDED and item.settled_how is None
    return rejection(Cause.OUTCOME_NOT_TAKEN, said="") if refused else rejection_of(item)


def _reason(job: JobProgress, items: Sequence[ItemProgress]) -> str | None:
    """Return why the job as a whole came to nothing; what is said of one expense of it is not repeated."""
    if job.problem is not None:
        return redacted(job.problem)
    by_its_items = bool(items) and all(item.phase is Phase.REJECTED for item in items)
    return None if by_its_items or job.closing_reason is None else redacted(job.closing_reason)


def _words(template: str) -> str:
    """Return a sentence of the catalogue without what it says about one expense."""
    return _FIELD.sub("…", template)


def _moment(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _company_page(company: Company, page: str | None) -> str | None:
    return page and f"{page.rstrip('/')}/companies/{company.company_id}"
