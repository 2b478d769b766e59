"""Webhook subscriptions and the trail of their changes."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pleo_export.simulator.credentials import Owner, company_urn
from pleo_export.simulator.errors import SubscriptionNotFoundError
from pleo_export.simulator.scalars import timestamp
from pleo_export.simulator.subscription_messages import SubscriptionRequest
from pleo_export.simulator.vocabulary import (
    EventType,
    JsonObject,
    SubscriptionOperation,
    SubscriptionStatus,
)

_SECRET_BYTES = 24


@dataclass(frozen=True, slots=True)
class Activity:
    """One change to the record of a subscription; deliveries are none."""

    id: str
    subscription_id: str
    operation: SubscriptionOperation
    description: str
    actor: str
    created_at: datetime

    def as_json(self) -> JsonObject:
        return {
            "id": self.id,
            "subscriptionId": self.subscription_id,
            "operationType": self.operation,
            "description": self.description,
            "actorUrn": self.actor,
            "createdAt": timestamp(self.created_at),
        }


@dataclass(slots=True, eq=False)
class Subscription:
    """Where to tell of which events; `failing_since` is when its endpoint last stopped answering well."""

    id: str
    owner: Owner
    secret: str
    created_at: datetime
    updated_at: datetime
    wanted: SubscriptionRequest
    deleted: bool = False
    failing_since: datetime | None = None
    activities: list[Activity] = field(default_factory=list)

    @property
    def status(self) -> SubscriptionStatus:
        return self.wanted.status

    @property
    def active(self) -> bool:
        return not self.deleted and self.status is SubscriptionStatus.ACTIVE

    def is_for(self, company_id: str, event_type: EventType) -> bool:
        return self.active and self.owner[1] == company_id and event_type in self.wanted.event_types

    def as_json(self) -> JsonObject:
        return {
            "id": self.id,
            **self.wanted.model_dump(by_alias=True, exclude_none=True),
            "createdAt": timestamp(self.created_at),
            "updatedAt": timestamp(self.updated_at),
        }


class Subscriptions:
    """All subscriptions, in the order they were made; a deleted one is out of reach."""

    def __init__(self, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._now = now
        self._new_id = new_id
        self._subscriptions: dict[str, Subscription] = {}

    def all(self) -> list[Subscription]:
        return list(self._subscriptions.values())

    def of(self, owner: Owner) -> list[Subscription]:
        return [one for one in self._subscriptions.values() if one.owner == owner]

    def for_event(self, company_id: str, event_type: EventType) -> list[Subscription]:
        """Return the active subscriptions of every client of the company to this event."""
        return [one for one in self._subscriptions.values() if one.is_for(company_id, event_type)]

    def find(self, owner: Owner, subscription_id: str) -> Subscription:
        """Return the owner's subscription; raises SubscriptionNotFoundError, also for somebody else's."""
        found = self._subscriptions.get(subscription_id)
        if found is None or found.owner != owner:
            raise SubscriptionNotFoundError
        return found

    def create(self, owner: Owner, wanted: SubscriptionRequest) -> Subscription:
        """Make a subscription; one like it may exist."""
        now = self._now()
        key = hashlib.sha256(self._new_id().encode()).digest()[:_SECRET_BYTES]
        secret = f"whsec_{base64.b64encode(key).decode()}"
        created = Subscription(self._new_id(), owner, secret, now, now, wanted)
        self._subscriptions[created.id] = created
        self._note(created, SubscriptionOperation.CREATE, "Subscription created.")
        return created

    def replace(self, subscription: Subscription, wanted: SubscriptionRequest) -> None:
        """Replace all settings; what the request leaves out goes back to its default."""
        subscription.wanted, subscription.updated_at = wanted, self._now()
        subscription.failing_since = None
        self._note(subscription, SubscriptionOperation.UPDATE, "Subscription replaced.")

    def delete(self, subscription: Subscription) -> None:
        """Take it away; deliveries that wait are not made any more."""
        del self._subscriptions[subscription.id]
        subscription.deleted = True

    def switch_off(self, subscription: Subscription) -> None:
        """Do what Pleo does to an endpoint that failed for too long."""
        inactive = subscription.wanted.model_copy(update={"status": SubscriptionStatus.INACTIVE})
        subscription.wanted, subscription.updated_at = inactive, self._now()
        self._note(subscription, SubscriptionOperation.UPDATE, "Switched off after failed deliveries.")

    def _note(self, subscription: Subscription, operation: SubscriptionOperation, description: str) -> None:
        actor = company_urn(subscription.owner[1])
        subscription.activities.append(
            Activity(self._new_id(), subscription.id, operation, description, actor, self._now())
        )
