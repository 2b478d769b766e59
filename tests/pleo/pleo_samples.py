"""Answers of Pleo, made by hand from the Export API's reference."""

from typing import Any

JOB = "6f1f4a38-6d0c-4f6a-9d0e-6b6d1d3f2a10"
COMPANY = "0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01"
ENTRY = "11111111-1111-4111-8111-111111111111"
SECRET = "plp_demo_key_0001"


def job(status: str = "pending", **fields: Any) -> dict[str, Any]:
    return {
        "id": JOB,
        "companyId": COMPANY,
        "status": status,
        "createdAt": "2026-01-05T09:30:00Z",
        "createdBy": None,
        "expiresIn": 3600,
        "isInteractive": True,
        "numberOfItems": 2,
        "vendorBasedBookkeeping": False,
        **fields,
    }


def job_item(entry: str = ENTRY, status: str = "pending", **fields: Any) -> dict[str, Any]:
    return {"accountingEntryId": entry, "exportJobId": JOB, "status": status, "externalId": None, **fields}


def item(entry: str = ENTRY, **fields: Any) -> dict[str, Any]:
    amount = {
        "inSupplierCurrency": {"currency": "EUR", "value": 1250},
        "inWalletCurrency": {"currency": "EUR", "value": 1250},
    }
    line = {
        "accountingEntryLineId": "22222222-2222-4222-8222-222222222222",
        "lineAmount": amount,
        "netAmount": amount,
    }
    return {
        "_links": {},
        "accountingEntryId": entry,
        "companyId": COMPANY,
        "type": "card_purchase",
        "date": "2026-01-03T10:00:00Z",
        "amount": amount,
        "accountingEntryLines": [line],
        "additionalInformation": {"reconciliationId": "B-1"},
        **fields,
    }


def page(*elements: object, cursor: str | None = None, more: bool = False) -> dict[str, Any]:
    return {
        "data": list(elements),
        "pagination": {
            "hasNextPage": more,
            "hasPreviousPage": False,
            "endCursor": cursor,
            "currentRequestPagination": {"parameters": {}},
        },
    }


def single(resource: object) -> dict[str, Any]:
    return {"data": resource}


def problem(kind: str, message: str | None = "Something Pleo says") -> dict[str, Any]:
    return {"type": kind, "message": message}
