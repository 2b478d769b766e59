from collections.abc import Sequence
from decimal import Decimal

import pytest

from pleo_export.accounting.memory import MemoryBooks, MemoryConnector
from pleo_export.accounting.tax_codes import TaxRule
from pleo_export.domain.reference import LedgerAccount, LedgerTaxCode, LedgerVendor, ReferenceData
from pleo_export.testing.contract import Books, ConnectorContract
from pleo_export.testing.samples import Facts
from pleo_export.testing.totals import Totals, totals_of


class BooksInMemory:
    def __init__(self) -> None:
        self.facts = facts = Facts(other_currencies=("JPY", "KWD"))
        codes = (facts.expense, facts.wallet, facts.tax, facts.output_tax, facts.payable, facts.exchange)
        rate = Decimal("0.25")
        self._books = MemoryBooks(
            ReferenceData(
                accounts={code: LedgerAccount(code, f"Account {code}") for code in codes},
                vendors=(LedgerVendor(facts.vendor.id, facts.vendor.name),),
                journals={facts.journal: "Purchases"},
                locked_through=facts.closed_day,
            ),
            {
                facts.tax_code: TaxRule(rate=rate, input_account=facts.tax),
                facts.reverse_code: TaxRule(
                    rate=rate, input_account=facts.tax, output_account=facts.output_tax
                ),
            },
        )

    async def open(self) -> MemoryConnector:
        return MemoryConnector(self._books)

    async def count(self, reference: str) -> int:
        return int(reference in self._books.entries)

    async def totals(self) -> Totals:
        return totals_of(self._books.postings())

    async def files(self, reference: str) -> Sequence[str]:
        return [file.sha256 for file in self._books.files[reference].values()]

    async def snapshot(self) -> object:
        return (
            self._books.reference_data,
            dict(self._books.entries),
            {name: dict(files) for name, files in self._books.files.items()},
        )

    def stalled(self) -> None:
        return None


def test_a_tax_code_splits_where_there_is_a_rule_with_a_rate() -> None:
    codes = {code: LedgerTaxCode(code, f"Tax {code}") for code in ("A", "B", "C")}
    rules = {"A": TaxRule(rate=Decimal("0.25")), "B": TaxRule(rate=None)}
    books = MemoryBooks(ReferenceData(accounts={}, tax_codes=codes), rules)
    assert books.reference_data.tax_codes is not None
    assert [one.splits for one in books.reference_data.tax_codes.values()] == [True, False, False]


class TestMemoryContract(ConnectorContract):
    @pytest.fixture
    def books(self) -> Books:
        return BooksInMemory()
