"""Links to receipts live a day, and work on a job may last longer: one that is too old is read anew."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from msgspec.structs import replace as changed

from pleo_export.domain.attachments import plan_attachments
from pleo_export.domain.entry import Attachment, StoredFile
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.item import ExportItem
from pleo_export.pleo.errors import PleoError
from pleo_export.pleo.receipts import ReceiptGoneError
from pleo_export.workflow.ports import Parts

READ_AGAIN_AFTER = timedelta(hours=1)  # a file that is gone for good must not have every list read anew

log = logging.getLogger(__name__)


def with_fresh_links(parts: Parts, job_id: str) -> Parts:
    """Return the parts, whose receipts of this job are looked for behind a fresh link where the first is too old."""
    return replace(parts, receipts=_FreshLinks(parts, job_id))


class _FreshLinks:
    """Receipts of one job. Pleo signs links with the list of expenses only, so one reading renews those of all."""

    def __init__(self, parts: Parts, job_id: str) -> None:
        self._parts, self._job_id = parts, job_id
        self._links: Mapping[str, str] = {}
        self._read_at: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    async def download(self, attachment: Attachment) -> StoredFile:
        """Store the file on disk. Raises RejectedItemError where it cannot be had, not even with a fresh link."""
        receipts = self._parts.receipts
        try:
            return await receipts.download(attachment)
        except ReceiptGoneError:
            link = await self._link(attachment.key)
            if link is None or link == attachment.url:
                raise
        return await receipts.download(changed(attachment, url=link))

    async def _link(self, key: str) -> str | None:
        async with self._one_at_a_time:
            now = self._parts.clock.now()
            if self._read_at is None or now - self._read_at >= READ_AGAIN_AFTER:
                self._read_at = now
                try:
                    self._links = await self._read()
                except PleoError:
                    log.warning("links of job %s could not be read anew", self._job_id, exc_info=True)
        return self._links.get(key)

    async def _read(self) -> Mapping[str, str]:
        links: dict[str, str] = {}
        async for item in self._parts.pleo.export_items(self._job_id):
            if isinstance(item, ExportItem):
                with suppress(RejectedItemError):  # then none of its files is asked for
                    links |= {one.key: one.url for one in plan_attachments(item)}
        return links
