"""The accounting system and the network before it. Unlike books in memory it can hold an expense twice, as real ones can."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from random import Random
from typing import Literal, TypeVar

import msgspec

from pleo_export.accounting.acceptance import EntryGoneError, accept
from pleo_export.accounting.memory import MemoryBooks
from pleo_export.accounting.port import (
    Capabilities,
    ConnectorError,
    NoAnswerError,
    RateLimitedError,
    Recorded,
    Uniqueness,
    UnreachableError,
)
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.matching import Document, settled_by
from pleo_export.domain.reference import ReferenceData
from pleo_export.testing.oracle import Answer, BookEntry, Sent, settled_by_entry
from pleo_export.testing.simulation.process import current
from pleo_export.testing.simulation.weather import Rpc, Weather
from pleo_export.testing.totals import totals_of

T = TypeVar("T")

SILENCE_SECONDS = 20.0
LATE_SECONDS_MAX = 2.0
_ANY = (Rpc.REFUSED, Rpc.LIMITED, Rpc.LOST_BEFORE, Rpc.LOST_AFTER)
_POSSIBLE = {"record": tuple(Rpc)}

Verb = Literal["find", "record", "attach"]


class BrokenConnectorError(Exception):
    """A connector that fails as no connector should, before it has done anything."""


class Row(msgspec.Struct):
    """One entry as it stands in the system, and what is attached to it: key and SHA-256, as often as it came."""

    external_id: str
    entry: Entry
    files: list[tuple[str, str]] = []


class System:
    """Everything in the accounting system of one company."""

    def __init__(self, reference_data: ReferenceData) -> None:
        self.books = MemoryBooks(reference_data)  # for its lists, and to split tax
        self.rows: list[Row] = []

    def find(self, reference: str) -> Row | None:
        """Return the first entry with this reference."""
        return next((row for row in self.rows if row.entry.reference == reference), None)

    def create(self, entry: Entry) -> Row:
        """Keep one more entry, whatever is there."""
        accept(self.books.booked(entry), self.books.reference_data)
        if entry.vendor is not None:
            self.books.keep(entry.vendor)
        self.rows.append(Row(f"E{len(self.rows) + 1}", entry))
        return self.rows[-1]

    def create_once(self, entry: Entry) -> Recorded:
        """Keep an entry, unless its reference is there."""
        if (row := self.find(entry.reference)) is not None:
            return _recorded(row, created=False)
        return _recorded(self.create(entry), created=True)

    @contextmanager
    def without_one(self, draw: Random) -> Iterator[str | None]:
        """Be without one of the entries while the body runs; yield its reference, None where nothing stands here."""
        if not self.rows:
            yield None
            return
        place = draw.randrange(len(self.rows))
        row = self.rows.pop(place)
        try:
            yield row.entry.reference
        finally:
            self.rows.insert(place, row)

    def attach(self, external_id: str, entry: Entry, file: StoredFile) -> None:
        """Attach a file unless it is there. Raises EntryGoneError."""
        row = next((row for row in self.rows if row.external_id == external_id), None)
        if row is None:
            raise EntryGoneError(entry.reference)
        if (file.attachment.key, file.sha256) not in row.files:
            row.files.append((file.attachment.key, file.sha256))

    def entries(self) -> dict[str, list[BookEntry]]:
        """Return all that stands there, as an outsider sees it."""
        found: defaultdict[str, list[BookEntry]] = defaultdict(list)
        for row in self.rows:
            booked = self.books.booked(row.entry)
            entry = BookEntry(
                external_id=row.external_id,
                # What it is cleared against depends on what was there before it.
                totals=totals_of((*booked.postings, *booked.settlement)),
                files=tuple(digest for _, digest in row.files),
                owes=row.entry.owed.amount.units if row.entry.owed else None,
                settles=settled_by_entry(row.entry),
            )
            found[row.entry.reference].append(entry)
        return found


class Remote:
    """The connector to a system behind a network, in any weather.

    A system with unique keys answers a repeated create with what it has; another is looked up first, as far as that helps.
    `calls` is the log of what was asked of the connector, `tell` is told of each, `struck` holds whose call failed.
    """

    name = "memory"

    def __init__(
        self,
        company_id: str,
        system: System,
        weather: Weather,
        tell: Callable[[str], None],
        capabilities: Capabilities,
    ) -> None:
        self._company_id, self._system, self._weather, self._tell = company_id, system, weather, tell
        self.capabilities = capabilities
        self.calls: list[Sent] = []
        self.struck: set[str] = set()

    async def check(self) -> Sequence[Finding]:
        """Find nothing, unless it cannot be reached."""
        await self._exchange("check", "", lambda: None)
        return ()

    async def reference_data(self) -> ReferenceData:
        """Return the lists."""
        return await self._exchange("reference_data", "", lambda: self._system.books.reference_data)

    async def find(self, reference: str) -> Recorded | None:
        """Look an entry up."""
        return await self._logged("find", reference, lambda: self._look(reference))

    async def record(self, entry: Entry) -> Recorded:
        """Look an entry up and create it, or leave both to the system."""
        return await self._logged("record", entry.reference, lambda: self._record(entry))

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        """Return what is owed to a vendor and paid."""
        return await self._exchange("payables", "", lambda: self._payables(vendor_id))

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Attach a file, unless it is there."""
        await self._logged("attach", entry.reference, lambda: self._attach(entry, recorded, file))

    async def preview(self, entry: Entry) -> str:
        """Show the reference; nobody asks here."""
        return entry.reference

    def link(self, recorded: Recorded) -> str | None:
        """Return an address that names the entry."""
        return f"memory:{recorded.external_id}"

    async def close(self) -> None:
        """Do nothing: the system stays."""

    async def _look(self, reference: str) -> Recorded | None:
        row = await self._exchange("find", reference, lambda: self._system.find(reference))
        return None if row is None else _recorded(row, created=False)

    async def _record(self, entry: Entry) -> Recorded:
        if self.capabilities.uniqueness is Uniqueness.UNIQUE_KEY:
            return await self._exchange("record", entry.reference, lambda: self._system.create_once(entry))
        if (found := await self._look(entry.reference)) is not None:
            return found
        row = await self._exchange("record", entry.reference, lambda: self._system.create(entry))
        return _recorded(row, created=True)

    async def _attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        content = file.path.read_bytes()  # as it lies there now
        assert len(content) == file.size
        await self._exchange(
            "attach", entry.reference, lambda: self._system.attach(recorded.external_id, entry, file)
        )

    def _payables(self, vendor_id: str | None) -> Sequence[Document]:
        documents: Sequence[Document] = ()
        for row in self._system.rows:
            if row.entry.owed and (row.entry.vendor.id if row.entry.vendor else None) == vendor_id:
                documents = settled_by(documents, row.entry)
        return documents

    async def _logged(self, verb: Verb, reference: str, call: Callable[[], Awaitable[T]]) -> T:
        """Keep in the log what became of a call; of one that is never heard of again, that nobody knows."""
        place = len(self.calls)
        self.calls.append(self._sent(verb, reference, Answer.LOST))
        try:
            result = await call()
        except (UnreachableError, RateLimitedError, BrokenConnectorError):
            self.calls[place] = self._sent(verb, reference, Answer.NOT_DONE)
            raise
        except NoAnswerError:
            raise
        except ConnectorError:
            self.calls[place] = self._sent(verb, reference, Answer.HEARD)
            raise
        self.calls[place] = self._sent(verb, reference, Answer.HEARD)
        # Who freezes between the look-up and the creation is beyond help: nobody could keep it from creating.
        await current().awake()
        return result

    def _sent(self, verb: Verb, reference: str, answer: Answer) -> Sent:
        return Sent(company_id=self._company_id, reference=reference, verb=verb, answer=answer)

    async def _exchange(self, verb: str, reference: str, effect: Callable[[], T]) -> T:
        """Send a call through the weather and return what the system answers."""
        process, told = current(), f"{verb} {reference[:8]}"
        process.reached(f"{told} (before)")
        fault = self._weather.rpc(asyncio.get_running_loop().time(), _POSSIBLE.get(verb, _ANY))
        if fault is not None:
            self.struck.add(reference)
            self._tell(f"{told}: {fault.value}")
        await asyncio.sleep(self._weather.latency())
        process.must_live()
        await self._never_arrives(fault, effect)
        result = effect()
        self._tell(f"{told} done")
        process.reached(f"{told} (after)")
        await asyncio.sleep(self._weather.latency())
        if fault is Rpc.LOST_AFTER:
            await asyncio.sleep(SILENCE_SECONDS)
            raise NoAnswerError(f"after {SILENCE_SECONDS:g} seconds")
        return result

    async def _never_arrives(self, fault: Rpc | None, effect: Callable[[], object]) -> None:
        match fault:
            case Rpc.REFUSED:
                raise UnreachableError("refused")
            case Rpc.LIMITED:
                raise RateLimitedError(self._weather.rpc_wait())
            case Rpc.LOST_BEFORE:
                await asyncio.sleep(SILENCE_SECONDS)
                raise NoAnswerError(f"after {SILENCE_SECONDS:g} seconds")
            case Rpc.LATE:
                late = self._weather.uniform(0, LATE_SECONDS_MAX)
                asyncio.get_running_loop().call_later(late, partial(_although, effect))
                raise NoAnswerError("the connection was lost")
            case Rpc.BROKEN:
                raise BrokenConnectorError


def _although(effect: Callable[[], object]) -> None:
    """Let a call have its effect, of which nobody hears any more; a refusal neither."""
    with suppress(ConnectorError):
        effect()


def _recorded(row: Row, *, created: bool) -> Recorded:
    return Recorded(
        external_id=row.external_id,
        posted=row.entry.posting_date,
        fingerprint=row.entry.fingerprint,
        created=created,
    )
