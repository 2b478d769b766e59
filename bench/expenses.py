"""The expenses of the benchmark's world: the same every time, 2.8 KB each, with one file of 40 KB."""

import hashlib
from functools import cache
from typing import Any
from uuid import UUID

import msgspec

FILE_BYTES = 40_000
DAY = "2026-05-{:02d}T09:{:02d}:{:02d}.000Z"
_HEAD = b"%PDF-1.7\n% expense "
_FILLING = hashlib.shake_256(b"pleo-export").digest(FILE_BYTES)


def company_id(company: int) -> str:
    return str(UUID(int=(1 << 100) + company))


def job_id(company: int) -> str:
    return str(UUID(int=(2 << 100) + company))


def reference(company: int, number: int) -> str:
    return str(UUID(int=(3 << 100) + (company << 40) + number))


def place_of(entry: str) -> tuple[int, int]:
    """Return the company and the number of a reference."""
    place = UUID(entry).int - (3 << 100)
    return place >> 40, place & ((1 << 40) - 1)


def file_of(company: int, number: int) -> bytes:
    head = _HEAD + f"{company} {number}\n".encode()
    return head + _FILLING[len(head) :]


def expense(base_url: str, company: int, number: int) -> bytes:
    """Return an export item as Pleo writes it. Numbers go by the date, and by the id on the same date."""
    before, after = _template(base_url, company)
    entry = reference(company, number).encode()
    day, rest = divmod(min(number, 28 * 3600 - 1), 3600)
    when = DAY.format(day + 1, *divmod(rest, 60)).encode()
    link = f"{base_url}/files/{company}/{number}".encode()
    return before.replace(b"@ENTRY", entry).replace(b"@WHEN", when) + link + after


@cache
def _template(base_url: str, company: int) -> tuple[bytes, bytes]:
    """Return the text of an expense before and after the link of its file."""
    before, after = msgspec.json.encode(_payload(base_url, company)).split(b"@LINK")
    return before, after


def _payload(base_url: str, company: int) -> dict[str, Any]:
    def amounts(value: int) -> dict[str, Any]:
        money = {"currency": "EUR", "value": value}
        return {"inSupplierCurrency": money, "inWalletCurrency": money}

    line = {
        "netAmount": amounts(5000),
        "lineAmount": amounts(6250),
        "account": {
            "id": "4b6a1f0e-0c7e-4dd3-8a61-0a1f3c5e7b21",
            "name": "Office supplies",
            "code": "6100",
            "identifier": "as-6100",
        },
        "tags": [],
        "tax": {
            "id": "1d7fb5c2-5a1e-4f77-9a0e-6d8f0c9a2e13",
            "type": "inclusive",
            "rate": 0.25,
            "code": "V25",
            "amount": amounts(1250),
        },
    }
    return {
        "accountingEntryId": "@ENTRY",
        "companyId": company_id(company),
        "type": "card_purchase",
        "date": "@WHEN",
        "note": "Paper, pens and a folder for the office. " * 16,
        "amount": amounts(12500),
        "accountingEntryLines": [
            {"accountingEntryLineId": "@ENTRY-1", **line},
            {"accountingEntryLineId": "@ENTRY-2", **line},
        ],
        "additionalInformation": {"reconciliationId": "104512", "attendees": [], "reconciledEntries": []},
        "supplier": {"name": "Nordic Paper", "country": "DK", "categoryCode": "5943"},
        "user": {"id": "6f1b9a34-77d0-4e35-9f0d-2b8a5c4e1d67", "name": "Ada Example", "code": "77"},
        "team": {"id": "0e2d4c6b-8a90-4b1c-8d3e-5f7a9b1c3d5e", "name": "Office", "code": "O-1"},
        "_links": {"web": {"exportItem": f"{base_url}/expenses/@ENTRY"}},
        "files": [{"url": "@LINK", "type": "application/pdf", "size": FILE_BYTES}],
    }
