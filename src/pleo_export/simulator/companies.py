"""Companies and their expenses, as the Pleo web app holds them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from pleo_export.simulator.chart import account
from pleo_export.simulator.errors import ExpenseNotFoundError
from pleo_export.simulator.jobs import Job, JobItem
from pleo_export.simulator.receipts import Receipt
from pleo_export.simulator.vocabulary import (
    INTO_WALLET,
    RETURN_TYPES,
    SPEND_TYPES,
    WALLET_TYPES,
    ItemStatus,
    ItemType,
    JobStatus,
    JsonObject,
    ReceiptKind,
)


@dataclass(frozen=True, slots=True)
class StoredFile:
    id: int
    receipt: Receipt


@dataclass(slots=True, eq=False)
class Expense:
    """One expense: its bookkeeping data, its receipts (None where it has no list) and its last export."""

    entry_id: str
    payload: JsonObject
    files: tuple[StoredFile, ...] | None = None
    attempt: JobItem | None = None

    @property
    def locked(self) -> bool:
        return self.attempt is not None and self.attempt.job.unfinished

    @property
    def export_status(self) -> str:
        """The web app's word: unexported, queue, exporting or exported."""
        if self.attempt is None:
            return "unexported"
        match self.attempt.job.status:
            case JobStatus.PENDING:
                return "queue"
            case JobStatus.IN_PROGRESS:
                return "exporting"
            case _:
                return "exported" if self.attempt.status is ItemStatus.SUCCESSFUL else "unexported"

    @property
    def wallet_currency(self) -> str:
        return str(self.payload["amount"]["inWalletCurrency"]["currency"])

    @property
    def moves_wallet(self) -> bool:
        return self.payload["type"] in WALLET_TYPES

    @property
    def wallet_movement(self) -> Decimal:
        """By how much the wallet's balance grew, in hundredths; of no meaning where it did not move."""
        value = Decimal(self.payload["amount"]["inWalletCurrency"]["value"])
        return value if {self.payload["type"], self.payload["subType"]} & INTO_WALLET else -value

    def as_seen_in_the_web_app(self) -> JsonObject:
        attempt = self.attempt
        seen = {
            "accountingEntryId": self.entry_id,
            "exportStatus": self.export_status,
            "jobId": attempt and attempt.job.id,
            "externalId": attempt and attempt.external_id,
            "externalUrl": attempt and attempt.external_url,
            "failureReason": attempt and (attempt.failure_reason or attempt.job.failure_reason),
            "failureReasonType": attempt and (attempt.failure_reason_type or attempt.job.failure_reason_type),
        }
        if self.export_status == "exported":  # what a partly failed job says is about its other expenses
            seen |= {"failureReason": None, "failureReasonType": None}
        return seen | {
            name: self.payload[name] for name in ("type", "subType", "date", "amount", "supplier", "note")
        }


def receipts_of(entry_id: str, payload: JsonObject, kinds: Iterable[ReceiptKind]) -> list[Receipt]:
    """Return the receipts that belong to the expense, to be drawn from its data."""
    money = payload["amount"]["inWalletCurrency"]
    supplier = (payload.get("supplier") or {}).get("name") or "No supplier"
    amount = f"{Decimal(money['value']) / 100:,.2f} {money['currency']}"
    return [
        Receipt(f"{entry_id}-{place}.{_extension(kind)}", kind, supplier, payload["date"][:10], amount)
        for place, kind in enumerate(kinds)
    ]


def _extension(kind: ReceiptKind) -> str:
    return kind if kind in {ReceiptKind.PNG, ReceiptKind.JPG} else ReceiptKind.PDF


@dataclass(slots=True, eq=False)
class Company:
    """A company with one API key and one access token; `contra_accounts` maps a currency to code and name."""

    id: str
    name: str
    api_key: str
    access_token: str
    default_currency: str
    vendor_based: bool
    contra_accounts: dict[str, JsonObject]
    expenses: dict[str, Expense] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)

    def expense(self, entry_id: str) -> Expense:
        """Return the expense, else ExpenseNotFoundError."""
        try:
            return self.expenses[entry_id]
        except KeyError:
            raise ExpenseNotFoundError(entry_id) from None

    def missing_contra_currencies(self, needed: Iterable[str]) -> set[str]:
        """Which of `needed`, or the default currency, has no contra account."""
        return {*needed, self.default_currency} - self.contra_accounts.keys()

    def wallet_movements(self) -> dict[str, Decimal]:
        """Sum up by how much the exported expenses made each wallet grow, in hundredths by currency."""
        movements: dict[str, Decimal] = defaultdict(Decimal)
        for expense in self.expenses.values():
            if expense.moves_wallet and expense.export_status == "exported":
                movements[expense.wallet_currency] += expense.wallet_movement
        return movements

    def spend(self) -> dict[str, Decimal]:
        """Sum up what the exported expenses cost, tax included and returns taken off, in hundredths by currency.

        An invoice counts in the supplier's currency, all else in the wallet's.
        """
        costs: dict[str, Decimal] = defaultdict(Decimal)
        for expense in self.expenses.values():
            kind = expense.payload["type"]
            if kind in SPEND_TYPES | RETURN_TYPES and expense.export_status == "exported":
                side = "inSupplierCurrency" if kind == ItemType.INVOICE else "inWalletCurrency"
                money = expense.payload["amount"][side]
                value = Decimal(money["value"])
                costs[money["currency"]] += -value if kind in RETURN_TYPES else value
        return costs

    def contra_account_of(self, expense: Expense) -> JsonObject | None:
        """Return the account the expense names itself, else the company's for its wallet; None off the wallet."""
        if not expense.moves_wallet:
            return None
        own: JsonObject | None = expense.payload.get("contraAccount")
        mapped = self.contra_accounts.get(expense.wallet_currency)
        return own or (mapped and account(mapped["code"], mapped["name"]))
