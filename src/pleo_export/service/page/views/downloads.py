"""All items of a job as a file, sent bit by bit."""

import csv
import io
from collections.abc import AsyncIterator, Mapping

import msgspec
from fastapi.responses import StreamingResponse

from pleo_export.service.page.access.errors import NotHereError
from pleo_export.service.page.access.guard import Viewing
from pleo_export.service.page.parts import PageParts, Parts
from pleo_export.service.page.rendering import HEADERS
from pleo_export.service.page.words import outcome
from pleo_export.store.errors import UnknownJobError
from pleo_export.store.views import ItemLine, Views

ITEMS_AT_ONCE = 1000
# A spreadsheet takes what begins so for a formula, and would do what it says.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "position",
    "accounting_entry_id",
    "outcome",
    "amount",
    "currency",
    "external_id",
    "external_url",
    "posted_on",
    "exported_at",
    "already_there",
    "failure_code",
    "failure_type",
    "failure_reason",
    "note",
    "decided_at",
    "reported_at",
    "report_problem",
    "settled_how",
    "settled_by",
    "settled_at",
)


async def as_csv(parts: Parts, _: Viewing, company_id: str, job_id: str) -> StreamingResponse:
    """Send the items as a table for a spreadsheet."""
    views = await _views_of(parts, company_id, job_id)
    return _answer(_csv(views, company_id, job_id), "text/csv; charset=utf-8", f"{job_id}.csv")


async def as_json(parts: Parts, _: Viewing, company_id: str, job_id: str) -> StreamingResponse:
    """Send the items as a list of objects."""
    views = await _views_of(parts, company_id, job_id)
    return _answer(_json(views, company_id, job_id), "application/json", f"{job_id}.json")


async def _views_of(parts: PageParts, company_id: str, job_id: str) -> Views:
    try:
        await parts.store.views.job(company_id, job_id)
    except UnknownJobError:
        raise NotHereError from None
    return parts.store.views


def _answer(content: AsyncIterator[str], media_type: str, name: str) -> StreamingResponse:
    # Only a job that is there comes here, and its id is Pleo's; whatever else is in it goes.
    safe = "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "-_."))
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{safe}"'}
    return StreamingResponse(content, media_type=media_type, headers=headers)


async def _bits(views: Views, company_id: str, job_id: str) -> AsyncIterator[list[Mapping[str, object]]]:
    position = -1
    while lines := await views.items_behind(company_id, job_id, position, ITEMS_AT_ONCE):
        position = lines[-1].item.position
        yield [_plain(line) for line in lines]


def _plain(line: ItemLine) -> Mapping[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(line.item)
    paid = {
        "outcome": outcome(line.item).value,
        "amount": None if line.paid is None else f"{line.paid.decimal:f}",
        "currency": None if line.paid is None else line.paid.currency,
    }
    return {column: paid[column] if column in paid else fields[column] for column in COLUMNS}


async def _csv(views: Views, company_id: str, job_id: str) -> AsyncIterator[str]:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    async for bit in _bits(views, company_id, job_id):
        rows.writerows([cell(column, value) for column, value in row.items()] for row in bit)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def cell(column: str, value: object) -> object:
    """Return a value as it may stand in a spreadsheet: text that looks like a formula is text all the same."""
    if column == "amount" or not isinstance(value, str) or not value.startswith(FORMULA_STARTS):
        return value
    return f"'{value}"


async def _json(views: Views, company_id: str, job_id: str) -> AsyncIterator[str]:
    before = "["
    async for bit in _bits(views, company_id, job_id):
        yield before + ",\n".join(msgspec.json.encode(row).decode() for row in bit)
        before = ",\n"
    yield "]\n" if before != "[" else "[]\n"
