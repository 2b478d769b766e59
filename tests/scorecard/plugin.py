"""What pytest does for the scorecard: the fixture `score`, and a line of JSON a test."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scorecard import RESULTS

MEASURED = pytest.StashKey[dict[str, float | str]]()


class Score:
    """What one test measured, by name: `score.note(kills=60, violations=0)`. Numbers of the same name add up."""

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    path, marker = os.environ.get(RESULTS), item.get_closest_marker("scorecard")
    if path and marker and (call.when == "call" or report.skipped or report.failed):
        row = {
            "row": marker.args[0],
            "test": item.nodeid,
            "outcome": report.outcome,
            "seconds": round(call.duration, 1),
            "measured": item.stash.get(MEASURED, {}),
        }
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return report  # type: ignore[return-value]
