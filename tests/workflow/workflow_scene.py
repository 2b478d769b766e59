"""A company of a real simulator, and everything that exports for it: only the workflow's clock is made up."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Protocol, Self

import aiohttp
import pytest

from pleo_export.accounting.memory import MemoryBooks, MemoryConnector
from pleo_export.accounting.port import Capabilities, Connector, Recorded
from pleo_export.documents import fit
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.job import JobEvent, JobEventType
from pleo_export.domain.matching import Document
from pleo_export.domain.reference import LedgerAccount, ReferenceData
from pleo_export.domain.settings import AccountSettings, BookkeepingSettings, CompanySettings
from pleo_export.pleo.auth import BearerToken
from pleo_export.pleo.client import PleoClient
from pleo_export.pleo.errors import Facts, InvalidExportJobStatusChangeError
from pleo_export.pleo.files import Downloader
from pleo_export.pleo.retrying import Before, Surroundings, at_any_time
from pleo_export.store import Store, sqlite_url
from pleo_export.testing.faults import Faults, FaultyConnector
from pleo_export.workflow.flow import export_pending
from pleo_export.workflow.pace import Pace
from pleo_export.workflow.ports import JobSummary, Notice, Parts
from pleo_export.workflow.record import ASK_AGAIN_SECONDS

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ACCOUNTS = AccountSettings(wallet="1900", out_of_pocket="2800", contra="1000", accounts_payable="2400")
CHART = ("1000", "1900", "2400", "2800", "6100", *(f"191{last}" for last in range(8)))
BOOKS = ReferenceData(accounts={code: LedgerAccount(code, f"Account {code}") for code in CHART})


def eid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def expense(number: int, *, day: int = 1, account: str = "6100", files: Sequence[str] = ()) -> dict[str, Any]:
    """A card purchase over `number` euros on a day of May 2026."""
    money = {"currency": "EUR", "value": number * 100}
    amount = {"inSupplierCurrency": money, "inWalletCurrency": money}
    line = {
        "accountingEntryLineId": eid(number),
        "lineAmount": amount,
        "netAmount": amount,
        "account": {"id": eid(1), "name": "Office", "code": account},
    }
    return {
        "accountingEntryId": eid(number),
        "type": "card_purchase",
        "date": f"2026-05-{day:02}T10:00:00Z",
        "amount": amount,
        "accountingEntryLines": [line],
        "additionalInformation": {"reconciliationId": str(number)},
        "files": [{"kind": kind} for kind in files],
    }


class ChangeSettings(Protocol):
    """Change the simulator's settings, for the rest of a test."""

    async def __call__(self, **settings: object) -> None: ...


class Around:
    """Passes everything on to `inner`; what a subclass defines comes in between."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


async def at_once(_seconds: float) -> None:
    """Wait for nothing: how Pleo's client sleeps here."""


class FakeClock:
    """Short sleeps pass at once; longer ones last until a test moves the time. `slept` holds every wait."""

    def __init__(self, patience: float = 9.0) -> None:
        self.time, self.slept, self._patience = NOON, list[float](), patience
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []
        self._changed = asyncio.Condition()

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        async with self._changed:
            self.slept.append(seconds)
            self._changed.notify_all()
        if seconds <= self._patience:
            self.time += timedelta(seconds=seconds)
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        sleeper = (self.time + timedelta(seconds=seconds), woken)
        self._sleepers.append(sleeper)
        async with self._changed:
            self._changed.notify_all()
        try:
            await woken.wait()
        finally:
            self._sleepers.remove(sleeper)

    async def until_asleep(self, number: int) -> None:
        """Wait until so many sleep at the same time."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._sleepers) >= number)

    async def until_slept(self, times: int) -> None:
        """Wait until somebody has gone to sleep so many times, all told."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.slept) >= times)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        for due, woken in self._sleepers:
            if due <= self.time:
                woken.set()


class Crash(BaseException):
    """The process dies here: nothing but the clean-up of files still runs."""


Hook = Callable[[str, str], Awaitable[None]]


async def nothing(_verb: str, _reference: str) -> None:
    """Do nothing before a call."""


def at(verb: str, number: int, error: BaseException) -> Hook:
    """Raise the error whenever this verb is called for this expense."""

    async def hook(called: str, reference: str) -> None:
        if (called, reference) == (verb, eid(number)):
            raise error

    return hook


@dataclass
class Watched:
    """A connector that notes what is asked of it, and lets a test look and act before each call."""

    inner: Connector
    calls: list[tuple[str, str]] = field(default_factory=list)
    before: Hook = nothing
    before_check: Hook = nothing
    findings: Sequence[Finding] = ()
    made: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    busiest: int = 0
    dead: bool = False

    def __post_init__(self) -> None:
        self.name, self.capabilities = self.inner.name, self.inner.capabilities

    def change(self, **capabilities: Any) -> None:
        fields = {name: getattr(self.capabilities, name) for name in Capabilities.__struct_fields__}
        self.capabilities = Capabilities(**(fields | capabilities))

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Where the process dies in a call, nothing comes of the others either."""
        if self.dead:
            raise Crash
        try:
            yield
        except Crash:
            self.dead = True
            raise

    async def check(self) -> Sequence[Finding]:
        self.calls.append(("check", ""))
        await self.before_check("check", "")
        return [*await self.inner.check(), *self.findings]

    async def reference_data(self) -> ReferenceData:
        self.calls.append(("reference_data", ""))
        return await self.inner.reference_data()

    async def find(self, reference: str) -> Recorded | None:
        self.calls.append(("find", reference))
        with self._alive():
            await self.before("find", reference)
            return await self.inner.find(reference)

    async def record(self, entry: Entry) -> Recorded:
        self.calls.append(("record", entry.reference))
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            with self._alive():
                await self.before("record", entry.reference)
                recorded = await self.inner.record(entry)
                self.made[entry.reference] += recorded.created
                return recorded
        finally:
            self.busy -= 1

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        self.calls.append(("payables", vendor_id or ""))
        return await self.inner.payables(vendor_id)

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        self.calls.append(("attach", entry.reference))
        with self._alive():
            await self.before("attach", entry.reference)
            await self.inner.attach(entry, recorded, file)

    async def preview(self, entry: Entry) -> str:
        return await self.inner.preview(entry)

    def link(self, recorded: Recorded) -> str | None:
        return self.inner.link(recorded)

    async def close(self) -> None:
        await self.inner.close()

    def asked(self, verb: str) -> list[str]:
        """The references that `verb` was called with, in order."""
        return [reference for called, reference in self.calls if called == verb]


class Company:
    """One company of the simulator, seen and moved through the control API."""

    # How much each simulator's log held before its latest company.
    _past: ClassVar[defaultdict[str, int]] = defaultdict(int)

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self.url = http, url
        self.id, self.token, self._since = "", "", 0

    @classmethod
    async def create(cls, http: aiohttp.ClientSession, url: str) -> Self:
        company = cls(http, url)
        made = await company.control("POST", "/companies", {"name": "Acme"})
        company.id, company.token = made["id"], made["accessToken"]
        cls._past[url] += len(await company.control("GET", f"/audit?since={cls._past[url]}"))
        company._since = cls._past[url]
        return company

    async def control(self, method: str, path: str, body: object = None) -> Any:
        async with self._http.request(method, f"{self.url}/control{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def api(self, method: str, path: str, body: object = None) -> int:
        """Speak to Pleo as another integration would; return the status."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._http.request(method, f"{self.url}/v3{path}", json=body, headers=headers) as answer:
            return answer.status

    async def another(self) -> "Company":
        """Make a company of the same Pleo, with credentials of its own."""
        return await Company.create(self._http, self.url)

    async def event(self, job_id: str, event: str, **reason: str) -> None:
        assert (
            await self.api("POST", "/export-job-events", {"jobId": job_id, "event": event, **reason}) == 202
        )

    async def mark(self, job_id: str, *numbers: int) -> None:
        """Mark items as being exported, as another integration (or we, before we forgot) would."""
        marks = [{"accountingEntryId": eid(number), "status": "in_progress"} for number in numbers]
        assert await self.api("PUT", f"/export-jobs/{job_id}/items", marks) == 200

    async def add(self, *expenses: Mapping[str, Any]) -> None:
        await self.control("POST", f"/companies/{self.id}/expenses", list(expenses))

    async def press_export(self, *numbers: int) -> str:
        order = {"accountingEntryIds": [eid(number) for number in numbers]} if numbers else {}
        job = await self.control("POST", f"/companies/{self.id}/export", order)
        return str(job["data"]["id"])

    async def job_of(self, *expenses: Mapping[str, Any]) -> str:
        """Press Export for these new expenses."""
        await self.add(*expenses)
        return await self.press_export(*(int(one["accountingEntryId"][-12:]) for one in expenses))

    async def running_job_of(self, *expenses: Mapping[str, Any]) -> str:
        job_id = await self.job_of(*expenses)
        await self.event(job_id, "started")
        return job_id

    async def pass_time(self, seconds: float) -> None:
        await self.control("POST", "/clock", {"advanceSeconds": seconds})

    async def audit(self) -> list[Any]:
        entries = await self.control("GET", f"/audit?since={self._since}")
        return [one for one in entries if one["companyId"] == self.id]

    async def events(self, job_id: str) -> list[Any]:
        """The events that Pleo took for a job, in order."""
        return [
            one["body"]
            for one in await self.audit()
            if one["path"] == "/v3/export-job-events"
            and one["status"] == 202
            and one["body"]["jobId"] == job_id
        ]

    async def event_names(self, job_id: str) -> list[str]:
        return [one["event"] for one in await self.events(job_id)]

    async def updates(self, job_id: str) -> list[list[Any]]:
        """The item updates that Pleo took, each a list of elements."""
        path = f"/v3/export-jobs/{job_id}/items"
        entries = await self.audit()
        return [one["body"] for one in entries if one["method"] == "PUT" and one["path"] == path]

    async def outcomes(self, job_id: str) -> dict[int, Any]:
        """How Pleo's records of a job stand, by the number of the expense."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.url}/v3/export-jobs/{job_id}/items?limit=100"
        async with self._http.get(url, headers=headers) as answer:
            records = (await answer.json())["data"]
        return {int(one["accountingEntryId"][-12:]): one for one in records}

    async def statuses(self, job_id: str) -> dict[int, str]:
        return {number: one["status"] for number, one in (await self.outcomes(job_id)).items()}

    async def job(self, job_id: str) -> Any:
        seen = await self.control("GET", f"/companies/{self.id}")
        return next(one for one in seen["jobs"] if one["id"] == job_id)


class ClosesAtSecondTry(Around):
    """Pleo's client, to which Pleo refuses the first closing event and leaves the job as it is."""

    def __init__(self, inner: object) -> None:
        super().__init__(inner)
        self._refused = False

    async def send_event(self, event: JobEvent, before: Before = at_any_time) -> None:
        if event.event is not JobEventType.STARTED and not self._refused:
            self._refused = True
            raise InvalidExportJobStatusChangeError(Facts(method="POST", path="/events", status=422))
        await self.inner.send_event(event, before)


class DiesAfterRecording(Around):
    """A connector in a process that dies once an entry is made."""

    async def record(self, entry: Entry) -> Recorded:
        await self.inner.record(entry)
        raise Crash


def with_parts(parts: Parts, **changes: Any) -> Parts:
    """Return the parts, some of them exchanged."""
    return replace(parts, **changes)


@dataclass
class Scene:
    """A company, its books, and fresh parts for each run; what is durable stays from run to run."""

    company: Company
    folder: Path
    books: MemoryBooks = field(default_factory=lambda: MemoryBooks(BOOKS))
    faults: Faults = field(default_factory=Faults)
    clock: FakeClock = field(default_factory=FakeClock)
    bookkeeping: BookkeepingSettings = field(default_factory=BookkeepingSettings)
    accounts: AccountSettings = ACCOUNTS
    notices: list[Notice] = field(default_factory=list)
    draw: float = 0.0
    database: str | None = None  # where the store is, where it is no file

    def __post_init__(self) -> None:
        self.use_books(self.books)
        self.receipts = self.folder / "receipts"

    def use_books(self, books: MemoryBooks) -> None:
        self.books = books
        self.connector = Watched(FaultyConnector(MemoryConnector(books), self.faults))

    def forget(self) -> None:
        """Lose the database, as a person who deletes the file does."""
        for file in self.folder.glob("store.db*"):
            file.unlink()

    @asynccontextmanager
    async def parts(self) -> AsyncIterator[Parts]:
        around = Surroundings(sleep=at_once, random=Random(1))
        async with AsyncExitStack() as stack:
            store = await Store.open(self.database or sqlite_url(self.folder / "store.db"), self.clock.now)
            stack.push_async_callback(store.close)
            credential = BearerToken(self.company.token)
            yield Parts(
                company_id=self.company.id,
                settings=CompanySettings(accounts=self.accounts, bookkeeping=self.bookkeeping),
                pleo=await stack.enter_async_context(PleoClient(self.company.url, credential, around=around)),
                connector=self.connector,
                clock=self.clock,
                pace=Pace(self.clock.sleep, self.connector.capabilities.concurrency),
                receipts=await stack.enter_async_context(
                    Downloader(self.receipts, allow_private=True, around=around)
                ),
                fit=partial(fit, folder=self.receipts),
                store=store,
                folder=self.receipts,
                draw=lambda: self.draw,
                notify=self.notices.append,
            )

    async def run(self, *, recovering: bool = True, **changes: Any) -> list[JobSummary]:
        """Export with fresh parts, some of them exchanged."""
        async with self.parts() as parts:
            return await export_pending(with_parts(parts, **changes), recovering=recovering)

    async def crash(self, **changes: Any) -> None:
        """Export until the process dies, and come back to life."""
        with pytest.raises(Crash):
            await self.run(stopping=lambda: self.connector.dead, **changes)
        self.connector.before, self.connector.dead = nothing, False
        self.connector.calls.clear()

    async def crash_after_recording(self) -> None:
        """Let the process die after the first entry was made, before anything could be noted."""
        honest, self.connector.inner = self.connector.inner, DiesAfterRecording(self.connector.inner)
        await self.crash()
        self.connector.inner = honest

    async def settle(self, *, rounds: int, sleepers: int = 2) -> JobSummary:
        """Export, and let the time for asking again pass so many times (the keep-alive sleeps as well)."""
        running = asyncio.ensure_future(self.run_one())
        for _ in range(rounds):
            await self.clock.until_asleep(sleepers)
            self.clock.advance(ASK_AGAIN_SECONDS)
        return await running

    async def run_one(self, **changes: Any) -> JobSummary:
        """Export, and expect that there was exactly one job."""
        (summary,) = await self.run(**changes)
        return summary

    def booked(self) -> list[int]:
        """The numbers of the expenses that stand in the books, in the order they came."""
        return [int(reference[-12:]) for reference in self.books.entries]

    def leftovers(self) -> list[Path]:
        return list(self.receipts.iterdir())
