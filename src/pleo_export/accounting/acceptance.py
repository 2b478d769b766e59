"""What a connector that keeps its own books refuses: closed days, and accounts, currencies, vendors, journals it lacks."""

from pleo_export.accounting.port import EntryRefusedError, PeriodClosedError
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.entry import Entry, EntryVendor, Posting
from pleo_export.domain.reference import LedgerAccount, ReferenceData

_NAMED_IN = "the accounts of the expense and of the settings"


class EntryGoneError(EntryRefusedError):
    """The entry that a file belongs to was deleted or renamed."""

    cause = Cause.ENTRY_GONE

    def __init__(self, reference: str) -> None:
        super().__init__(reference=reference)


class UnknownAccountError(EntryRefusedError):
    """A posting names an account that the books do not have."""

    cause = Cause.ACCOUNT_UNKNOWN

    def __init__(self, code: str) -> None:
        super().__init__(account=code, place=_NAMED_IN)


class InactiveAccountError(EntryRefusedError):
    """A posting names an account that is no longer used."""

    cause = Cause.ACCOUNT_INACTIVE

    def __init__(self, account: LedgerAccount) -> None:
        super().__init__(account=account.code, name=account.name, place=_NAMED_IN)


class AccountCurrencyError(EntryRefusedError):
    """A posting is in a currency that its account does not take."""

    cause = Cause.ACCOUNT_CURRENCY

    def __init__(self, account: LedgerAccount, currency: str) -> None:
        super().__init__(
            account=account.code,
            name=account.name,
            taken=", ".join(sorted(account.currencies or ())),
            currency=currency,
            place=_NAMED_IN,
        )


class UnknownVendorError(EntryRefusedError):
    """The entry is of a vendor that the books do not have and are not asked to create."""

    cause = Cause.VENDOR_UNKNOWN

    def __init__(self, vendor: EntryVendor) -> None:
        super().__init__(owed=f"vendor '{vendor.name}' ({vendor.id})")


class UnknownJournalError(EntryRefusedError):
    """The entry is for a journal that the books do not have."""

    cause = Cause.JOURNAL_UNKNOWN

    def __init__(self, journal: str) -> None:
        super().__init__(journal=journal)


def accept(entry: Entry, books: ReferenceData) -> None:
    """Return quietly where `entry` may be recorded.

    Raises PeriodClosedError, UnknownJournalError, UnknownVendorError, UnknownAccountError, InactiveAccountError or
    AccountCurrencyError.
    """
    if (next_open := books.first_open_after(entry.posting_date)) is not None:
        raise PeriodClosedError(entry.posting_date, next_open)
    if entry.journal is not None and books.journals is not None and entry.journal not in books.journals:
        raise UnknownJournalError(entry.journal)
    if entry.vendor is not None and not entry.vendor.create and not knows(books, entry.vendor):
        raise UnknownVendorError(entry.vendor)
    for posting in (*entry.postings, *entry.settlement, *entry.clearing):
        _accept_posting(posting, books)


def knows(books: ReferenceData, vendor: EntryVendor) -> bool:
    """Whether the books have the vendor already, or keep no list of vendors at all."""
    return books.vendors is None or any(known.id == vendor.id for known in books.vendors)


def _accept_posting(posting: Posting, books: ReferenceData) -> None:
    account = books.accounts.get(posting.account)
    if account is None:
        raise UnknownAccountError(posting.account)
    if not account.active:
        raise InactiveAccountError(account)
    if not account.takes(posting.amount.currency):
        raise AccountCurrencyError(account, posting.amount.currency)
