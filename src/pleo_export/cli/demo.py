"""`pleo-export demo`: the whole story on this machine, checked at the end."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pleo_export.cli.common import ExitCode, JsonOption, complete, err, explained, fail, out, print_json
from pleo_export.cli.demo_books import DemoBooks, LedgerBooks, TrialBalance
from pleo_export.cli.demo_odoo import OdooBooks
from pleo_export.cli.demo_report import Balance, Report, Total, show
from pleo_export.cli.init import ConnectorOption, settings_text
from pleo_export.cli.init_odoo import OdooAnswers, OdooDatabaseOption, OdooKeyOption, OdooUrlOption
from pleo_export.cli.run import export
from pleo_export.cli.scenarios import DEMO, SCENARIOS, Scenario, ScenarioName
from pleo_export.config import SETTINGS_FILE, Settings, load_settings
from pleo_export.domain.failure_types import ItemFailureType
from pleo_export.pleo.auth import ApiKey
from pleo_export.workflow.ports import JobSummary

if TYPE_CHECKING:
    from pleo_export.simulator.generator import Generated

# The accounts of the charts on which the wallets and the costs stand; tax is part of the costs.
WALLETS = ("Assets:Pleo:",)
SPEND = ("Expenses:", "Income:", "Assets:VAT:", "Liabilities:VAT:")
# An exchange difference is no expense of anybody's: Pleo does not know it.
EXCHANGE_DIFFERENCE = "Expenses:ExchangeDifference"
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

ScenarioOption = Annotated[
    ScenarioName,
    typer.Option(
        "--scenario", help="`demo`: every kind of expense; `payable`: a company that books through vendors."
    ),
]
FolderOption = Annotated[Path, typer.Option("--folder", help="Where the demonstration keeps its files.")]
SeedOption = Annotated[int, typer.Option(help="Another seed makes other expenses.")]
CountOption = Annotated[
    int | None,
    typer.Option(
        max=10_000,
        help="How many expenses: 40, or another number from 30 on; payable has its own.",
        show_default=False,
    ),
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Do not ask before a company is made in that database.")
]


def demo(  # noqa: PLR0913 the options of a command
    *,
    scenario: ScenarioOption = DEMO.name,
    folder: FolderOption = Path("pleo-export-demo"),
    seed: SeedOption = 1,
    count: CountOption = None,
    connector: ConnectorOption = "ledger",
    odoo_url: OdooUrlOption = None,
    odoo_database: OdooDatabaseOption = None,
    odoo_api_key_file: OdooKeyOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export a company's expenses from a simulated Pleo into a ledger or Odoo, and check the result.

    Starts a simulated Pleo with made-up expenses, some of which cannot be booked, presses Export, runs the job, and
    compares the books with Pleo, and a ledger with bean-check. Run it again: nothing is recorded twice. `payable`
    presses Export twice and compares the trial balance with one that was worked out by hand.

    `--connector odoo` makes a company of its own in a database of a running Odoo, and leaves the others alone. The API key
    is that of an administrator, who may make a company.
    """
    console = err()
    chosen = SCENARIOS[scenario]
    made = _made(chosen, seed, count)
    with explained():
        books: DemoBooks = LedgerBooks()
        if connector == "odoo":
            books = OdooBooks(OdooAnswers(odoo_url, odoo_database, chosen.title, odoo_api_key_file), yes=yes)
        settings = _set_up(folder, chosen, books, console)
        jobs, pleo = _play(settings, chosen, seed, made, console)
        report = _report(settings, chosen, books, made, (jobs, pleo))
    if as_json:
        print_json(report)
    else:
        show(report, out())
    if not report.well:
        raise typer.Exit(ExitCode.SOMETHING_FAILED)


def _made(scenario: Scenario, seed: int, count: int | None) -> Sequence["Generated"]:
    # Only this command needs the simulator: a Pleo of its own, reached over HTTP like the real one.
    from pleo_export.simulator.generator import WrongCountError, generate  # noqa: PLC0415

    wanted = scenario.count if count is None else count
    try:
        return generate(seed, wanted, scenario.name, company_id=scenario.company_id)
    except WrongCountError as error:
        fail(f"--count {wanted}: {error}.", ExitCode.WRONG_SETTINGS)


def _set_up(folder: Path, scenario: Scenario, books: DemoBooks, console: Console) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS_FILE
    if path.exists():
        _refuse_another(load_settings(path), path, scenario, books)
    values = {"pleo.company_id": scenario.company_id, **scenario.settings, **books.set_up(folder, scenario)}
    if not path.exists():
        path.write_text(settings_text(values), encoding="utf-8")
    console.print(f"Settings and what belongs to them are in {folder}/", markup=False)
    return load_settings(path)


def _refuse_another(settings: Settings, path: Path, scenario: Scenario, books: DemoBooks) -> None:
    ledger = isinstance(books, LedgerBooks)
    if settings.pleo.company_id != scenario.company_id or (settings.ledger is not None) != ledger:
        fail(
            f"{path} belongs to another company or scenario. Choose another folder with --folder.",
            ExitCode.WRONG_SETTINGS,
        )


def _play(
    settings: Settings, scenario: Scenario, seed: int, made: Sequence["Generated"], console: Console
) -> tuple[Sequence[JobSummary], Mapping[str, Any]]:
    """Press Export and run, export by export; return how each job ended and what Pleo shows afterwards."""
    from pleo_export.simulator.hands import Hands  # noqa: PLC0415
    from pleo_export.simulator.server import RunningSimulator  # noqa: PLC0415

    jobs: list[JobSummary] = []
    with RunningSimulator(seed=seed) as simulator:
        console.print(f"Simulated Pleo at {simulator.url}")
        local = settings.model_copy(
            update={"pleo": settings.pleo.model_copy(update={"base_url": simulator.url})}
        )
        bookkeeper = Hands(simulator.url)
        company = bookkeeper.create_company(
            scenario.title, id=scenario.company_id, vendorBasedBookkeeping=True
        )
        bookkeeper.generate(scenario.company_id, len(made), seed=seed, scenario=scenario.name)
        for entry_ids in _exports(made):
            bookkeeper.press_export(scenario.company_id, entry_ids)
            console.print(f"A bookkeeper has pressed Export for {len(entry_ids)} expenses")
            jobs += complete(export(local, ApiKey(company["apiKey"]), console))
        return jobs, bookkeeper.company(scenario.company_id)


def _report(
    settings: Settings,
    scenario: Scenario,
    books: DemoBooks,
    made: Sequence["Generated"],
    done: tuple[Sequence[JobSummary], Mapping[str, Any]],
) -> Report:
    jobs, pleo = done
    expected = {
        one.payload["accountingEntryId"]: MUST_FAIL_WITH[one.must_fail] if one.must_fail else None
        for one in made
    }
    balance = books.balance(settings, scenario, expected)
    return Report(
        jobs=jobs,
        expenses=pleo["expenses"],
        unexpected=_unexpected(pleo["expenses"], expected),
        totals=_totals(pleo, balance),
        balance=_balance(scenario.expected_balance(), balance),
        verdict=books.verdict(settings),
        books=books.name,
        where=books.where(settings),
    )


def _exports(made: Sequence["Generated"]) -> Sequence[list[str]]:
    """Return the ids of the expenses, export by export."""
    return [
        [one.payload["accountingEntryId"] for one in made if one.job == job]
        for job in sorted({one.job for one in made})
    ]


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


def _totals(pleo: Mapping[str, Mapping[str, Any]], balance: TrialBalance) -> Sequence[Total]:
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


def _by_currency(balance: TrialBalance, accounts: tuple[str, ...]) -> Mapping[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (name, currency), amount in balance.items():
        if name.startswith(accounts) and name != EXCHANGE_DIFFERENCE:
            sums[currency] += amount
    return sums


def _balance(expected: TrialBalance, ledger: TrialBalance) -> Sequence[Balance]:
    if not expected:
        return []
    none = Decimal()
    return [
        Balance(
            account, currency, expected.get((account, currency), none), ledger.get((account, currency), none)
        )
        for account, currency in sorted(expected.keys() | ledger.keys())
    ]
