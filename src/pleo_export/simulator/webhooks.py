"""What a webhook looks like on the wire: the body, the headers, and the signature of the Standard Webhooks scheme."""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import msgspec

from pleo_export.simulator.jobs import Job
from pleo_export.simulator.scalars import precise_timestamp
from pleo_export.simulator.subscription_messages import EndpointAuth
from pleo_export.simulator.subscriptions import Subscription
from pleo_export.simulator.vocabulary import EventType, JsonObject

_ANOTHER_SECRET = f"whsec_{base64.b64encode(b'a key that is nobodys').decode()}"


@dataclass(slots=True)
class WebhookSettings:
    """How webhooks are delivered, and what is to go wrong with them; durations in seconds.

    `retry_seconds` are the waits after each failed attempt. Each event is held for `delay_seconds` and by lot for up
    to `disorder_seconds` more, and comes `duplicates` times more than once. `event_type` is how the type is spelled.
    """

    enabled: bool = True
    timeout_seconds: float = 15
    retry_seconds: list[float] = field(default_factory=lambda: [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000])
    switch_off_after_seconds: float = 5 * 24 * 3600
    delay_seconds: float = 0
    disorder_seconds: float = 0
    duplicates: int = 0
    wrapped: bool = False
    event_type: str = EventType.EXPORT_JOB_CREATED
    wrong_signature: bool = False
    timestamp_offset_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What happened; `data` is how things stood then."""

    id: str
    company_id: str
    type: EventType
    data: JsonObject


@dataclass(frozen=True, slots=True)
class Letter:
    url: str
    headers: httpx.Headers
    body: bytes


def job_created(event_id: str, job: Job) -> Event:
    data = {
        "companyId": job.company_id,
        "createdAt": precise_timestamp(job.created_at),
        "createdBy": job.created_by,
        "expiresIn": job.expires_in,
        "id": job.id,
        "numberOfItems": len(job.items),
        "status": job.status,
    }
    return Event(event_id, job.company_id, EventType.EXPORT_JOB_CREATED, data)


def signature(secret: str, webhook_id: str, seconds: int, body: bytes) -> str:
    """Sign the bytes of a body for a moment, in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{webhook_id}.{seconds}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def write_letter(
    event: Event, webhook_id: str, subscription: Subscription, now: datetime, settings: WebhookSettings
) -> Letter:
    """Write what goes over the wire at this moment."""
    seconds = int(now.timestamp()) + settings.timestamp_offset_seconds
    secret = _ANOTHER_SECRET if settings.wrong_signature else subscription.secret
    body = msgspec.json.encode({"data": event.data, "eventId": event.id, "eventType": settings.event_type})
    signed = signature(secret, webhook_id, seconds, body)
    if settings.wrapped:
        # No body can hold a signature over itself, so the one inside is over the payload.
        inside = {"webhook-id": webhook_id, "webhook-timestamp": seconds, "webhook-signature": signed}
        body = msgspec.json.encode(inside | {"payload": msgspec.Raw(body)})
        signed = signature(secret, webhook_id, seconds, body)
    headers = httpx.Headers(subscription.wanted.custom_headers or {})
    headers.update(_basic(subscription.wanted.endpoint_auth))
    headers.update(
        {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signed,
        }
    )
    return Letter(subscription.wanted.endpoint_url, headers, body)


def _basic(auth: EndpointAuth | None) -> Mapping[str, str]:
    if auth is None or auth.type == "NONE" or auth.credentials is None:
        return {}
    pair = f"{auth.credentials.username}:{auth.credentials.password}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
