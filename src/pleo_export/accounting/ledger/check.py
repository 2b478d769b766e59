"""What would keep a ledger from being written or read, found without touching it."""

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pleo_export.accounting.ledger.chart import Chart, ChartInvalidError, ChartMissingError, read_chart
from pleo_export.accounting.ledger.settings import LedgerSettings
from pleo_export.accounting.ledger.syntax import unquoted
from pleo_export.accounting.ledger.vendors import Vendors
from pleo_export.accounting.ledger.verify import bean_check_program
from pleo_export.accounting.ledger.writer import ACCOUNTS_FILE, ENTRIES_GLOB, accounts_text
from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Finding, finding

_INCLUDE = re.compile(r'^include[ \t]+"((?:[^"\\]|\\.)*)"', re.MULTILINE)
_TITLE = re.compile(r'^option[ \t]+"title"[ \t]+"((?:[^"\\]|\\.)*)"', re.MULTILINE)
# What must be included, by an example of it and the line that does it.
_INCLUDED = {ACCOUNTS_FILE: ACCOUNTS_FILE, "2026/01/reference.beancount": ENTRIES_GLOB}


def findings(settings: LedgerSettings) -> list[Finding]:
    """Look at the chart, the vendors, the folder, the root files and bean-check."""
    found = [*_folder(settings.folder)]
    try:
        chart = read_chart(settings.chart)
        Vendors(settings.folder).listed(chart)
    except ChartMissingError as error:
        found.append(Finding(cause=error.cause, problem=error.sentence, remedy=error.remedy))
    except ChartInvalidError as error:
        found += [
            finding(Cause.CHART_INVALID, path=error.path, problem=problem) for problem in error.problems
        ]
    else:
        found += _root_files(settings.folder, chart)
    return [*found, *_bean_check()]


def _folder(folder: Path) -> Iterator[Finding]:
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        yield finding(Cause.LEDGER_UNWRITABLE, folder=folder, nearest=nearest)


def _root_files(folder: Path, chart: Chart) -> Iterator[Finding]:
    main = _text(folder / "main.beancount")
    if main is not None:
        yield from _main(folder / "main.beancount", main, chart)
    try:
        accounts = _text(folder / ACCOUNTS_FILE, "strict")
    except UnicodeDecodeError:
        yield finding(Cause.ACCOUNTS_FILE_UNREADABLE, path=folder / ACCOUNTS_FILE)
    else:
        if accounts is not None and accounts != accounts_text(chart, accounts):
            yield finding(Cause.ACCOUNTS_FILE_STALE, path=folder / ACCOUNTS_FILE)


def _main(path: Path, text: str, chart: Chart) -> Iterator[Finding]:
    patterns = [unquoted(inner).removeprefix("./").split("/") for inner in _INCLUDE.findall(text)]
    for example, line in _INCLUDED.items():
        if not any(_covers(pattern, example.split("/")) for pattern in patterns):
            yield finding(Cause.LEDGER_INCOMPLETE, path=path, line=line)
    title = _TITLE.search(text)
    if title is None or unquoted(title[1]) != chart.title:
        yield finding(Cause.TITLE_DIFFERS, path=path, title=chart.title)


def _covers(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Whether a glob, given as its parts, matches a path; `**` stands for any number of folders."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_covers(pattern[1:], path[skipped:]) for skipped in range(len(path)))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _covers(pattern[1:], path[1:])


def _bean_check() -> Iterator[Finding]:
    if bean_check_program() is None:
        yield finding(Cause.BEAN_CHECK_MISSING)


def _text(path: Path, errors: str = "replace") -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors=errors)
    except (FileNotFoundError, NotADirectoryError):
        return None
