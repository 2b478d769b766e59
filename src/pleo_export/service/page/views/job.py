"""One job: its steps, how far it is, why expenses failed, and its items."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import Query, Request
from fastapi.responses import HTMLResponse
from msgspec.structs import replace

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.grouping import SameCause, by_cause
from pleo_export.domain.item import known
from pleo_export.domain.progress import JobProgress
from pleo_export.service.page.access.errors import NotHereError
from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.parts import Parts
from pleo_export.service.page.views.differing import alike
from pleo_export.service.page.views.pages import Number, Paging, page_or_part, window
from pleo_export.service.page.words import (
    OUTCOMES,
    advice,
    cause_name,
    item_state,
    job_state,
    remedy_in_general,
)
from pleo_export.store.errors import UnknownJobError
from pleo_export.store.views import Chosen, Outcome, Tally

ITEMS_A_PAGE = 100
REASONS_SHOWN_MAX = 3
LATELY = timedelta(minutes=2)
RECORDING = 5
STEPS = (
    "Detect the job and start it",
    "Validate that everything is ready",
    "Retrieve the list of its items",
    "Fetch the expenses",
    "Record them, one by one",
    "Report the outcomes to Pleo",
    "Complete the job in Pleo",
)


class Speed(msgspec.Struct, frozen=True):
    """How many items a minute were decided lately, and how many seconds the rest takes at that pace, if it has one."""

    a_minute: int
    left_seconds: float | None


class Reason(msgspec.Struct, frozen=True):
    """What was said of some of the expenses that failed for a cause, and what helps."""

    problem: str
    remedy: str
    number: int
    example: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Expenses that failed for one cause: the most frequent reasons, and how many others there are."""

    cause: Cause
    name: str
    number: int
    reasons: Sequence[Reason]
    others: int


async def show(  # noqa: PLR0913, PLR0917  what the request consists of
    request: Request,
    parts: Parts,
    visitor: Viewing,
    company_id: str,
    job_id: str,
    page: Number = 1,
    outcome: str = "",
    cause: str = "",
    text: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Show the job, with the items that were asked for."""
    views, now = parts.store.views, parts.now()
    try:
        job = await views.job(company_id, job_id)
    except UnknownJobError:
        raise NotHereError from None
    steps = await views.steps(company_id, job_id)
    since = max(now - LATELY, steps.get(RECORDING, now - LATELY))
    tally = await views.tally(company_id, job_id, since)
    chosen = Chosen(outcome=known(Outcome, outcome), cause=known(Cause, cause), text=text.strip() or None)
    items = await views.items(company_id, job_id, chosen, window(page, ITEMS_A_PAGE))
    return page_or_part(
        request,
        "job",
        now=_summary(job, tally),
        company=await parts.store.company(company_id),
        job=job,
        state=job_state(job),
        steps=_steps(job, steps),
        tally=tally,
        speed=_speed(tally, now - since) if job.open and RECORDING in steps else None,
        groups=[group(one) for one in by_cause(await views.failures(company_id, job_id))],
        differences=alike(await parts.store.differences(company_id, job_id)),
        items=items.rows,
        item_state=item_state,
        outcomes=OUTCOMES,
        cause_name=cause_name,
        chosen=chosen,
        paging=Paging(page, ITEMS_A_PAGE, items.total),
        operates=visitor.may(Role.OPERATOR, company_id),
    )


def group(same: SameCause) -> Group:
    """Return failures of one cause as they are shown: what is wrong with several is said once."""
    reasons: dict[str, Reason] = {}
    for reason, entries in same.reasons.items():
        problem, remedy = advice(Rejection(same.cause, reason))
        before = reasons.setdefault(problem, Reason(problem, remedy, 0, entries[0]))
        helps = remedy if remedy == before.remedy else remedy_in_general(same.cause)
        reasons[problem] = replace(before, remedy=helps, number=before.number + len(entries))
    frequent = sorted(reasons.values(), key=lambda reason: -reason.number)[:REASONS_SHOWN_MAX]
    return Group(
        cause=same.cause,
        name=cause_name(same.cause),
        number=same.number,
        reasons=frequent,
        others=len(reasons) - len(frequent),
    )


def _steps(job: JobProgress, taken: Mapping[int, datetime]) -> Sequence[tuple[int, str, datetime | None]]:
    # The first is taken for the company, before there is a job.
    at = {1: job.started_at or job.first_seen_at, **taken}
    return [(number, name, at.get(number)) for number, name in enumerate(STEPS, 1)]


def _speed(tally: Tally, span: timedelta) -> Speed | None:
    if not tally.lately or span < timedelta(seconds=1):
        return None
    a_second = tally.lately / span.total_seconds()
    return Speed(round(a_second * 60), (tally.total - tally.decided) / a_second)


def _summary(job: JobProgress, tally: Tally) -> str:
    failed = tally.counts[Outcome.FAILED] + tally.counts[Outcome.UNKNOWN]
    word = job_state(job).word
    return f"Job {word}: {tally.decided} of {tally.total} expenses done, {failed} failed."
