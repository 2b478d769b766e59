"""`make soak`: the scorecard at full size or a share of it, with the summary at the end; and the page made from it."""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.scorecard import ONLY, RESULTS, SOAK
from tests.scorecard.page import FULL, PAGE, SUITE, keep, load, page
from tests.scorecard.results import HEADINGS, Circumstances, Result, results, table
from tests.scorecard.rows import ROWS

NO_TESTS_COLLECTED = 5
CORES = os.cpu_count() or 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scorecard", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    soak = commands.add_parser("run", help="run the tests of the scorecard and show the summary")
    soak.add_argument("--share", type=share, default=1.0, help="of the full size, from 0 (the suite's) to 1")
    soak.add_argument("--rows", type=letters, default=list(ROWS), help="A,B,... (default: all)")
    soak.add_argument("--keep", action="store_true", help="keep the results for the page, and make it anew")
    told = commands.add_parser("keep", help=f"keep what a run, or its parts, wrote to the file in {RESULTS}")
    told.add_argument("lines", type=Path)
    told.add_argument(
        "--share", type=share, default=0.0, help=f"of the full size, as it was in {SOAK} (default: the suite)"
    )
    told.add_argument("--rows", type=letters, default=list(ROWS), help="A,B,... (default: all)")
    commands.add_parser("report", help="make docs/explanation/reliability.md anew from what was kept")
    chosen = parser.parse_args(arguments)
    if chosen.command == "run":
        return run(chosen.share, chosen.rows, to_keep=chosen.keep)
    if chosen.command == "keep":
        under = circumstances(command_of(chosen.share), chosen.share)
        keep(FULL if chosen.share else SUITE, results(chosen.lines, under, chosen.rows))
    report()
    return 0


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"a share is from 0 to 1, {text} is not")
    return value


def letters(text: str) -> list[str]:
    found = text.upper().split(",")
    if wrong := [letter for letter in found if letter not in ROWS]:
        raise argparse.ArgumentTypeError(f"rows are {', '.join(ROWS)}, {wrong[0]!r} is not one")
    return found


def run(part: float, rows: Sequence[str], *, to_keep: bool) -> int:
    """Run the rows; return 0 where all of them are met."""
    under = circumstances(command_of(part), part)
    with tempfile.TemporaryDirectory(prefix="pleo-export-scorecard-") as folder:
        lines = Path(folder) / "lines.jsonl"
        code = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "scorecard", "-v", "-n", str(CORES)],
            env=os.environ | {SOAK: f"{part:g}" if part else "", RESULTS: str(lines), ONLY: ",".join(rows)},
            check=False,
        ).returncode
        found = results(lines, under, rows)
    show(found)
    if to_keep:
        keep(FULL if part else SUITE, found)
        report()
    met = all(result.verdict(ROWS[letter]) == "met" for letter, result in found.items())
    return 0 if met and code in {0, NO_TESTS_COLLECTED} else 1


def command_of(part: float) -> str:
    return f"make soak SHARE={part:g}" if part else "make test"


def circumstances(command: str, part: float) -> Circumstances:
    machine = f"{CORES} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    return Circumstances(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", command, machine, part)


def show(found: Mapping[str, Result]) -> None:
    """Print the summary, and below it every test that did not pass."""
    console = Console()
    summary = Table(*HEADINGS, title="Scorecard", show_lines=True)
    for cells in table(found):
        summary.add_row(*cells)
    console.print(summary)
    for result in found.values():
        for problem in result.problems:
            console.print(problem, markup=False, highlight=False)


def report() -> None:
    PAGE.write_text(page(load(SUITE), load(FULL)), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
