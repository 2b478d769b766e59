"""The connector `ledger`: finds, records and attaches in a folder of plain text."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from pleo_export.accounting.acceptance import EntryGoneError, UnknownAccountError, accept
from pleo_export.accounting.ledger import check
from pleo_export.accounting.ledger.folder import LedgerFolder, LedgerFolderError, sync
from pleo_export.accounting.ledger.payables import LedgerPayables
from pleo_export.accounting.ledger.reader import entry_facts, first_account
from pleo_export.accounting.ledger.receipts import file_receipt
from pleo_export.accounting.ledger.roots import Roots
from pleo_export.accounting.ledger.settings import LedgerSettings
from pleo_export.accounting.ledger.syntax import safe_name, slug
from pleo_export.accounting.ledger.vendors import Vendors
from pleo_export.accounting.ledger.writer import OPENED, entry_text, link_of
from pleo_export.accounting.port import (
    Capabilities,
    ClosedPeriod,
    ConnectorError,
    EntryRefusedError,
    NoAnswerError,
    PeriodClosedError,
    Recorded,
    Uniqueness,
)
from pleo_export.accounting.tax_codes import split_by_code
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.matching import Document
from pleo_export.domain.reference import ReferenceData

# Above the wait for a lock, so that only a disk that hangs runs into it.
VERB_SECONDS = 30.0
CONCURRENCY = 4

T = TypeVar("T")


class DamagedEntryError(EntryRefusedError):
    """The file of an entry does not hold it any more."""

    cause = Cause.ENTRY_DAMAGED

    def __init__(self, path: Path) -> None:
        super().__init__(path=path)


class LedgerSlowError(NoAnswerError):
    """The disk did not answer in time; the work may still be done later."""

    cause = Cause.LEDGER_SLOW

    def __init__(self, folder: Path, seconds: float) -> None:
        super().__init__(folder=folder, seconds=seconds)


class LedgerConnector:
    """A plain-text double-entry ledger, one file an entry. Several processes may share a folder."""

    name = "ledger"
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
        concurrency=CONCURRENCY,
    )

    def __init__(self, settings: LedgerSettings) -> None:
        self._settings = settings
        self._folder = LedgerFolder(settings.folder)
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._roots = Roots(settings, self._folder)
        self._vendors = Vendors(settings.folder)
        self._payables = LedgerPayables(self._folder)

    async def check(self) -> Sequence[Finding]:
        """Find what keeps the folder or the chart from being used. Reads only."""
        return await self._work(lambda: check.findings(self._settings))

    async def reference_data(self) -> ReferenceData:
        """Return the chart, and the vendors created since. Raises ChartMissingError or ChartInvalidError."""
        return await self._work(lambda: self._vendors.listed(self._roots.current()))

    async def find(self, reference: str) -> Recorded | None:
        """Look through the months for the entry. Raises DamagedEntryError, LedgerFolderError, LedgerBusyError."""
        return await self._work(lambda: self._find_surely(reference))

    async def record(self, entry: Entry) -> Recorded:
        """Find the entry, or write it durably.

        Raises PeriodClosedError and EntryRefusedError; LedgerFolderError, LedgerBusyError, ChartMissingError and
        ChartInvalidError where nothing was written; NoAnswerError where that is not sure.
        """
        return await self._work(lambda: self._record(entry))

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        """Return what the entry files say of a vendor's bills and payments. Raises LedgerFolderError."""
        return await self._work(lambda: self._payables.of(vendor_id))

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """File a receipt beside its entry. Raises EntryRefusedError, and like `record` for the disk."""
        await self._work(lambda: self._attach(entry, recorded, file))

    async def preview(self, entry: Entry) -> str:
        """Return the text of the entry's file. Raises EntryRefusedError, ChartMissingError or ChartInvalidError."""
        return await self._work(lambda: self._text(entry))

    def link(self, recorded: Recorded) -> str | None:
        """Return the entry's address in Fava, where one is configured and the chart can be read."""
        if self._settings.fava_url is None:
            return None
        try:
            title = self._roots.chart().title
        except ConnectorError:
            return None
        base = f"{self._settings.fava_url.rstrip('/')}/{quote(slug(title))}"
        return f"{base}/journal/?filter={quote('^' + link_of(recorded.external_id))}"

    async def close(self) -> None:
        """Take no more work; what was begun is finished."""
        self._workers.shutdown(wait=False)

    async def _work(self, job: Callable[[], T]) -> T:
        def on_disk() -> T:
            try:
                return job()
            except OSError as error:
                raise LedgerFolderError(self._settings.folder, error) from error

        try:
            async with asyncio.timeout(VERB_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._workers, on_disk)
        except TimeoutError as error:
            raise LedgerSlowError(self._settings.folder, VERB_SECONDS) from error

    def _find_surely(self, reference: str) -> Recorded | None:
        if (found := self._find(reference)) is not None or not self._settings.folder.exists():
            return found
        # With the lock nobody is about to write it: an earlier call whose answer was lost has ended.
        with self._folder.writing(safe_name(reference)):
            return self._find(reference)

    def _find(self, reference: str) -> Recorded | None:
        name = safe_name(reference)
        path = self._folder.locate(f"{name}.beancount")
        if path is None:
            return None
        facts = entry_facts(path.read_text(encoding="utf-8", errors="replace"))
        if facts is None or facts.reference not in (reference, None):
            raise DamagedEntryError(path)
        # Its writer may have been killed before it could do this.
        sync(path.parent)
        return Recorded(external_id=name, posted=facts.posted, fingerprint=facts.fingerprint)

    def _record(self, entry: Entry) -> Recorded:
        chart = self._roots.prepared()
        name = safe_name(entry.reference)
        with self._folder.writing(name) as pen:
            if (found := self._find(entry.reference)) is not None:
                return found
            if entry.posting_date < OPENED:
                raise PeriodClosedError(entry.posting_date, OPENED)
            booked = split_by_code(entry, chart.tax_rules)
            # Most entries have no vendor, and need none of a thousand files looked at.
            books = self._vendors.listed(chart) if entry.vendor else chart.reference_data
            accept(booked, books)
            # First the vendor: an entry that stands is never looked at again.
            if entry.vendor is not None:
                self._vendors.keep(pen, entry.vendor, books)
            month = self._settings.folder / f"{entry.posting_date:%Y}" / f"{entry.posting_date:%m}"
            text = entry_text(booked, chart.names, entry.fingerprint).encode()
            created = pen.create(month / f"{name}.beancount", [text])
            # Somebody who does not know our locks, a person copying files, may just have put it there.
            if not created and (found := self._find(entry.reference)) is not None:
                return found
        return Recorded(
            external_id=name, posted=entry.posting_date, fingerprint=entry.fingerprint, created=created
        )

    def _text(self, entry: Entry) -> str:
        chart = self._roots.current()
        booked = split_by_code(entry, chart.tax_rules)
        for posting in (*booked.postings, *booked.settlement, *booked.clearing):
            if posting.account not in chart.names:
                raise UnknownAccountError(posting.account)
        return entry_text(booked, chart.names, entry.fingerprint)

    def _attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        with self._folder.writing(recorded.external_id) as pen:
            path = pen.locate(f"{recorded.external_id}.beancount")
            if path is None:
                raise EntryGoneError(entry.reference)
            text = path.read_text(encoding="utf-8", errors="replace")
            facts, account = entry_facts(text), first_account(text)
            if facts is None or account is None:
                raise DamagedEntryError(path)
            # On the day on which the entry stands: it may have been moved since, or before an interruption.
            file_receipt(pen, path, replace(entry, posting_date=facts.posted), file, account)
