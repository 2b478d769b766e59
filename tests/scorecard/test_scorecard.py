"""The scorecard itself: nothing counts as met that was not done, and the page says what was measured."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.scorecard import ONLY, RESULTS, SOAK, at_size
from tests.scorecard.page import FULL, INVARIANTS, PAGE, SUITE, keep, load, page
from tests.scorecard.plugin import Score
from tests.scorecard.results import Circumstances, Result, results, table, together
from tests.scorecard.rows import ROWS, Row

UNDER = Circumstances("2026-01-03 10:00 UTC", "make test", "2 cores, Linux 6, Python 3.11.2", 0)
KILLS = Row("Killed", "no violation", "kills", 60, 10_000)
WHOLE = Row("Whole", "clean")


def ended(
    outcome: str = "passed", test: str = "t.py::test_one", **measured: float | str
) -> Mapping[str, Any]:
    return {"row": "A", "test": test, "outcome": outcome, "seconds": 1.0, "measured": measured}


def test_a_row_is_met_where_its_tests_passed_and_did_as_much_as_was_asked() -> None:
    result = Result.of([ended(kills=40, violations=0), ended(test="t.py::test_two", kills=20)], UNDER)
    assert (result.passed, result.done(KILLS), result.verdict(KILLS)) == (2, 60, "met")


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([], "NO TEST"),
        ([ended("skipped")], "NOT MET: 1 of 1 tests not passed, less done than asked"),
        ([ended(kills=60), ended("failed", "t.py::test_two")], "NOT MET: 1 of 2 tests not passed"),
        ([ended(kills=60), ended("failed", kills=60)], "NOT MET: 1 of 1 tests not passed"),
        ([ended(kills=60), {"collected": ["t.py::test_two"]}], "NOT MET: 1 of 2 tests not passed"),
        ([ended(kills=59)], "NOT MET: less done than asked"),
        ([ended(kills=60, violations=1)], "NOT MET: violations 1"),
    ],
    ids=["none", "skipped", "failed", "failed at its end", "never ended", "too little", "violated"],
)
def test_anything_less_is_never_met(lines: list[Mapping[str, Any]], verdict: str) -> None:
    assert Result.of(lines, UNDER).verdict(KILLS) == verdict


def test_a_row_that_is_done_as_a_whole_needs_a_test_that_passed() -> None:
    assert Result.of([ended()], UNDER).verdict(WHOLE) == "met"
    assert Result.of([ended("skipped")], UNDER).verdict(WHOLE) == "NOT MET: 1 of 1 tests not passed"


def test_of_peaks_the_highest_counts_and_of_words_the_last() -> None:
    several: list[Mapping[str, float | str]] = [
        {"kills": 1, "peak_mb_max": 90, "seed": "a"},
        {"kills": 2, "peak_mb_max": 80, "seed": "b"},
    ]
    assert together(several) == {"kills": 3, "peak_mb_max": 90, "seed": "b"}


def test_how_much_is_asked_grows_with_the_share_and_is_never_less_than_the_suite_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [KILLS.asked(share) for share in (0, 0.001, 0.1, 1)] == [60, 60, 1_000, 10_000]
    for share in ("", "0.001", "0.1", "1"):
        monkeypatch.setenv(SOAK, share)
        assert at_size(60, 10_000) == KILLS.asked(float(share or 0))


def test_a_line_of_the_table_says_it_all(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps(ended(kills=61, violations=0, expenses=9000)) + "\n", encoding="utf-8")
    (row,) = table(results(path, UNDER, ["A"]))
    assert [row[0], *row[2:]] == [
        "A",
        "60 kills",
        "61 in 1 tests",
        "violations 0, expenses 9,000",
        "no violation",
        "met",
    ]


def test_what_is_kept_takes_the_place_of_its_own_row_and_of_no_other(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    keep(path, {"A": Result.of([ended(kills=1)], UNDER), "B": Result.of([ended(seeds=1)], UNDER)})
    keep(path, {"B": Result.of([ended(seeds=2)], UNDER)})
    assert {row: result.measured for row, result in load(path).items()} == {
        "A": {"kills": 1},
        "B": {"seeds": 2},
    }


def test_the_page_is_what_the_rows_and_the_kept_results_give() -> None:
    text = page(load(SUITE), load(FULL))
    assert PAGE.read_text(encoding="utf-8") == text, "run `python -m tests.scorecard report`"
    assert list(INVARIANTS) == [f"I{number}" for number in range(1, 15)]
    assert all(f"| {letter} | {row.title} |" in text for letter, row in ROWS.items())


TRIED = """
import pytest

@pytest.mark.timeout(0.05)
@pytest.mark.scorecard("A")
def test_a(score):
    score.note(kills=3)
    import time
    time.sleep(0.2)

@pytest.mark.scorecard("A")
def test_skipped():
    pytest.skip("not here")

@pytest.mark.scorecard("B")
def test_b(score):
    score.note(seeds=1)
"""


@pytest.mark.slow
def test_pytest_tells_the_rows_that_are_asked_for_and_gives_them_time(tmp_path: Path) -> None:
    (tmp_path / "test_tried.py").write_text(TRIED, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        "from tests.scorecard.plugin import *\n"
        "from tests.scorecard.plugin import select\n"
        "def pytest_collection_modifyitems(items):\n"
        "    others = select(items)\n"
        "    items[:] = [item for item in items if item not in others]\n",
        encoding="utf-8",
    )
    told = tmp_path / "lines.jsonl"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        env=os.environ | {SOAK: "0.1", RESULTS: str(told), ONLY: "A,C"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        timeout=60,
    )
    found = results(told, UNDER)
    assert (found["A"].passed, found["A"].measured) == (1, {"kills": 3})
    assert [problem.rpartition("::")[2] for problem in found["A"].problems] == ["test_skipped: skipped"]
    assert {found[row].verdict(ROWS[row]) for row in ROWS if row != "A"} == {"NO TEST"}


def test_numbers_of_a_name_add_up_within_a_test() -> None:
    score = Score()
    score.note(kills=1, place="first")
    score.note(kills=2, place="then")
    assert (score.measured, score.sum("kills")) == ({"kills": 3, "place": "then"}, 3)
