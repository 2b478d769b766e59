"""A connector to the accounting system of the benchmark's world: one call for an entry, one for each file."""

from collections.abc import Sequence
from datetime import date
from http import HTTPStatus

import aiohttp
import msgspec

from pleo_export.accounting.port import (
    Capabilities,
    ClosedPeriod,
    EntryRefusedError,
    NoAnswerError,
    RateLimitedError,
    Recorded,
    Uniqueness,
    UnreachableError,
)
from pleo_export.domain.entry import Entry, StoredFile
from pleo_export.domain.failures import Finding
from pleo_export.domain.matching import Document
from pleo_export.domain.reference import ReferenceData
from pleo_export.testing.expenses import REFERENCE

_DEADLINE = aiohttp.ClientTimeout(total=60, sock_connect=5)


class Leg(msgspec.Struct):
    """A posting as it is sent."""

    account: str
    amount: str
    tax_code: str | None


class NewEntry(msgspec.Struct):
    """An entry as it is sent."""

    reference: str
    fingerprint: str
    day: date
    text: str
    legs: list[Leg]


class Kept(msgspec.Struct):
    """An entry as it stands there."""

    id: str
    fingerprint: str | None
    posted: date


class HttpConnector:
    """Records over HTTP. The reference is a unique key there, so every call may be repeated."""

    name = "books"

    def __init__(self, url: str, concurrency: int) -> None:
        self.capabilities = Capabilities(
            uniqueness=Uniqueness.UNIQUE_KEY,
            closed_period=ClosedPeriod.REJECTS,
            drafts=True,
            payables=True,
            dimensions=True,
            attachments=True,
            several_attachments=True,
            tax_by_code=True,
            creates_vendors=False,
            concurrency=concurrency,
        )
        self._entries = f"{url}/books/entries"
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), timeout=_DEADLINE
        )

    async def check(self) -> Sequence[Finding]:
        return ()

    async def reference_data(self) -> ReferenceData:
        return REFERENCE

    async def find(self, reference: str) -> Recorded | None:
        status, body = await self._call("GET", f"{self._entries}?reference={reference}")
        return None if status == HTTPStatus.NOT_FOUND else _recorded(body, created=False)

    async def record(self, entry: Entry) -> Recorded:
        legs = [Leg(one.account, str(one.amount), one.tax_code) for one in entry.postings]
        new = NewEntry(entry.reference, entry.fingerprint, entry.posting_date, entry.description[:200], legs)
        status, body = await self._call("POST", self._entries, msgspec.json.encode(new))
        recorded = _recorded(body, created=status == HTTPStatus.CREATED)
        # The world keeps no dates; what was asked for is what stands there.
        return msgspec.structs.replace(recorded, posted=entry.posting_date)

    async def payables(self, vendor_id: str | None) -> Sequence[Document]:
        del vendor_id
        return ()

    async def attach(self, entry: Entry, recorded: Recorded, file: StoredFile) -> None:
        del entry
        key = file.attachment.key
        await self._call("PUT", f"{self._entries}/{recorded.external_id}/files/{key}", file.path.read_bytes())

    async def preview(self, entry: Entry) -> str:
        return entry.description

    def link(self, recorded: Recorded) -> str | None:
        return f"{self._entries}/{recorded.external_id}"

    async def close(self) -> None:
        await self._http.close()

    async def _call(self, method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            async with self._http.request(method, url, data=body) as answer:
                said = await answer.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise UnreachableError(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswerError(type(error).__name__) from error
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise RateLimitedError(float(answer.headers["Retry-After"]))
        if answer.status not in (200, 201, 404, 409):
            raise EntryRefusedError(f"HTTP {answer.status}")
        return answer.status, said


def _recorded(body: bytes, *, created: bool) -> Recorded:
    kept = msgspec.json.decode(body, type=Kept)
    return Recorded(external_id=kept.id, posted=kept.posted, fingerprint=kept.fingerprint, created=created)
