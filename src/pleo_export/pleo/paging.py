"""How answers that hold one resource, or a page of many, are read; pages are followed to the end."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec

from pleo_export.pleo import limits
from pleo_export.pleo.errors import Facts, RepeatingCursorError
from pleo_export.pleo.models import Page, Pagination, Single
from pleo_export.pleo.transport import Call, Transport

Element = TypeVar("Element")


def single(read: Callable[[bytes], Element]) -> Callable[[bytes], Element]:
    """Return what reads the one resource of an answer; `read` is given its JSON."""
    return lambda body: read(bytes(msgspec.json.decode(body, type=Single).data))


async def pages(
    transport: Transport, call: Call, read: Callable[[bytes], Element]
) -> AsyncIterator[list[Element]]:
    """Follow the cursors to the end. A short page is no end: only Pleo's word is. Raises a PleoError.

    A page that holds something, promises more and gives no cursor cannot be read: its list would silently be cut off.
    """

    def read_page(body: bytes) -> tuple[list[Element], Pagination]:
        page = msgspec.json.decode(body, type=Page)
        if page.data and page.pagination.has_next_page and page.pagination.end_cursor is None:
            raise msgspec.ValidationError("there is more, and no cursor leads there")
        # Copied, so that what is kept of one element does not keep the whole page in memory.
        return [read(bytes(raw)) for raw in page.data], page.pagination

    first = (*call.query, ("limit", str(limits.page_size)))
    query, seen = first, set[str]()
    while True:
        elements, pagination = await transport.send(msgspec.structs.replace(call, query=query), read_page)
        yield elements
        cursor = pagination.end_cursor
        if not pagination.has_next_page or cursor is None:
            return
        if cursor in seen:
            raise RepeatingCursorError(Facts(method=call.method, path=call.path))
        seen.add(cursor)
        query = (*first, ("after", cursor))


async def every(transport: Transport, call: Call, read: Callable[[bytes], Element]) -> list[Element]:
    """Return the resources of all pages. Raises a PleoError."""
    return [resource async for page in pages(transport, call, read) for resource in page]
