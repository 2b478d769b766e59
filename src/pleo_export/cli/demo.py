"""`pleo-export demo`: the whole story on this machine, checked at the end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from pleo_export.accounting.ledger import Verdict, bean_check, program, trial_balance
from pleo_export.cli.common import ExitCode, JsonOption, complete, err, explained, out, print_json
from pleo_export.cli.init import CHART_FILE, example_chart, settings_text
from pleo_export.cli.run import export
from pleo_export.config import SETTINGS_FILE, Settings, load_settings
from pleo_export.domain.failures import ItemFailureType
from pleo_export.domain.money import Money, MoneyError
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.pleo.auth import ApiKey
from pleo_export.workflow.ports import JobSummary

COMPANY_ID = "0b0f7a52-3a52-4d6f-9a55-2f7d4a3a1c01"
BEAN_CHECK_SECONDS = 60.0
# The accounts of the example chart on which the wallets and the costs stand; tax is part of the costs.
WALLETS = ("Assets:Pleo:",)
SPEND = ("Expenses:", "Income:", "Assets:VAT:", "Liabilities:VAT:")
# What each expense that is made to fail must fail with.
MUST_FAIL_WITH = {
    "category_missing": ItemFailureType.MISSING_CONFIGURATION,
    "account_unknown": ItemFailureType.ACCOUNT_UNKNOWN,
    "lines_do_not_add_up": ItemFailureType.VALIDATION_FAILURE,
    "tax_code_unknown": ItemFailureType.TAX_CODE_UNKNOWN,
    "tag_unknown": ItemFailureType.TAG_UNKNOWN,
    "receipt_gone": ItemFailureType.RECEIPT_DOWNLOAD_FAILURE,
    "receipt_is_html": ItemFailureType.RECEIPT_DOWNLOAD_FAILURE,
    "fraction_of_a_yen": ItemFailureType.VALIDATION_FAILURE,
    "vendor_unknown": ItemFailureType.VENDOR_UNKNOWN,
}

FolderOption = Annotated[Path, typer.Option("--folder", help="Where the demonstration keeps its files.")]
SeedOption = Annotated[int, typer.Option(help="Another seed makes other expenses.")]
CountOption = Annotated[int, typer.Option(min=30, max=10_000, help="How many expenses.")]


class Total(msgspec.Struct, frozen=True):
    """What Pleo and the ledger say about the movements of a wallet or about the costs, in currency units."""

    name: str
    pleo: Decimal
    ledger: Decimal


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How the demonstration went. `unexpected` names every outcome that should have been another one."""

    job: JobSummary
    expenses: Sequence[Mapping[str, Any]]
    unexpected: Sequence[str]
    totals: Sequence[Total]
    verdict: Verdict
    ledger: str

    @property
    def well(self) -> bool:
        """Whether everything is as it should be."""
        balanced = all(total.pleo == total.ledger for total in self.totals)
        return not self.unexpected and balanced and (self.verdict.clean or not self.verdict.available)


def demo(
    *,
    folder: FolderOption = Path("pleo-export-demo"),
    seed: SeedOption = 1,
    count: CountOption = 40,
    as_json: JsonOption = False,
) -> None:
    """Export a company's expenses from a simulated Pleo into a ledger, and check the result.

    Starts a simulated Pleo with made-up expenses, some of which cannot be booked, presses Export, runs the job, and
    compares the ledger with Pleo and with bean-check. Run it again: nothing is recorded twice.
    """
    console = err()
    with explained():
        settings = _set_up(folder, console)
        report = _play(settings, seed, count, console)
    if as_json:
        print_json(report)
    else:
        _show(report, settings, out())
    if not report.well:
        raise typer.Exit(ExitCode.SOMETHING_FAILED)


def _set_up(folder: Path, console: Console) -> Settings:
    texts = {
        SETTINGS_FILE: settings_text(
            {
                "pleo.company_id": COMPANY_ID,
                "ledger.fava_url": "http://127.0.0.1:5000",
                "vat.input_account": "2640",
                "vat.output_account": "2610",
            }
        ),
        CHART_FILE: example_chart(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
    console.print(f"Settings, chart and ledger are in {folder}/", markup=False)
    return load_settings(folder / SETTINGS_FILE)


def _play(settings: Settings, seed: int, count: int, console: Console) -> Report:
    # Only this command needs the simulator: a Pleo of its own, reached over HTTP like the real one.
    from pleo_export.simulator.generator import generate  # noqa: PLC0415
    from pleo_export.simulator.hands import Hands  # noqa: PLC0415
    from pleo_export.simulator.server import RunningSimulator  # noqa: PLC0415

    with RunningSimulator(seed=seed) as simulator:
        bookkeeper = Hands(simulator.url)
        company = bookkeeper.create_company("Demo ApS", id=COMPANY_ID, vendorBasedBookkeeping=True)
        bookkeeper.generate(COMPANY_ID, count, seed=seed, scenario="demo")
        bookkeeper.press_export(COMPANY_ID)
        console.print(
            f"Simulated Pleo at {simulator.url}; a bookkeeper has pressed Export for {count} expenses"
        )
        local = settings.model_copy(
            update={"pleo": settings.pleo.model_copy(update={"base_url": simulator.url})}
        )
        (job,) = complete(export(local, ApiKey(company["apiKey"]), console))
        pleo = bookkeeper.company(COMPANY_ID)
    expected = {
        one.payload["accountingEntryId"]: MUST_FAIL_WITH[one.must_fail] if one.must_fail else None
        for one in generate(seed, count, "demo", company_id=COMPANY_ID)
    }
    folder = settings.ledger.folder
    console.print("bean-check reads the ledger")
    return Report(
        job=job,
        expenses=pleo["expenses"],
        unexpected=_unexpected(pleo["expenses"], expected),
        totals=_totals(pleo, trial_balance(folder, expected)),
        verdict=bean_check(folder, BEAN_CHECK_SECONDS),
        ledger=str(folder / "main.beancount"),
    )


def _unexpected(
    expenses: Sequence[Mapping[str, Any]], expected: Mapping[str, ItemFailureType | None]
) -> Sequence[str]:
    found = {
        expense["accountingEntryId"]: None
        if expense["exportStatus"] == "exported"
        else expense["failureReasonType"]
        for expense in expenses
    }
    return [
        f"{entry_id} should have " + (f"failed with {failure}" if failure else "been recorded")
        for entry_id, failure in expected.items()
        if found[entry_id] != failure
    ]


def _totals(
    pleo: Mapping[str, Mapping[str, Any]], balance: Mapping[tuple[str, str], Decimal]
) -> Sequence[Total]:
    return [
        Total(
            f"{what} {currency}",
            Decimal(str(moved.get(currency, 0))) / 100,
            in_ledger.get(currency, Decimal()),
        )
        for what, moved, accounts in (
            ("wallet", pleo["walletMovements"], WALLETS),
            ("spend", pleo["spend"], SPEND),
        )
        for in_ledger in [_by_currency(balance, accounts)]
        for currency in sorted(moved.keys() | in_ledger.keys())
    ]


def _by_currency(
    balance: Mapping[tuple[str, str], Decimal], accounts: tuple[str, ...]
) -> Mapping[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (name, currency), amount in balance.items():
        if name.startswith(accounts):
            sums[currency] += amount
    return sums


def _show(report: Report, settings: Settings, console: Console) -> None:
    console.print(_outcomes(report))
    items = report.job.items
    recorded = [item for item in items if item.phase is Phase.RECORDED]
    there = sum(item.already_there for item in recorded)
    console.print(
        f"\n{len(recorded)} of {len(items)} expenses are in the ledger"
        + (f"; {there} of them stood there already and were not recorded again." if there else ".")
    )
    console.print(f"{len(items) - len(recorded)} failed. What Pleo shows the bookkeeper about them:")
    for item in items:
        if item.phase is Phase.REJECTED:
            console.print(f"  {item.failure_type}: {item.failure_reason}", markup=False)
    console.print()
    console.print(_totals_table(report.totals))
    for problem in report.unexpected:
        console.print(f"Unexpected: {problem}", style="red", markup=False)
    _show_verdict(report.verdict, console)
    console.print(f"\nLedger: {report.ledger}", markup=False)
    console.print(
        f"To see it at {settings.ledger.fava_url} in your browser: {program('fava') or 'fava'} {report.ledger}",
        markup=False,
    )


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
    items = {item.accounting_entry_id: item for item in report.job.items}
    for expense in sorted(report.expenses, key=lambda one: items[one["accountingEntryId"]].position):
        amount = expense["amount"]["inWalletCurrency"]
        table.add_row(
            expense["date"][:10],
            expense["type"],
            _amount(amount["currency"], Decimal(str(amount["value"]))),
            _outcome(items[expense["accountingEntryId"]]),
            (expense["supplier"] or {}).get("name") or "",
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


def _totals_table(totals: Sequence[Total]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Total", min_width=12)
    table.add_column("In Pleo", justify="right", min_width=14)
    table.add_column("In the ledger", justify="right", min_width=14)
    table.add_column("")
    for total in totals:
        same = "[green]equal[/green]" if total.pleo == total.ledger else "[red]DIFFERENT[/red]"
        table.add_row(total.name, f"{total.pleo:,.2f}", f"{total.ledger:,.2f}", same)
    return table
