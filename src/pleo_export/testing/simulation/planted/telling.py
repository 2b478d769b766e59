"""Bugs of what is read from Pleo and told to it."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from pleo_export.domain.failures import Rejection
from pleo_export.domain.job import ItemStatus, ItemUpdate, JobEventType
from pleo_export.domain.progress import Phase
from pleo_export.pleo import client, limits
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import PleoError
from pleo_export.store.exports import Exports
from pleo_export.testing.simulation.planted.bug import bug, instead
from pleo_export.workflow import complete, flow
from pleo_export.workflow.complete import Closing
from pleo_export.workflow.detect import NO_LOOK
from pleo_export.workflow.outcomes import Outcomes
from pleo_export.workflow.report import Reporter

_OPEN = ItemStatus.IN_PROGRESS


def _too_early(before: Any) -> Any:
    async def unreported(self: Any, job_id: str) -> Any:
        created = [
            replace(one, phase=Phase.RECORDED)
            for one in await self.items(job_id)
            if one.phase is Phase.INTENDED and one.external_id is not None
        ]
        return [*await before(self, job_id), *created]

    return unreported


def _shifted(before: Any) -> Any:
    async def update(self: Any, updates: Any) -> Any:
        if any(one.status is _OPEN for one in updates):
            return await before(self, updates)
        ids = [one.accounting_entry_id for one in updates]
        moved = zip(updates, [*ids[1:], *ids[:1]], strict=True)
        return await before(self, [replace(one, accounting_entry_id=id_) for one, id_ in moved])

    return update


def _unsent(before: Any) -> Any:
    async def update(self: Any, updates: Any) -> Any:
        return await before(self, [one for one in updates if one.status is _OPEN])

    return update


def _many(before: Any) -> Any:
    async def update_items(self: Any, job_id: str, updates: Any, *more: Any) -> Any:
        return await before(self, job_id, [*updates] * 60, *more)

    return update_items


def _started_twice(before: Any) -> Any:
    async def send_event(self: Any, event: Any, *more: Any) -> None:
        await before(self, event, *more)
        if event.event is JobEventType.STARTED:
            with suppress(PleoError):
                await before(self, event, *more)

    return send_event


def _once_more(before: Any) -> Any:
    async def send_event(self: Any, event: Any, *more: Any) -> None:
        await before(self, event, *more)
        if event.event is not JobEventType.STARTED:
            with suppress(PleoError):
                items = [one async for one in self.job_items(event.job_id)]
                again = ItemUpdate(accounting_entry_id=items[0].accounting_entry_id, status=_OPEN)
                await self.update_items(event.job_id, [again], *more)

    return send_event


def _dropping(before: Any) -> Any:
    async def pages(*args: Any) -> AsyncIterator[Any]:
        async for page in before(*args):
            yield page[:-1] if len(page) > 1 else page

    return pages


def _anybodys(before: Any) -> Any:
    async def export_items(self: Any, job_id: str) -> AsyncIterator[Any]:
        job = await self.get_job(job_id)
        async for item in before(self, job_id):
            yield replace(item, company_id=job.company_id) if hasattr(item, "company_id") else item

    return export_items


def _with_link(before: Any) -> Any:
    async def reject(self: Any, work: Any, why: Any, **unknown: Any) -> None:
        for file in filter(None, getattr(work.expense, "files", None) or ()):
            why = Rejection(why.cause, f"{why.reason} ({file.url})")
        await before(self, work, why, **unknown)

    return reject


async def _no_look(_parts: object, **_: object) -> Any:
    return NO_LOOK


BUGS = (
    bug(
        "success-too-early",
        "An expense is told as successful before its receipts are attached.",
        (Exports, "unreported", _too_early),
    ),
    bug(
        "outcomes-shifted",
        "The outcomes of an update are those of the neighbours.",
        (Reporter, "_update", _shifted),
    ),
    bug("outcomes-not-sent", "Outcomes count as told and were never sent.", (Reporter, "_update", _unsent)),
    bug(
        "updates-too-large",
        "An update holds more than a hundred elements.",
        (PleoClient, "update_items", _many),
        (limits, "items_per_update_max", instead(10**6)),
    ),
    bug("started-twice", "The start of a job is told twice.", (PleoClient, "send_event", _started_twice)),
    bug(
        "update-after-end",
        "An expense is told about after the job's end.",
        (PleoClient, "send_event", _once_more),
    ),
    bug(
        "all-is-well",
        "Every job is closed as completed, whatever became of its expenses.",
        (complete, "closing_for", instead(lambda *_: Closing(JobEventType.COMPLETED))),
    ),
    bug("lost-at-the-page", "The last element of a page is lost.", (client, "pages", _dropping)),
    bug(
        "anybodys-expense",
        "An expense of another company is recorded.",
        (PleoClient, "export_items", _anybodys),
    ),
    bug(
        "link-in-reason",
        "The reason of a failure shows the link to a receipt.",
        (Outcomes, "reject", _with_link),
    ),
    bug(
        "not-taken-up",
        "A job that was interrupted is never taken up again.",
        (flow, "first_look", instead(_no_look)),
    ),
)
