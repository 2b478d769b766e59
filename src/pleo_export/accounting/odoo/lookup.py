"""Entries as they stand in Odoo, found by their external ids."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.errors import UnknownNameError
from pleo_export.accounting.odoo.names import MODULE, Part, entry_id
from pleo_export.accounting.odoo.note import Note, read_note
from pleo_export.accounting.port import Recorded
from pleo_export.domain.entry import EntryState


class MoveRow(msgspec.Struct):
    """A document as Odoo has it."""

    id: int
    ref: str | bool
    state: str
    date: date
    posted_before: bool
    invoice_origin: str | bool


class Found(msgspec.Struct, frozen=True):
    """A document of Odoo. `note` is None where somebody wrote something else in its place."""

    id: int
    date: date
    state: str
    posted_once: bool
    note: Note | None

    @property
    def stands(self) -> bool:
        """Whether all was done for it that was asked for; what people did since is their own affair."""
        return not (self.cancelled or self.unfinished)

    @property
    def unfinished(self) -> bool:
        """Whether it is a draft that was to be posted or matched, and that was never done to its end."""
        return self.is_draft and (self.final or (self.note is not None and self.note.unmatched))

    @property
    def is_draft(self) -> bool:
        """Whether it is a draft, and was never posted."""
        return self.state == "draft" and not self.posted_once

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
        found = next(iter(await self.parts(reference, [Part.ENTRY])), None)
        if found is None or not found.stands:
            return None
        others = await self.parts(reference, found.note.others if found.note else ())
        if any(one.unfinished and one.attempt == found.attempt for one in others):
            return None  # somebody posted it alone
        return found.recorded(created=False)

    async def parts(self, reference: str, wanted: Iterable[Part]) -> Sequence[Found]:
        """Return those of an entry's documents that are there. Raises ConnectorError."""
        numbers = [await self.document(reference, part) for part in wanted]
        return list((await self.read([one for one in numbers if one is not None])).values())

    async def document(self, reference: str, part: Part = Part.ENTRY) -> int | None:
        """Return the number of an entry's document. Raises ConnectorError."""
        company = await self._client.company()
        full = entry_id(company.id, reference, part)
        name = full.removeprefix(f"{MODULE}.")
        try:
            _, number = await self._client.call(
                "ir.model.data", "check_object_reference", tuple[str, int | bool], module=MODULE, xml_id=name
            )
        except UnknownNameError:
            return None
        # Odoo remembers external ids of transactions that were undone, and then names a record that never was.
        return await self._searched(reference, full) if isinstance(number, bool) else number

    async def _searched(self, reference: str, full: str) -> int | None:
        """Look through the notes of all documents, which takes long, for the one with this external id."""
        start = '{"pleo":' + msgspec.json.encode(reference).decode() + ","
        escaped = re.sub(r"([\\%_])", r"\\\1", start)
        domain = [["invoice_origin", "=like", f"{escaped}%"]]
        ids = [row.id for row in await self._client.search_read("account.move", list[MoveRow], domain)]
        if not ids:
            return None
        names = await self._client.call("account.move", "get_external_id", dict[str, str], ids=ids)
        return next((number for number in ids if names.get(str(number)) == full), None)

    async def read(self, documents: Sequence[int]) -> Mapping[int, Found]:
        """Read documents by their numbers; those that are no longer there are left out. Raises ConnectorError."""
        if not documents:
            return {}
        rows = await self._client.search_read(
            "account.move", list[MoveRow], [["id", "in", list(documents)]], context={"active_test": False}
        )
        return {row.id: found_in(row) for row in rows}


def found_in(row: MoveRow) -> Found:
    """Return what a row says."""
    return Found(row.id, row.date, row.state, row.posted_before, read_note(row.invoice_origin))
