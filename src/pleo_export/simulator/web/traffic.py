"""The pages of what goes between Pleo and the integration: webhooks that way, calls the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from pleo_export.simulator.auth import TheWorld
from pleo_export.simulator.post import Attempt
from pleo_export.simulator.subscriptions import Subscription
from pleo_export.simulator.web.rendering import PageRoute, render_live

_LATEST = 100
_GOOD = range(200, 300)

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class SeenSubscription:
    company_id: str
    company: str
    endpoint: str
    events: str
    active: bool
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class SeenAttempt:
    """An attempt to deliver a webhook; `answer` is a status or the kind of trouble."""

    time: datetime
    company_id: str
    company: str
    job_id: str
    number: int
    answer: str
    arrived: bool


@dataclass(frozen=True, slots=True)
class SeenCall:
    number: int
    time: datetime
    method: str
    path: str
    status: int
    company: str | None


@router.get("/webhooks")
async def see_webhooks(request: Request, world: TheWorld) -> Response:
    names = {company.id: company.name for company in world.companies()}
    attempts = world.post.since(0)
    return render_live(
        request,
        "webhooks.html",
        subscriptions=[_seen_subscription(one, names) for one in world.subscriptions.all()],
        attempts=[_seen_attempt(one, names) for one in attempts[-_LATEST:][::-1]],
        made=len(attempts),
        unsettled=world.post.unsettled,
        sent=world.post.settings.enabled,
    )


@router.get("/calls")
async def see_calls(request: Request, world: TheWorld) -> Response:
    names = {company.id: company.name for company in world.companies()}
    calls = world.audit.since(0)
    shown_calls = [
        SeenCall(
            call.sequence, call.time, call.method, call.path, call.status, names.get(call.company_id or "")
        )
        for call in calls[-_LATEST:][::-1]
    ]
    return render_live(request, "calls.html", calls=shown_calls, made=len(calls))


def _seen_subscription(one: Subscription, names: Mapping[str, str]) -> SeenSubscription:
    company_id = one.owner[1]
    return SeenSubscription(
        company_id=company_id,
        company=names[company_id],
        endpoint=one.wanted.endpoint_url,
        events=", ".join(one.wanted.event_types),
        active=one.active,
        failing_since=one.failing_since,
    )


def _seen_attempt(one: Attempt, names: Mapping[str, str]) -> SeenAttempt:
    return SeenAttempt(
        time=one.time,
        company_id=one.event.company_id,
        company=names[one.event.company_id],
        job_id=one.event.data["id"],
        number=one.attempt,
        answer=one.trouble or str(one.status),
        arrived=one.status in _GOOD,
    )
