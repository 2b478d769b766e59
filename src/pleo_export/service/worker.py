"""The worker: drains the companies that the engine hands it."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Protocol

from pleo_export.clock import Clock
from pleo_export.compose import connector_for, parts_of, sources_of
from pleo_export.config import Settings
from pleo_export.domain.grouping import by_cause, failures_of
from pleo_export.domain.progress import Company
from pleo_export.engine import Begun, EngineError, problem_of
from pleo_export.observe import logs, metrics
from pleo_export.observe.traces import open_traces
from pleo_export.pleo.client import PleoClient
from pleo_export.service.companies import Companies, settings_of
from pleo_export.service.counted import COUNTED
from pleo_export.service.kinds import ODOO_API_KEY
from pleo_export.service.reconciling import COMPARE
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.work_folder import made, own_folder
from pleo_export.store import FencedError, Store, sqlite_path
from pleo_export.store.errors import StoreError
from pleo_export.store.lease import company_lease
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.ports import JobSummary, Notice, Parts, StepTaken
from pleo_export.workflow.problems import StoppedError

SILENCE_SECONDS = 60.0  # of an accounting system; then the next company has its turn
WAIT_SECONDS_MIN = 5.0  # that Pleo asks for; a shorter one is not worth telling

log = logging.getLogger(__name__)


class Engine(Protocol):
    """What the worker needs of the engine."""

    stopping: Event

    def gives_way(self, company_id: str) -> bool: ...


class Worker:
    """Drains companies on one event loop. Its `drain` is called by the engine, in threads of its own.

    `compare` compares what is due of a company, where that was asked for.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what the work consists of
        self,
        settings: ServiceSettings,
        store: Store,
        companies: Companies,
        engine: Engine,
        clock: Clock,
        compare: Callable[[str], Awaitable[None]],
    ) -> None:
        self._settings, self._store, self._companies = settings, store, companies
        self._engine, self._clock, self._compare = engine, clock, compare
        self._loop = asyncio.get_running_loop()
        self._traces = open_traces()
        self._seen: set[str] = set()
        self._folder = own_folder(settings.work_folder)
        self.holder = f"{socket.gethostname()}:{os.getpid()}"

    def close(self) -> None:
        """Send the traces that are left."""
        self._traces.close()

    def drain(self, begun: Begun) -> None:
        """Export every waiting job of a company, or leave the rest where the service stops. Blocks its thread."""
        asyncio.run_coroutine_threadsafe(self._drain(begun), self._loop).result()

    async def _drain(self, begun: Begun) -> None:
        company_id, token = begun.company_id, begun.token
        with logs.about(company=company_id):
            company = await self._store.company(company_id)
            if not company.active:
                return
            # Whatever ends a drain before its end, the lease or the database may be lost: the next look is a first one.
            recovering = company_id not in self._seen
            self._seen.discard(company_id)
            await self._store.take_lease(company_id, token, self.holder)
            fenced = self._store.fenced(company_id, token)
            try:
                with self._alone(company_id):
                    await self._export(begun, company, fenced, recovering=recovering)
            except StoppedError:
                log.info("stopped; the rest is left to the next worker")
            except FencedError:
                log.warning("another worker has taken over; nothing more is done here")
            except (
                Exception
            ) as error:  # a run's edge: whatever it is, it keeps the company from being worked on
                await _keep_trouble(fenced, company_id, problem_of(error))
                raise
            else:
                if begun.cause == COMPARE:
                    await self._compare(company_id)

    def _alone(self, company_id: str) -> AbstractContextManager[None]:
        """Keep a `run` on the same SQLite file away; on PostgreSQL only workers work. Raises CompanyBusyError."""
        path = sqlite_path(self._settings.database_url)
        return nullcontext() if path is None else company_lease(path, company_id)

    async def _export(self, begun: Begun, company: Company, store: Store, *, recovering: bool) -> None:
        company_id = company.company_id
        settings = settings_of(company)
        watched = logs.watch(self._timed(begun, metrics.watch()))
        with self._traces.run(company_id, watched) as notify:
            async with self._parts(company, settings, store, notify) as parts:
                for summary in await export_pending(parts, recovering=recovering):
                    if summary.event is None and (await store.job(summary.job_id)).open:
                        log.warning("job %s is tried again: %s", summary.job_id, summary.problem)
                        continue
                    metrics.job_ended(summary)
                    if summary.reason is not None:
                        log.warning("job %s ended as %s: %s", summary.job_id, summary.event, _why(summary))
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

    @asynccontextmanager
    async def _parts(
        self, company: Company, settings: Settings, store: Store, notify: Callable[[Notice], None]
    ) -> AsyncIterator[Parts]:
        company_id, since = company.company_id, company.trouble_since
        credential = await self._companies.credential(company_id, settings)
        limiter = self._companies.limiter(company_id, settings, credential)
        around = replace(COUNTED, asked_to_wait=partial(self._note_wait, store, company_id))
        pleo = PleoClient(settings.pleo.base_url, credential, around=around, limiter=limiter)
        key = await self._companies.secret(company_id, ODOO_API_KEY)
        async with (
            sources_of(settings, pleo, connector_for(settings, key)) as sources,
            parts_of(settings, sources, store, made(self._folder / company_id), notify) as parts,
        ):
            yield replace(
                parts,
                clock=self._clock,
                stopping=self._engine.stopping.is_set,
                gives_way=partial(self._gives_way, company_id),
                silence_seconds_max=SILENCE_SECONDS,
                trouble=(company.trouble, since) if company.trouble and since else None,
            )

    async def _gives_way(self, company_id: str) -> bool:
        """Whether the company gives its place to others, as far as that can be seen."""
        try:
            return await asyncio.to_thread(self._engine.gives_way, company_id)
        except EngineError as error:
            log.warning("it was not seen whether other companies wait: %s", error)
            return False

    async def _note_wait(self, store: Store, company_id: str, seconds: float) -> None:
        """Keep until when the company waits because Pleo asked for it, if that can be kept."""
        if seconds <= WAIT_SECONDS_MIN:
            return
        try:
            await store.wait_until(company_id, self._clock.now() + timedelta(seconds=seconds))
        except StoreError as error:
            log.warning("it was not kept how long the company waits: %s", error)


async def _keep_trouble(store: Store, company_id: str, sentence: str) -> None:
    """Keep what is wrong with the company, if it can be kept."""
    log.error("the company cannot be worked on: %s", sentence)
    try:
        await store.trouble(company_id, sentence)
    except StoreError as error:
        log.warning("what is wrong with the company was not kept: %s", error)


def _why(summary: JobSummary) -> str:
    """Say why a job ended so. The sentences about its expenses may name people and amounts; their causes do not."""
    causes = by_cause(failures_of(summary.items))
    return ", ".join(f"{group.cause} ({group.number})" for group in causes) or f"{summary.reason}"
