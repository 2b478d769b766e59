"""An accounting system in memory: for tests and examples, with the rules of a real one."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from pleo_export.accounting.acceptance import EntryGoneError, accept, knows
from pleo_export.accounting.port import Capabilities, ClosedPeriod, Recorded, Uniqueness
from pleo_export.accounting.tax_codes import TaxRule, split_by_code
from pleo_export.domain.entry import Entry, EntryVendor, Posting, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.matching import Document, settled_by
from pleo_export.domain.reference import LedgerTaxCode, LedgerVendor, ReferenceData


class MemoryBooks:
    """What stays when a connector is closed.

    `entries` by reference, as they were given; their `files` in the order they came. `tax_rules` are by tax code.
    """

    def __init__(self, reference_data: ReferenceData, tax_rules: Mapping[str, TaxRule] | None = None) -> None:
        self.tax_rules = tax_rules or {}
        self.reference_data = replace(reference_data, tax_codes=self._tax_codes(reference_data))
        self.entries: dict[str, Entry] = {}
        self.files: dict[str, dict[tuple[str, str], StoredFile]] = {}  # by key and SHA-256

    def _tax_codes(self, data: ReferenceData) -> Mapping[str, LedgerTaxCode] | None:
        """Return the tax codes; those split that have a rule with a rate."""
        if data.tax_codes is None:
            return None
        splitting = {code for code, rule in self.tax_rules.items() if rule.rate is not None}
        return {code: replace(one, splits=code in splitting) for code, one in data.tax_codes.items()}

    def postings(self) -> Iterator[Posting]:
        """Yield all that is booked, tax split by its codes."""
        for entry in self.entries.values():
            yield from (*self.booked(entry).postings, *entry.settlement, *entry.clearing)

    def booked(self, entry: Entry) -> Entry:
        """Return the entry as it is booked. Raises EntryRefusedError."""
        return split_by_code(entry, self.tax_rules)

    def keep(self, vendor: EntryVendor) -> None:
        """Add a vendor to the list, unless it is there."""
        if not knows(self.reference_data, vendor):
            new = LedgerVendor(vendor.id, vendor.name, tax_identifier=vendor.tax_identifier)
            vendors = (*(self.reference_data.vendors or ()), new)
            self.reference_data = replace(self.reference_data, vendors=vendors)


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
        tax_by_code=True,
        creates_vendors=True,
        concurrency=4,
    )

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books

    async def check(self) -> Sequence[Finding]:
        """Find nothing: memory is always ready."""
        return ()

    async def reference_data(self) -> ReferenceData:
        """Return the lists the books were made with, and the vendors that came since."""
        return self._books.reference_data

    async def find(self, reference: str) -> Recorded | None:
        """Return the entry with this reference, or None."""
        entry = self._books.entries.get(reference)
        return None if entry is None else _recorded(entry, created=False)

    async def record(self, entry: Entry) -> Recorded:
        """Find the entry or keep it. Raises PeriodClosedError or EntryRefusedError."""
        if (found := await self.find(entry.reference)) is not None:
            return found
        accept(self._books.booked(entry), self._books.reference_data)
        if entry.vendor is not None:
            self._books.keep(entry.vendor)
        self._books.entries[entry.reference] = entry
        return _recorded(entry, created=True)

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        """Return what is owed to a vendor and paid, in the order it came."""
        documents: Sequence[Document] = ()
        for entry in self._books.entries.values():
            if entry.owed is not None and (entry.vendor.id if entry.vendor else None) == vendor_id:
                documents = settled_by(documents, entry)
        return documents

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Keep the file under its key and content. Raises EntryGoneError where the entry was deleted."""
        if recorded.external_id not in self._books.entries:
            raise EntryGoneError(entry.reference)
        files = self._books.files.setdefault(recorded.external_id, {})
        files.setdefault((file.attachment.key, file.sha256), file)

    async def preview(self, entry: Entry) -> str:
        """Return the postings, a line each. Raises EntryRefusedError where tax cannot be split."""
        postings = (*self._books.booked(entry).postings, *entry.settlement, *entry.clearing)
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
