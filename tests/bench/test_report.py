import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

from bench.cases import EFFORTS, P1, SCORED, SEQUENTIAL, Case, all_cases, left_out
from bench.page_text import with_figures
from bench.report import lines, plot
from bench.results import Result, Results
from bench.scorecard import scorecard
from bench.side_results import Side
from bench.world import Seen

AT = datetime(2026, 11, 30, 6, tzinfo=UTC)


def result(case: Case, span: float, *, problem: str | None = None) -> Result:
    seen = Seen(
        span=span,
        began=0.0,
        pleo_calls={"GET export-jobs": 42, "file": 1_000},
        books_calls={"record": 1_000},
        in_flight_max=5,
        refused=0,
        duplicates=0,
        swapped=3,
        first_entry=None,
        problems=[],
    )
    return Result(case, AT, span + 1, 1.5, 80.0, seen, problem)


def test_the_scorecard_says_what_is_met_and_what_is_not(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    for span in (8.7, 8.6, 100.0):
        results.add(result(P1, span))
    rows = {row.row: row for row in scorecard(results, Side(ready_seconds=1.0))}
    assert (rows["P1"].measured, rows["P1"].met) == ("0.954", True)
    assert (rows["P11"].measured, rows["P11"].met) == ("3", False)
    assert (rows["P12"].measured, rows["P12"].met) == ("42", True)
    assert rows["P3"].met is None


def test_results_are_there_again_and_are_forgotten_by_tool(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    first = Results(file)
    first.add(result(P1, 9.0))
    first.add(result(Case("httpx", 100, 20, 5), 1.0))
    again = Results(file)
    assert again.all == first.all
    again.forget(["pleo-export"])
    assert [one.case.tool for one in Results(file).all] == ["httpx"]


def test_a_run_that_left_something_out_gives_no_figure(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add(result(P1, 1.0, problem="3 missing entries"))
    assert results.median(P1, lambda one: one.span) is None


def test_the_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add(result(P1, 8.7))
    results.add(result(Case("requests", 1_000, 20, 1), 70.0))
    page = with_figures(
        "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n",
        "\n".join(lines(results, Side())),
        "bench",
    )
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "old" not in page
    assert "| pleo-export | 5 | 8.70 | 0.95 | 1.5 | 80 | 42 | 3 |" in page
    assert "| requests | 1 | 70.00 | 0.58 |" in page


def test_the_plot_is_a_picture_with_a_line_for_each_tool(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add(result(P1, 8.7))
    drawn = ET.fromstring(plot(results))
    texts = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "pleo-export" in texts
    assert "the limit" in texts
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == 1


def test_no_case_comes_twice_and_the_sequential_go_one_at_a_time() -> None:
    cases = list(all_cases(list(EFFORTS)))
    assert len(cases) == len(set(cases))
    assert {case.concurrency for case in cases if case.tool in SEQUENTIAL} == {1}
    assert {case.tool for case in cases} == set(EFFORTS)


def test_the_scorecard_comes_first_and_all_of_it_fits_into_half_an_hour_or_so() -> None:
    cases = list(all_cases(list(EFFORTS)))
    scored = list(dict.fromkeys(SCORED))
    assert cases[: len(scored)] == scored
    assert sum(case.seconds * case.rounds for case in cases) < 35 * 60
    assert set(left_out()).isdisjoint(cases)
