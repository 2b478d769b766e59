"""Why an expense was recorded as it was, kept to be shown: the expense as it was read, and the entry made of it."""

from typing import Self

import msgspec
from msgspec.structs import replace

from pleo_export.domain.entry import Entry, without_links
from pleo_export.domain.item import ExportItem
from pleo_export.domain.money import Money, MoneyError

DAYS_KEPT = 90  # where nothing else was asked for


class Explanation(msgspec.Struct, frozen=True):
    """An expense and its entry; `expense` is None where it could not be read, `entry` where none was made.

    `of` leaves out what nobody needs who looks at it: links that give access to files, and numbers of bank accounts.
    """

    expense: ExportItem | None
    entry: Entry | None = None

    @classmethod
    def of(cls, expense: ExportItem | None, entry: Entry | None) -> Self:
        """Return what may be kept of an expense and its entry."""
        kept = None if expense is None else _without_secrets(expense)
        return cls(kept, None if entry is None else without_links(entry))

    @property
    def amount(self) -> Money | None:
        """What was paid, in the wallet's currency, None where that is no exact amount."""
        if self.expense is None:
            return None
        try:
            return self.expense.amount.in_wallet_currency.exact()
        except MoneyError:
            return None

    def encoded(self) -> bytes:
        """Return it as it is kept."""
        return msgspec.json.encode(self)

    @classmethod
    def decoded(cls, kept: bytes) -> Self:
        """Read what was kept."""
        return msgspec.json.decode(kept, type=cls)


def _without_secrets(expense: ExportItem) -> ExportItem:
    information = expense.additional_information
    invoice = information.invoice_information
    if invoice is not None:
        invoice = replace(invoice, supplier_bank_account=None)
    files = [file and replace(file, url="") for file in expense.files or ()]
    return replace(
        expense,
        as_sent=b"",
        files=tuple(files),
        additional_information=replace(information, invoice_information=invoice),
    )
