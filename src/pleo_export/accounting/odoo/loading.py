"""Odoo's `load`: find or create by external id, all of it or nothing."""

import asyncio
import random
from collections.abc import Mapping, Sequence

import msgspec

from pleo_export.accounting.odoo.client import OdooClient
from pleo_export.accounting.odoo.errors import OdooBusyError, refused
from pleo_export.accounting.odoo.note import Note, written

# Whatever has the name already is left alone: Odoo's own way to load data that people may have changed since.
ONCE = {"mode": "update", "noupdate": True}

# Of two calls that make the same at once Odoo ends one.
CONFLICTS_MAX = 8
_PAUSE_SECONDS = 0.2


class _Rows(msgspec.Struct):
    first: int = msgspec.field(name="from")
    last: int = msgspec.field(name="to")


class Message(msgspec.Struct):
    """What was wrong with some of the rows."""

    message: str
    rows: _Rows | None = None


class Loaded(msgspec.Struct):
    """The ids in the order of the rows, or else the messages that say why there are none."""

    ids: list[int] | bool
    messages: list[Message] = []


async def load_once(client: OdooClient, model: str, fields: Sequence[str], row: Sequence[str]) -> int:
    """Make the record of one row, or find it; return its number. Raises ConnectorError."""
    for attempt in range(CONFLICTS_MAX):
        await pause(attempt)
        answer = await client.call(model, "load", Loaded, context=ONCE, fields=fields, data=[row])
        if isinstance(answer.ids, list):
            return answer.ids[0]
        error = refused("; ".join(one.message for one in answer.messages))
        # It may be a conflict, told in any language: whoever is refused is asked for once more.
        if attempt and not isinstance(error, OdooBusyError):
            raise error
    raise OdooBusyError("others keep making the same record")


async def rewrite(client: OdooClient, notes: Mapping[int, Note]) -> None:
    """Write the notes of documents anew, by their numbers: all of them or, where one is gone, none. Raises ConnectorError."""
    data = [[str(number), written(note)] for number, note in notes.items()]
    answer = await client.call("account.move", "load", Loaded, fields=[".id", "invoice_origin"], data=data)
    if not isinstance(answer.ids, list):
        raise refused("; ".join(one.message for one in answer.messages))


async def pause(attempt: int) -> None:
    """Wait a random while before another attempt, longer each time; before the first not at all."""
    await asyncio.sleep(random.random() * _PAUSE_SECONDS * attempt)  # noqa: S311 - spreads rivals, keeps no secret
