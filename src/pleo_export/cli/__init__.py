"""The command line. Each command is a thin layer over the library; `main` is the entry point."""

import gc
import sys
import traceback
from typing import Annotated

import typer

from pleo_export.cli import (
    by_hand,
    companies,
    credentials,
    demo,
    doctor,
    init,
    preview,
    reconcile,
    run,
    service,
    settings,
    simulator,
    status,
    users,
    webhooks,
)
from pleo_export.cli.common import ExitCode
from pleo_export.cli.heaps import keep_few_heaps
from pleo_export.version import VERSION

app = typer.Typer(
    name="pleo-export",
    help=(
        "Company spend from Pleo into the books: right, once, and explained.\n\n"
        "Start with [bold]pleo-export demo[/bold], which needs nothing but this machine; then [bold]init[/bold],"
        " [bold]doctor[/bold], [bold]preview[/bold] and [bold]run[/bold] for your own company.\n\n"
        "Exit codes: 0 all well; 1 an expense or a check failed; 2 the command or its settings are wrong;"
        " 3 Pleo or the accounting system could not be used, try again later; 4 another process is at work;"
        " 5 a fault of pleo-export itself; 130 stopped by Ctrl-C."
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for command in (
    demo.demo,
    init.init,
    doctor.doctor,
    preview.preview,
    run.run,
    status.status,
    reconcile.reconcile,
    by_hand.recorded_by_hand,
    service.serve,
    service.web,
    service.worker,
    service.check,
    simulator.simulator,
):
    app.command()(command)
for name, group in (
    ("settings", settings.app),
    ("companies", companies.app),
    ("users", users.app),
    ("webhooks", webhooks.app),
    ("credentials", credentials.app),
):
    app.add_typer(group, name=name)


def _version(wanted: bool) -> None:  # noqa: FBT001 the shape of a Typer callback
    if wanted:
        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    del version


def main() -> None:
    """Run a command. A fault of ours keeps its trace, and an exit code that means nothing else."""
    keep_few_heaps()
    gc.freeze()  # what is loaded by now stays: the collector need not look through it again and again
    try:
        app()
    except Exception:  # noqa: BLE001 the process edge
        traceback.print_exc()
        sys.exit(ExitCode.FAULT)
