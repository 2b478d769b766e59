"""The hands of a test for what connects a client with Pleo: registration, consent, tokens and webhooks."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import Field, StrictBool, model_validator
from starlette.responses import Response

from pleo_export.simulator.answers import problems, reply
from pleo_export.simulator.auth import TheWorld
from pleo_export.simulator.consent import Decision
from pleo_export.simulator.credentials import Client
from pleo_export.simulator.errors import (
    ClientExistsError,
    CompanyNotFoundError,
    InvalidBodyError,
    InvalidParameterError,
    UnreadableBodyError,
)
from pleo_export.simulator.orders import Order, apply
from pleo_export.simulator.scalars import Shape, UuidText
from pleo_export.simulator.subscription_messages import SecureUrl
from pleo_export.simulator.vocabulary import JsonObject

_YEAR_SECONDS = 366 * 24 * 3600
_RETRIES_MAX = 100
_DUPLICATES_MAX = 100
_ANSWER_SECONDS_MAX = 600

router = APIRouter(
    prefix="/control",
    tags=["Control"],
    responses=problems(InvalidBodyError, UnreadableBodyError, InvalidParameterError),
)

ScopeName = Annotated[str, Field(pattern="^[!#-\\[\\]-~]+$")]
Seconds = Annotated[float, Field(ge=0, le=_YEAR_SECONDS, allow_inf_nan=False)]
AnswerSeconds = Annotated[float, Field(ge=0, le=_ANSWER_SECONDS_MAX, allow_inf_nan=False)]


class ClientOrder(Order):
    """A client to register; what is left out is made up, and without `needsActivation` it is in use at once."""

    name: str
    redirect_uris: list[SecureUrl] = Field(min_length=1)
    scopes: list[ScopeName] = Field(min_length=1)
    client_id: str | None = Field(default=None, min_length=1, pattern="^[!-9;-~]+$")
    client_secret: str | None = Field(default=None, min_length=1, pattern="^[!-~]+$")
    needs_activation: StrictBool = True


class ClientCreated(Shape):
    client_id: str
    client_secret: str


class ConsentChange(Order):
    """Who answers a request for consent: `ask` shows a page; `allow` needs the company that is allowed."""

    decision: Decision
    company_id: UuidText | None = None

    @model_validator(mode="after")
    def _allowed_for_a_company(self) -> Self:
        if self.decision == "allow" and self.company_id is None:
            raise ValueError("decision allow needs companyId")
        return self


class TokenSettingsChange(Order):
    """Lives of tokens, and what is to go wrong with the answers of the token endpoint."""

    access_token_seconds: int | None = Field(default=None, ge=1, le=_YEAR_SECONDS)
    refresh_token_seconds: int | None = Field(default=None, ge=1, le=_YEAR_SECONDS)
    latency_seconds: AnswerSeconds | None = None
    lose_answers: int | None = Field(default=None, ge=0, le=_DUPLICATES_MAX)


class WebhookSettingsChange(Order):
    """How webhooks are delivered, and what is to go wrong with them."""

    enabled: StrictBool | None = Field(default=None, description="Events raised while off are lost for good.")
    timeout_seconds: AnswerSeconds | None = None
    retry_seconds: list[Seconds] | None = Field(
        default=None, max_length=_RETRIES_MAX, description="The wait after each failed attempt."
    )
    switch_off_after_seconds: Seconds | None = Field(
        default=None, description="How long an endpoint may fail before its subscription is INACTIVE."
    )
    delay_seconds: Seconds | None = None
    disorder_seconds: Seconds | None = Field(default=None, description="Held by lot for up to this long.")
    duplicates: int | None = Field(default=None, ge=0, le=_DUPLICATES_MAX)
    wrapped: StrictBool | None = None
    event_type: str | None = Field(default=None, description="Another spelling of the type that is sent.")
    wrong_signature: StrictBool | None = None
    timestamp_offset_seconds: int | None = Field(default=None, ge=-_YEAR_SECONDS, le=_YEAR_SECONDS)


@router.post(
    "/oauth/clients", status_code=201, response_model=ClientCreated, responses=problems(ClientExistsError)
)
async def register_client(world: TheWorld, order: ClientOrder) -> Response:
    client = Client(
        id=order.client_id or world.new_id(),
        secret=order.client_secret or f"secret_{world.new_id()}",
        application_id=world.new_id(),
        name=order.name,
        redirect_uris=frozenset(order.redirect_uris),
        scopes=frozenset(order.scopes),
        needs_activation=order.needs_activation,
    )
    world.oauth.register(client)
    return reply({"clientId": client.id, "clientSecret": client.secret}, 201)


@router.put("/oauth/consent", response_model=ConsentChange, responses=problems(CompanyNotFoundError))
async def change_consent(world: TheWorld, change: ConsentChange) -> Response:
    """Answer in the user's place from now on."""
    if change.company_id is not None:
        world.company(change.company_id)
    world.consent.decision, world.consent.company_id = change.decision, change.company_id
    return reply({"decision": change.decision, "companyId": change.company_id})


@router.patch("/oauth/settings", response_model=TokenSettingsChange)
async def change_token_settings(world: TheWorld, change: TokenSettingsChange) -> Response:
    return apply(change, world.oauth.settings)


@router.post(
    "/companies/{company_id}/disconnect",
    status_code=204,
    response_class=Response,
    responses=problems(CompanyNotFoundError),
)
async def disconnect(world: TheWorld, company_id: Annotated[UuidText, Path()]) -> Response:
    """Do what a user does who removes every app in Pleo: installations and authorisations end, tokens included."""
    company = world.company(company_id)
    world.installations.delete_all(company.id)
    world.oauth.revoke(company.id)
    return Response(status_code=204)


@router.patch("/webhooks/settings", response_model=WebhookSettingsChange)
async def change_webhook_settings(world: TheWorld, change: WebhookSettingsChange) -> Response:
    return apply(change, world.post.settings)


@router.get("/webhooks/deliveries")
async def read_deliveries(world: TheWorld, since: Annotated[int, Query(ge=0)] = 0) -> JsonObject:
    """Every attempt with a higher sequence number than `since`, and how many deliveries are not settled yet."""
    attempts = [attempt.as_json() for attempt in world.post.since(since)]
    return {"attempts": attempts, "unsettled": world.post.unsettled}
