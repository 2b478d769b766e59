"""Step 5.4: the files of an expense, downloaded and made fit for the accounting system. None is dropped without a word."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import RejectedItemError, rejection
from pleo_export.domain.settings import AttachmentFailure
from pleo_export.workflow.ports import Parts

Result = TypeVar("Result")


class Gathered(msgspec.Struct, frozen=True):
    """The files to attach, in order, and a sentence for each that is missing."""

    files: Sequence[StoredFile]
    missing: tuple[str, ...]


@asynccontextmanager
async def gathered(parts: Parts, entry: Entry) -> AsyncIterator[Gathered]:
    """Have the files of an entry on disk, as the accounting system takes them, and delete them in any case.

    Raises RejectedItemError for one that cannot be had or used, unless the company records without it.
    """
    gathering = _Gathering(parts)
    try:
        files = await gathering.files(entry)
        yield Gathered(files, tuple(gathering.missing))
    finally:
        for file in gathering.on_disk:
            file.path.unlink(missing_ok=True)


class _Gathering:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._may_miss = may_miss(parts)
        self.missing: list[str] = []
        self.on_disk: list[StoredFile] = []

    async def files(self, entry: Entry) -> Sequence[StoredFile]:
        if not entry.attachments:
            return ()
        capabilities = self._parts.connector.capabilities
        if not capabilities.attachments:
            unsupported = rejection(Cause.ATTACHMENTS_UNSUPPORTED, system=self._parts.connector.name)
            self._miss(RejectedItemError(unsupported))
            return ()
        downloads: list[StoredFile] = []
        for attachment in entry.attachments:
            file = await self._insist(self._parts.receipts.download(attachment))
            if file is not None:
                self.on_disk.append(file)
                downloads.append(file)
        limits, fitting = capabilities.attachment_limits, list[StoredFile]()
        for together in [[file] for file in downloads] if limits.several else [downloads]:
            made = await self._insist(self._parts.fit(entry.reference, together, limits))
            fitting += made or ()
            self.on_disk += made or ()
        if limits.several:
            return fitting
        # The one file has one key, whatever it was made of: the next export finds it under that key.
        return [_as_the_one(file, entry.reference) for file in fitting]

    async def _insist(self, work: Awaitable[Result]) -> Result | None:
        try:
            return await work
        except RejectedItemError as refused:
            self._miss(refused)
            return None

    def _miss(self, refused: RejectedItemError) -> None:
        if not self._may_miss:
            raise refused
        self.missing.append(refused.rejection.reason)


def _as_the_one(file: StoredFile, reference: str) -> StoredFile:
    return replace(file, attachment=replace(file.attachment, key=f"{reference}-all", position=1))


def may_miss(parts: Parts) -> bool:
    """Whether an expense is recorded without a receipt that cannot be had or attached."""
    return parts.settings.bookkeeping.attachment_failure is AttachmentFailure.RECORD_WITHOUT
