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

from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding, ItemFailureType
from pleo_export.domain.reference import ReferenceData


class Uniqueness(StrEnum):
    """How strongly the system itself prevents a second entry with the same reference."""

    UNIQUE_KEY = "unique_key"  # a second create with the same reference cannot succeed
    LOOKUP_ONLY = "lookup_only"  # we can only look first


class ClosedPeriod(StrEnum):
    """What the system does with an entry dated in a closed period."""

    REJECTS = "rejects"
    MOVES_THE_DATE = "moves_the_date"
    NOTHING = "nothing"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What is so for one connector; nothing is assumed. Sizes in bytes; `attachment_types` None: any type."""

    uniqueness: Uniqueness
    closed_period: ClosedPeriod
    drafts: bool
    payables: bool
    dimensions: bool
    attachments: bool
    several_attachments: bool
    attachment_bytes_max: int | None = None
    attachment_types: frozenset[str] | None = None
    concurrency: int = 1


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
        """Return the accounts, tax codes, vendors, dimensions and lock date that entries are checked against."""
        ...

    async def find(self, reference: str) -> Recorded | None:
        """Return the entry with this reference, or None where there surely is none."""
        ...

    async def record(self, entry: Entry) -> Recorded:
        """Find the entry by its reference or create it; either all of it is there afterwards or nothing."""
        ...

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Attach a file to a recorded entry, unless it is there already: same key and same SHA-256.

        A file with the same key and another content is attached as well; nothing is replaced. The caller writes to
        the file no more, but may delete it: a connector may keep it by a link of its own.
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
    """The accounting system did not do what was asked. `type` is what Pleo is told if it stays so."""

    type = ItemFailureType.UNEXPECTED_FAILURE


class EntryRefusedError(ConnectorError):
    """The system refused this entry; another one may pass."""

    def __init__(self, reason: str, failure_type: ItemFailureType) -> None:
        self.type = failure_type
        super().__init__(reason)


class PeriodClosedError(ConnectorError):
    """Nothing may be posted on `day`; `next_open` is the first day on which something may, where known."""

    type = ItemFailureType.ACCOUNTING_SYSTEM_VALIDATION_FAILURE

    def __init__(self, day: date, next_open: date | None) -> None:
        self.day, self.next_open = day, next_open
        hint = f"; the first open day is {next_open}" if next_open else ""
        super().__init__(f"The accounting period of {day} is closed{hint}.")


class UnauthorisedError(ConnectorError):
    """The credentials of the accounting system were not accepted."""

    type = ItemFailureType.ACCOUNTING_SYSTEM_AUTHENTICATION_FAILURE


class ForbiddenError(ConnectorError):
    """The credentials were accepted, but a right is missing."""

    type = ItemFailureType.AUTHORIZATION_FAILURE


class RateLimitedError(ConnectorError):
    """Too many calls; the next one is welcome after `seconds`."""

    type = ItemFailureType.ACCOUNTING_SYSTEM_RATE_LIMIT

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"The accounting system asks to wait {seconds:g} seconds.")


class UnreachableError(ConnectorError):
    """The system was not reached or not ready: the call surely had no effect."""

    type = ItemFailureType.ACCOUNTING_SYSTEM_UNREACHABLE


class NoAnswerError(ConnectorError):
    """The call was sent and no answer came: nobody knows yet whether it had an effect."""

    type = ItemFailureType.ACCOUNTING_SYSTEM_TIMEOUT
