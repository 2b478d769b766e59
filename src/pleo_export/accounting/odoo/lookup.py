"""Entries as they stand in Odoo, found by their external ids."""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
from msgspec.structs import replace

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.errors import UnknownNameError
from pleo_export.accounting.odoo.names import MODULE, Part, entry_id
from pleo_export.accounting.odoo.note import Note, read_note
from pleo_export.accounting.port import ForbiddenError, Recorded
from pleo_export.domain.entry import EntryState


class _MoveRow(msgspec.Struct):
    id: int
    state: str
    date: date
    posted_before: bool
    invoice_origin: str | bool


class _LineRow(msgspec.Struct):
    move_id: tuple[int, str]


class Found(msgspec.Struct, frozen=True):
    """A document of Odoo. `note` is None where somebody wrote something else in its place.

    `unmatched`: a draft that says it settles something, and none of it is matched.
    """

    id: int
    date: date
    state: str
    posted_once: bool
    note: Note | None
    unmatched: bool = False

    @property
    def stands(self) -> bool:
        """Whether all was done for it that was asked for; what people did since is their own affair."""
        if self.state != "draft" or self.posted_once:
            return not self.cancelled
        return not self.unmatched and (self.note is None or self.note.state is EntryState.DRAFT)

    @property
    def final(self) -> bool:
        """Whether it is to be posted, as far as its note can be read."""
        return self.note is not None and self.note.state is EntryState.FINAL

    @property
    def cancelled(self) -> bool:
        """Whether somebody took it out of the books, and left it there to be seen."""
        return self.state == "cancel"

    @property
    def attempt(self) -> str | None:
        """The attempt that made it."""
        return self.note.attempt if self.note else None

    def recorded(self, *, created: bool) -> Recorded:
        """Return it as the port has it."""
        fingerprint = self.note.fingerprint if self.note else None
        return Recorded(external_id=str(self.id), posted=self.date, fingerprint=fingerprint, created=created)


class Lookup:
    """Finds documents, and reads them."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client

    async def find(self, reference: str) -> Recorded | None:
        """Return the entry with this reference, where it stands. Raises ConnectorError."""
        document = await self.document(reference)
        if document is None:
            return None
        found = (await self.read([document])).get(document)
        return found.recorded(created=False) if found is not None and found.stands else None

    async def document(self, reference: str, part: Part = Part.ENTRY) -> int | None:
        """Return the number of an entry's document. Raises ForbiddenError where it may not be seen."""
        company = await self._client.company()
        name = entry_id(company.id, reference, part).removeprefix(f"{MODULE}.")
        try:
            _, number = await self._client.call(
                "ir.model.data", "check_object_reference", tuple[str, int | bool], module=MODULE, xml_id=name
            )
        except UnknownNameError:
            return None
        if isinstance(number, bool):
            raise ForbiddenError(f"the entry with the external id {MODULE}.{name} may not be read")
        return number

    async def read(self, documents: Sequence[int]) -> Mapping[int, Found]:
        """Read documents by their numbers; those that are no longer there are left out. Raises ConnectorError."""
        if not documents:
            return {}
        rows = await self._client.search_read(
            "account.move", list[_MoveRow], [["id", "in", list(documents)]], context={"active_test": False}
        )
        found = {row.id: _found(row) for row in rows}
        drafts = [one for one in found.values() if one.state == "draft" and one.note and one.note.settles]
        if drafts:
            matched = await self._matched([one.id for one in drafts])
            found |= {one.id: replace(one, unmatched=one.id not in matched) for one in drafts}
        return found

    async def _matched(self, documents: Sequence[int]) -> set[int]:
        domain = [["move_id", "in", documents], ["matching_number", "!=", False]]
        lines = await self._client.search_read("account.move.line", list[_LineRow], domain)
        return {line.move_id[0] for line in lines}


def _found(row: _MoveRow) -> Found:
    return Found(row.id, row.date, row.state, row.posted_before, read_note(row.invoice_origin))
