"""The simulator as an application, as a blocking server, and as a server inside a test's process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event, Thread
from types import TracebackType
from typing import Self

import httpx
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from pleo_export.simulator import (
    control,
    control_connections,
    file_routes,
    installation_routes,
    oauth_routes,
    public,
    subscription_routes,
)
from pleo_export.simulator.answers import use_envelope
from pleo_export.simulator.audit import AuditMiddleware
from pleo_export.simulator.postman import postman
from pleo_export.simulator.trouble import TroubleMiddleware
from pleo_export.simulator.web.app import add_web
from pleo_export.simulator.world import World

_TAGS = [
    {"name": "Export jobs", "description": "Lifecycle of one export run."},
    {"name": "Export job items", "description": "Tracking records, one an expense in a job."},
    {"name": "Export items", "description": "Bookkeeping data of a job's expenses."},
    {"name": "Subscriptions", "description": "Webhook subscriptions."},
    {"name": "Installations", "description": "The installation and the credential of the caller."},
    {"name": "OAuth", "description": "The authorisation server; Pleo has it on another host."},
    {"name": "Files", "description": "Receipts behind signed links."},
    {"name": "Control", "description": "The test's own hands; Pleo has nothing of this. No credentials."},
]


_ROUTERS = (
    public.router,
    subscription_routes.router,
    installation_routes.router,
    oauth_routes.router,
    file_routes.router,
    control.router,
    control_connections.router,
)


def create_app(world: World, webhook_transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """Assemble the simulator of `world`; its webhooks go over the network where no transport is given."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with postman(world.post, webhook_transport):
            yield

    app = FastAPI(title="Pleo simulator", version="3", openapi_tags=_TAGS, lifespan=lifespan)
    app.state.world = world
    for router in _ROUTERS:
        # As they are: to include a router is to make all its routes anew for each application.
        app.router.routes.extend(router.routes)
    add_web(app)
    use_envelope(app)
    app.add_middleware(AuditMiddleware)
    app.add_middleware(TroubleMiddleware)
    return app


class _Protocol(H11Protocol):
    """Lets a call cut its own connection, so that its answer is lost."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = self.app_state | {"cut": transport.abort}


class _Server(uvicorn.Server):
    """Tells when it accepts connections, which Uvicorn itself only logs."""

    def __init__(self, world: World, on_ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            create_app(world),
            http=_Protocol,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=1024)
    # Accepted connections inherit it; without it, each answer waits 40 ms for the caller's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def run(host: str, port: int, *, seed: int = 0, on_ready: Callable[[str], None] = print) -> None:
    """Serve until a signal ends the process; `on_ready` gets the address, whose port is free if `port` is 0."""
    with _listen(host, port) as listener:
        _Server(World(seed=seed), lambda: on_ready(_url(listener))).run(sockets=[listener])


class RunningSimulator:
    """Serves a world from a background thread on a free port of this machine, for as long as the context lasts.

    While it runs, the world belongs to that thread: reach it over HTTP.
    """

    def __init__(self, *, seed: int = 0, world: World | None = None) -> None:
        self.world = world or World(seed=seed)
        self._listener = _listen("127.0.0.1", 0)
        self.url = _url(self._listener)
        self._ready = Event()
        self._server = _Server(self.world, self._ready.set)
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
