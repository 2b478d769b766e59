"""The worker: drains the companies that the engine hands it, and looks for work that no webhook told of."""

import asyncio
import hashlib
import logging
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import Protocol

from aiolimiter import AsyncLimiter

from pleo_export.accounting.port import ConnectorError
from pleo_export.compose import parts_of
from pleo_export.config import Settings, SettingsError
from pleo_export.engine import Begun
from pleo_export.observe import logs, metrics
from pleo_export.observe.traces import open_traces
from pleo_export.pleo.auth import Credential, UnusableSecretError
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.oauth import OAuthCredential
from pleo_export.pleo.retrying import CallError, Surroundings
from pleo_export.pleo.transport import rate_limiter
from pleo_export.service.companies import Companies
from pleo_export.service.settings import ServiceSettings
from pleo_export.store import FencedError, Store, sqlite_path
from pleo_export.store.lease import CompanyBusyError, company_lease
from pleo_export.vault.errors import VaultError
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.ports import Clock, Notice, Parts, StepTaken
from pleo_export.workflow.problems import StoppedError

LOOK_SECONDS = 2.0  # how often it is seen which companies are due
JITTER_SHARE = 0.1  # of the interval: companies that were added together do not stay together

# What keeps a company from being worked on at all, until somebody or something mends it.
TROUBLE = (CallError, CompanyBusyError, ConnectorError, SettingsError, UnusableSecretError, VaultError)

# What is called, and called again, is counted.
COUNTED = Surroundings(called=metrics.pleo_called, repeated=partial(metrics.call_repeated, "pleo"))

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What the worker needs of the engine."""

    stopping: Event

    def fire(self, company_id: str, cause: str) -> bool: ...


class Worker:
    """Drains companies on one event loop. Its `drain` is called by the engine, in threads of its own."""

    def __init__(
        self, settings: ServiceSettings, store: Store, companies: Companies, engine: Engine, clock: Clock
    ) -> None:
        self._settings, self._store, self._companies = settings, store, companies
        self._engine, self._clock = engine, clock
        self._loop = asyncio.get_running_loop()
        self._traces = open_traces()
        self._seen: set[str] = set()
        self._limiters: dict[str, AsyncLimiter] = {}
        self._fired: dict[str, datetime] = {}
        self.holder = f"{socket.gethostname()}:{os.getpid()}"

    def close(self) -> None:
        """Send the traces that are left."""
        self._traces.close()

    def drain(self, begun: Begun) -> None:
        """Export every waiting job of a company, or leave the rest where the service stops. Blocks its thread."""
        asyncio.run_coroutine_threadsafe(self._drain(begun), self._loop).result()

    async def poll(self) -> None:
        """Look again and again which companies are due, and give them to the engine. Ends by being cancelled only."""
        while True:
            try:
                await self._fire_due()
            except Exception:  # the service's edge: the next look may find the database again
                log.exception("it could not be seen which companies are due")
            await self._clock.sleep(LOOK_SECONDS)

    async def _fire_due(self) -> None:
        now = self._clock.now()
        for company in await self._store.companies():
            fired = self._fired.get(company.company_id)
            if not company.active or not self._due(now, company.last_checked_at, fired):
                continue
            self._fired[company.company_id] = now
            cause = "start" if fired is None else "poll"
            await asyncio.to_thread(self._engine.fire, company.company_id, cause)

    def _due(self, now: datetime, checked: datetime | None, fired: datetime | None) -> bool:
        """Whether to look for a company's jobs: at the start, and an interval after the last look, whoever took it."""
        if fired is None:
            return True
        share = random.uniform(1 - JITTER_SHARE, 1 + JITTER_SHARE)  # noqa: S311 it spreads the load
        interval = timedelta(minutes=self._settings.poll_minutes) * share
        return now >= max(fired, checked or fired) + interval

    async def _drain(self, begun: Begun) -> None:
        company_id, token = begun.company_id, begun.token
        with logs.about(company=company_id):
            company = await self._store.company(company_id)
            if not company.active:
                return
            await self._store.take_lease(company_id, token, self.holder)
            fenced = self._store.fenced(company_id, token)
            try:
                with self._alone(company_id):
                    await self._export(begun, fenced)
            except StoppedError:
                log.info("stopped; the rest is left to the next worker")
            except FencedError:
                log.warning("another worker has taken over; nothing more is done here")
            except TROUBLE as error:
                log.error("the company cannot be worked on: %s", error)  # noqa: TRY400 the sentence says it all
                await fenced.trouble(company_id, str(error))
                raise

    def _alone(self, company_id: str) -> AbstractContextManager[None]:
        """Keep a `run` on the same SQLite file away; on PostgreSQL only workers work. Raises CompanyBusyError."""
        path = sqlite_path(self._settings.database_url)
        return nullcontext() if path is None else company_lease(path, company_id)

    async def _export(self, begun: Begun, store: Store) -> None:
        company_id = begun.company_id
        settings = await self._companies.settings(company_id)
        # What is in progress at the first look, or while we remember an open job, may be ours from before.
        recovering = company_id not in self._seen or bool(await store.open_jobs(company_id))
        watched = logs.watch(self._timed(begun, metrics.watch()))
        with self._traces.run(company_id, watched) as notify:
            async with self._parts(company_id, settings, store, notify) as parts:
                for summary in await export_pending(parts, recovering=recovering):
                    metrics.job_ended(summary)
        self._seen.add(company_id)
        await store.trouble(company_id, None)

    def _timed(self, begun: Begun, notify: Callable[[Notice], None]) -> Callable[[Notice], None]:
        """Measure how long after a webhook the first job was started."""
        fired = [begun.fired_at] if begun.cause == "webhook" else []

        def told(notice: Notice) -> None:
            if fired and isinstance(notice, StepTaken) and notice.job_id is not None:
                metrics.job_started((self._clock.now() - fired.pop()).total_seconds())
            notify(notice)

        return told

    def _limiter(self, company_id: str, settings: Settings, credential: Credential) -> AsyncLimiter:
        """Return what limits the calls of a credential, shared by all companies it serves, from drain to drain."""
        # A connection by OAuth is one company's, and its header changes.
        who = company_id if isinstance(credential, OAuthCredential) else credential.header
        key = hashlib.sha256(f"{settings.pleo.base_url} {who}".encode()).hexdigest()
        return self._limiters.setdefault(key, rate_limiter())

    @asynccontextmanager
    async def _parts(
        self, company_id: str, settings: Settings, store: Store, notify: Callable[[Notice], None]
    ) -> AsyncIterator[Parts]:
        credential = await self._companies.credential(company_id, settings)
        folder = self._settings.work_folder / self.holder.replace(":", "-") / company_id
        limiter = self._limiter(company_id, settings, credential)
        pleo = PleoClient(settings.pleo.base_url, credential, around=COUNTED, limiter=limiter)
        async with parts_of(settings, pleo, store, folder, notify) as parts:
            yield replace(parts, stopping=self._engine.stopping.is_set)
