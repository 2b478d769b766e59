"""What an entry tells of itself in Odoo, in the field Origin of its document: for us to read back, not for people."""

import msgspec

from pleo_export.accounting.odoo.names import Part
from pleo_export.domain.entry import Entry, EntryKind, EntryState
from pleo_export.domain.matching import Settles
from pleo_export.domain.money import Money


class OwedNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """On which account something is owed or paid, and the amount in the other currency of Pleo's pair."""

    account: str
    other: Money | None = None


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reference of an entry, and whatever of it Odoo has no place for.

    `part` says which of its documents this is; `attempt` is another one at each attempt to record it. `unmatched`: a draft
    that is to stay one, and its matches are not all made yet. `broken` are the lines, a bill's first, whose matches with
    each other were broken to make its own; they are written down before that is done.
    """

    pleo: str
    part: Part = Part.ENTRY
    kind: EntryKind
    state: EntryState
    attempt: str
    fingerprint: str | None = None
    owed: OwedNote | None = None
    invoice: str | None = None
    reconciliation: str = ""
    reconciled: tuple[str, ...] = ()
    settles: tuple[Settles, ...] = ()
    unmatched: bool = False
    broken: tuple[tuple[int, ...], ...] = ()

    @property
    def finished(self) -> "Note":
        """The note once the matches are made."""
        return msgspec.structs.replace(self, unmatched=False, broken=())

    @property
    def others(self) -> tuple[Part, ...]:
        """The documents that there may be beside the entry's own."""
        at_once = self.kind in (EntryKind.BILL, EntryKind.CREDIT_NOTE) and self.owed is None
        return (*((Part.SETTLEMENT,) if at_once else ()), *((Part.CLEARING,) if self.settles else ()))


def note_of(entry: Entry, part: Part, fingerprint: str, attempt: str) -> Note:
    """Return the note for a document of an entry."""
    note = Note(
        pleo=entry.reference,
        part=part,
        kind=entry.kind,
        state=entry.state,
        attempt=attempt,
        unmatched=entry.state is EntryState.DRAFT and bool(entry.matches),
    )
    if part is not Part.ENTRY:
        return note
    return msgspec.structs.replace(
        note,
        fingerprint=fingerprint,
        owed=None if entry.owed is None else OwedNote(entry.owed.account, entry.owed.other),
        invoice=entry.invoice.number if entry.invoice else None,
        reconciliation=entry.reconciliation_id,
        reconciled=entry.reconciled_entries,
        settles=tuple(Settles(one.reference, one.settled, one.paid) for one in entry.matches),
    )


def written(note: Note) -> str:
    """Return the text of a note."""
    return msgspec.json.encode(note).decode()


def read_note(text: object) -> Note | None:
    """Read a note; None where the text is none, or somebody changed it so that it cannot be read."""
    if not isinstance(text, str):
        return None
    try:
        return msgspec.json.decode(text, type=Note)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
