"""What we read back from the ledger's own text. A bookkeeper may have edited it since."""

import re
from collections import defaultdict
from collections.abc import Container, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from pleo_export.accounting.ledger.syntax import unquoted

_DAY = re.compile(r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ \t]+(?:txn|[*!])", re.MULTILINE)
_POSTING = re.compile(
    r"^[ \t]+(?:[*!][ \t]+)?([A-Z]\w*(?::[\w-]+)+)[ \t]+([-+]?[\d,]+(?:\.\d*)?)[ \t]+([A-Z][A-Z0-9'._-]*)",
    re.MULTILINE,
)
# `key: "text"`, or a value without quotes up to a comment.
_METADATA = re.compile(
    r'^[ \t]+([a-z][\w-]*):[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^";\n]*))', re.MULTILINE | re.DOTALL
)
_NOTE = re.compile(r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}[ \t]+note\b[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE)


class Facts(msgspec.Struct, frozen=True):
    """What an entry's file says now: whose it is, when it is posted, and the fingerprint it was written with."""

    reference: str | None
    posted: date
    fingerprint: str | None


def entry_facts(text: str) -> Facts | None:
    """Read the facts of an entry's file; None where no dated transaction is left in it."""
    day = _DAY.search(text)
    if day is None:
        return None
    try:
        posted = date(*map(int, day.groups()))
    except ValueError:
        return None
    return Facts(metadata_text(text, "pleo-id"), posted, metadata_text(text, "fingerprint"))


def metadata_text(text: str, key: str) -> str | None:
    """Return the first text value of a metadata key, or None."""
    found = re.search(rf'^[ \t]+{re.escape(key)}:[ \t]*"((?:[^"\\]|\\.)*)"', text, re.MULTILINE | re.DOTALL)
    return unquoted(found[1]) if found else None


def metadata_of(text: str) -> dict[str, str]:
    """Return all metadata of a text by key; of two with one key the first."""
    said: dict[str, str] = {}
    for key, inner, plain in _METADATA.findall(text):
        said.setdefault(key, unquoted(inner) if inner else plain.strip())
    return said


def head_of(text: str) -> dict[str, str]:
    """Return the metadata of an entry's file above its first posting."""
    posting = _POSTING.search(text)
    return metadata_of(text[: posting.start()] if posting else text)


def notes_of(text: str) -> Iterator[str]:
    """Yield each note of an entry's file, with its metadata."""
    return (found[0] for found in _NOTE.finditer(text))


def first_account(text: str) -> str | None:
    """Return the account name of an entry's first posting, where it has one."""
    return next((account for account, _, _ in _postings(text)), None)


def trial_balance(folder: Path, references: Container[str] | None = None) -> dict[tuple[str, str], Decimal]:
    """Sum the postings of the ledger's entry files by account name and currency, in currency units.

    `references` leaves the entries of all others out.
    """
    totals: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for path in sorted(folder.glob("[0-9]*/*/*.beancount")):
        text = path.read_text(encoding="utf-8")
        if references is None or metadata_text(text, "pleo-id") in references:
            for account, currency, amount in _postings(text):
                totals[account, currency] += amount
    return dict(totals)


def _postings(text: str) -> Iterator[tuple[str, str, Decimal]]:
    for account, number, currency in _POSTING.findall(text):
        yield account, currency, Decimal(number.replace(",", ""))
