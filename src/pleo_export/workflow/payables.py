"""Bills and payments of a vendor are recorded one after the other, so that each sees the ones before it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from pleo_export.accounting.port import NoAnswerError
from pleo_export.domain.entry import Entry
from pleo_export.domain.matching import Document, match, settled_by
from pleo_export.domain.reference import LedgerAccount

Ask = Callable[[str | None], Awaitable[Sequence[Document]]]


class Payables:
    """What is owed and paid, vendor by vendor, as far as this job has looked.

    `ask` reads a vendor's documents from the accounting system; from then on they are kept in step with what is
    recorded, and read again where it is not known what was. The caller is the company's only worker.
    """

    def __init__(self, ask: Ask, exchange_account: str | None, accounts: Mapping[str, LedgerAccount]) -> None:
        self._ask, self._exchange_account, self._accounts = ask, exchange_account, accounts
        self._locks: defaultdict[str | None, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._known: dict[str | None, Sequence[Document]] = {}
        self._in_hand: dict[str | None, Sequence[Document]] = {}
        self._unclear: dict[str, str | None] = {}  # whose call got no answer, with the vendor

    @asynccontextmanager
    async def matched(self, entry: Entry) -> AsyncIterator[Entry]:
        """Give the entry with what it belongs to in the books, and keep its vendor's other entries waiting meanwhile.

        An entry that owes and pays nothing waits for nobody. Whoever records the entry says so with `recorded`. Raises
        NoAnswerError, also while nobody knows whether another entry of the vendor stands, or will: it may settle the same.
        """
        if entry.owed is None:
            yield entry
            return
        vendor = _vendor(entry)
        async with self._locks[vendor]:
            self._ensure_clear(entry, vendor)
            known = self._known.pop(vendor, None)
            self._in_hand[vendor] = await self._ask(vendor) if known is None else known
            try:
                yield match(entry, self._in_hand[vendor], self._exchange_account, self._accounts)
            except NoAnswerError:
                if vendor not in self._known:
                    self._unclear[entry.reference] = vendor
                raise

    def known(self, reference: str) -> None:
        """Note that it is known what became of an entry."""
        self._unclear.pop(reference, None)

    def recorded(self, entry: Entry) -> None:
        """Take an entry into account that was given by `matched` and is in the books now, or was there before."""
        if entry.owed is not None:
            vendor = _vendor(entry)
            known = self._in_hand[vendor]
            there = any(one.reference == entry.reference for one in known)
            self._known[vendor] = known if there else settled_by(known, entry)

    def _ensure_clear(self, entry: Entry, vendor: str | None) -> None:
        if vendor in (one for reference, one in self._unclear.items() if reference != entry.reference):
            raise NoAnswerError("it is not known yet what is owed to this vendor")


def _vendor(entry: Entry) -> str | None:
    return entry.vendor.id if entry.vendor else None
