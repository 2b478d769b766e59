"""Bodies of the subscription calls."""

from typing import Annotated, Literal, Self

import httpx
from pydantic import AfterValidator, Field, HttpUrl, TypeAdapter, model_validator

from pleo_export.simulator.messages import PageInfo
from pleo_export.simulator.scalars import Omittable, Shape, TimestampText, UuidText
from pleo_export.simulator.vocabulary import EventType, SubscriptionOperation, SubscriptionStatus

_URL: TypeAdapter[HttpUrl] = TypeAdapter(HttpUrl)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def secure_url(text: str) -> str:
    """Check an address that Pleo sends something to: https, or http to this machine. Raises ValueError."""
    url = _URL.validate_python(text)
    if url.scheme == "http" and url.host not in _LOOPBACK:
        raise ValueError("the address must begin with https://, except on this machine")
    try:
        httpx.URL(text)
    except httpx.InvalidURL as error:
        raise ValueError("the address cannot be called") from error
    return text


def _unique(events: list[EventType]) -> list[EventType]:
    if len(set(events)) != len(events):
        raise ValueError("an event type is named twice")
    return events


SecureUrl = Annotated[str, AfterValidator(secure_url)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HeaderText = Annotated[str, Field(pattern="^[ -~]*$")]


class EndpointCredentials(Shape):
    username: Omittable[str] = None
    password: Omittable[str] = None
    token: Omittable[str] = None


class EndpointAuth(Shape):
    """What Pleo shows the endpoint: with BASIC, user name and password."""

    type: Literal["NONE", "BASIC"] = "NONE"
    credentials: Omittable[EndpointCredentials] = None

    @model_validator(mode="after")
    def _basic_has_both(self) -> Self:
        known = self.credentials or EndpointCredentials()
        if self.type == "BASIC" and (known.username is None or known.password is None):
            raise ValueError("type BASIC needs a user name and a password")
        return self


class SubscriptionRequest(Shape):
    endpoint_url: SecureUrl
    event_types: Annotated[
        list[EventType],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_unique),
    ]
    custom_headers: Omittable[dict[HeaderName, HeaderText]] = None
    endpoint_auth: Omittable[EndpointAuth] = None
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE


class Subscription(Shape):
    id: UuidText
    endpoint_url: str
    event_types: list[EventType]
    status: SubscriptionStatus
    custom_headers: dict[str, str] | None = None
    endpoint_auth: EndpointAuth | None = None
    created_at: TimestampText
    updated_at: TimestampText


class SubscriptionData(Shape):
    data: Subscription


class SubscriptionPage(Shape):
    data: list[Subscription]
    pagination: PageInfo


class Activity(Shape):
    id: UuidText
    subscription_id: UuidText
    operation_type: SubscriptionOperation
    description: str
    actor_urn: str
    created_at: TimestampText


class ActivityPage(Shape):
    data: list[Activity]
    pagination: PageInfo


class Secret(Shape):
    secret_key: str


class SecretData(Shape):
    data: Secret
