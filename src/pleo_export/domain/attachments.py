"""Step 5.4: which files go with an entry, and which an accounting system takes. Pure: the files are fetched later."""

import sys

import msgspec

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Attachment
from pleo_export.domain.failures import RejectedItemError
from pleo_export.domain.item import ExportItem

FILES_PER_ITEM_MAX = 64


class AttachmentLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an entry takes several files; the largest size in bytes and the media types, None: any."""

    several: bool
    bytes_max: int | None = None
    types: frozenset[str] | None = None

    @property
    def largest(self) -> int:
        """The largest size in bytes."""
        return sys.maxsize if self.bytes_max is None else self.bytes_max

    def take(self, media_type: str) -> bool:
        """Whether this kind of file is taken."""
        return self.types is None or media_type in self.types


def plan_attachments(item: ExportItem) -> tuple[Attachment, ...]:
    """Return the files of an item in Pleo's order, each with a key that is the same at every attempt.

    The key is the reference and the position: the link is signed anew at each reading, so it can be none.
    Raises RejectedItemError where there are more files than anyone would read.
    """
    files = [file for file in item.files or () if file is not None]
    if len(files) > FILES_PER_ITEM_MAX:
        raise RejectedItemError(Cause.TOO_MANY_FILES, files=len(files), most=FILES_PER_ITEM_MAX)
    return tuple(
        Attachment(
            key=f"{item.accounting_entry_id}-{position}",
            position=position,
            url=file.url,
            media_type=file.type,
            size=file.size,
        )
        for position, file in enumerate(files, start=1)
    )
