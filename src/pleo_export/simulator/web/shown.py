"""What the pages show of expenses, as plain values."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import ceil
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from pleo_export.simulator.companies import Company, Expense, StoredFile
from pleo_export.simulator.jobs import JobItem
from pleo_export.simulator.vocabulary import ItemStatus, JsonObject, ReceiptKind

PAGE_SIZE = 100

F = TypeVar("F")
T = TypeVar("T")


class Tab(StrEnum):
    """Which expenses of a company are listed."""

    TO_EXPORT = "to-export"
    IN_EXPORT = "in-export"
    EXPORTED = "exported"
    ALL = "all"

    def shows(self, expense: Expense) -> bool:
        return self is Tab.ALL or expense.export_status in _STATES[self]


_STATES = {
    Tab.TO_EXPORT: {"unexported"},
    Tab.IN_EXPORT: {"queue", "exporting"},
    Tab.EXPORTED: {"exported"},
}
_TROUBLE = {
    ReceiptKind.GONE: "gone",
    ReceiptKind.HTML: "a web page",
    ReceiptKind.OVERSIZE: "over 30 MB",
}


@dataclass(frozen=True, slots=True)
class Sheet(Generic[T]):
    """One sheet of a long list; `number` counts from 1, `total` the records on all of them."""

    rows: Sequence[T]
    number: int
    sheets: int
    total: int


def sheet(found: Sequence[F], number: int, see: Callable[[F], T]) -> Sheet[T]:
    """Return the sheet with this number, or the last one, each record as `see` shows it."""
    sheets = max(1, ceil(len(found) / PAGE_SIZE))
    number = min(number, sheets)
    rows = [see(record) for record in found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]]
    return Sheet(rows, number, sheets, len(found))


@dataclass(frozen=True, slots=True)
class SeenMoney:
    """`value` in hundredths."""

    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class SeenReceipt:
    """`place` counts from 0 within the expense; `trouble` is what goes wrong with it, None for a real file."""

    place: int
    name: str
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the integration said of an expense in a job; `url` only where a browser may follow it."""

    status: str
    external_id: str | None
    url: str | None
    reason: str | None
    reason_type: str | None


@dataclass(frozen=True, slots=True)
class SeenExpense:
    """An expense in a list; `state` is unexported, queue, exporting or exported."""

    id: str
    kind: str
    date: str
    title: str
    note: str | None
    paid: SeenMoney
    state: str
    job_id: str | None
    outcome: Outcome | None
    receipts: tuple[SeenReceipt, ...]

    @property
    def failed(self) -> bool:
        """Whether the last export ended without it."""
        return self.state == "unexported" and self.outcome is not None


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line of an expense; None where nobody chose an account or a tax code."""

    account: str | None
    tax: str | None
    tags: str
    amount: SeenMoney


def seen_money(money: JsonObject) -> SeenMoney:
    return SeenMoney(Decimal(money["value"]), money["currency"])


def _link(url: str | None) -> str | None:
    return url if url and urlsplit(url).scheme in {"http", "https"} else None


def outcome(item: JobItem) -> Outcome:
    """Return what became of the expense; one that was given up has the reason of its job."""
    job = item.job
    given_up = item.status is ItemStatus.ABANDONED
    return Outcome(
        status=item.status,
        external_id=item.external_id,
        url=_link(item.external_url),
        reason=item.failure_reason or (job.failure_reason if given_up else None),
        reason_type=item.failure_reason_type or (job.failure_reason_type if given_up else None),
    )


def seen_expense(expense: Expense) -> SeenExpense:
    payload, attempt = expense.payload, expense.attempt
    supplier = (payload.get("supplier") or {}).get("name")
    return SeenExpense(
        id=expense.entry_id,
        kind=payload["subType"] or payload["type"],
        date=payload["date"][:10],
        title=supplier or (payload.get("user") or {}).get("name") or "No supplier",
        note=payload["note"],
        paid=seen_money(payload["amount"]["inWalletCurrency"]),
        state=expense.export_status,
        job_id=None if attempt is None else attempt.job.id,
        outcome=None if attempt is None else outcome(attempt),
        receipts=tuple(_receipts(expense.files or ())),
    )


def _receipts(files: Iterable[StoredFile]) -> Iterable[SeenReceipt]:
    for place, file in enumerate(files):
        yield SeenReceipt(place, file.receipt.name, _TROUBLE.get(file.receipt.kind))


def lines(expense: Expense) -> list[SeenLine]:
    return [
        SeenLine(
            account=named(line.get("account")),
            tax=(line.get("tax") or {}).get("code"),
            tags=", ".join(tag["code"] for tag in line.get("tags") or () if tag),
            amount=seen_money(line["lineAmount"]["inWalletCurrency"]),
        )
        for line in expense.payload["accountingEntryLines"]
    ]


def named(account: JsonObject | None) -> str | None:
    return None if account is None else f"{account.get('code') or ''} {account['name']}".strip()


def counts(company: Company) -> dict[Tab, int]:
    """Count the expenses behind each tab."""
    return {tab: sum(map(tab.shows, company.expenses.values())) for tab in Tab}


@dataclass(frozen=True, slots=True)
class SeenItem:
    """An expense in one job, with what was said of it there and not later."""

    expense: SeenExpense
    outcome: Outcome


def seen_item(item: JobItem) -> SeenItem:
    return SeenItem(seen_expense(item.expense), outcome(item))
