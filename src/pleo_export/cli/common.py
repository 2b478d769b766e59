"""What the commands share: options, exit codes, and how an error is told."""

import asyncio
import signal
import sys
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn, TextIO, TypeVar

import msgspec
import typer
from rich.console import Console

from pleo_export.accounting.port import ConnectorError
from pleo_export.config import SETTINGS_FILE, SettingsError
from pleo_export.domain.grouping import Failure, by_cause
from pleo_export.domain.progress import ItemProgress, Phase
from pleo_export.pleo.auth import UnusableSecretError
from pleo_export.pleo.errors import ExportJobStatusUnprocessableError
from pleo_export.pleo.retrying import CallError
from pleo_export.service.errors import ConnectError, ListenError, WorkFolderError
from pleo_export.store.errors import CompanyExistsError, StoreError, UnknownCompanyError
from pleo_export.store.lease import CompanyBusyError
from pleo_export.vault.errors import VaultError
from pleo_export.workflow.plan import PlanError
from pleo_export.workflow.problems import JobProblemError

Result = TypeVar("Result")

SettingsOption = Annotated[
    Path,
    typer.Option(
        "--settings", "-s", help="The settings file.", envvar="PLEO_EXPORT_SETTINGS", show_default=True
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of text.")]
SETTINGS_DEFAULT = SETTINGS_FILE
INSTEAD_OF_ASKING = "Give an option for what is asked; where a yes is asked for, that is --yes."


class ExitCode(IntEnum):
    """How a command ended; documented in docs/reference/cli.md."""

    ALL_WELL = 0
    SOMETHING_FAILED = 1
    WRONG_SETTINGS = 2
    NOT_REACHED = 3
    BUSY = 4
    FAULT = 5
    STOPPED = 130  # as a shell has it, for whatever is ended by Ctrl-C


EXPENSES_PER_CAUSE_MAX = 10  # named ones; the others are counted
ID_WIDTH = 36  # of a job's or company's id, which is there to be copied
WIDTH_OF_A_FILE = 160  # columns for tables, where the output is no terminal; sentences are never broken there


def out() -> Console:
    """Return where results go."""
    return _console(sys.stdout)


def err() -> Console:
    """Return where progress and errors go."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    terminal = stream.isatty()
    width = None if terminal else WIDTH_OF_A_FILE
    return Console(file=stream, soft_wrap=not terminal, width=width, highlight=False)


def print_json(value: object) -> None:
    """Print a value of ours as indented JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


@contextmanager
def explained(stopped: str = "Stopped before the end; nothing is lost.") -> Iterator[None]:
    """Turn our errors into a sentence on stderr and an exit code; anything else is a fault and keeps its trace.

    `stopped` is said after Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        fail(stopped, ExitCode.STOPPED)
    except typer.Abort:  # at a question
        if sys.stdin.isatty():
            fail(stopped, ExitCode.STOPPED)
        fail(f"Nobody can be asked here. {INSTEAD_OF_ASKING}", ExitCode.WRONG_SETTINGS)
    except (
        ConnectError,
        ListenError,
        SettingsError,
        UnusableSecretError,
        PlanError,
        VaultError,
        UnknownCompanyError,
        CompanyExistsError,
        WorkFolderError,
        ExportJobStatusUnprocessableError,
    ) as error:
        fail(str(error), ExitCode.WRONG_SETTINGS)
    except JobProblemError as error:
        fail(str(error), ExitCode.SOMETHING_FAILED)
    except CompanyBusyError as error:
        fail(str(error), ExitCode.BUSY)
    except (CallError, ConnectorError, StoreError) as error:
        fail(str(error), ExitCode.NOT_REACHED)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or str(error)
        fail(f"{place}{reason}. Choose another place, or mend this one.", ExitCode.WRONG_SETTINGS)


def confirmed(question: str, *, default: bool = False) -> bool:
    """Ask for a yes. Where nobody can be asked that is said, and it is a no. Raises KeyboardInterrupt at Ctrl-C."""
    try:
        return typer.confirm(question, default=default, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise KeyboardInterrupt from None
        err().print(f"\nNobody can be asked here. {INSTEAD_OF_ASKING}", markup=False)
        return False


def show_failures(failures: Iterable[Failure], console: Console) -> None:
    """Tell why expenses failed, cause by cause: the code and where it is explained, each sentence once, the expenses."""
    for group in by_cause(failures):
        console.print(f"  {group.cause}: {group.number}, see errors.md#{group.cause}", markup=False)
        left = EXPENSES_PER_CAUSE_MAX
        for reason, entry_ids in group.reasons.items():
            if named := entry_ids[:left]:
                left -= len(named)
                console.print("\n      ".join((f"    {reason}", *named)), markup=False)
        if group.number > EXPENSES_PER_CAUSE_MAX:
            console.print(f"      and {group.number - EXPENSES_PER_CAUSE_MAX} more", markup=False)


def show_notes(items: Iterable[ItemProgress], console: Console) -> None:
    """Tell what a bookkeeper should know about recorded expenses: each sentence once, and its expenses."""
    noted: defaultdict[str, list[str]] = defaultdict(list)
    for item in items:
        if item.phase is Phase.RECORDED and item.note is not None:
            noted[item.note].append(item.accounting_entry_id)
    for note, entry_ids in noted.items():
        named, others = entry_ids[:EXPENSES_PER_CAUSE_MAX], len(entry_ids) - EXPENSES_PER_CAUSE_MAX
        more = [f"and {others} more"] if others > 0 else []
        console.print("\n      ".join((f"  {note}", *named, *more)), markup=False)


def fail(sentence: str, code: ExitCode) -> NoReturn:
    """End the command with a sentence on stderr."""
    err().print(sentence, style="red", markup=False)
    raise typer.Exit(code)


def complete(work: Coroutine[Any, Any, Result]) -> Result:
    """Run asynchronous work to its end. Ctrl-C stops it in order and raises KeyboardInterrupt; a second one is not waited for."""
    results: list[Result] = []

    async def keep() -> None:
        with _stopped_at_once_by_the_second():
            results.append(await work)

    # Before Python 3.11.8 and 3.12.2 what asyncio.run returns is written out as a text first: of a large job, 20 MB.
    asyncio.run(keep())
    return results[0]


@contextmanager
def _stopped_at_once_by_the_second() -> Iterator[None]:
    """End the process at the second Ctrl-C, which is safe at any moment; asyncio would show where it was."""
    before = signal.getsignal(signal.SIGINT)
    if callable(before):  # a shell has it ignored in what runs in the background
        heard = before

        def first(number: int, frame: FrameType | None) -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            heard(number, frame)

        signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
