"""What it means where Pleo, our memory and the accounting system do not say the same of an expense. Pure.

Looked at are jobs that have ended; of one that Pleo holds open the next run settles everything.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Self

import msgspec

from pleo_export.domain.job import ItemStatus
from pleo_export.domain.progress import ItemProgress, Phase, Settled


class Fix(StrEnum):
    """What can be done about a difference without recording or deleting anything."""

    ADOPT = "adopt"  # remember the entry that stands there
    REPORT = "report"  # tell Pleo the outcome while the job is open


class Difference(StrEnum):
    """A kind of difference; its value is its code and its place in docs/how-to/reconcile.md.

    `fix` is None where only a person can help. `sentence` and `remedy` hold named fields.
    """

    _value_: str
    fix: Fix | None
    sentence: str
    remedy: str

    def __new__(cls, code: str, fix: Fix | None, sentence: str, remedy: str) -> Self:
        self = str.__new__(cls, code)
        self._value_ = code
        self.fix, self.sentence, self.remedy = fix, sentence, remedy
        return self

    # fmt: off
    NOT_REPORTED = ("not-reported", Fix.REPORT,
        "Its outcome is known here, but Pleo was not told of it yet; the export is still open there.",
        "The next run tells Pleo; so does the fix.")
    NOT_REMEMBERED = ("not-remembered", Fix.ADOPT,
        "It stands in {system} as {entry} and Pleo shows it as exported, but it counts as {here} here.",
        "The database was lost or is an older copy: the fix remembers the entry.")
    ENTRY_STANDS = ("entry-stands", Fix.ADOPT,
        "It counts as {here} here and Pleo shows it as {pleo}, but it stands in {system} as {entry}.",
        "The fix remembers the entry. Then export it again in Pleo: nothing is recorded anew, and Pleo is told.")
    PLEO_DIFFERS = ("pleo-differs", None,
        "It was recorded in {system} as {entry}, but Pleo shows it as {pleo}.",
        "Pleo takes one word on an expense in an export. Export it again there: the entry is found, nothing is recorded anew.")
    LEFT_OPEN = ("left-open", None,
        "Pleo shows it as in progress in an export that has ended, and {system} holds no entry.",
        "Export it again in Pleo.")
    ENTRY_MISSING = ("entry-missing", None,
        "Pleo shows it as exported, but {system} holds no entry with its reference.",
        "Somebody deleted it there, or older books were restored. Restore the entry; or book the expense by hand and mark it so, on its page or by the command recorded-by-hand.")
    ENTRY_GONE = ("entry-gone", None,
        "It was recorded as {entry}, but {system} holds it no more, and Pleo shows the expense as {pleo}.",
        "If it was not deleted on purpose, export the expense again in Pleo; or book it by hand and mark it so, on its page or by the command recorded-by-hand.")
    NOTHING_STANDS = ("nothing-stands", None,
        "Nobody could tell whether it was recorded. Now it is known: {system} holds no entry.",
        "Export it again in Pleo.")
    OTHER_CONTENT = ("other-content", None,
        "The entry {entry} in {system} was made from other data than the expense had in this export.",
        "Compare the two, and correct the entry or the expense by hand.")
    OTHER_ID = ("other-id", None,
        "Its entry in {system} is {entry}, but {told} is the one that {who}.",
        "Compare the two entries; delete one by hand if the expense stands in the books twice.")
    ENTRY_DAMAGED = ("entry-damaged", None,
        "Its entry in {system} cannot be read: {said}",
        "Mend the entry, or restore it.")
    UNACCOUNTED = ("unaccounted", None,
        "Pleo shows it as exported, but nothing of this export is remembered here or stands in {system}.",
        "Another integration may have exported it. Else look where the settings point to, and restore what was lost.")
    # fmt: on


# No entry stands for an expense that was exported; of one that a person has booked since, the person's word is taken.
ENTRY_LOST = (Difference.ENTRY_MISSING, Difference.ENTRY_GONE)


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the accounting system under a reference.

    `external_id` None: surely nothing. `same` is False where its content is known to be another one than the expense's.
    `damaged` is what the system says of an entry that cannot be read.
    """

    external_id: str | None = None
    same: bool = True
    damaged: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One expense of a job, three ways. `pleo` is None where Pleo no longer knows the job, `here` where we do not."""

    pleo: str | None
    pleo_id: str | None
    here: ItemProgress | None
    entry: Sighting


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that stands in the books and is to be remembered; `shown` is how Pleo shows the expense; `by` whose word it is."""

    accounting_entry_id: str
    external_id: str
    url: str | None
    posted_on: date
    shown: str | None
    by: str


class _Memory(StrEnum):
    NOTHING = "not recorded"
    RECORDED = "recorded"
    REJECTED = "failed"
    UNKNOWN = "unknown"


_D, _SUCCESSFUL = Difference, ItemStatus.SUCCESSFUL
# What Pleo shows and what is remembered: the difference where the entry stands, and where none does.
_TABLE: Mapping[tuple[str | None, _Memory], tuple[Difference | None, Difference | None]] = {
    (_SUCCESSFUL, _Memory.RECORDED): (None, _D.ENTRY_MISSING),
    (_SUCCESSFUL, _Memory.NOTHING): (_D.NOT_REMEMBERED, _D.ENTRY_MISSING),
    (_SUCCESSFUL, _Memory.REJECTED): (_D.NOT_REMEMBERED, _D.ENTRY_MISSING),
    (_SUCCESSFUL, _Memory.UNKNOWN): (_D.NOT_REMEMBERED, _D.ENTRY_MISSING),
    (ItemStatus.IN_PROGRESS, _Memory.RECORDED): (_D.PLEO_DIFFERS, _D.ENTRY_GONE),
    (ItemStatus.IN_PROGRESS, _Memory.NOTHING): (_D.ENTRY_STANDS, _D.LEFT_OPEN),
    (ItemStatus.IN_PROGRESS, _Memory.REJECTED): (_D.ENTRY_STANDS, _D.LEFT_OPEN),
    (ItemStatus.IN_PROGRESS, _Memory.UNKNOWN): (_D.ENTRY_STANDS, _D.NOTHING_STANDS),
    (None, _Memory.RECORDED): (None, _D.ENTRY_GONE),
}
# Failed, abandoned, never begun, or a job that Pleo has forgotten: to Pleo it is not exported.
_NOT_EXPORTED: Mapping[_Memory, tuple[Difference | None, Difference | None]] = {
    _Memory.RECORDED: (_D.PLEO_DIFFERS, _D.ENTRY_GONE),
    _Memory.NOTHING: (_D.ENTRY_STANDS, None),
    _Memory.REJECTED: (_D.ENTRY_STANDS, None),
    _Memory.UNKNOWN: (_D.ENTRY_STANDS, _D.NOTHING_STANDS),
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A difference in words: what is wrong, and what helps."""

    kind: Difference
    sentence: str
    remedy: str


def difference(seen: Seen, system: str) -> Told | None:
    """Return how the three differ on an expense of a job that has ended; None where they agree."""
    here, entry = seen.here, seen.entry
    if entry.damaged is not None:
        return _told(Difference.ENTRY_DAMAGED, seen, system)
    if entry.external_id is None:
        # Where a person booked it, its reference need not stand; Pleo may name an entry that was lost before.
        booked = here is not None and here.settled_how is Settled.BY_HAND
        there, absent = _looked_up(seen)
        return _told(there if booked else absent, seen, system)
    if not entry.same:
        return _told(Difference.OTHER_CONTENT, seen, system)
    if _other_id(seen, entry.external_id) is not None:
        return _told(Difference.OTHER_ID, seen, system)
    kind = _looked_up(seen)[0]
    if kind is Difference.ENTRY_STANDS and here is not None and here.external_id is not None:
        return None  # it failed for its receipts, and Pleo was told that the entry stands
    return _told(kind, seen, system)


def not_reported(here: Iterable[ItemProgress], pleo: Mapping[str, str]) -> Iterator[tuple[str, Told]]:
    """Yield the items, in a job that is open in Pleo, whose outcome Pleo was not told of."""
    kind = Difference.NOT_REPORTED
    for item in here:
        waits = pleo.get(item.accounting_entry_id) in (ItemStatus.PENDING, ItemStatus.IN_PROGRESS)
        if item.final and item.report_problem is None and waits:
            yield item.accounting_entry_id, Told(kind=kind, sentence=kind.sentence, remedy=kind.remedy)


def unaccounted(system: str) -> Told:
    """Return what is to be said of what Pleo shows as exported in a job that nobody else knows anything of."""
    kind = Difference.UNACCOUNTED
    return Told(kind=kind, sentence=kind.sentence.format(system=system), remedy=kind.remedy)


def _looked_up(seen: Seen) -> tuple[Difference | None, Difference | None]:
    memory = _memory(seen.here)
    return _TABLE.get((seen.pleo, memory), _NOT_EXPORTED[memory])


def _memory(item: ItemProgress | None) -> _Memory:
    if item is None or not item.final:
        return _Memory.NOTHING
    if item.phase is Phase.RECORDED:
        return _Memory.RECORDED
    return _Memory.UNKNOWN if item.unknown else _Memory.REJECTED


def _other_id(seen: Seen, standing: str) -> tuple[str, str] | None:
    """Return another id than that of the entry, and whose it is."""
    if seen.here is not None and seen.here.external_id not in (None, standing):
        return f"{seen.here.external_id}", "is remembered here"
    if seen.pleo_id not in (None, standing):
        return f"{seen.pleo_id}", "Pleo was told of"
    return None


def _told(kind: Difference | None, seen: Seen, system: str) -> Told | None:
    if kind is None:
        return None
    here, entry = seen.here, seen.entry
    told, who = _other_id(seen, entry.external_id or "") or ("", "")
    values = {
        "system": system,
        "entry": entry.external_id or (here.external_id if here else None) or "",
        "here": _memory(here),
        "pleo": (seen.pleo or "not known any more").replace("_", " "),
        "told": told,
        "who": who,
        "said": entry.damaged or "",
    }
    return Told(kind=kind, sentence=kind.sentence.format(**values), remedy=kind.remedy)
