"""Postings summed up by account and currency: how books and entries are compared."""

from collections import defaultdict
from collections.abc import Iterable

from pleo_export.domain.entry import Entry, Posting

Totals = dict[tuple[str, str], int]
"""The sum of postings by account and currency, in minor units, zero sums left out."""


def totals_of(postings: Iterable[Posting]) -> Totals:
    """Sum postings."""
    totals: defaultdict[tuple[str, str], int] = defaultdict(int)
    for posting in postings:
        totals[posting.account, posting.amount.currency] += posting.amount.units
    return {key: units for key, units in totals.items() if units}


def totals_of_entries(*entries: Entry) -> Totals:
    """Sum all postings of entries, as they are given."""
    return totals_of(
        posting for entry in entries for posting in (*entry.postings, *entry.settlement, *entry.clearing)
    )
