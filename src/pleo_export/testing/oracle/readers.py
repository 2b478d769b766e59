"""How evidence is gathered: from a plain-text ledger's files, from books in memory, from a simulated Pleo."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pleo_export.accounting.memory import MemoryBooks
from pleo_export.domain.entry import Entry, EntryKind
from pleo_export.domain.money import exponent
from pleo_export.testing.oracle.evidence import BookEntry, Expected, PleoSide, Settled
from pleo_export.testing.totals import totals_of_entries

Entries = Mapping[str, Sequence[BookEntry]]
"""The entries of one company's books by reference."""

# Written out here, not taken from the ledger's own reader: who checks reads with his own eyes.
_REFERENCE = re.compile(r'^  pleo-id: "([^"]+)"', re.MULTILINE)
_LINK = re.compile(r"\^(pleo-(?!rec-)\S+)")
_POSTING = re.compile(r"^  ([A-Z][\w:-]*:[\w:-]+) +(-?[\d.]+) ([A-Z]{3})\b", re.MULTILINE)
_OPEN = re.compile(r'^[\d-]+ open (\S+)[^\n]*\n  code: "([^"]+)"', re.MULTILINE)
_DOCUMENT = re.compile(r'^[\d-]+ document \S+ "([^"]+)"[^\n]*(?:\n  [^\n]*)*', re.MULTILINE)
_OWES = re.compile(r"^  payable-amount: (-?[\d.]+) ([A-Z]{3})", re.MULTILINE)
_SETTLES = re.compile(
    r'^  matches: "([^"]+)"\n  settled: (-?[\d.]+) ([A-Z]{3})\n  paid: (-?[\d.]+) ([A-Z]{3})', re.MULTILINE
)
_DIGEST = re.compile(r'^  sha256: "(\w+)"', re.MULTILINE)


def pleo_side(get: Callable[[str], Any], company_ids: Iterable[str]) -> PleoSide:
    """Read the simulator's control API; `get` fetches a path below /control/ and returns the JSON."""
    ids = list(company_ids)
    return PleoSide(
        companies={one: get(f"companies/{one}") for one in ids},
        items={one: get(f"companies/{one}/items") for one in ids},
        audit=get("audit"),
    )


def ledger_entries(folder: Path) -> Entries:
    """Read a plain-text ledger: every file that holds an entry of ours, and every file shown beside it.

    A file that is not what its directive says it is counts as one of no digest.
    """
    codes = _codes(folder)
    texts = [(path, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("[0-9]*/*/*.beancount"))]
    files: defaultdict[str, list[str]] = defaultdict(list)
    for path, text in texts:
        for found in _DOCUMENT.finditer(text):
            files[_link(found[0])].append(_digest(path.parent / found[1], found[0]))
    entries: defaultdict[str, list[BookEntry]] = defaultdict(list)
    for path, text in texts:
        for reference in _REFERENCE.findall(text):
            entry = BookEntry(
                external_id=path.stem,
                totals=_totals(text, codes),
                files=tuple(files[_link(text)]),
                owes=next((_units(*found) for found in _OWES.findall(text)), None),
                settles=_settles(text),
            )
            entries[reference].append(entry)
    return entries


def memory_entries(books: MemoryBooks) -> Entries:
    """Read books in memory, which cannot hold a reference twice."""
    return {
        reference: [
            BookEntry(
                external_id=reference,
                totals=totals_of_entries(books.booked(entry)),
                files=tuple(file.sha256 for file in books.files.get(reference, {}).values()),
                owes=entry.owed.amount.units if entry.owed else None,
                settles=settled_by_entry(entry),
            )
        ]
        for reference, entry in books.entries.items()
    }


def settled_by_entry(entry: Entry) -> Mapping[str, Settled]:
    """Return what an entry says that it settles."""
    return {one.reference: _settled(entry.kind, one.settled.units, one.paid.units) for one in entry.matches}


def expected_of(entries: Iterable[Entry]) -> Mapping[str, Expected]:
    """Return what the books must hold of each entry, as the mapping made it."""
    return {entry.reference: Expected(totals=totals_of_entries(entry)) for entry in entries}


def _codes(folder: Path) -> Mapping[str, str]:
    """Return the code of each account by its name in the ledger."""
    accounts = folder / "accounts.beancount"
    return dict(_OPEN.findall(accounts.read_text(encoding="utf-8"))) if accounts.exists() else {}


def _link(text: str) -> str:
    """Return the link that an entry shares with its files."""
    found = _LINK.search(text)
    return found[1] if found else ""


def _digest(path: Path, directive: str) -> str:
    told = _DIGEST.search(directive)
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "nothing"
    return found if told and told[1] == found else f"{path.name} is not what its directive says"


def _settles(text: str) -> Mapping[str, Settled]:
    return {
        reference: _settled(
            EntryKind.PAYMENT if 'pleo-kind: "payment"' in text else EntryKind.BILL,
            _units(settled, its_currency),
            _units(paid, currency),
        )
        for reference, settled, its_currency, paid, currency in _SETTLES.findall(text)
    }


def _settled(kind: EntryKind, of_bill: int, of_payment: int) -> Settled:
    """Return what settles each other from where a document of this kind stands."""
    return Settled(of_payment, of_bill) if kind is EntryKind.PAYMENT else Settled(of_bill, of_payment)


def _totals(text: str, codes: Mapping[str, str]) -> Mapping[tuple[str, str], int]:
    totals = Counter[tuple[str, str]]()
    for account, number, currency in _POSTING.findall(text):
        totals[codes.get(account, account), currency] += _units(number, currency)
    return {key: units for key, units in totals.items() if units}


def _units(number: str, currency: str) -> int:
    return int(Decimal(number).scaleb(exponent(currency)))
