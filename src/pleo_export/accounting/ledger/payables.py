"""What is owed and paid, read from the ledger's own text: what a bookkeeper edited, moved or deleted counts as it is.

A bill or payment says at its head which account it is on and what it owes; a note says what of it settles which other
one. A file whose words can no longer be read owes nothing.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.ledger.folder import LedgerFolder
from pleo_export.accounting.ledger.reader import head_of, metadata_of, notes_of
from pleo_export.accounting.ledger.shelf import Kept, Shelf
from pleo_export.accounting.ledger.syntax import readable, safe_name
from pleo_export.domain.entry import EntryKind, Owed
from pleo_export.domain.matching import Document, Settles
from pleo_export.domain.money import Money, MoneyError, exponent

_AMOUNT = re.compile(r"([-+]?[\d,]+(?:\.\d*)?)[ \t]+([A-Z]{3})\b")


class _Filed(msgspec.Struct, frozen=True):
    """What a file says: a document, with nothing settled yet, and its vendor."""

    vendor_id: str | None
    document: Document


class LedgerPayables:
    """Bills, credit notes and payments of a ledger, by vendor. Files are read again only where they changed."""

    def __init__(self, folder: LedgerFolder) -> None:
        self._folder = folder
        self._months: dict[str, Shelf[_Filed]] = {}
        self._read: list[tuple[Kept[_Filed], ...]] = []
        self._by_vendor: Mapping[str | None, Sequence[Document]] = {}

    def of(self, vendor_id: str | None) -> Sequence[Document]:
        """Return a vendor's documents in the order their files were written, or those without a vendor. Raises OSError."""
        self._months = {
            month: self._months.get(month) or Shelf(month, _is_entry_file, _filed)
            for month in self._folder.months()
        }
        read = [shelf.read() for shelf in self._months.values()]
        if len(read) != len(self._read) or any(
            new is not old for new, old in zip(read, self._read, strict=True)
        ):
            self._by_vendor = _by_vendor(kept for month in read for kept in month)
            self._read = read
        return self._by_vendor.get(None if vendor_id is None else readable(vendor_id), ())


def _by_vendor(files: Iterable[Kept[_Filed]]) -> Mapping[str | None, Sequence[Document]]:
    # Of a file that was copied the first counts, as it does when the entry is looked up.
    filed: dict[str, tuple[int, _Filed]] = {}
    for kept in files:
        filed.setdefault(kept.said.document.reference, (kept.written, kept.said))
    settled = _settled(one for _, one in filed.values())
    vendors: defaultdict[str | None, list[Document]] = defaultdict(list)
    for _, one in sorted(filed.values(), key=lambda pair: (pair[0], pair[1].document.reference)):
        document, currency = one.document, one.document.owed.amount.currency
        units = settled[document.reference, currency]
        vendors[one.vendor_id].append(
            replace(document, settled=Money(currency, units)) if units else document
        )
    return vendors


def _settled(filed: Iterable[_Filed]) -> Mapping[tuple[str, str], int]:
    """Sum what is settled of each document, whichever of the two says so, in minor units by reference and currency."""
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in filed:
        for match in one.document.settles:
            of_bill, of_payment = one.document.reference, match.reference
            if one.document.kind is EntryKind.PAYMENT:
                of_bill, of_payment = of_payment, of_bill
            sums[of_bill, match.settled.currency] += match.settled.units
            sums[of_payment, match.paid.currency] += match.paid.units
    return sums


def _is_entry_file(name: str) -> bool:
    """Whether a name is that of an entry; those of its receipts have a dot in the middle."""
    return name.endswith(".beancount") and name.count(".") == 1


def _filed(path: str) -> _Filed | None:
    """Read the file of an entry; None where it owes and pays nothing, or is no longer the file of an entry."""
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - ten thousand of them
        text = file.read()
    if "payable-account:" not in text:
        return None
    said = head_of(text)
    reference, owed = said.get("pleo-id", ""), _owed(said)
    if owed is None or safe_name(reference) != os.path.basename(path).removesuffix(".beancount"):  # noqa: PTH119
        return None
    document = Document(
        reference=reference,
        kind=EntryKind(said["pleo-kind"]),
        owed=owed,
        invoice_number=said.get("invoice-number"),
        reconciliation_id=said.get("reconciliation-id", ""),
        reconciled_entries=tuple(filter(None, said.get("reconciled-entries", "").split("; "))),
        settled=Money(owed.amount.currency, 0),
        settles=tuple(_matches(text)),
    )
    return _Filed(said.get("vendor-id"), document)


def _owed(said: Mapping[str, str]) -> Owed | None:
    amount, account = _money(said.get("payable-amount")), said.get("payable-account")
    if amount is None or account is None or said.get("pleo-kind") not in set(EntryKind):
        return None
    return Owed(account, amount, _money(said.get("payable-other")))


def _matches(text: str) -> Iterator[Settles]:
    for note in notes_of(text):
        said = metadata_of(note)
        settled, paid = _money(said.get("settled")), _money(said.get("paid"))
        if settled is not None and paid is not None and "matches" in said:
            yield Settles(said["matches"], settled, paid)


def _money(text: str | None) -> Money | None:
    found = _AMOUNT.match(text or "")
    if found is None:
        return None
    number, currency = found.groups()
    try:
        units = Decimal(number.replace(",", "")).scaleb(exponent(currency))
    except (MoneyError, InvalidOperation):
        return None
    return Money(currency, int(units)) if units == units.to_integral_value() else None
