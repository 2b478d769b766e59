"""A connector that fails on order: before the real one is called, or after it has done its work."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from pleo_export.accounting.port import Connector, Recorded
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.matching import Document
from pleo_export.domain.reference import ReferenceData

T = TypeVar("T")


class Verb(StrEnum):
    """A verb of the connector port that may fail."""

    CHECK = "check"
    REFERENCE_DATA = "reference_data"
    FIND = "find"
    RECORD = "record"
    PAYABLES = "payables"
    ATTACH = "attach"
    PREVIEW = "preview"


class Moment(StrEnum):
    """Whether the fault strikes before the effect (nothing happened) or after it (it happened, unheard)."""

    BEFORE = "before"
    AFTER = "after"


class Faults:
    """The faults to come, in the order they were ordered, for each verb and moment."""

    def __init__(self) -> None:
        self._ordered: defaultdict[tuple[Verb, Moment], deque[Exception]] = defaultdict(deque)

    def order(self, verb: Verb, error: Exception, *, moment: Moment = Moment.BEFORE, times: int = 1) -> None:
        """Let the next `times` calls of `verb` fail with `error`."""
        self._ordered[verb, moment].extend([error] * times)

    def strike(self, verb: Verb, moment: Moment) -> None:
        """Raise the next fault of this verb and moment, if one was ordered."""
        if waiting := self._ordered[verb, moment]:
            raise waiting.popleft()


class FaultyConnector:
    """Passes every verb on to `inner`, and fails where `faults` says so."""

    def __init__(self, inner: Connector, faults: Faults) -> None:
        self._inner, self._faults = inner, faults
        self.name = inner.name
        self.capabilities = inner.capabilities

    async def check(self) -> Sequence[Finding]:
        """Check, or fail."""
        return await self._struck(Verb.CHECK, self._inner.check)

    async def reference_data(self) -> ReferenceData:
        """Return the reference data, or fail."""
        return await self._struck(Verb.REFERENCE_DATA, self._inner.reference_data)

    async def find(self, reference: str) -> Recorded | None:
        """Find, or fail."""
        return await self._struck(Verb.FIND, lambda: self._inner.find(reference))

    async def record(self, entry: Entry) -> Recorded:
        """Record, or fail before or after."""
        return await self._struck(Verb.RECORD, lambda: self._inner.record(entry))

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        """Return the payables, or fail."""
        return await self._struck(Verb.PAYABLES, lambda: self._inner.payables(vendor_id))

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        """Attach, or fail before or after."""
        await self._struck(Verb.ATTACH, lambda: self._inner.attach(entry, recorded, file))

    async def preview(self, entry: Entry) -> str:
        """Preview, or fail."""
        return await self._struck(Verb.PREVIEW, lambda: self._inner.preview(entry))

    def link(self, recorded: Recorded) -> str | None:
        """Return what `inner` returns."""
        return self._inner.link(recorded)

    async def close(self) -> None:
        """Close `inner`."""
        await self._inner.close()

    async def _struck(self, verb: Verb, call: Callable[[], Awaitable[T]]) -> T:
        self._faults.strike(verb, Moment.BEFORE)
        result = await call()
        self._faults.strike(verb, Moment.AFTER)
        return result
