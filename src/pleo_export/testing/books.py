"""What the contract suite sees of an accounting system, and what its tests share."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import pytest

from pleo_export.accounting.port import Connector, EntryRefusedError
from pleo_export.domain.entry import Entry
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.testing.samples import Facts
from pleo_export.testing.totals import Totals


class Books(Protocol):
    """The accounting system under test, seen past the connector: by its own files, tables or API."""

    facts: Facts

    async def open(self) -> Connector:
        """Return a new connector to these books."""
        ...

    async def count(self, reference: str) -> int:
        """Return how many entries with this reference there are, settlements not counted."""
        ...

    async def totals(self) -> Totals:
        """Return the sum of all postings by account code and currency, in minor units, zero sums left out."""
        ...

    async def files(self, reference: str) -> Sequence[str]:
        """Return the SHA-256 of every file attached to the entry, in the order people see them."""
        ...

    async def snapshot(self) -> object:
        """Return all there is, to be compared with a later snapshot."""
        ...

    def stalled(self) -> AbstractContextManager[None] | None:
        """Return a context in which the system does not answer, or None where that cannot be had."""
        ...


class OnBooks:
    """Tests on books of one's own. Override `books`."""

    @pytest.fixture
    def books(self) -> Books:
        """Return fresh books."""
        raise NotImplementedError

    @pytest.fixture
    async def connector(self, books: Books) -> AsyncIterator[Connector]:
        """Open a connector, and close it after the test."""
        connector = await books.open()
        yield connector
        await connector.close()


def needs(capability: bool, name: str) -> None:  # noqa: FBT001
    """Skip the test where the connector lacks a capability."""
    if not capability:
        pytest.skip(f"the connector has no {name}")


async def is_refused(books: Books, connector: Connector, entry: Entry, failure_type: ItemFailureType) -> str:
    """Assert that an entry is refused and leaves nothing; return what is said."""
    before = await books.totals()
    with pytest.raises(EntryRefusedError) as refused:
        await connector.record(entry)
    assert refused.value.cause.item is failure_type
    assert await connector.find(entry.reference) is None
    assert await books.totals() == before
    return str(refused.value)
