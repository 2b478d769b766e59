"""Receipts are attachments of a document, each made once: same key and same content."""

import asyncio
import base64
import hashlib

from pleo_export.accounting.acceptance import EntryGoneError
from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.loading import load_once
from pleo_export.accounting.odoo.lookup import Lookup
from pleo_export.accounting.odoo.names import receipt_id
from pleo_export.accounting.port import EntryRefusedError, Recorded
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.file_kinds import ending_of

FILES_AT_ONCE = 2  # each is in memory several times over, as bytes and as text
_FIELDS = ("id", "name", "mimetype", "res_model", "res_id", "description", "datas")


class ReceiptChangedError(EntryRefusedError):
    """The downloaded file is not what it was when it was downloaded."""

    cause = Cause.RECEIPT_CHANGED

    def __init__(self, file: StoredFile) -> None:
        super().__init__(position=file.attachment.position)


class Receipts:
    """Attaches files."""

    def __init__(self, client: OdooClient, lookup: Lookup) -> None:
        self._client, self._lookup = client, lookup
        self._slots = asyncio.Semaphore(FILES_AT_ONCE)

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Attach a file, unless it is there. Raises ReceiptChangedError, EntryGoneError, ConnectorError."""
        document = int(recorded.external_id)
        if document not in await self._lookup.read([document]):
            raise EntryGoneError(entry.reference)
        company = await self._client.company()
        async with self._slots:
            row = [
                receipt_id(company.id, entry.reference, file.attachment.key, file.sha256),
                f"{entry.reference}-{file.attachment.position}.{ending_of(file.media_type) or 'bin'}",
                file.media_type,
                "account.move",
                str(document),
                f"pleo-export {file.attachment.key} {file.sha256}",
                await asyncio.to_thread(_content, file),
            ]
            await load_once(self._client, "ir.attachment", _FIELDS, row)


def _content(file: StoredFile) -> str:
    content = file.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ReceiptChangedError(file)
    return base64.b64encode(content).decode()
