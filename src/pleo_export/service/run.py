"""Puts the service together and runs it until it is told to stop."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI

from pleo_export.clock import SystemClock
from pleo_export.engine import Engine
from pleo_export.engine.errors import EngineError
from pleo_export.observe import logs, metrics
from pleo_export.observe.watchdog import tell_systemd, watchdog
from pleo_export.service.connecting import CONNECTING_TIME
from pleo_export.service.errors import ListenError
from pleo_export.service.kinds import CONNECTING
from pleo_export.service.opening import Opened, opened, opened_engine
from pleo_export.service.page.access import housekeeping
from pleo_export.service.page.access.invitations import welcome_first
from pleo_export.service.page.app import add_page
from pleo_export.service.page.live import end_streams
from pleo_export.service.page.parts import PageParts
from pleo_export.service.polling import Polling
from pleo_export.service.reconciling import Reconciling
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.telling.telling import Telling
from pleo_export.service.web import WebParts, web_app
from pleo_export.service.worker import Worker
from pleo_export.store import Store

RETENTION = timedelta(days=90)  # runs that failed or were taken over
DONE_RETENTION = timedelta(days=3)  # runs that were simply done: a look every few minutes is one
NOTIFICATIONS_KEPT = timedelta(days=90)
WEBHOOKS_KEPT = timedelta(days=3)  # Pleo repeats a webhook for a day
HOUSEKEEPING_SECONDS = 3600.0
GAUGE_SECONDS = 10.0

log = logging.getLogger(__name__)


async def run_service(settings: ServiceSettings, *, web: bool, work: bool) -> bool:
    """Run the parts until SIGTERM or SIGINT. False where a company was still at work when the time was up."""
    logs.configure(settings.log_format, settings.log_level)
    for chatty in ("dbos", "uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if web and work:
        # What answers webhooks waits this long at most for each thread that books; Python's own 5 ms add up.
        sys.setswitchinterval(0.001)
    stop = _on_signals()
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(opened(settings))
        engine = stack.enter_context(opened_engine(settings))
        port = settings.port if web else settings.health_port
        listener = None if port is None else stack.enter_context(_listen(settings.host, port, web=web))
        telling = Telling(settings, parts.store, SystemClock())
        stack.callback(telling.close)
        tasks = [
            asyncio.create_task(watchdog(engine.fault)),
            asyncio.create_task(
                _housekeeping(parts.store, engine, timedelta(days=settings.keep_expenses_days))
            ),
            asyncio.create_task(telling.run()),
        ]
        stack.push_async_callback(_end, tasks)
        server, serving = None, None
        if listener is not None:
            app = web_app(web_parts(settings, engine, parts), triggers=web)
            if web:
                add_page(app, page_parts(settings, engine, parts))
                await welcome_first(parts.store, settings, SystemClock().now(), listener.getsockname()[1])
            server = _Server(app)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            tasks.append(serving)
            log.info("listening on http://%s:%d", *listener.getsockname()[:2])
        if work:
            reconciling = Reconciling(parts.store, parts.companies, SystemClock())
            worker = Worker(
                settings, parts.store, parts.companies, engine, SystemClock(), reconciling.at_once
            )
            stack.callback(worker.close)
            engine.register(worker.drain)
            await asyncio.to_thread(engine.start)
            tasks.append(asyncio.create_task(reconciling.run()))
            polling = Polling(parts.store, engine, SystemClock(), settings.poll_minutes)
            tasks.append(asyncio.create_task(polling.run()))
            log.info("working as %s, %d companies at once", worker.holder, settings.companies_at_once)
            if not await parts.store.last_looks():
                log.warning(
                    "no company is active: `companies list` tells which are paused, `companies add` adds one"
                )
        tell_systemd("READY=1")
        await stop.wait()
        tell_systemd("STOPPING=1")
        log.info("stopping: nothing new is begun")
        ended = await asyncio.to_thread(engine.stop, settings.stop_seconds) if work else True
        if server is not None and serving is not None:
            server.should_exit = True
            await serving
    return ended


def _listen(host: str, port: int, *, web: bool) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ListenError(
            host, port, "PLEO_EXPORT_PORT" if web else "PLEO_EXPORT_HEALTH_PORT", error
        ) from None


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel what runs in the background, before anything that it uses is closed."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def web_parts(settings: ServiceSettings, engine: Engine, parts: Opened) -> WebParts:
    """Return what the web part works with."""
    store, companies, connecting = parts

    async def ready() -> None:
        await store.only_company()

    async def connect(query: Mapping[str, str]) -> str:
        company_id = await connecting.finish(query, companies.pleo_url)
        try:
            await asyncio.to_thread(engine.fire, company_id, "connected")
        except EngineError as error:
            log.warning("company %s is connected, but looked at later: %s", company_id, error)
        return company_id

    return WebParts(
        settings=settings,
        engine=engine,
        store=store,
        secrets_of=companies.webhook_secrets,
        connect=connect,
        ready=ready,
        fault=engine.fault,
        now=SystemClock().now,
    )


def page_parts(settings: ServiceSettings, engine: Engine, parts: Opened) -> PageParts:
    """Return what the page works with."""
    store, companies, connecting = parts
    return PageParts(
        settings=settings,
        store=store,
        companies=companies,
        connecting=connecting,
        engine=engine,
        now=SystemClock().now,
    )


def _on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


class _Server(uvicorn.Server):
    """Leaves signals to the service, and waits for no stream of the page."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        end_streams(self._app)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _housekeeping(store: Store, engine: Engine, expenses_kept: timedelta) -> None:
    """Keep the gauges true, and forget what is old. Ends by being cancelled only."""
    cleaned, takeovers = 0.0, None
    loop = asyncio.get_running_loop()
    while True:
        try:
            takeovers = await _gauge(store, engine, takeovers)
            if loop.time() - cleaned > HOUSEKEEPING_SECONDS:
                cleaned, now = loop.time(), SystemClock().now()
                await store.forget_webhooks(now - WEBHOOKS_KEPT)
                await store.notifications.forget(now - NOTIFICATIONS_KEPT)
                await store.forget_secrets(CONNECTING, now - CONNECTING_TIME)
                await housekeeping.sweep(store, now)
                await store.forget_explanations(now - expenses_kept)
                await asyncio.to_thread(engine.forget, now - RETENTION, done_before=now - DONE_RETENTION)
        except Exception:  # the service's edge: the next round may find the database again
            log.exception("housekeeping failed")
        await asyncio.sleep(GAUGE_SECONDS)


async def _gauge(store: Store, engine: Engine, takeovers: int | None) -> int:
    """Show how runs and companies stand; return how many takeovers there were, `takeovers` of them counted already."""
    status = await asyncio.to_thread(engine.status)
    now = SystemClock().now()
    oldest = max(((now - run.fired_at).total_seconds() for run in status.waiting), default=0.0)
    by_state = {"waiting": len(status.waiting), "running": len(status.running), "failed": status.failures}
    metrics.runs(by_state, oldest)
    if takeovers is not None:
        metrics.taken_over(max(0, status.takeovers - takeovers))
    companies = [one for one in await store.companies() if one.in_service]
    troubled = sum(one.trouble is not None for one in companies)
    paused = sum(not one.active for one in companies)
    metrics.differences(await store.differences_by_kind())
    metrics.companies({"troubled": troubled, "paused": paused, "well": len(companies) - troubled - paused})
    return status.takeovers
