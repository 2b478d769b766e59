"""How a run goes: companies press Export, processes come and go, at the end it is judged, and all is compared."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from random import Random

from pleo_export.crash_points import struck_by
from pleo_export.documents import fit
from pleo_export.pleo.auth import ApiKey
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import PleoError
from pleo_export.pleo.files import Downloader
from pleo_export.pleo.retrying import Surroundings
from pleo_export.simulator.world import World
from pleo_export.store import Store
from pleo_export.store.errors import FencedError
from pleo_export.testing.oracle import Expected, PleoSide, pleo_side
from pleo_export.testing.simulation import loop as virtual
from pleo_export.testing.simulation import stage
from pleo_export.testing.simulation.cast import Company
from pleo_export.testing.simulation.judge import Judge
from pleo_export.testing.simulation.plot import Plot
from pleo_export.testing.simulation.process import DiedError, Process, current, reached
from pleo_export.testing.simulation.weather import Weather
from pleo_export.testing.simulation.wire import Pleo
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.pace import Pace
from pleo_export.workflow.ports import Parts
from pleo_export.workflow.problems import SilentError
from pleo_export.workflow.reconcile import Looking, compare

POLL_SECONDS = 30.0
TAKEOVER_SECONDS = 40.0
LIMIT_SECONDS = 1500.0  # after the faults have stopped: whatever has not ended by then never will
STRANGER = 999  # the number of a company that is not in the run
EXPECTED_ENDS = (DiedError, PleoError, SilentError, FencedError)

Life = asyncio.Task[BaseException | None]


class Play:
    """One run. `problems` and `story` tell of it afterwards; `struck` counts the faults."""

    def __init__(self, plot: Plot, draw: Random, seed: int, expected: Mapping[str, Expected]) -> None:
        self._plot, self._draw = plot, draw
        self._weather = Weather(self._chance(), plot.forecast)
        self._judge = Judge(plot, self._weather, expected)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._log: list[str] = []
        self.problems: list[str] = []
        self.story: list[tuple[float, str]] = []
        self.deaths = 0
        self.struck: Mapping[str, int] = self._weather.struck
        app = stage.app()
        app.state.world = World(clock=self.now, seed=seed)
        self._pleo = Pleo(app)
        numbers = (plot.pool + 1, plot.pool + 101)[: 1 + plot.neighbours]
        self.cast = [Company(number, plot, self._pleo, self._weather, self._tell) for number in numbers]

    def _chance(self) -> Random:
        """Return chance of its own, so that one who draws more does not change what others draw."""
        return Random(self._draw.random())  # noqa: S311 chance, not secrecy

    @property
    def seconds(self) -> float:
        """The virtual time since the beginning."""
        return self._loop.time() if self._loop else 0.0

    def now(self) -> datetime:
        """Return the virtual time as a date."""
        return stage.BEGIN + timedelta(seconds=self.seconds)

    def _tell(self, what: str) -> None:
        self.story.append((self.seconds, what))

    def perform(self) -> None:
        """Play to the end, whatever it is."""
        stage.bench().clear()
        with struck_by(reached), _listening(self._log):
            try:
                virtual.run(self._acts(), self._chance())
            except virtual.StuckError as stuck:
                self.problems.append(f"I12: {stuck}")

    async def _acts(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._set_up()
        async with asyncio.TaskGroup() as group:
            for place, one in enumerate(self.cast):
                group.create_task(self._operate(one, () if place else self._plot.forecast.lives))
        pleo, company = await self._see(), self.cast[0]
        self.problems += self._judge.in_bad_weather(pleo, self.cast, "\n".join(self._log))
        if again := self._judge.should_have_succeeded(pleo, company):
            await asyncio.sleep(max(0.0, self._plot.forecast.calm_at - self.seconds))
            self._tell(f"Export is pressed again for {len(again)} expenses")
            await self._press(company, again)
            await self._operate(company, ())
            found = self._judge.in_calm_weather(await self._see(), self.cast, "\n".join(self._log))
            self.problems += [one for one in found if one not in self.problems]
        await asyncio.sleep(max(0.0, self._plot.forecast.calm_at - self.seconds))
        self.problems += await self._compare(company)

    async def _set_up(self) -> None:
        limits = {"maxLimit": self._plot.page, "defaultLimit": self._plot.page}
        expiry = {"expiresIn": self._plot.expires_in, "itemUpdatesRefresh": self._plot.updates_refresh}
        words = {"finalItemsStay": self._plot.final_stays}
        await self._pleo.control("PATCH", "settings", limits | expiry | words)
        for one in self.cast:
            order = {"id": one.id, "name": "A company", "apiKey": one.key, "vendorBasedBookkeeping": True}
            await self._pleo.control("POST", "companies", order)
        company, month = self.cast[0], stage.month(self._plot.pool)
        payloads = [month[reference] for job in self._plot.jobs for reference in job]
        await self._pleo.control("POST", f"companies/{company.id}/expenses", payloads)
        for job in self._plot.jobs:
            await self._press(company, job)
            await asyncio.sleep(self._draw.uniform(0, 1))
        company.wire.strangers = dict.fromkeys(self._plot.strangers, stage.company_id(STRANGER))
        for other in self.cast[1:]:
            order = {"count": stage.NEIGHBOURS_ITEMS, "seed": other.number}
            made = await self._pleo.control("POST", f"companies/{other.id}/expenses:generate", order)
            await self._press(other, made["ids"])

    async def _press(self, company: Company, references: Sequence[str]) -> None:
        order = {"accountingEntryIds": list(references)}
        await self._pleo.control("POST", f"companies/{company.id}/export", order)

    async def _see(self) -> PleoSide:
        paths = [f"companies/{one.id}{part}" for one in self.cast for part in ("", "/items")]
        told = {path: await self._pleo.control("GET", path) for path in (*paths, "audit")}
        return pleo_side(told.__getitem__, [one.id for one in self.cast])

    async def _operate(self, company: Company, lives: Sequence[int]) -> None:
        """Start the program again whenever it has ended, until all jobs have: after a death soon, else at the next poll."""
        limit = self._plot.forecast.calm_at + LIMIT_SECONDS
        frozen: list[tuple[Process, Life]] = []
        while self.seconds < limit:
            process, life = self._start(company, lives)
            freezing = asyncio.create_task(process.frozen.wait())
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait([life, freezing], return_when=first, timeout=limit - self.seconds)
            freezing.cancel()
            if process.frozen.is_set() and not life.done():
                company.dropped()
                frozen.append((process, life))
                asyncio.get_running_loop().call_later(self._draw.uniform(60, 200), process.thaw)
                await asyncio.sleep(TAKEOVER_SECONDS)
                continue
            if not life.done():
                process.kill("the end of its time")
            self._note_end(company, process, await life)
            if await self._all_ended(company):
                break
            await asyncio.sleep(self._draw.uniform(3, 10) if process.dead else POLL_SECONDS)
        for process, life in frozen:
            self._note_end(company, process, await life)

    def _start(self, company: Company, lives: Sequence[int]) -> tuple[Process, Life]:
        company.processes += 1
        number, first = company.processes, company is self.cast[0] and company.processes == 1
        process = Process(
            f"process {number} of company {company.number}",
            self._tell,
            dies_at=lives[number - 1] if number <= len(lives) else None,
            freezes_at=self._plot.forecast.freezes_at if first else None,
        )
        self._tell(f"{process.name} starts")
        return process, asyncio.create_task(process.live(self._life(company, number)))

    async def _life(self, company: Company, number: int) -> None:
        """Do what a worker does for one company, from start to end."""
        draw, clock = self._chance(), _Clock(self.now)
        around = Surroundings(clock=self.now, sleep=clock.sleep, random=draw, session=company.wire.session)
        folder = stage.bench().receipts / str(company.number)
        way = 4 * self.cast.index(company) + number % 4
        async with AsyncExitStack() as stack:
            store = Store(stage.bench().database(way), self.now)
            stack.push_async_callback(store.close)
            await store.take_lease(company.id, number, f"process {number}")
            client = PleoClient(stage.BASE_URL, ApiKey(company.key), around=around)
            downloader = Downloader(folder, allow_private=True, around=around)
            parts = Parts(
                company_id=company.id,
                settings=stage.SETTINGS,
                pleo=await stack.enter_async_context(client),
                connector=company.remote,
                clock=clock,
                pace=Pace(clock.sleep, company.remote.capabilities.concurrency),
                receipts=await stack.enter_async_context(downloader),
                fit=partial(fit, folder=folder),
                store=store.fenced(company.id, number),
                folder=folder,
                draw=draw.random,
                notify=company.noticed,
                silence_seconds_max=self._plot.patience,
            )
            await export_pending(parts)

    async def _compare(self, company: Company) -> list[str]:
        """Delete an entry of the company, as a person may, and compare: that is missing, and all else agrees."""
        async with AsyncExitStack() as stack:
            deleted = stack.enter_context(company.system.without_one(self._draw))
            store = Store(stage.bench().database(0), self.now)
            stack.push_async_callback(store.close)
            around = Surroundings(
                clock=self.now, sleep=asyncio.sleep, random=self._chance(), session=company.wire.session
            )
            client = PleoClient(stage.BASE_URL, ApiKey(company.key), around=around)
            clock = _Clock(self.now)
            looking = Looking(
                company_id=company.id,
                settings=stage.SETTINGS,
                pleo=await stack.enter_async_context(client),
                connector=company.remote,
                clock=clock,
                pace=Pace(clock.sleep, company.remote.capabilities.concurrency),
                store=store,
                draw=self._draw.random,
                looked_up=lambda _number: None,
            )
            try:
                known = await store.jobs_since(company.id, stage.BEGIN)
                compared = [one async for one in compare(looking, known, stage.BEGIN)]
            except Exception as error:  # noqa: BLE001 to be judged, whatever it is
                return [f"Comparing ends with {type(error).__name__}: {error}"]
        return self._judge.compared(compared, deleted)

    def _note_end(self, company: Company, process: Process, ended: BaseException | None) -> None:
        if ended is None:
            self._tell(f"{process.name} is done")
            return
        company.dropped()
        self.deaths += process.dead
        if isinstance(ended, DiedError):
            return
        told = f"{process.name} ends with {type(ended).__name__}: {ended}"
        self._tell(told)
        if not isinstance(ended, EXPECTED_ENDS):
            self.problems.append(told)

    async def _all_ended(self, company: Company) -> bool:
        seen = await self._pleo.control("GET", f"companies/{company.id}")
        return all(job["status"] not in {"pending", "in_progress"} for job in seen["jobs"])


class _Clock:
    """The workflow's clock: a sleeper in a frozen process does not wake."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await current().awake()


class _Ear(logging.Handler):
    """Keeps what is logged, the traces of errors with it."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.append(self.format(record))


@contextmanager
def _listening(log: list[str]) -> Iterator[None]:
    """Keep what the program logs, in place of showing it."""
    ear, logger = _Ear(log), logging.getLogger("pleo_export")
    before = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(ear)
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.propagate = before[0]
        logger.setLevel(before[1])
