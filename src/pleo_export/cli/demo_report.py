"""How a demonstration went, and how that is told."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pleo_export.accounting.ledger import Verdict
from pleo_export.domain.money import Money, MoneyError
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.workflow.ports import JobSummary


class Total(msgspec.Struct, frozen=True):
    """What Pleo and the ledger say about the movements of a wallet or about the costs, in currency units."""

    name: str
    pleo: Decimal
    ledger: Decimal


class Balance(msgspec.Struct, frozen=True):
    """What an account should hold and what it holds, in currency units."""

    account: str
    currency: str
    expected: Decimal
    ledger: Decimal


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How the demonstration went. `unexpected` names every outcome that should have been another one.

    `balance` is empty where no trial balance was worked out beforehand. `books` is how a sentence calls the books,
    `where` says where a person sees them.
    """

    jobs: Sequence[JobSummary]
    expenses: Sequence[Mapping[str, Any]]
    unexpected: Sequence[str]
    totals: Sequence[Total]
    balance: Sequence[Balance]
    verdict: Verdict | None
    books: str
    where: str

    @property
    def items(self) -> Sequence[ItemProgress]:
        """The expenses of all jobs, in the order in which they were recorded."""
        return [item for job in self.jobs for item in sorted(job.items, key=lambda one: one.position)]

    @property
    def well(self) -> bool:
        """Whether everything is as it should be."""
        agreed = all(total.pleo == total.ledger for total in self.totals)
        balanced = all(line.expected == line.ledger for line in self.balance)
        clean = self.verdict is None or self.verdict.clean or not self.verdict.available
        return not self.unexpected and agreed and balanced and clean


def show(report: Report, console: Console) -> None:
    """Tell the story: what became of each expense, the totals beside Pleo's, and where to look."""
    console.print(_outcomes(report))
    items = report.items
    recorded = [item for item in items if item.phase is Phase.RECORDED]
    there = sum(item.already_there for item in recorded)
    console.print(
        f"\n{len(recorded)} of {len(items)} expenses are in {report.books}"
        + (f"; {there} of them stood there already and were not recorded again." if there else ".")
    )
    console.print(f"{len(items) - len(recorded)} failed. What Pleo shows the bookkeeper about them:")
    for item in items:
        if item.phase is Phase.REJECTED:
            console.print(f"  {item.failure_type}: {item.failure_reason}", markup=False)
    for job in report.jobs:
        for text in filter(None, (job.reason, job.problem)):
            console.print(f"Job {job.job_id}: {text}", markup=False)
    console.print()
    console.print(_totals_table(report))
    if report.balance:
        console.print()
        console.print(_balance_table(report))
    for problem in report.unexpected:
        console.print(f"Unexpected: {problem}", style="red", markup=False)
    if report.verdict is not None:
        _show_verdict(report.verdict, console)
    console.print(f"\n{report.where}", markup=False)


def _show_verdict(verdict: Verdict, console: Console) -> None:
    if not verdict.available:
        console.print(
            "bean-check is not installed, so it did not check the ledger: pip install 'pleo-export[beancount]'",
            markup=False,
        )
    elif verdict.clean:
        console.print("[green]bean-check: no errors[/green]")
    for error in verdict.errors:
        console.print(
            f"bean-check: {error.filename}:{error.lineno}: {error.message}", style="red", markup=False
        )


def _outcomes(report: Report) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Date", no_wrap=True, min_width=10)
    table.add_column("Expense", no_wrap=True, min_width=22)
    table.add_column("Amount", no_wrap=True, min_width=12, justify="right")
    table.add_column("Outcome", no_wrap=True, min_width=16)
    table.add_column("Supplier", no_wrap=True)
    expenses = {expense["accountingEntryId"]: expense for expense in report.expenses}
    for item in report.items:
        expense = expenses[item.accounting_entry_id]
        amount = expense["amount"]["inWalletCurrency"]
        table.add_row(
            expense["date"][:10],
            expense["type"],
            _amount(amount["currency"], Decimal(str(amount["value"]))),
            _outcome(item),
            Text((expense["supplier"] or {}).get("name") or ""),
        )
    return table


def _amount(currency: str, hundredths: Decimal) -> str:
    try:
        exact = Money.from_hundredths(currency, hundredths).decimal
    except MoneyError:  # one of those that must fail
        exact = hundredths / 100
    return f"{exact:,} {currency}"


def _outcome(item: ItemProgress) -> str:
    if item.phase is Phase.RECORDED:
        return "[green]already there[/green]" if item.already_there else "[green]recorded[/green]"
    return f"[red]failed: {item.failure_type}[/red]"


def _totals_table(report: Report) -> Table:
    table = _comparison("Total", "In Pleo", report)
    for total in report.totals:
        _compare(table, total.name, total.pleo, total.ledger)
    return table


def _balance_table(report: Report) -> Table:
    table = _comparison("Trial balance", "Expected", report)
    for line in report.balance:
        _compare(table, f"{line.account} {line.currency}", line.expected, line.ledger)
    return table


def _comparison(what: str, wanted: str, report: Report) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(what, no_wrap=True, min_width=12)
    table.add_column(wanted, justify="right", min_width=14)
    table.add_column(f"In {report.books}", justify="right", min_width=14)
    table.add_column("")
    return table


def _compare(table: Table, name: str, wanted: Decimal, ledger: Decimal) -> None:
    same = wanted == ledger
    table.add_row(
        Text(name),  # as it stands: ":Bank:" is no picture
        f"{wanted:,.2f}",
        f"{ledger:,.2f}",
        "[green]equal[/green]" if same else "DIFFERENT",
        style=None if same else "red",
    )
