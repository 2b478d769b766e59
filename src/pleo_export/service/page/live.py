"""What makes the page live: whoever looks at it is told once something has changed, and asks anew what it is.

The database is the source, for other processes do the work. It is looked at while somebody listens, once for all of them.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from pleo_export.engine.errors import EngineError
from pleo_export.service.page.access.guard import SignedIn, Viewing, Visitor, still_signed_in
from pleo_export.service.page.parts import FORM_BYTES_MAX, PageParts, Parts
from pleo_export.service.page.rendering import HEADERS
from pleo_export.store.errors import StoreError
from pleo_export.store.tables import EVERY_COMPANY

LOOK_SECONDS = 1.0
# Then it says so: proxies end a connection that says nothing, and the page takes it for lost.
QUIET_SECONDS = 15.0
WELCOME_SECONDS = 60.0  # how often it is seen whether the session lasts
# A browser opens six connections to a host, and needs some of them for the pages themselves.
STREAMS_MAX = 4

CHANGED = b"event: changed\ndata:\n\n"  # without the empty data a browser tells nobody
QUIET = b"event: quiet\ndata:\n\n"
BEGIN = b"retry: 2000\n\n"

Topic = frozenset[str] | None  # these companies, None: all
Look = Callable[[Iterable[Topic]], Awaitable[Mapping[Topic, object]]]

log = logging.getLogger(__name__)
router = APIRouter(max_body_size=FORM_BYTES_MAX)


class Hub:
    """Tells listeners when the look at their companies shows something else than the last one did."""

    def __init__(self, look: Look, seconds: float = LOOK_SECONDS) -> None:
        self._look, self._seconds = look, seconds
        self._listeners: defaultdict[Topic, set[asyncio.Event]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None
        self._joined = asyncio.Event()
        self.streams: Counter[str] = Counter()
        self.closed = False

    @contextmanager
    def listening(self, topic: Topic) -> Iterator[asyncio.Event]:
        """Set the event whenever something has changed, and once the hub is closed."""
        changed = asyncio.Event()
        if topic not in self._listeners:
            self._joined.set()  # what changes before the first look at these companies nobody would tell
        self._listeners[topic].add(changed)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_on())
        try:
            yield changed
        finally:
            self._listeners[topic].discard(changed)
            if not self._listeners[topic]:
                del self._listeners[topic]
            if not self._listeners:
                self._looking.cancel()
                self._looking = None

    def close(self) -> None:
        """End every stream; a new one ends at once."""
        self.closed = True
        for listeners in self._listeners.values():
            for changed in listeners:
                changed.set()

    async def _look_on(self) -> None:
        known: Mapping[Topic, object] = {}
        while True:
            self._joined.clear()
            try:
                found = await self._look(tuple(self._listeners))
            except (StoreError, EngineError) as error:
                log.warning("the page cannot be live: %s", error)
                found = known
            for topic, pulse in found.items():
                if topic in known and known[topic] != pulse:
                    for changed in self._listeners.get(topic, ()):
                        changed.set()
            known = found
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._joined.wait()


def hub_of(parts: PageParts) -> Hub:
    """Return a hub that looks into the store and at the engine's runs."""

    async def look(topics: Iterable[Topic]) -> Mapping[Topic, object]:
        status = await asyncio.to_thread(parts.engine.status)
        runs = [(run.company_id, run.id, run.state) for run in (*status.waiting, *status.running)]
        return {
            topic: (
                await parts.store.pulse(topic),
                [run for run in runs if topic is None or run[0] in topic],
            )
            for topic in topics
        }

    return Hub(look)


def end_streams(app: FastAPI) -> None:
    """End every stream of the page, if the application shows it, so that the server can stop."""
    hub: Hub | None = getattr(app.state, "live", None)
    if hub is not None:
        hub.close()


@router.get("/events")
async def events(request: Request, parts: Parts, visitor: SignedIn) -> StreamingResponse:
    """Tell when something changes for any company the visitor may see."""
    everything = EVERY_COMPANY in visitor.roles
    return _streamed(request, parts, visitor, None if everything else frozenset(visitor.roles))


@router.get("/companies/{company_id}/events")
async def company_events(
    request: Request, parts: Parts, visitor: Viewing, company_id: str
) -> StreamingResponse:
    """Tell when something changes for the company."""
    return _streamed(request, parts, visitor, frozenset({company_id}))


def _streamed(request: Request, parts: PageParts, visitor: Visitor, topic: Topic) -> StreamingResponse:
    hub: Hub = request.app.state.live
    if hub.streams[visitor.session] >= STREAMS_MAX:
        raise HTTPException(429, "Too many pages are live at once. Close some of them.")

    async def is_welcome() -> bool:
        return await still_signed_in(parts, visitor)

    stream = counted(hub, visitor.session, told(hub, topic, is_welcome))
    return StreamingResponse(stream, media_type="text/event-stream", headers=HEADERS)


async def counted(hub: Hub, session: str, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Count the stream among those of its session while it lasts."""
    hub.streams[session] += 1
    try:
        async for event in stream:
            yield event
    finally:
        hub.streams[session] -= 1
        if not hub.streams[session]:
            del hub.streams[session]


async def told(
    hub: Hub, topic: Topic, is_welcome: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    """Yield what a browser is told, until the hub is closed or the visitor is welcome no more: then the page is led away."""
    loop = asyncio.get_running_loop()
    with hub.listening(topic) as changed:
        # What the page shows was read before this began.
        yield BEGIN + CHANGED
        asked = loop.time()
        while not hub.closed:
            if loop.time() - asked >= WELCOME_SECONDS:
                if not await is_welcome():
                    yield CHANGED  # the page asks anew, and is told where to sign in
                    return
                asked = loop.time()
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await changed.wait()
            except TimeoutError:
                yield QUIET
                continue
            changed.clear()
            if not hub.closed:
                yield CHANGED
