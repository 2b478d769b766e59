"""Webhook subscriptions of a credential."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from pleo_export.simulator.answers import problems, reply, reply_page
from pleo_export.simulator.auth import SCHEMES, Caller, TheWorld
from pleo_export.simulator.credentials import Credential
from pleo_export.simulator.errors import (
    InvalidBodyError,
    InvalidParameterError,
    ScopeMissingError,
    SubscriptionNotFoundError,
    TooManyCallsError,
    UnauthenticatedError,
    UnreadableBodyError,
)
from pleo_export.simulator.paging import Collection
from pleo_export.simulator.parameters import Paging
from pleo_export.simulator.scalars import UuidText
from pleo_export.simulator.subscription_messages import (
    ActivityPage,
    SecretData,
    SubscriptionData,
    SubscriptionPage,
    SubscriptionRequest,
)
from pleo_export.simulator.subscriptions import Activity, Subscription
from pleo_export.simulator.vocabulary import EventType, Scope, SubscriptionOperation, SubscriptionStatus

router = APIRouter(
    prefix="/v1/subscriptions",
    tags=["Subscriptions"],
    dependencies=SCHEMES,
    responses=problems(UnauthenticatedError, InvalidParameterError, TooManyCallsError),
)
_BODY_PROBLEMS = problems(ScopeMissingError, InvalidParameterError, InvalidBodyError, UnreadableBodyError)
_NOT_FOUND = problems(SubscriptionNotFoundError)

SubscriptionId = Annotated[UuidText, Path()]

# Who wants to hear of an event must be allowed to read what it is about.
_SCOPE_BEHIND = {
    EventType.EXPORT_JOB_CREATED: Scope.JOBS_READ,
    EventType.VENDOR_CREATED: Scope.VENDORS_READ,
}
_KEYS: dict[str, Callable[[Subscription], object]] = {
    "id": lambda one: one.id,
    "endpointUrl": lambda one: one.wanted.endpoint_url,
    "status": lambda one: one.status,
    "createdAt": lambda one: one.created_at,
    "updatedAt": lambda one: one.updated_at,
}
_ACTIVITY_KEYS: dict[str, Callable[[Activity], object]] = {
    "id": lambda one: one.id,
    "createdAt": lambda one: one.created_at,
}


def _require_scopes(caller: Credential, wanted: SubscriptionRequest) -> None:
    if missing := {_SCOPE_BEHIND[event] for event in wanted.event_types} - caller.scopes:
        raise ScopeMissingError(missing)


@router.get("", response_model=SubscriptionPage)
async def list_subscriptions(
    world: TheWorld,
    caller: Caller,
    paging: Paging,
    status: SubscriptionStatus | None = None,
    event_types: Annotated[list[EventType] | None, Query()] = None,
) -> Response:
    """Subscriptions of this credential, those first that were made first."""
    subscriptions = Collection(world.subscriptions.of(caller.owner), lambda one: one.id, _KEYS)
    return reply_page(
        world,
        subscriptions,
        paging,
        Subscription.as_json,
        lambda one: (
            status in {None, one.status}
            and (not event_types or not set(event_types).isdisjoint(one.wanted.event_types))
        ),
    )


@router.post("", response_model=SubscriptionData, responses=_BODY_PROBLEMS)
async def create_subscription(world: TheWorld, caller: Caller, wanted: SubscriptionRequest) -> Response:
    """Make a subscription. One like it may exist: it is for the client not to pile them up."""
    _require_scopes(caller, wanted)
    return reply({"data": world.subscriptions.create(caller.owner, wanted).as_json()})


@router.get("/{subscription_id}", response_model=SubscriptionData, responses=_NOT_FOUND)
async def read_subscription(world: TheWorld, caller: Caller, subscription_id: SubscriptionId) -> Response:
    return reply({"data": world.subscriptions.find(caller.owner, subscription_id).as_json()})


@router.put("/{subscription_id}", response_model=SubscriptionData, responses=_NOT_FOUND | _BODY_PROBLEMS)
async def replace_subscription(
    world: TheWorld, caller: Caller, subscription_id: SubscriptionId, wanted: SubscriptionRequest
) -> Response:
    _require_scopes(caller, wanted)
    subscription = world.subscriptions.find(caller.owner, subscription_id)
    world.subscriptions.replace(subscription, wanted)
    return reply({"data": subscription.as_json()})


@router.delete("/{subscription_id}", status_code=204, response_class=Response, responses=_NOT_FOUND)
async def delete_subscription(world: TheWorld, caller: Caller, subscription_id: SubscriptionId) -> Response:
    world.subscriptions.delete(world.subscriptions.find(caller.owner, subscription_id))
    return Response(status_code=204)


@router.get("/{subscription_id}/activities", response_model=ActivityPage, responses=_NOT_FOUND)
async def list_activities(
    world: TheWorld,
    caller: Caller,
    paging: Paging,
    subscription_id: SubscriptionId,
    operation_types: Annotated[list[SubscriptionOperation] | None, Query()] = None,
) -> Response:
    """List the changes to the subscription, the first one first."""
    trail = world.subscriptions.find(caller.owner, subscription_id).activities
    return reply_page(
        world,
        Collection(trail, lambda one: one.id, _ACTIVITY_KEYS),
        paging,
        Activity.as_json,
        lambda one: not operation_types or one.operation in operation_types,
    )


@router.get("/{subscription_id}/secret", response_model=SecretData, responses=_NOT_FOUND)
async def read_secret(world: TheWorld, caller: Caller, subscription_id: SubscriptionId) -> Response:
    """Tell the signing secret, which no other answer holds."""
    secret = world.subscriptions.find(caller.owner, subscription_id).secret
    return reply({"data": {"secretKey": secret}})
