"""The connector port: what an accounting system must be able to do for us, and how it fails.

Error tree; the class carries the decision, never its text:

    ConnectorError
    ├── EntryRefusedError        the system looked at the entry and said no: tell Pleo
    ├── PeriodClosedError        the posting date is locked; `next_open` where known
    ├── UnauthorisedError        credentials not accepted
    ├── ForbiddenError           credentials accepted, right missing
    ├── RateLimitedError         too fast; wait `seconds`
    ├── UnreachableError         surely not done: may be tried again
    └── NoAnswerError            unknown whether it was done: look it up before anything else
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Protocol

import msgspec

from pleo_export.domain.attachments import AttachmentLimits
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.matching import Document
from pleo_export.domain.reference import ReferenceData


class Uniqueness(StrEnum):
    """How strongly the system itself prevents a second entry with the same reference."""

    UNIQUE_KEY = "unique_key"  # a second create with the same reference cannot succeed
    LOOKUP_ONLY = "lookup_only"  # we can only look first


class ClosedPeriod(StrEnum):
    """What the system does with an entry dated in a closed period."""

    REJECTS = "rejects"
    MOVES_THE_DATE = "moves_the_date"  # where the lock can be read, the connector rejects the day before that
    NOTHING = "nothing"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What is so for one connector; nothing is assumed. Sizes in bytes; `attachment_types` None: any type.

    Without `drafts` every entry is posted at once, and settings that ask for drafts are refused before a job. Without
    `dimensions` what an expense is tagged with is not kept.
    """

    uniqueness: Uniqueness
    closed_period: ClosedPeriod
    drafts: bool
    payables: bool
    dimensions: bool
    attachments: bool
    several_attachments: bool
    tax_by_code: bool  # the system splits tax by code itself
    creates_vendors: bool
    attachment_bytes_max: int | None = None
    attachment_types: frozenset[str] | None = None
    concurrency: int = 1

    @property
    def attachment_limits(self) -> AttachmentLimits:
        """What files an entry takes."""
        return AttachmentLimits(
            several=self.several_attachments, bytes_max=self.attachment_bytes_max, types=self.attachment_types
        )


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that stands in the accounting system.

    `external_id` is the system's own id; `fingerprint` that of the entry it was made from, where the system could
    keep it; `created` is False where the entry stood there before this call.
    """

    external_id: str
    posted: date
    fingerprint: str | None
    created: bool = False


class Connector(Protocol):
    """An accounting system. Every verb may be repeated; every verb ends within its own deadline."""

    name: str
    capabilities: Capabilities

    async def check(self) -> Sequence[Finding]:
        """Find whatever would keep a job from being recorded: reachable, login, rights, accounts, locks. Read only."""
        ...

    async def reference_data(self) -> ReferenceData:
        """Return the accounts, tax codes, vendors, journals, dimensions and lock date that entries are checked against."""
        ...

    async def find(self, reference: str) -> Recorded | None:
        """Return the entry with this reference, or None where there surely is none."""
        ...

    async def record(self, entry: Entry) -> Recorded:
        """Find the entry by its reference or create it; either all of it is there afterwards or nothing.

        All of it: the settlement, the clearing and the matches as well. A vendor to `create` is found by its id or
        created, once whoever else does the same, and listed in the reference data from then on; it may stay where the
        entry failed. A leg with `tax` is split by its tax code.
        """
        ...

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        """Return the bills, credit notes and payments of a vendor in the books, in the order they were recorded.

        Those that were recorded here with `owed`, each `settled` as far as the matches in the books say; None asks for
        those without a vendor.
        """
        ...

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Attach a file to a recorded entry, unless it is there already: same key and same SHA-256.

        A file with the same key and another content is attached as well; nothing is replaced. The caller writes to
        the file no more, but may delete it: a connector may keep it by a link of its own. Where the entry does not stand
        any more, or cannot be used, EntryRefusedError has the cause ENTRY_GONE or ENTRY_DAMAGED.
        """
        ...

    async def preview(self, entry: Entry) -> str:
        """Return the entry as it would stand in the accounting system, for a person to read; nothing is sent."""
        ...

    def link(self, recorded: Recorded) -> str | None:
        """Return the address where a person finds the entry, where there is one."""
        ...

    async def close(self) -> None:
        """Let go of connections and files."""
        ...


class ConnectorError(Exception):
    """The accounting system did not do what was asked; `cause` says what Pleo is told if it stays so.

    `said` is what the system itself says, in words for a bookkeeper; a cause with other fields takes them by name.
    """

    cause = Cause.SYSTEM_FAILED

    def __init__(self, said: str = "", **values: object) -> None:
        self.said = said
        self.sentence, self.remedy = self.cause.told(said=said, **values)
        super().__init__(f"{self.sentence} {self.remedy}")


class EntryRefusedError(ConnectorError):
    """The system refused this entry; another one may pass."""

    cause = Cause.ENTRY_REFUSED

    def __init__(self, said: str = "", cause: Cause | None = None, **values: object) -> None:
        self.cause = cause or self.cause
        super().__init__(said, **values)


class PeriodClosedError(ConnectorError):
    """Nothing may be posted on `day`; `next_open` is the first day on which something may, where known."""

    cause = Cause.PERIOD_CLOSED

    def __init__(self, day: date, next_open: date | None) -> None:
        self.day, self.next_open = day, next_open
        super().__init__(day=day, next_open=next_open or "not known")


class UnauthorisedError(ConnectorError):
    """The credentials of the accounting system were not accepted."""

    cause = Cause.SYSTEM_UNAUTHORISED


class ForbiddenError(ConnectorError):
    """The credentials were accepted, but a right is missing."""

    cause = Cause.SYSTEM_FORBIDDEN


class RateLimitedError(ConnectorError):
    """Too many calls; the next one is welcome after `seconds`."""

    cause = Cause.SYSTEM_RATE_LIMIT

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(seconds=seconds)


class UnreachableError(ConnectorError):
    """The system was not reached or not ready: the call surely had no effect."""

    cause = Cause.SYSTEM_UNREACHABLE


class NoAnswerError(ConnectorError):
    """The call was sent and no answer came: nobody knows yet whether it had an effect."""

    cause = Cause.SYSTEM_NO_ANSWER
