"""What a connector that keeps its own books refuses: closed days, unknown or closed accounts, wrong currencies."""

from pleo_export.accounting.port import EntryRefusedError, PeriodClosedError
from pleo_export.domain.entry import Entry, Posting
from pleo_export.domain.failures import ItemFailureType
from pleo_export.domain.reference import ReferenceData


class EntryGoneError(EntryRefusedError):
    """The entry that a file belongs to was deleted or renamed."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"The entry {reference} is no longer in the ledger; export the expense again.",
            ItemFailureType.RECEIPT_UPLOAD_FAILURE,
        )


class UnknownAccountError(EntryRefusedError):
    """A posting names an account that the books do not have."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The ledger has no account {code}.", ItemFailureType.ACCOUNT_UNKNOWN)


class InactiveAccountError(EntryRefusedError):
    """A posting names an account that is no longer used."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"The account {code} is inactive; choose another one, or activate it in the ledger.",
            ItemFailureType.ACCOUNT_UNKNOWN,
        )


class AccountCurrencyError(EntryRefusedError):
    """A posting is in a currency that its account does not take."""

    def __init__(self, code: str, currency: str, taken: frozenset[str]) -> None:
        super().__init__(
            f"The account {code} takes {', '.join(sorted(taken))} only, not {currency}.",
            ItemFailureType.ACCOUNTING_SYSTEM_VALIDATION_FAILURE,
        )


def accept(entry: Entry, books: ReferenceData) -> None:
    """Return quietly where `entry` may be recorded.

    Raises PeriodClosedError, UnknownAccountError, InactiveAccountError or AccountCurrencyError.
    """
    if (next_open := books.first_open_after(entry.posting_date)) is not None:
        raise PeriodClosedError(entry.posting_date, next_open)
    for posting in (*entry.postings, *entry.settlement):
        _accept_posting(posting, books)


def _accept_posting(posting: Posting, books: ReferenceData) -> None:
    account = books.accounts.get(posting.account)
    if account is None:
        raise UnknownAccountError(posting.account)
    if not account.active:
        raise InactiveAccountError(posting.account)
    if account.currencies is not None and posting.amount.currency not in account.currencies:
        raise AccountCurrencyError(posting.account, posting.amount.currency, account.currencies)
