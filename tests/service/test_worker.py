"""A worker with several companies of a simulated Pleo, each with a ledger of its own that can fall silent."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn
from uuid import uuid4

import pytest

from pleo_export import compose
from pleo_export.accounting.port import Connector, NoAnswerError
from pleo_export.cli.init import settings_text
from pleo_export.config import Settings
from pleo_export.crash_points import struck_by
from pleo_export.domain.job import JobEvent, JobEventType
from pleo_export.domain.progress import Company, Phase
from pleo_export.engine import Begun, Engine
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import Facts, InvalidExportJobStatusChangeError
from pleo_export.pleo.retrying import Before
from pleo_export.service.companies import Companies
from pleo_export.service.errors import NotConnectedError, WorkFolderError
from pleo_export.service.kinds import API_KEY
from pleo_export.service.reconciling import Reconciling
from pleo_export.service.settings import ServiceSettings
from pleo_export.service.worker import SILENCE_SECONDS, Worker
from pleo_export.simulator.generator import generate
from pleo_export.simulator.server import RunningSimulator
from pleo_export.store import Store, sqlite_url
from pleo_export.vault import Vault
from pleo_export.workflow.problems import SilentError
from tests.cli.desk import Desk
from tests.engine.bench import QUICK, eventually
from tests.observe.test_metrics import value
from tests.pleo.misbehaving_server import Waits, answers, serving
from tests.pleo.pleo_samples import page
from tests.workflow.workflow_scene import NOON, FakeClock, Watched

NOT_CONNECTED = "5c0e9f57-3a86-4c1f-9a41-7d0a8f5f2b33"
PATIENCE_SECONDS = 60.0
SLEEPS_PASS = 31.0  # the pauses of the workflow pass at once on the made-up clock


class Idle:
    """An engine that hands nothing out; a company gives way where it is `crowded`."""

    def __init__(self, *, crowded: bool = False) -> None:
        self.stopping, self._crowded = threading.Event(), crowded

    def gives_way(self, _company_id: str) -> bool:
        return self._crowded


class Scene(NamedTuple):
    """Two companies in service, and the clock that store and worker go by. Whoever is in `silent` answers nothing."""

    store: Store
    companies: Companies
    clock: FakeClock
    a: Desk
    b: Desk
    silent: set[str]

    def worker(self, engine: Engine | Idle, settings: ServiceSettings) -> Worker:
        return Worker(settings, self.store, self.companies, engine, self.clock, self.reconciling().at_once)

    def reconciling(self) -> Reconciling:
        return Reconciling(self.store, self.companies, self.clock)

    async def company(self, desk: Desk) -> Company:
        return await self.store.company(desk.company_id)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with RunningSimulator(seed=4) as simulator:
        yield simulator.url


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(database_url=sqlite_url(tmp_path / "service.db"), work_folder=tmp_path / "work")


@pytest.fixture
async def scene(
    tmp_path: Path, url: str, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    clock, silent = FakeClock(patience=SLEEPS_PASS), set[str]()
    fall_silent(monkeypatch, silent)
    store = await Store.open(settings.database_url, clock.now)
    companies = Companies(store, Vault([b"k" * 32]))
    a, b = (Desk(folder_in(tmp_path, name), url, str(uuid4())) for name in ("a", "b"))
    for desk in (a, b):
        text = desk.settings.read_text(encoding="utf-8")
        await store.add_company(desk.company_id, "A company", text, str(desk.folder))
        await companies.keep_secret(desk.company_id, API_KEY, desk.key)
    yield Scene(store, companies, clock, a, b, silent)
    await store.close()


def folder_in(place: Path, name: str) -> Path:
    folder = place / name
    folder.mkdir()
    return folder


def fall_silent(monkeypatch: pytest.MonkeyPatch, silent: set[str]) -> None:
    """Let the accounting systems of these companies answer nothing about expenses."""
    honest = compose.connector_for

    def connector_for(settings: Settings, key: str | None = None) -> Connector:
        async def before(_verb: str, _reference: str) -> None:
            if settings.pleo.company_id in silent:
                raise NoAnswerError("nothing came")

        return Watched(honest(settings, key), before=before)

    for user in ("sources", "worker"):
        monkeypatch.setattr(f"pleo_export.service.{user}.connector_for", connector_for)


@asynccontextmanager
async def engine_of(scene: Scene, settings: ServiceSettings, *, capacity: int) -> AsyncIterator[Engine]:
    """An engine that hands so many companies at once to a worker."""
    engine = Engine(f"{settings.database_url}.engine.db", scene.clock.now, capacity=capacity, pace=QUICK)
    engine.register(scene.worker(engine, settings).drain)
    await asyncio.to_thread(engine.start)
    try:
        yield engine
    finally:
        await asyncio.to_thread(engine.stop, PATIENCE_SECONDS)


async def drained(engine: Engine, desk: Desk) -> None:
    """Fire for a company, and wait until nothing is left to do for it."""
    await asyncio.to_thread(engine.fire, desk.company_id, "webhook")

    def idle() -> bool:
        runs = engine.runs_of(desk.company_id)
        return not (runs.waiting or runs.running)

    await asyncio.to_thread(eventually, idle)


async def drain(worker: Worker, desk: Desk, token: int, cause: str = "poll") -> None:
    await asyncio.to_thread(worker.drain, Begun(desk.company_id, token, cause, NOON))


def overwrite(database: Path, other: Path) -> None:
    with closing(sqlite3.connect(other)) as source, closing(sqlite3.connect(database)) as target:
        source.backup(target)


async def state(desk: Desk, job_id: str) -> str:
    company = await asyncio.to_thread(desk.pleo.company, desk.company_id)
    return str(next(job["status"] for job in company["jobs"] if job["id"] == job_id))


@pytest.mark.slow
async def test_a_company_whose_accounting_system_is_silent_gives_its_place_to_the_next_one(
    scene: Scene, settings: ServiceSettings
) -> None:
    stuck = await asyncio.to_thread(scene.a.export, 3)
    well = await asyncio.to_thread(scene.b.export, 3)
    scene.silent.add(scene.a.company_id)
    async with engine_of(scene, settings, capacity=1) as engine:
        await drained(engine, scene.a)
        company = await scene.company(scene.a)
        assert company.trouble == str(SilentError("ledger", stuck))
        assert company.trouble_since is not None
        assert company.trouble_since - NOON >= timedelta(seconds=SILENCE_SECONDS)
        await drained(engine, scene.b)
        assert [await state(scene.b, well), await state(scene.a, stuck)] == ["completed", "in_progress"]
        scene.silent.clear()
        await drained(engine, scene.a)
    assert await state(scene.a, stuck) == "completed"
    assert (await scene.company(scene.a)).trouble is None


@pytest.mark.slow
async def test_between_two_jobs_a_company_gives_way_where_others_wait_for_its_place(
    scene: Scene, settings: ServiceSettings
) -> None:
    jobs = [await asyncio.to_thread(scene.a.export, 1, seed=seed) for seed in (1, 2, 3)]
    worker = scene.worker(Idle(crowded=True), settings)
    for token in (1, 2):
        await drain(worker, scene.a, token)
        states = [await state(scene.a, job) for job in jobs]
        assert sorted(states) == ["completed"] * token + ["pending"] * (3 - token)
    await drain(scene.worker(Idle(), settings), scene.a, 3)
    assert {await state(scene.a, job) for job in jobs} == {"completed"}


@pytest.mark.slow
async def test_the_silence_is_counted_over_all_runs_and_in_the_end_the_outcome_is_told_as_unknown(
    scene: Scene, settings: ServiceSettings
) -> None:
    job = await asyncio.to_thread(scene.a.export, 1)
    scene.silent.add(scene.a.company_id)
    worker = scene.worker(Idle(), settings)
    since = []
    for token in (1, 2):
        with pytest.raises(SilentError):
            await drain(worker, scene.a, token)
        since.append((await scene.company(scene.a)).trouble_since)
    scene.clock.advance(48 * 60)
    await drain(worker, scene.a, 3)
    (item,) = await scene.store.items(job)
    assert since[0] == since[1]
    assert (item.phase, item.unknown) == (Phase.REJECTED, True)
    assert await state(scene.a, job) == "failed"
    assert (await scene.company(scene.a)).trouble is None


@pytest.mark.slow
async def test_a_job_that_was_lost_with_the_lease_to_an_older_database_is_taken_up_by_the_same_worker(
    scene: Scene, settings: ServiceSettings, tmp_path: Path
) -> None:
    """As where an asynchronous standby takes the database's place, and lacks what was written last."""
    live, copy, struck = tmp_path / "service.db", tmp_path / "copy.db", list[str]()
    worker = scene.worker(Idle(), settings)
    await drain(worker, scene.a, 1)
    overwrite(copy, live)
    job = await asyncio.to_thread(scene.a.export, 1)

    def fall_back(name: str) -> None:
        if name == "entry.recorded" and not struck:
            struck.append(name)
            overwrite(live, copy)

    with struck_by(fall_back):
        await drain(worker, scene.a, 2)
    assert struck
    assert await scene.store.open_jobs(scene.a.company_id) == []
    assert await state(scene.a, job) == "in_progress"
    await drain(worker, scene.a, 3)
    assert await state(scene.a, job) == "completed"
    assert (await scene.store.job(job)).doubt is not None


@pytest.mark.slow
async def test_a_job_that_pleo_does_not_let_end_is_closed_by_the_next_look_of_any_worker(
    scene: Scene, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refused = list[JobEventType]()
    honest = PleoClient.send_event

    async def send_event(pleo: PleoClient, event: JobEvent, before: Before) -> None:
        if event.event is not JobEventType.STARTED and not refused:
            refused.append(event.event)
            raise InvalidExportJobStatusChangeError(Facts(method="POST", path="/events", status=422))
        await honest(pleo, event, before)

    monkeypatch.setattr(PleoClient, "send_event", send_event)
    one, other = (scene.worker(Idle(), settings) for _ in range(2))
    for token, worker in enumerate((one, other), start=1):  # neither comes to the company for the first time
        await drain(worker, scene.a, token)
    job = await asyncio.to_thread(scene.a.export, 1)
    given_up = partial(value, "pleo_export_jobs_total", ending="given_up")
    before = given_up()
    await drain(one, scene.a, 3)
    assert await state(scene.a, job) == "in_progress"
    assert f"job {job} is tried again: The job could not be closed in Pleo yet." in caplog.text
    await drain(other, scene.a, 4)
    assert await state(scene.a, job) == "completed"
    assert (refused, given_up()) == ([JobEventType.COMPLETED], before)


@pytest.mark.slow
async def test_the_log_says_why_a_job_failed_without_the_sentences_about_its_expenses(
    scene: Scene, settings: ServiceSettings, caplog: pytest.LogCaptureFixture
) -> None:
    def split_wrongly() -> str:
        expense = generate(1, 1, company_id=scene.a.company_id)[0].payload
        for amount in expense["amount"].values():
            amount["value"] += 100
        scene.a.pleo.call("POST", f"companies/{scene.a.company_id}/expenses", [expense])
        return scene.a.pleo.press_export(scene.a.company_id, [expense["accountingEntryId"]])

    job = await asyncio.to_thread(split_wrongly)
    await drain(scene.worker(Idle(), settings), scene.a, 1)
    assert await state(scene.a, job) == "failed"
    assert f"job {job} ended as failed: lines-do-not-add-up (1)" in caplog.text
    assert "add up to" in str((await scene.store.job(job)).closing_reason)
    assert "add up to" not in caplog.text


@pytest.mark.parametrize(("asked", "known"), [(90, timedelta(seconds=90)), (4, None)])
async def test_a_long_wait_that_pleo_asks_for_is_known_while_it_lasts(
    scene: Scene,
    settings: ServiceSettings,
    monkeypatch: pytest.MonkeyPatch,
    asked: int,
    known: timedelta | None,
) -> None:
    waits = Waits()
    monkeypatch.setattr("pleo_export.service.worker.COUNTED", waits.around)
    busy = answers(429, headers={"Retry-After": str(asked)})
    async with serving(busy, answers(200, page())) as server:
        text = settings_text({"pleo.company_id": scene.a.company_id, "pleo.base_url": server.url})
        await scene.store.change_company(scene.a.company_id, text, str(scene.a.folder))
        await drain(scene.worker(Idle(), settings), scene.a, 1)
    company = await scene.company(scene.a)
    assert waits.seconds == [asked]
    assert company.waiting_until == (known and NOON + known)
    assert company.trouble is None


async def test_whatever_keeps_a_company_from_being_worked_on_is_its_trouble(
    scene: Scene, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> NoReturn:
        raise ZeroDivisionError

    worker = scene.worker(Idle(), settings)
    with monkeypatch.context() as patch:
        patch.setattr("pleo_export.service.worker.settings_of", broken)
        with pytest.raises(ZeroDivisionError):
            await drain(worker, scene.a, 1)
    company = await scene.company(scene.a)
    assert company.trouble == "An unexpected error (ZeroDivisionError) ended the run; the log tells more."
    await drain(worker, scene.a, 2)
    assert (await scene.company(scene.a)).trouble is None


async def test_a_company_that_is_not_connected_yet_is_told_how_it_is(
    scene: Scene, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLEO_EXPORT_API_KEY", raising=False)
    text = settings_text({"pleo.company_id": NOT_CONNECTED})
    await scene.store.add_company(NOT_CONNECTED, "Waiting Oy", text, str(scene.a.folder))
    begun = Begun(NOT_CONNECTED, 1, "added", NOON)
    with pytest.raises(NotConnectedError):
        await asyncio.to_thread(scene.worker(Idle(), settings).drain, begun)
    trouble = (await scene.store.company(NOT_CONNECTED)).trouble or ""
    assert trouble.endswith(f"pleo-export credentials set-api-key {NOT_CONNECTED} FILE")
    assert "Press Connect with Pleo on its page" in trouble


async def test_a_work_folder_that_goes_while_the_service_runs_is_named(
    scene: Scene, settings: ServiceSettings
) -> None:
    worker = scene.worker(Idle(), settings)
    shutil.rmtree(settings.work_folder)
    settings.work_folder.touch()
    with pytest.raises(WorkFolderError):
        await drain(worker, scene.a, 1)
    trouble = (await scene.company(scene.a)).trouble or ""
    assert f"The folder {settings.work_folder}/" in trouble
    assert "PLEO_EXPORT_WORK_FOLDER" in trouble
