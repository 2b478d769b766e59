"""The web part: takes Pleo's webhooks and the button, and says how the service is. It never exports anything itself."""

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, Protocol, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.background import BackgroundTask

from pleo_export.config import SettingsError
from pleo_export.engine.errors import EngineError
from pleo_export.observe import metrics
from pleo_export.pleo.errors import ConnectingError, GrantRefusedError, NoCompanyError, PleoError
from pleo_export.pleo.webhooks import Hint, WebhookError, body_bytes_max, is_export_job_created, verify
from pleo_export.service.connecting import CALLBACK
from pleo_export.service.errors import ConnectError, OAuthNotSetUpError
from pleo_export.service.settings import ServiceSettings
from pleo_export.store.errors import ContradictionError, StoreError
from pleo_export.vault.errors import VaultError

# Our own trouble: whoever asked may ask again, and it may be over then.
OURS = (StoreError, EngineError, VaultError)
# Why a person who comes back from Pleo has to begin again.
THEIRS = (ConnectError, ConnectingError, NoCompanyError, ContradictionError, GrantRefusedError)

T = TypeVar("T")

taking, telling = APIRouter(), APIRouter()  # triggers, and how the service is

log = logging.getLogger(__name__)


class Trigger(Protocol):
    """What a trigger needs of the engine."""

    def fire(self, company_id: str, cause: str) -> bool:
        """Note durably that the company has work. False where that was noted already."""
        ...


class Memory(Protocol):
    """What the web part needs of the store."""

    async def saw_webhooks(self, webhook_ids: Collection[str]) -> set[str]: ...
    async def see_webhooks(self, event_ids: Mapping[str, str | None]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class WebParts:
    """Everything the web part works with.

    `secrets_of` returns the webhook secrets of a company, the newest first, None for one that is not ours; `connect` takes
    what Pleo sends back with a person and returns the company that was connected; `ready` raises where the service cannot
    do its work, in a sentence; `fault` returns why the process has to be started again, None where it need not.
    """

    settings: ServiceSettings
    engine: Trigger
    store: Memory
    secrets_of: Callable[[str | None], Awaitable[tuple[str, Sequence[str]] | None]]
    connect: Callable[[Mapping[str, str]], Awaitable[str]]
    ready: Callable[[], Awaitable[None]]
    fault: Callable[[], str | None]
    now: Callable[[], datetime]


def web_app(parts: WebParts, *, triggers: bool) -> FastAPI:
    """Return the application; without `triggers` it only tells how the service is."""
    app = FastAPI(title="pleo-export", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.state.parts = parts
    app.state.hints = _Hints(parts.engine, parts.store)
    for trouble in OURS:
        app.add_exception_handler(trouble, _unavailable)
    serve(app, *[taking, telling] if triggers else [telling])
    return app


def serve(app: FastAPI, *routers: APIRouter) -> None:
    """Let the application answer these routes as they are: to include a router is to make all of them anew each time."""
    for router in routers:
        app.router.routes.extend(router.routes)


async def _unavailable(_: Request, trouble: Exception) -> Response:
    return JSONResponse({"detail": str(trouble)}, 503)


def _parts(request: Request) -> WebParts:
    parts: WebParts = request.app.state.parts
    return parts


Parts = Annotated[WebParts, Depends(_parts)]


class _Together(Generic[T]):
    """Does once what many ask for: whoever comes while it is under way shares the next time."""

    def __init__(self, do: Callable[[Mapping[str, str | None]], Awaitable[T]]) -> None:
        self._do, self._under_way = do, asyncio.Lock()
        self._asked: dict[str, str | None] = {}
        self._next: asyncio.Task[T] | None = None

    async def ask(self, hint: Hint) -> T:
        """Return what is done after this call began, for the hint and all others that were asked for by then."""
        self._asked[hint.webhook_id] = hint.event_id
        if self._next is None:
            self._next = asyncio.create_task(self._begin())
        return await asyncio.shield(self._next)

    async def _begin(self) -> T:
        async with self._under_way:
            asked, self._asked, self._next = self._asked, {}, None
            return await self._do(asked)


class _Hints:
    """Takes many hints with few looks, firings and notes. A hint is answered once its firing is durable."""

    def __init__(self, engine: Trigger, store: Memory) -> None:
        self._engine = engine
        self._looks, self._notes = _Together(store.saw_webhooks), _Together(store.see_webhooks)
        self._firings: dict[str, _Together[bool]] = {}

    async def seen(self, hint: Hint) -> bool:
        """Whether the hint was taken before."""
        return hint.webhook_id in await self._looks.ask(hint)

    async def fire(self, company_id: str, hint: Hint) -> bool:
        """Note durably that the company has work. False where that was noted already."""

        async def begin(_: object) -> bool:
            return await run_in_threadpool(self._engine.fire, company_id, "webhook")

        return await self._firings.setdefault(company_id, _Together(begin)).ask(hint)

    async def remember(self, hint: Hint) -> None:
        """Let the hint be known when it comes again."""
        try:
            await self._notes.ask(hint)
        except StoreError as error:
            log.warning("a webhook was kept, but its id was not remembered: %s", error)


def _hints(request: Request) -> _Hints:
    hints: _Hints = request.app.state.hints
    return hints


Hints = Annotated[_Hints, Depends(_hints)]


@taking.post("/webhooks/pleo", status_code=204, response_class=Response)
async def webhook(request: Request, parts: Parts, hints: Hints, company: str | None = None) -> Response:
    """Take Pleo's hint that a company has an export job.

    2xx: the hint is kept, or concerns nobody here. 4xx: it is not from Pleo. 503: we could not keep it; send it again.
    """
    body = await _body(request)
    try:
        known = await parts.secrets_of(company)
        if known is None:
            # Anybody may write anything there.
            log.info("a webhook came for a company that is not here: %.8r", company)
            return _answer("unknown_company")
        company_id, secrets = known
        hint = verify(request.headers, body, secrets, parts.now())
        result = await _taken(hints, company_id, hint)
    except WebhookError as refused:
        log.warning("a webhook was refused: %s", refused)
        return _answer(type(refused).__name__, refused.status)
    except OURS as error:
        log.error("a webhook could not be kept: %s", error)  # noqa: TRY400 the sentence says it all
        return _answer("not_kept", 503)
    answer = _answer(result)
    if result == "taken":
        # Not before: one whose firing failed comes again, and must be new then. A firing too many finds nothing to do.
        answer.background = BackgroundTask(hints.remember, hint)
    return answer


async def _taken(hints: _Hints, company_id: str, hint: Hint) -> str:
    if not is_export_job_created(hint.event_type):
        log.info("a webhook of type %s was received; it starts nothing", hint.event_type)
        return "other_event"
    if hint.company_id not in (company_id, None):
        log.warning("a webhook for company %s came to the address of %s", hint.company_id, company_id)
        return "unknown_company"
    if await hints.seen(hint):
        return "repeated"
    new = await hints.fire(company_id, hint)
    log.debug("a webhook says that company %s has a job%s", company_id, "" if new else "; it waits already")
    return "taken"


async def _body(request: Request) -> bytes:
    """Read the body, or as much of it as is one byte too much."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > body_bytes_max:
            break
    return body[: body_bytes_max + 1]


def _answer(result: str, status: int = 204) -> Response:
    metrics.webhook(result)
    return Response(status_code=status)


@taking.post("/api/companies/{company_id}/check", status_code=202)
async def check(
    company_id: str, parts: Parts, authorization: Annotated[str | None, Header()] = None
) -> dict[str, bool]:
    """Press the button: look for export jobs of the company now."""
    token = parts.settings.operator_token
    if token is None:
        raise HTTPException(403, "The button is closed: set PLEO_EXPORT_OPERATOR_TOKEN to open it.")
    given = (authorization or "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        raise HTTPException(401, "Show the operator token: Authorization: Bearer ...")
    if await parts.secrets_of(company_id) is None:
        raise HTTPException(404, "There is no such company here.")
    return {"noted": await run_in_threadpool(parts.engine.fire, company_id, "button")}


@taking.get(CALLBACK, response_class=PlainTextResponse)
async def connected(request: Request, parts: Parts) -> PlainTextResponse:
    """Take a person back who has connected a company in Pleo."""
    try:
        company_id = await parts.connect(dict(request.query_params))
    except (*THEIRS, *OURS, SettingsError, PleoError) as error:
        log.warning("a company was not connected: %s", error)
        theirs = isinstance(error, THEIRS) and not isinstance(error, OAuthNotSetUpError)
        return PlainTextResponse(str(error), 400 if theirs else 503)
    log.info("company %s was connected", company_id)
    return PlainTextResponse(f"Company {company_id} is connected. You may close this page.")


@telling.get("/healthz")
async def healthz(parts: Parts) -> dict[str, str]:
    """Say that the process lives, or that it has to be started again."""
    if (reason := parts.fault()) is not None:
        raise HTTPException(503, reason)
    return {"status": "alive"}


@telling.get("/readyz")
async def readyz(parts: Parts) -> dict[str, str]:
    """Say whether triggers can be kept."""
    await parts.ready()
    return {"status": "ready"}


@telling.get("/metrics", response_class=Response)
async def exposition() -> Response:
    """Return the metrics as Prometheus reads them."""
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
