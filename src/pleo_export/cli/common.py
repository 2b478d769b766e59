"""What the commands share: options, exit codes, and how an error is told."""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console

from pleo_export.accounting.port import ConnectorError
from pleo_export.config import SETTINGS_FILE, SettingsError
from pleo_export.pleo.auth import UnusableSecretError
from pleo_export.pleo.retrying import CallError
from pleo_export.store.errors import StoreError
from pleo_export.store.lease import CompanyBusyError

Result = TypeVar("Result")

SettingsOption = Annotated[
    Path,
    typer.Option(
        "--settings", "-s", help="The settings file.", envvar="PLEO_EXPORT_SETTINGS", show_default=True
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of text.")]
SETTINGS_DEFAULT = SETTINGS_FILE


class ExitCode(IntEnum):
    """How a command ended; documented in docs/reference/cli.md."""

    ALL_WELL = 0
    SOMETHING_FAILED = 1
    WRONG_SETTINGS = 2
    NOT_REACHED = 3
    BUSY = 4


def out() -> Console:
    """Return where results go."""
    return Console(file=sys.stdout, soft_wrap=not sys.stdout.isatty(), highlight=False)


def err() -> Console:
    """Return where progress and errors go."""
    return Console(file=sys.stderr, soft_wrap=not sys.stderr.isatty(), highlight=False)


def print_json(value: object) -> None:
    """Print a value of ours as indented JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


@contextmanager
def explained() -> Iterator[None]:
    """Turn our errors into a sentence on stderr and an exit code; anything else is a fault and keeps its trace."""
    try:
        yield
    except (SettingsError, UnusableSecretError) as error:
        _fail(error, ExitCode.WRONG_SETTINGS)
    except CompanyBusyError as error:
        _fail(error, ExitCode.BUSY)
    except (CallError, ConnectorError, StoreError) as error:
        _fail(error, ExitCode.NOT_REACHED)


def _fail(error: Exception, code: ExitCode) -> None:
    err().print(str(error), style="red", markup=False)
    raise typer.Exit(code)


def complete(work: Coroutine[Any, Any, Result]) -> Result:
    """Run asynchronous work to its end."""
    return asyncio.run(work)
