"""Short ways to say in a test what an expense became."""

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import settings
from msgspec.structs import replace

from pleo_export.domain.book import book
from pleo_export.domain.entry import Entry, Posting
from pleo_export.domain.failures import Rejection
from pleo_export.domain.item import Bookkeeping, ExportItem, Vendor
from pleo_export.domain.reference import ReferenceData
from pleo_export.domain.settings import BookkeepingSettings, CompanySettings, VatSettings
from pleo_export.testing.expenses import REFERENCE, SETTINGS

# The same examples at every run, and no database of examples beside the code.
same_every_time = settings(derandomize=True, database=None, deadline=None)

PAYABLE_METHOD = Bookkeeping(method="accounts_payable")
JOURNAL_METHOD = Bookkeeping(method="journal")
NO_TAX_ACCOUNTS = SETTINGS.model_copy(update={"vat": VatSettings()})


def with_bookkeeping(**settings: Any) -> CompanySettings:
    return SETTINGS.model_copy(update={"bookkeeping": BookkeepingSettings(**settings)})


def entry_of(
    item: ExportItem, settings: CompanySettings = SETTINGS, reference: ReferenceData = REFERENCE
) -> Entry:
    mapped = book(item, settings, reference)
    assert isinstance(mapped, Entry), mapped
    return mapped


def rejection_of(
    item: ExportItem, settings: CompanySettings = SETTINGS, reference: ReferenceData = REFERENCE
) -> Rejection:
    mapped = book(item, settings, reference)
    assert isinstance(mapped, Rejection), mapped
    return mapped


def legs(postings: Iterable[Posting]) -> list[tuple[str, int]]:
    """Account and signed minor units of each posting, in order; above zero is a debit."""
    return [(posting.account, posting.amount.units) for posting in postings]


def totals(postings: Iterable[Posting]) -> Mapping[str, int]:
    """Signed minor units by account; accounts that come to nothing are left out."""
    sums: dict[str, int] = {}
    for account, units in legs(postings):
        sums[account] = sums.get(account, 0) + units
    return {account: units for account, units in sums.items() if units}


def vendor(**fields: Any) -> Vendor:
    return replace(Vendor(id="pleo-vendor", name="Nordic Paper ApS"), **fields)


def without_lists() -> ReferenceData:
    """The books of a system that keeps accounts and nothing else."""
    return ReferenceData(accounts=REFERENCE.accounts)
