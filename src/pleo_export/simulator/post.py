"""The post office: webhooks that wait for their moment, and every attempt to deliver one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from random import Random

from pleo_export.simulator.scalars import precise_timestamp
from pleo_export.simulator.subscriptions import Subscription, Subscriptions
from pleo_export.simulator.vocabulary import JsonObject
from pleo_export.simulator.webhooks import Event, Letter, WebhookSettings, write_letter

_GOOD = range(200, 300)


@dataclass(slots=True, eq=False)
class Delivery:
    """A webhook on its way to one subscription; `attempts` were made so far."""

    webhook_id: str
    event: Event
    subscription: Subscription
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: the status of the answer, or the kind of trouble where there was none."""

    sequence: int
    time: datetime
    webhook_id: str
    event: Event
    subscription_id: str
    attempt: int
    status: int | None
    trouble: str | None

    def as_json(self) -> JsonObject:
        return {
            "sequence": self.sequence,
            "time": precise_timestamp(self.time),
            "webhookId": self.webhook_id,
            "eventId": self.event.id,
            "companyId": self.event.company_id,
            "jobId": self.event.data["id"],
            "subscriptionId": self.subscription_id,
            "attempt": self.attempt,
            "status": self.status,
            "trouble": self.trouble,
        }


class Post:
    """Moments are those of the simulator's clock; `notify` is called when something may have become due."""

    def __init__(
        self,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        subscriptions: Subscriptions,
        seed: int,
    ) -> None:
        self._now = now
        self._new_id = new_id
        self._subscriptions = subscriptions
        self._lot = Random(seed)  # noqa: S311 - disorder, not secrecy
        self._order = count()
        self._waiting: list[tuple[datetime, int, Delivery]] = []
        self._on_the_way: set[Delivery] = set()
        self._attempts: list[Attempt] = []
        self.settings = WebhookSettings()
        self.notify: Callable[[], None] = lambda: None

    def announce(self, event: Event) -> None:
        """Address the event to every active subscription; with webhooks off it is lost for good."""
        settings = self.settings
        if not settings.enabled:
            return
        for subscription in self._subscriptions.for_event(event.company_id, event.type):
            webhook_id = f"msg_{self._new_id().replace('-', '')}"
            for _ in range(1 + settings.duplicates):
                held = settings.delay_seconds + self._lot.uniform(0, settings.disorder_seconds)
                self._put(Delivery(webhook_id, event, subscription), held)
        self.notify()

    def _put(self, delivery: Delivery, wait_seconds: float) -> None:
        due = self._now() + timedelta(seconds=wait_seconds)
        heappush(self._waiting, (due, next(self._order), delivery))

    def take_due(self) -> list[Delivery]:
        """Take out what is due, all but what is for a subscription that is not active any more."""
        now, due = self._now(), []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(heappop(self._waiting)[2])
        due = [delivery for delivery in due if delivery.subscription.active]
        self._on_the_way.update(due)
        return due

    def seconds_to_next(self) -> float | None:
        """Return how long nothing becomes due by itself, None for ever."""
        if not self._waiting:
            return None
        return max(0.0, (self._waiting[0][0] - self._now()).total_seconds())

    @property
    def unsettled(self) -> int:
        """How many deliveries wait or are on the way."""
        return len(self._waiting) + len(self._on_the_way)

    def letter(self, delivery: Delivery) -> Letter:
        return write_letter(
            delivery.event, delivery.webhook_id, delivery.subscription, self._now(), self.settings
        )

    def settle(self, delivery: Delivery, status: int | None, trouble: str | None = None) -> None:
        """Note an attempt; any 2xx ends the delivery, all else has it tried again as long as the schedule goes."""
        self._on_the_way.discard(delivery)
        delivery.attempts += 1
        now = self._now()
        self._attempts.append(
            Attempt(
                sequence=len(self._attempts) + 1,
                time=now,
                webhook_id=delivery.webhook_id,
                event=delivery.event,
                subscription_id=delivery.subscription.id,
                attempt=delivery.attempts,
                status=status,
                trouble=trouble,
            )
        )
        if status in _GOOD:
            delivery.subscription.failing_since = None
        else:
            self._try_again(delivery, now)

    def _try_again(self, delivery: Delivery, now: datetime) -> None:
        subscription, settings = delivery.subscription, self.settings
        subscription.failing_since = subscription.failing_since or now
        failing = (now - subscription.failing_since).total_seconds()
        if subscription.active and failing >= settings.switch_off_after_seconds:
            self._subscriptions.switch_off(subscription)
        if delivery.attempts <= len(settings.retry_seconds):
            self._put(delivery, settings.retry_seconds[delivery.attempts - 1])
            self.notify()

    def since(self, sequence: int) -> list[Attempt]:
        """Return all attempts with a higher number."""
        return self._attempts[sequence:]
