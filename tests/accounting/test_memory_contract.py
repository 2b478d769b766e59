from collections import Counter
from collections.abc import Sequence

import pytest

from pleo_export.accounting.memory import MemoryBooks, MemoryConnector
from pleo_export.domain.reference import LedgerAccount, LedgerVendor, ReferenceData
from pleo_export.testing.contract import Books, ConnectorContract
from pleo_export.testing.samples import Facts


class BooksInMemory:
    def __init__(self) -> None:
        self.facts = Facts()
        codes = (self.facts.expense, self.facts.wallet, self.facts.tax, self.facts.payable)
        self._books = MemoryBooks(
            ReferenceData(
                accounts={code: LedgerAccount(code, f"Account {code}") for code in codes},
                vendors=(LedgerVendor(self.facts.vendor.id, self.facts.vendor.name),),
                locked_through=self.facts.closed_day,
            )
        )

    async def open(self) -> MemoryConnector:
        return MemoryConnector(self._books)

    async def count(self, reference: str) -> int:
        return int(reference in self._books.entries)

    async def totals(self) -> dict[str, int]:
        totals: Counter[str] = Counter()
        for entry in self._books.entries.values():
            for posting in (*entry.postings, *entry.settlement):
                totals[posting.account] += posting.amount.units
        return {account: units for account, units in totals.items() if units}

    async def files(self, reference: str) -> Sequence[str]:
        return [file.sha256 for file in self._books.files[reference].values()]

    async def snapshot(self) -> object:
        return dict(self._books.entries), {name: dict(files) for name, files in self._books.files.items()}

    def stalled(self) -> None:
        return None


class TestMemoryContract(ConnectorContract):
    @pytest.fixture
    def books(self) -> Books:
        return BooksInMemory()
