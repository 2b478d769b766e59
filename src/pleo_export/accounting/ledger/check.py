"""What would keep a ledger from being written or read, found without touching it."""

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pleo_export.accounting.ledger.chart import Chart, ChartInvalidError, ChartMissingError, read_chart
from pleo_export.accounting.ledger.settings import LedgerSettings
from pleo_export.accounting.ledger.syntax import unquoted
from pleo_export.accounting.ledger.verify import bean_check_program
from pleo_export.accounting.ledger.writer import ACCOUNTS_FILE, ENTRIES_GLOB, accounts_text
from pleo_export.domain.failures import Finding, JobFailureType, Severity

_INCLUDE = re.compile(r'^include[ \t]+"((?:[^"\\]|\\.)*)"', re.MULTILINE)
_TITLE = re.compile(r'^option[ \t]+"title"[ \t]+"((?:[^"\\]|\\.)*)"', re.MULTILINE)
# What must be included, by an example of it and the line that does it.
_INCLUDED = {ACCOUNTS_FILE: ACCOUNTS_FILE, "2026/01/reference.beancount": ENTRIES_GLOB}


def findings(settings: LedgerSettings) -> list[Finding]:
    """Look at the chart, the folder, the root files and bean-check."""
    found = [*_folder(settings.folder)]
    try:
        chart = read_chart(settings.chart)
    except ChartMissingError as error:
        found.append(
            Finding(
                type=JobFailureType.MISSING_CONFIGURATION,
                problem=str(error),
                remedy=f"Create {settings.chart}, or correct the setting `chart`.",
            )
        )
    except ChartInvalidError as error:
        found += [_invalid_chart(settings.chart, problem) for problem in error.problems]
    else:
        found += _root_files(settings.folder, chart)
    return [*found, *_bean_check()]


def _invalid_chart(path: Path, problem: str) -> Finding:
    return Finding(
        type=JobFailureType.INVALID_CONFIGURATION,
        problem=f"The chart file {path} is not valid: {problem}.",
        remedy=f"Correct it in {path}.",
    )


def _folder(folder: Path) -> Iterator[Finding]:
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            type=JobFailureType.ACCOUNTING_SYSTEM_UNREACHABLE,
            problem=f"The ledger folder {folder} cannot be written: {nearest} is no folder this service may write to.",
            remedy=f"Let the service write to {nearest}, or correct the setting `folder`.",
        )


def _root_files(folder: Path, chart: Chart) -> Iterator[Finding]:
    main, accounts = _text(folder / "main.beancount"), _text(folder / ACCOUNTS_FILE)
    if main is not None:
        yield from _main(folder / "main.beancount", main, chart)
    if accounts is not None and accounts != accounts_text(chart, accounts):
        yield Finding(
            type=JobFailureType.INVALID_CONFIGURATION,
            problem=f"{folder / ACCOUNTS_FILE} does not follow the chart.",
            remedy="Nothing to do: it is written anew with the next entry.",
            severity=Severity.WARNING,
        )


def _main(path: Path, text: str, chart: Chart) -> Iterator[Finding]:
    patterns = [unquoted(inner).removeprefix("./").split("/") for inner in _INCLUDE.findall(text)]
    for example, line in _INCLUDED.items():
        if not any(_covers(pattern, example.split("/")) for pattern in patterns):
            yield Finding(
                type=JobFailureType.INVALID_CONFIGURATION,
                problem=f"{path} leaves files of the ledger out, so what is recorded would not be seen.",
                remedy=f'Add the line: include "{line}"',
            )
    title = _TITLE.search(text)
    if title is None or unquoted(title[1]) != chart.title:
        yield Finding(
            type=JobFailureType.INVALID_CONFIGURATION,
            problem=f"The title in {path} is not the chart's ({chart.title!r}), so links to Fava do not arrive.",
            remedy="Write the same title in both.",
            severity=Severity.WARNING,
        )


def _covers(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Whether a glob, given as its parts, matches a path; `**` stands for any number of folders."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_covers(pattern[1:], path[skipped:]) for skipped in range(len(path)))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _covers(pattern[1:], path[1:])


def _bean_check() -> Iterator[Finding]:
    if bean_check_program() is None:
        yield Finding(
            type=JobFailureType.INVALID_CONFIGURATION,
            problem="The program bean-check is not there, so the ledger is not checked by Beancount itself.",
            remedy="Install the extra `beancount`; entries are recorded without it just as well.",
            severity=Severity.WARNING,
        )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
