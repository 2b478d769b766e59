"""`pleo-export demo`: the whole story on this machine, checked at the end."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pleo_export.cli.common import ExitCode, JsonOption, complete, err, explained, fail, out, print_json
from pleo_export.cli.demo_books import DemoBooks, LedgerBooks
from pleo_export.cli.demo_compare import compare
from pleo_export.cli.demo_odoo import OdooBooks
from pleo_export.cli.demo_pages import page, show_pages
from pleo_export.cli.demo_report import show
from pleo_export.cli.init import ConnectorOption, settings_text
from pleo_export.cli.init_odoo import OdooAnswers, OdooDatabaseOption, OdooKeyOption, OdooUrlOption
from pleo_export.cli.run import export
from pleo_export.cli.scenarios import DEMO, SCENARIOS, Scenario, ScenarioName
from pleo_export.config import SETTINGS_FILE, Settings, load_settings
from pleo_export.pleo.auth import ApiKey
from pleo_export.workflow.ports import JobSummary

if TYPE_CHECKING:
    from pleo_export.simulator.generator import Generated

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
ServeOption = Annotated[
    bool | None,
    typer.Option(
        "--serve/--no-serve",
        help="Go on with the page and the simulated Pleo in the browser, until Ctrl-C; at a terminal unless --json.",
        show_default=False,
    ),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open both in the browser.")]
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
    serve: ServeOption = None,
    open_browser: OpenOption = False,
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
        with _simulated_pleo(seed, console) as url:
            key, jobs, pleo = _play(settings, chosen, (url, seed), made, console)
            report = compare(settings, chosen, books, made, (jobs, pleo))
            if as_json:
                print_json(report)
            else:
                show(report, out())
            at_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
            if open_browser or (at_terminal if serve is None else serve):
                with page(folder, settings, chosen.title, (url, key)) as page_url:
                    show_pages(page_url, url, console, browser=open_browser)
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


@contextmanager
def _simulated_pleo(seed: int, console: Console) -> Iterator[str]:
    from pleo_export.simulator.server import RunningSimulator  # noqa: PLC0415

    with RunningSimulator(seed=seed) as simulator:
        console.print(f"Simulated Pleo at {simulator.url}")
        yield simulator.url


def _play(
    settings: Settings,
    scenario: Scenario,
    pleo: tuple[str, int],
    made: Sequence["Generated"],
    console: Console,
) -> tuple[str, Sequence[JobSummary], Mapping[str, Any]]:
    """Press Export and run, export by export; return the company's key, how each job ended, and what Pleo shows then."""
    from pleo_export.simulator.hands import Hands  # noqa: PLC0415

    jobs: list[JobSummary] = []
    url, seed = pleo
    local = settings.model_copy(update={"pleo": settings.pleo.model_copy(update={"base_url": url})})
    bookkeeper = Hands(url)
    company = bookkeeper.create_company(scenario.title, id=scenario.company_id, vendorBasedBookkeeping=True)
    bookkeeper.generate(scenario.company_id, len(made), seed=seed, scenario=scenario.name)
    for entry_ids in _exports(made):
        bookkeeper.press_export(scenario.company_id, entry_ids)
        console.print(f"A bookkeeper has pressed Export for {len(entry_ids)} expenses")
        jobs += complete(export(local, ApiKey(company["apiKey"]), console))
    return company["apiKey"], jobs, bookkeeper.company(scenario.company_id)


def _exports(made: Sequence["Generated"]) -> Sequence[list[str]]:
    """Return the ids of the expenses, export by export."""
    return [
        [one.payload["accountingEntryId"] for one in made if one.job == job]
        for job in sorted({one.job for one in made})
    ]
