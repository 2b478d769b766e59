"""An accounting system in memory: for tests and examples, with the rules of a real one."""

from collections.abc import Sequence

from pleo_export.accounting.acceptance import EntryGoneError, accept
from pleo_export.accounting.port import Capabilities, ClosedPeriod, Recorded, Uniqueness
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.reference import ReferenceData


class MemoryBooks:
    """What stays when a connector is closed: `entries` by reference, and their `files` in the order they came."""

    def __init__(self, reference_data: ReferenceData) -> None:
        self.reference_data = reference_data
        self.entries: dict[str, Entry] = {}
        self.files: dict[str, dict[tuple[str, str], StoredFile]] = {}  # by key and SHA-256


class MemoryConnector:
    """Records into MemoryBooks. Several connectors may share the same books, as several workers would."""

    name = "memory"
    capabilities = Capabilities(
        uniqueness=Uniqueness.UNIQUE_KEY,
        closed_period=ClosedPeriod.REJECTS,
        drafts=True,
        payables=True,
        dimensions=True,
        attachments=True,
        several_attachments=True,
        concurrency=4,
    )

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def check(self) -> Sequence[Finding]:
        """Find nothing: memory is always ready."""
        return ()

    async def reference_data(self) -> ReferenceData:
        """Return the lists the books were made with."""
        return self._books.reference_data

    async def find(self, reference: str) -> Recorded | None:
        """Return the entry with this reference, or None."""
        entry = self._books.entries.get(reference)
        return None if entry is None else _recorded(entry, created=False)

    async def record(self, entry: Entry) -> Recorded:
        """Find the entry or keep it. Raises PeriodClosedError or EntryRefusedError."""
        if (found := await self.find(entry.reference)) is not None:
            return found
        accept(entry, self._books.reference_data)
        self._books.entries[entry.reference] = entry
        return _recorded(entry, created=True)

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Keep the file under its key and content. Raises EntryGoneError where the entry was deleted."""
        if recorded.external_id not in self._books.entries:
            raise EntryGoneError(entry.reference)
        files = self._books.files.setdefault(recorded.external_id, {})
        files.setdefault((file.attachment.key, file.sha256), file)

    async def preview(self, entry: Entry) -> str:
        """Return the postings, a line each."""
        postings = (*entry.postings, *entry.settlement)
        return "\n".join(f"{posting.account} {posting.amount}" for posting in postings)

    def link(self, recorded: Recorded) -> str | None:
        """Return an address that names the entry; nothing answers there."""
        return f"memory:{recorded.external_id}"

    async def close(self) -> None:
        """Do nothing: the books stay."""


def _recorded(entry: Entry, *, created: bool) -> Recorded:
    return Recorded(
        external_id=entry.reference, posted=entry.posting_date, fingerprint=entry.fingerprint, created=created
    )
