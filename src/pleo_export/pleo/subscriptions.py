"""Webhook subscriptions: which addresses Pleo calls when something happens, and the secret it signs with.

Pleo keeps passwords and headers of a person's making with a subscription; they are handed back as they are where one is
changed, and kept nowhere, so that they are never shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

import msgspec

from pleo_export.domain.item import Instant, PleoModel
from pleo_export.pleo.errors import Facts, PleoRefusedError, UnusableSigningSecretError
from pleo_export.pleo.paging import every, single
from pleo_export.pleo.transport import Call, Transport
from pleo_export.pleo.webhooks import EXPORT_JOB_CREATED, is_usable_secret

_PATH = "/v1/subscriptions"
_NOT_FOUND = 404
_ACTIVE = "ACTIVE"
_THEIRS = ("customHeaders", "endpointAuth")


class Subscription(PleoModel, frozen=True):
    """One address and the events it hears of. `status` is ACTIVE or INACTIVE."""

    id: str
    endpoint_url: str
    event_types: tuple[str, ...]
    status: str
    created_at: Instant
    deleted_at: Instant | None = None


class _Secret(PleoModel, frozen=True):
    secret_key: str


class Done(StrEnum):
    """What had to be done so that Pleo calls us."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Ensured:
    """A subscription that stands as wanted, its signing secret, and how it came to it.

    `removed` counts further subscriptions of the same address that were deleted.
    """

    subscription: Subscription
    secret: str = field(repr=False)
    done: Done
    removed: int


class Subscriptions:
    """The calls about subscriptions, for one credential. Every failure is a PleoError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> Sequence[Subscription]:
        """Return all subscriptions of the credential, in Pleo's order."""
        return await every(self._transport, Call(method="GET", path=_PATH), _subscription)

    async def create(self, endpoint_url: str, event_types: Sequence[str]) -> Subscription:
        """Subscribe. Never repeated after an unclear answer: list before trying again."""
        body = _body(endpoint_url, event_types)
        call = Call(method="POST", path=_PATH, body=body, repeatable=False)
        return await self._transport.send(call, single(_subscription))

    async def update(
        self, subscription_id: str, endpoint_url: str, event_types: Sequence[str]
    ) -> Subscription:
        """Set address and events, and switch the subscription on; what a person added to it stays.

        Raises PleoRefusedError where there is none.
        """
        path = _path(subscription_id)
        theirs = await self._transport.send(Call(method="GET", path=path), single(_theirs))
        call = Call(method="PUT", path=path, body=_body(endpoint_url, event_types, theirs))
        return await self._transport.send(call, single(_subscription))

    async def delete(self, subscription_id: str) -> None:
        """Unsubscribe; one that is gone already is fine."""
        try:
            await self._transport.send(Call(method="DELETE", path=_path(subscription_id)), lambda _: None)
        except PleoRefusedError as error:
            if error.status != _NOT_FOUND:
                raise

    async def secret(self, subscription_id: str) -> str:
        """Return what Pleo signs with. Raises UnusableSigningSecretError where no signature could be checked with it."""
        call = Call(method="GET", path=_path(subscription_id, "/secret"))
        found = await self._transport.send(call, single(_secret))
        if not is_usable_secret(found.secret_key):
            raise UnusableSigningSecretError(Facts(method=call.method, path=call.path))
        return found.secret_key


async def ensure_subscription(calls: Subscriptions, endpoint_url: str) -> Ensured:
    """See to it that Pleo tells `endpoint_url` once of every new export job. Doing it again changes nothing.

    Subscriptions to other addresses are left alone. After an unclear answer a PleoError is raised; done again, it finds
    what the call before left. Raises also UnusableSigningSecretError.
    """
    ours = await _of(calls, endpoint_url)
    if not ours:
        kept, done = await calls.create(endpoint_url, [EXPORT_JOB_CREATED]), Done.CREATED
    elif _as_wanted(ours[0]):
        kept, done = ours[0], Done.UNCHANGED
    else:
        kept, done = await calls.update(ours[0].id, endpoint_url, [EXPORT_JOB_CREATED]), Done.UPDATED
    secret = await calls.secret(kept.id)
    # Last, so that at no moment nobody is told.
    for surplus in ours[1:]:
        await calls.delete(surplus.id)
    return Ensured(kept, secret, done, removed=len(ours[1:]))


async def remove_subscriptions(calls: Subscriptions, endpoint_url: str) -> int:
    """Have Pleo no longer call `endpoint_url`. Return how many subscriptions that ended. Raises a PleoError."""
    ours = await _of(calls, endpoint_url)
    for subscription in ours:
        await calls.delete(subscription.id)
    return len(ours)


async def _of(calls: Subscriptions, endpoint_url: str) -> Sequence[Subscription]:
    """Return the subscriptions of an address, the best one first: as wanted before others, then the oldest."""
    found = [one for one in await calls.list() if one.endpoint_url == endpoint_url and not one.deleted_at]
    return sorted(found, key=lambda one: (not _as_wanted(one), one.created_at, one.id))


def _as_wanted(subscription: Subscription) -> bool:
    return subscription.status == _ACTIVE and set(subscription.event_types) == {EXPORT_JOB_CREATED}


def _path(subscription_id: str, below: str = "") -> str:
    return f"{_PATH}/{quote(subscription_id, safe='')}{below}"


def _body(endpoint_url: str, event_types: Sequence[str], theirs: Mapping[str, msgspec.Raw] = {}) -> bytes:
    ours = {"endpointUrl": endpoint_url, "eventTypes": list(event_types), "status": _ACTIVE}
    return msgspec.json.encode({**theirs, **ours})


def _theirs(raw: bytes) -> Mapping[str, msgspec.Raw]:
    """Read what a person added to a subscription: a change replaces all of it, so it is sent along."""
    told = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return {name: told[name] for name in _THEIRS if bytes(told.get(name, b"null")) != b"null"}


def _subscription(raw: bytes) -> Subscription:
    return msgspec.json.decode(raw, type=Subscription)


def _secret(raw: bytes) -> _Secret:
    return msgspec.json.decode(raw, type=_Secret)
