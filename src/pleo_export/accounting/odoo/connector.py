"""The connector `odoo`: finds, records and attaches in an Odoo server."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar

from pleo_export.accounting.odoo.batches import Batches
from pleo_export.accounting.odoo.check import check
from pleo_export.accounting.odoo.client import CALL_SECONDS, OdooClient
from pleo_export.accounting.odoo.lookup import Lookup
from pleo_export.accounting.odoo.payables import payables
from pleo_export.accounting.odoo.planning import Planning
from pleo_export.accounting.odoo.preview import preview_text
from pleo_export.accounting.odoo.receipts import Receipts
from pleo_export.accounting.odoo.recorder import Recorder
from pleo_export.accounting.odoo.settings import OdooSettings
from pleo_export.accounting.port import Capabilities, ClosedPeriod, NoAnswerError, Recorded, Uniqueness
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.matching import Document
from pleo_export.domain.reference import ReferenceData

BATCH_ENTRIES_MAX = 50
_BATCHES_AT_ONCE = 2  # one is loaded while the other is posted
_CALLS_A_VERB = 3  # how many calls that take their whole time a verb waits for

T = TypeVar("T")


def utc_today() -> date:
    """Read the real clock."""
    return datetime.now(UTC).date()


class OdooConnector:
    """An Odoo server, as the user of an API key. Several processes may record into the same company."""

    name = "odoo"
    capabilities = Capabilities(
        uniqueness=Uniqueness.UNIQUE_KEY,
        closed_period=ClosedPeriod.MOVES_THE_DATE,
        drafts=True,
        payables=True,
        dimensions=True,
        attachments=True,
        several_attachments=True,
        tax_by_code=True,
        creates_vendors=True,
        concurrency=BATCH_ENTRIES_MAX * _BATCHES_AT_ONCE,
    )

    def __init__(
        self,
        settings: OdooSettings,
        api_key: str,
        seconds: float = CALL_SECONDS,
        today: Callable[[], date] = utc_today,
    ) -> None:
        self._seconds, self._today = seconds * _CALLS_A_VERB, today
        self._client = OdooClient(settings, api_key, seconds)
        self._lookup, self._planning = Lookup(self._client), Planning(self._client)
        self._receipts = Receipts(self._client, self._lookup)
        self._batches = Batches(
            Recorder(self._client, self._planning, self._lookup).record, BATCH_ENTRIES_MAX, _BATCHES_AT_ONCE
        )

    async def check(self) -> Sequence[Finding]:
        """Find what keeps entries from being recorded. Raises ConnectorError where Odoo cannot be asked at all."""
        return await self._within(check(self._client, self._planning, self._today()))

    async def reference_data(self) -> ReferenceData:
        """Return the company's accounts, taxes, vendors, journals, analytic accounts and lock date."""
        _, reference = await self._within(self._planning.read())
        return reference

    async def find(self, reference: str) -> Recorded | None:
        """Return the entry with this reference, once all that was asked for was done. Raises ConnectorError."""
        return await self._within(self._lookup.find(reference))

    async def record(self, entry: Entry) -> Recorded:
        """Find the entry or make it, together with those that are recorded at the same time. Raises ConnectorError."""
        return await self._within(self._batches.record(entry))

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        """Return what is owed to a vendor and paid. Raises ConnectorError."""
        return await self._within(self._payables(vendor_id))

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Attach a file to the entry's document. Raises EntryRefusedError, ConnectorError."""
        await self._within(self._receipts.attach(entry, recorded, file))

    async def preview(self, entry: Entry) -> str:
        """Return the documents that the entry would become, a line each. Raises ConnectorError."""
        return preview_text(await self._within(self._planning.preview(entry)))

    def link(self, recorded: Recorded) -> str | None:
        """Return the address of the entry in Odoo."""
        return f"{self._client.address}/odoo/account.move/{recorded.external_id}"

    async def close(self) -> None:
        """Let what was begun end, and let go of the connections."""
        await self._batches.close()
        await self._client.close()

    async def _payables(self, vendor_id: str | None) -> Sequence[Document]:
        chart = await self._planning.chart()
        if vendor_id is None:
            return await payables(self._client, self._lookup, chart, None)
        partner = await self._planning.vendors.known(vendor_id, chart)
        if partner is None:
            return []
        return await payables(self._client, self._lookup, chart, partner)

    async def _within(self, verb: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await verb
        except TimeoutError:
            raise NoAnswerError(f"{self._client.address} within {self._seconds:g} seconds") from None
