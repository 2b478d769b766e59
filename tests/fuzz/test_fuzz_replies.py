"""Whatever Pleo answers, an expense becomes an entry, a sentence for the bookkeeper, or something that cannot be read."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import strategies as st

from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import ExportItem, UnreadableItem
from pleo_export.domain.money import exponent
from pleo_export.pleo.client import _export_item
from pleo_export.testing.expenses import REFERENCE, SETTINGS
from tests.fuzz.fuzzing import fuzz
from tests.fuzz.replies import ALLOWED, damaged, mutated
from tests.scorecard.plugin import Score

pytestmark = [pytest.mark.slow, pytest.mark.scorecard("I")]


class Reader:
    """Reads and books replies, and counts what became of them."""

    def __init__(self) -> None:
        self.became: Counter[str] = Counter()

    def examine(self, raw: bytes) -> None:
        item = _export_item(raw)
        booked = book(item, SETTINGS, REFERENCE) if isinstance(item, ExportItem) else item
        self.became[type(booked).__name__] += 1
        match booked:
            case UnreadableItem(found=found):
                assert found
            case Rejection(reason=reason):
                assert reason.endswith(".")
            case Entry():
                assert isinstance(item, ExportItem)
                self.exact(item, booked)

    def exact(self, item: ExportItem, entry: Entry) -> None:
        """The entry sums to zero; a leg of it is exactly what Pleo sent as paid, in the currency's own minor units."""
        assert sum(posting.amount.units for posting in entry.postings) == 0
        assert sum(posting.amount.units for posting in entry.settlement) == 0
        of = entry.total.currency
        sent = {
            money.value * 10 ** exponent(of) / 100
            for money in (item.amount.in_wallet_currency, item.amount.in_supplier_currency)
            if money.currency == of
        }
        whole = {abs(posting.amount.units) for posting in entry.postings if posting.line_id is None}
        assert whole & {abs(units) for units in sent} or sent == {Decimal(0)}


@pytest.mark.parametrize(
    ("replies", "suite", "soak", "expected"),
    [
        (ALLOWED, 250, 80_000, {"Rejection"}),
        (mutated(), 700, 80_000, {"Entry", "Rejection", "UnreadableItem"}),
        (damaged(), 400, 30_000, {"Entry", "UnreadableItem"}),
        (st.binary(), 100, 10_000, {"UnreadableItem"}),
    ],
    ids=["as published", "with other values", "damaged", "no JSON at all"],
)
def test_no_reply_ends_in_anything_but_an_entry_a_sentence_or_something_unreadable(
    replies: st.SearchStrategy[bytes], suite: int, soak: int, expected: set[str], score: Score
) -> None:
    reader = Reader()
    fuzz(reader.examine, replies, suite, soak, score)
    assert reader.became.keys() >= expected
