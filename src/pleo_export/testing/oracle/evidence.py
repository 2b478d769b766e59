"""What the oracle judges by: frozen values that anybody can fill in from outside."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

Totals = Mapping[tuple[str, str], int]
"""The sum of all postings by account and currency, in minor units."""


class Settled(msgspec.Struct, frozen=True):
    """How much of two documents settles each other, in minor units of their own currencies: of this one, of the other."""

    own: int
    others: int


class BookEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it stands in the accounting system, with its settlement; what is None is not checked.

    `files` holds the SHA-256 of every attached file, as often as it is attached. Of a bill or a payment that comes by
    itself, `owes` is its amount in minor units, below zero for a credit note or a returned payment, and `settles` is what
    it says of others, by their references.
    """

    external_id: str
    totals: Totals | None = None
    files: tuple[str, ...] | None = None
    owes: int | None = None
    settles: Mapping[str, Settled] = {}


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beforehand about one expense; None is not checked.

    `files` holds the SHA-256 of its receipts, or how many there are. `outcome` is given where nothing that went wrong had
    anything to do with this expense, or where its own fault leaves one outcome only.
    """

    outcome: Literal["successful", "failed"] | None = None
    totals: Totals | None = None
    files: tuple[str, ...] | int | None = None


class PleoSide(msgspec.Struct, frozen=True, kw_only=True):
    """Pleo as its control API shows it: companies by id, their job items by company, and the log of calls."""

    companies: Mapping[str, Any]
    items: Mapping[str, Sequence[Any]]
    audit: Sequence[Any]


class Answer(StrEnum):
    """What became of a call to the accounting system."""

    HEARD = "heard"  # a definite answer, be it a refusal
    NOT_DONE = "not done"  # surely without effect: not reached, told to wait
    LOST = "lost"  # sent, and no answer came


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One call to the accounting system, in the order of sending. `verb` is the connector port's."""

    company_id: str
    reference: str
    verb: Literal["find", "record", "attach"]
    answer: Answer


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to judge a run by. The more is given, the more invariants are checked.

    `books` holds the entries of each company by reference, several where a reference stands there several times.
    `expected` is by reference. `calls` is the log of calls to the accounting system, with it I5 and I8 are checked;
    `overtaken` are those that may
    be recorded after younger ones, because something is asked before (what is owed to their vendor). `unique_keys` says that the system itself prevents a second entry with the same reference. `texts` are logs, traces and
    the like by where they come from, and none of `secrets` may be in them or in what Pleo was told.

    `may_expire`: a job may have expired, because the faults lasted so long. `files_may_miss`: the company's policy records
    an expense without a receipt that cannot be had. `unknown_max` is how many outcomes may be told as unknown. Where
    `calm_since` is given, every job must have ended 60 seconds and `work_seconds` later. No call for one expense may have
    been sent more than `attempts_max` times.
    """

    books: Mapping[str, Mapping[str, Sequence[BookEntry]]]
    pleo: PleoSide
    expected: Mapping[str, Expected] = {}
    calls: Sequence[Sent] = ()
    overtaken: Collection[str] = ()
    unique_keys: bool = True
    texts: Mapping[str, str] = {}
    secrets: Sequence[str] = ()
    may_expire: bool = False
    files_may_miss: bool = False
    unknown_max: int = 0
    calm_since: datetime | None = None
    work_seconds: float = 0
    attempts_max: int | None = None


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A broken promise: the number of the invariant, whose, and what is wrong."""

    invariant: int
    company_id: str
    item: str | None = None
    job_id: str | None = None
    sentence: str

    def __str__(self) -> str:
        where = [
            f"company {self.company_id}" if self.company_id else "",
            self.job_id and f"job {self.job_id}",
        ]
        place = ", ".join(one for one in (*where, self.item and f"expense {self.item}") if one)
        return f"I{self.invariant}" + (f" ({place})" if place else "") + f": {self.sentence}"
