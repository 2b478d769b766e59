"""What pytest does for the scorecard: the fixture `score`, and a line of JSON a test."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.scorecard import ONLY, RESULTS, share

SECONDS_MAX = 24 * 3600
"""No test at full size takes longer; what it says of itself is for the suite."""
MEASURED = pytest.StashKey[dict[str, float | str]]()


class Score:
    """What one test measured, by name: `score.note(kills=60, violations=0)`. Numbers of the same name add up.

    For a row as a whole they do as well, but for those whose name ends in `_max`.
    """

    def __init__(self) -> None:
        self.measured: dict[str, float | str] = {}

    def note(self, **measured: float | str) -> None:
        for name, value in measured.items():
            before = self.measured.get(name, 0)
            both_numbers = not isinstance(value, str) and not isinstance(before, str)
            self.measured[name] = before + value if both_numbers else value  # type: ignore[operator]

    def sum(self, name: str) -> float:
        """The sum of the numbers that were noted under a name."""
        return float(self.measured.get(name, 0))


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Score:
    score = Score()
    request.node.stash[MEASURED] = score.measured
    return score


def select(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests of rows that are not asked for; give those that are, at full size, the time they take."""
    rows = {row for row in os.environ.get(ONLY, "").split(",") if row}
    others = []
    for item in items:
        row = row_of(item)
        if row and rows and row not in rows:
            others.append(item)
        elif row and share():
            item.add_marker(pytest.mark.timeout(SECONDS_MAX), append=False)
    return others


def row_of(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("scorecard")
    return str(marker.args[0]) if marker else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say which tests are to come: one whose process dies says nothing itself."""
    by_row: dict[str, list[str]] = {}
    for item in session.items:
        if row := row_of(item):
            by_row.setdefault(row, []).append(item.nodeid)
    if not session.config.option.collectonly:
        for row, tests in by_row.items():
            tell({"row": row, "collected": tests})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if (row := row_of(item)) and (call.when == "call" or report.skipped or report.failed):
        measured = item.stash.get(MEASURED, {})
        outcome = {"outcome": report.outcome, "seconds": round(call.duration, 1), "measured": measured}
        tell({"row": row, "test": item.nodeid, **outcome})
    return report  # type: ignore[return-value]


def tell(line: Mapping[str, object]) -> None:
    """Add a line to the results, where they are asked for."""
    if path := os.environ.get(RESULTS):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
